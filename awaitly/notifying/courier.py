"""The courier: sends the notices that the outbox holds, by each channel apart, so that none holds up another.

A notice is taken (others leave it alone for as long as a send may take), sent, and noted as sent. A process that dies
in between leaves it to be sent again, under the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum, auto, unique
from typing import TypeVar

from awaitly.approvals.notices import Notice, delivered, failed, postponed, taken
from awaitly.durations import from_micros
from awaitly.exceptions import DefinitionError, RecordCorrupt, StoreError
from awaitly.ids import checked_name
from awaitly.logs import LOGGER, line
from awaitly.notifying.channels import NotificationChannel, RetryLater, Undeliverable
from awaitly.notifying.composing import composed, receipt_for
from awaitly.rests import Growing
from awaitly.result import Ok
from awaitly.runs.salvage import legible_notices
from awaitly.runs.saving import LOOK_AGAIN
from awaitly.storage.records import notice_of, row_of_notice
from awaitly.storage.store import Changes, Move, NoticeRow, Store

__all__ = ["Channels", "Courier", "named_channels"]

T = TypeVar("T")

Channels = Mapping[str, NotificationChannel]
"""Channels by their names."""

PATIENCE = timedelta(seconds=30)
"""How long one send may take."""
_AT_ONCE = 16
"""How many notices of a channel are sent at a time, each about another approval or run."""
_REST = (1.0, 60.0)
"""Seconds for which a channel is left alone, at first and at most, by which nothing of much came through."""
_A_MOMENT = timedelta(milliseconds=10)
_LOOK_AGAIN = LOOK_AGAIN.total_seconds()


@unique
class _Try(Enum):
    """What became of one notice; NONE: it was not the time to send it, or not for us."""

    CAME = auto()
    FAILED = auto()
    NONE = auto()


def named_channels(channels: Iterable[NotificationChannel]) -> Channels:
    """Give channels by their names. Raises `DefinitionError` where two have one name, or one has none."""
    named: dict[str, NotificationChannel] = {}
    for channel in channels:
        if named.setdefault(checked_name("a channel's name", channel.name), channel) is not channel:
            msg = f"two channels are called {channel.name!r}: name one of them anew"
            raise DefinitionError(msg)
    return named


class Courier:
    """Sends what the outbox of a store holds for some channels, until it is cancelled."""

    def __init__(self, store: Store, channels: Channels) -> None:
        self._store = store
        self._channels = channels
        self._news = {name: asyncio.Event() for name in channels}

    def look(self) -> None:
        """Look for what is due right now."""
        for news in self._news.values():
            news.set()

    async def run(self) -> None:
        """Serve all channels, each for itself."""
        async with asyncio.TaskGroup() as serving:
            for channel in self._channels.values():
                serving.create_task(self._serve(channel))

    async def work_off(self) -> None:
        """Send what is due now, once each; what fails stays for later. Raises `StoreError` where the store is away."""
        await _all_of(map(self._work_off, self._channels.values()))

    async def _work_off(self, channel: NotificationChannel) -> None:
        tried: set[tuple[str, str]] = set()
        while fresh := [row for row in await self._due(channel) if (row.run_id, row.key) not in tried]:
            tried.update((row.run_id, row.key) for row in fresh)
            await self._round(channel, fresh)

    async def _serve(self, channel: NotificationChannel) -> None:
        """Send what is due by a channel, again and again. Nothing ends that: where the store is away, it waits."""
        news, trouble = self._news[channel.name], Growing(*_REST)
        while True:
            news.clear()
            pause = _LOOK_AGAIN
            try:
                pause = await self._look(channel, trouble)
            except StoreError as error:
                LOGGER.warning(line("outbox_away", channel=channel.name, error=error))
            except Exception:  # noqa: BLE001  (its traceback is in the log; the channel is served on)
                LOGGER.exception(line("outbox_broken", channel=channel.name))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await news.wait()

    async def _look(self, channel: NotificationChannel, trouble: Growing) -> float:
        """Send what is due, and give the seconds until the next notice is.

        Where so much is due as is sent at a time, and nothing comes through, the channel rests for a growing time.
        """
        while True:
            now = await self._store.now()
            rows = await self._store.due_notices(now, _AT_ONCE, channel.name)
            if not rows:
                following = await self._store.next_notice(now, channel.name)
                return _LOOK_AGAIN if following is None else min(_LOOK_AGAIN, (following - now) / 1_000_000)
            if await self._round(channel, rows):
                trouble.reset()
            elif len(rows) == _AT_ONCE:
                await asyncio.sleep(trouble.next())

    async def _due(self, channel: NotificationChannel) -> tuple[NoticeRow, ...]:
        return await self._store.due_notices(await self._store.now(), _AT_ONCE, channel.name)

    async def _round(self, channel: NotificationChannel, rows: Iterable[NoticeRow]) -> bool:
        """Send some notices, those of one run one after the other; False where it was tried and none came through."""
        threads: dict[str, list[NoticeRow]] = {}
        for row in sorted(rows, key=lambda row: (row.run_id, row.key)):
            threads.setdefault(row.run_id, []).append(row)
        came = await _all_of(self._in_turn(channel, thread) for thread in threads.values())
        tries = [outcome for outcomes in came for outcome in outcomes if outcome is not _Try.NONE]
        return not tries or _Try.CAME in tries

    async def _in_turn(self, channel: NotificationChannel, rows: Iterable[NoticeRow]) -> list[_Try]:
        return [await self._handle(channel, row) for row in rows]

    async def _handle(self, channel: NotificationChannel, row: NoticeRow) -> _Try:
        """Send one notice, unless an earlier one about the same is still to be sent, or somebody else has it."""
        try:
            notice = notice_of(row)
        except RecordCorrupt as damage:
            await self._bury(row, str(damage))
            return _Try.NONE
        others = legible_notices(await self._store.notices(row.run_id))
        now = await self._now()
        waits = [n.due_at for n in others if _same_thread(n, notice) and n.number < notice.number and n.due_at]
        if waits:
            await self._write(Move.SEND, postponed(notice, max(*waits, now + _A_MOMENT)))
            return _Try.NONE
        mine = taken(notice, now, 2 * PATIENCE)
        if not await self._write(Move.SEND, mine):
            return _Try.NONE  # somebody else has it
        outcome = await self._sent(channel, mine, others)
        await self._write(Move.SENT, outcome)
        return _Try.CAME if outcome.error is None or outcome.dead else _Try.FAILED

    async def _sent(self, channel: NotificationChannel, notice: Notice, others: Iterable[Notice]) -> Notice:
        """Send a notice, and give it as it then stands."""
        try:
            found = await self._store.load(notice.run_id)
            delivery = composed(notice, found, receipt_for(notice, others))
            async with asyncio.timeout(PATIENCE.total_seconds()):
                receipt = await channel.send(delivery)
        except (KeyboardInterrupt, SystemExit):
            raise
        except StoreError as error:
            return failed(notice, str(error), await self._now())
        except RetryLater as later:
            return failed(notice, str(later), await self._now(), after=later.after)
        except Undeliverable as never:
            LOGGER.warning(line("undeliverable", channel=channel.name, run=notice.run_id, error=never))
            return failed(notice, str(never) or "undeliverable", await self._now(), final=True)
        except BaseException as error:
            if _is_cancelled():
                raise
            LOGGER.warning(line("not_sent", channel=channel.name, run=notice.run_id, error=repr(error)))
            return failed(notice, repr(error), await self._now())
        return delivered(notice, receipt, await self._now())

    async def _bury(self, row: NoticeRow, why: str) -> None:
        """Give up what does not decode, as it is: it is listed among the dead."""
        dead = NoticeRow(row.run_id, row.key, row.version + 1, row.channel, None, dead=True, body=row.body)
        LOGGER.warning(line("notice_given_up", run=row.run_id, key=row.key, error=why))
        await self._store.commit(Changes(move=Move.SENT, notices=(dead,)))

    async def _write(self, move: Move, notice: Notice) -> bool:
        changes = Changes(move=move, notices=(row_of_notice(notice),), flushed=move is Move.SENT)
        return isinstance(await self._store.commit(changes), Ok)

    async def _now(self) -> datetime:
        return from_micros(await self._store.now())


def _same_thread(one: Notice, other: Notice) -> bool:
    return (one.channel, one.about) == (other.channel, other.about)


def _is_cancelled() -> bool:
    """Whether this task is told to end: a channel may also cancel itself, by a timeout of its own for instance."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _all_of(works: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Let all end, side by side, before the first error of any is raised."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
