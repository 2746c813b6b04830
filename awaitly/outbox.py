"""What the outbox could not deliver: looking at dead letters, and having them sent again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from awaitly.durations import from_micros
from awaitly.errors import UnknownNotice
from awaitly.exceptions import RecordCorrupt
from awaitly.inbox import Inbox
from awaitly.looks import Looks
from awaitly.notices import Notice, NoticeKind, resent
from awaitly.records import notice_of, row_of_notice
from awaitly.result import Err, Ok, Result
from awaitly.salvage import legible_notices
from awaitly.store import Changes, Move, NoticeQuery, NoticeRow, Page

__all__ = ["DeadLetter", "Outbox"]


@frozen
class DeadLetter:
    """A notice that was given up: `id` is the one under which it was sent, `number` its own in its run and channel."""

    run_id: str
    key: str
    channel: str
    id: str
    kind: NoticeKind | None
    about: str | None
    at: datetime | None
    attempts: int
    error: str


class Outbox(Inbox):
    """Keeps what people are told."""

    async def notices(self, run_id: str) -> tuple[Notice, ...]:
        """List what people were, or are to be, told of a run; what does not decode is left out."""
        return legible_notices(await self._store.notices(run_id))

    async def dead_letters(
        self, *, run_id: str | None = None, channel: str | None = None, limit: int = 50, after: str | None = None
    ) -> Page[DeadLetter]:
        """List the notices that were given up, by run. `after` is the `after` of the page before."""
        query = NoticeQuery(run_id=run_id, channel=channel, limit=limit, after=after)
        page = await self._store.page_notices(query)
        return Page(tuple(map(_shown, page.items)), page.after)

    async def resend(self, run_id: str, key: str) -> Result[Notice, UnknownNotice]:
        """Have a notice that was given up sent again, under the same id; `key` is that of the dead letter."""
        return await self._moved(run_id, key, lambda notice, now: resent(notice, now) if notice.dead else notice)

    async def _moved(
        self, run_id: str, key: str, move: Callable[[Notice, datetime], Notice]
    ) -> Result[Notice, UnknownNotice]:
        looks = Looks()
        while True:
            found = looks.again(await self._store.load(run_id))
            rows = legible_notices(await self._store.notices(run_id))
            notice = next((notice for notice in rows if notice.key == key), None)
            if notice is None:
                return Err(UnknownNotice(run_id, key))
            moved = move(notice, from_micros(found.now))
            if moved is notice:
                return Ok(notice)
            written = Changes(move=Move.SEND, notices=(row_of_notice(moved),), wakes=True)
            if isinstance(await self._store.commit(written), Ok):
                return Ok(moved)


def _shown(row: NoticeRow) -> DeadLetter:
    try:
        notice = notice_of(row)
    except RecordCorrupt as damage:
        return DeadLetter(row.run_id, row.key, row.channel, "", None, None, None, 0, str(damage))
    about = (notice.kind, notice.about, notice.at, notice.attempts)
    return DeadLetter(row.run_id, row.key, row.channel, notice.id, *about, notice.error or "")
