"""What the outbox could not deliver: looking at dead letters, and having them sent again."""

from __future__ import annotations

from datetime import datetime

from awaitly.approvals.notices import Notice, NoticeKind, resent
from awaitly.errors import UnknownNotice
from awaitly.exceptions import RecordCorrupt
from awaitly.result import Err, Ok, Result
from awaitly.runs.salvage import legible_notices
from awaitly.storage.asked import listed_notices, notices_of
from awaitly.storage.records import notice_of, row_of_notice
from awaitly.storage.store import Changes, Move, NoticeQuery, NoticeRow, Page
from awaitly.values import frozen
from awaitly.verbs.inbox import Inbox

__all__ = ["DeadLetter", "Outbox"]


@frozen
class DeadLetter:
    """A notice that was given up: `id` is the one under which it was sent, `key` its own among those of its run.

    `place` is where it was to go, of a channel with several. `kind`, `about` and `at` are None, and `id` is empty,
    where it does not decode.
    """

    run_id: str
    key: str
    channel: str
    id: str
    kind: NoticeKind | None
    about: str | None
    at: datetime | None
    attempts: int
    error: str
    place: str | None = None


class Outbox(Inbox):
    """Keeps what people are told."""

    async def notices(self, run_id: str) -> tuple[Notice, ...]:
        """List what people were, or are to be, told of a run; what does not decode is left out."""
        return legible_notices(await notices_of(self._store, run_id))

    async def dead_letters(
        self, *, run_id: str | None = None, channel: str | None = None, limit: int = 50, after: str | None = None
    ) -> Page[DeadLetter]:
        """List the notices that were given up, by run. `after` is the `after` of the page before."""
        query = NoticeQuery(run_id=run_id, channel=channel, limit=limit, after=after)
        page = await listed_notices(self._store, query)
        return Page(tuple(map(_shown, page.items)), page.after)

    async def resend(self, run_id: str, key: str) -> Result[Notice, UnknownNotice]:
        """Have a notice that was given up sent again, under the same id; `key` is that of the dead letter."""
        while True:
            notice = next((notice for notice in await self.notices(run_id) if notice.key == key), None)
            if notice is None:
                return Err(UnknownNotice(run_id, key))
            if not notice.dead:
                return Ok(notice)
            again = resent(notice, await self.now())
            written = Changes(move=Move.SEND, notices=(row_of_notice(again),), wakes=True)
            if isinstance(await self._store.commit(written), Ok):
                return Ok(again)


def _shown(row: NoticeRow) -> DeadLetter:
    try:
        notice = notice_of(row)
    except RecordCorrupt as damage:
        return DeadLetter(row.run_id, row.key, row.channel, "", None, None, None, 0, str(damage))
    about = (notice.kind, notice.about, notice.at, notice.attempts)
    return DeadLetter(row.run_id, row.key, row.channel, notice.id, *about, notice.error or "", notice.place)
