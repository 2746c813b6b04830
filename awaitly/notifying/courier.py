"""The courier: sends the notices that the outbox holds, by each channel apart, so that none holds up another.

A notice is taken (others leave it alone for as long as a send may take), sent, and noted as sent. A process that dies
in between leaves it to be sent again, under the same id. One that goes to several places becomes one for each of them
first, all in one commit: so no place holds up another, and none that was told is told again because another was not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum, auto, unique
from functools import partial
from typing import TypeAlias, TypeVar

from awaitly.approvals.notices import Notice, delivered, failed, held_up, let_on, postponed, spread, taken, tried
from awaitly.durations import from_micros
from awaitly.exceptions import DefinitionError, RecordCorrupt, StoreError
from awaitly.ids import checked_name
from awaitly.logs import LOGGER, line
from awaitly.notifying.channels import NotificationChannel, RetryLater, SeveralPlaces, Undeliverable
from awaitly.notifying.composing import composed
from awaitly.rests import Growing
from awaitly.result import Err, Ok, Result
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
"""How many notices of a channel are sent at a time, each to another place or about another approval or run."""
_REST = (1.0, 60.0)
"""Seconds for which a channel is left alone, at first and at most, by which nothing of much came through."""
_A_MOMENT = timedelta(seconds=1)
"""For how long at least a notice is put off that waits for another; it goes on as soon as that has come to its end."""
_LOOK_AGAIN = LOOK_AGAIN.total_seconds()
_HASTE = 1.0
"""Seconds for which others wait for a send: one that takes longer goes on beside them."""


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


_Name: TypeAlias = tuple[str, str]
"""A run, and the key of one of its notices."""
_Lines: TypeAlias = list[list[Notice]]
"""Notices, those together that go to one place about the same: they are sent in order."""
_Send: TypeAlias = asyncio.Task[list[_Try]]
_Late: TypeAlias = dict[_Send, frozenset[_Name]]
"""What is still being sent although nobody waits for it any more, and the notices that are."""


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
        tried: set[_Name] = set()
        while fresh := [row for row in await self._due(channel) if (row.run_id, row.key) not in tried]:
            tried.update((row.run_id, row.key) for row in fresh)
            await _all_of(self._in_turn(channel, each) for each in await self._lines(fresh))

    async def _due(self, channel: NotificationChannel) -> tuple[NoticeRow, ...]:
        return await self._store.due_notices(await self._store.now(), _AT_ONCE, channel.name)

    async def _serve(self, channel: NotificationChannel) -> None:
        """Send what is due by a channel, again and again. Nothing ends that: where the store is away, it waits."""
        news, trouble, late = self._news[channel.name], Growing(*_REST), _Late()
        try:
            while True:
                news.clear()
                pause = _LOOK_AGAIN
                try:
                    pause = await self._look(channel, trouble, late)
                except Exception as error:  # noqa: BLE001  (it is in the log; the channel is served on)
                    _log(channel, error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await news.wait()
        finally:
            for send in late:
                send.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _look(self, channel: NotificationChannel, trouble: Growing, late: _Late) -> float:
        """Send what is due, and give the seconds until the next notice is.

        Where so much is due as is sent at a time, and nothing comes through, the channel rests for a growing time.
        """
        while True:
            now = await self._store.now()
            lines = await self._fresh(channel, now, late)
            if not lines:
                following = await self._store.next_notice(now, channel.name)
                return _LOOK_AGAIN if following is None else min(_LOOK_AGAIN, (following - now) / 1_000_000)
            if await self._round(channel, lines, late):
                trouble.reset()
            elif sum(map(len, lines)) >= _AT_ONCE:
                await asyncio.sleep(trouble.next())

    async def _fresh(self, channel: NotificationChannel, now: int, late: _Late) -> _Lines:
        """Give what is due, as much as may be sent at a time, without what is being sent."""
        if len(late) >= _AT_ONCE:
            await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)
        most, sending = _AT_ONCE, frozenset[_Name]().union(*late.values())
        while True:
            rows = await self._store.due_notices(now, most, channel.name)
            lines = await self._lines(row for row in rows if (row.run_id, row.key) not in sending)
            if lines or len(rows) < most:
                return lines[: _AT_ONCE - len(late)]
            most *= 2

    async def _lines(self, rows: Iterable[NoticeRow]) -> _Lines:
        """Sort notices by what is sent in order."""
        lines: dict[tuple[str, str | None, str | None], list[Notice]] = {}
        for row in sorted(rows, key=lambda row: (row.run_id, row.key)):
            notice = await self._read(row)
            if notice is not None:
                lines.setdefault((notice.run_id, notice.about, notice.place), []).append(notice)
        return list(lines.values())

    async def _round(self, channel: NotificationChannel, lines: _Lines, late: _Late) -> bool:
        """Send some notices; False where it was tried and none came through. What takes long is `late`, and goes on."""
        begun: _Late = {
            asyncio.create_task(self._in_turn(channel, each)): frozenset((n.run_id, n.key) for n in each)
            for each in lines
        }
        late.update(begun)
        done, slow = await asyncio.wait(begun, timeout=_HASTE)
        for send in done:
            del late[send]
        for send in slow:
            send.add_done_callback(partial(self._caught_up, channel, late))
        tries = [outcome for outcomes in await _all_of(done) for outcome in outcomes if outcome is not _Try.NONE]
        return not tries or _Try.CAME in tries

    def _caught_up(self, channel: NotificationChannel, late: _Late, send: _Send) -> None:
        """Look for what has waited for a send that was late."""
        del late[send]
        if not send.cancelled() and (error := send.exception()) is not None:
            _log(channel, error)
        self._news[channel.name].set()

    async def _in_turn(self, channel: NotificationChannel, notices: Iterable[Notice]) -> list[_Try]:
        return [await self._handle(channel, notice) for notice in notices]

    async def _handle(self, channel: NotificationChannel, notice: Notice) -> _Try:
        """Send one notice, unless an earlier one about the same is still to be sent there, or somebody else has it.

        Where its channel has several places for it, it becomes one for each in the commit that takes the first.
        """
        others = await self._all(notice)
        match await self._parts(channel, notice, others):
            case Err(outcome):
                return await self._noted(outcome)
            case Ok(parts):
                first, *rest = parts
        until = held_up(first, others)
        if until is not None:
            await self._put_off(first, until, rest)
            return _Try.NONE
        mine = taken(first, await self._now(), 2 * PATIENCE)
        if not await self._write(Move.SEND, mine, *rest):
            return _Try.NONE  # somebody else has it
        return await self._noted(await self._sent(channel, mine, others))

    async def _put_off(self, notice: Notice, until: datetime, rest: Iterable[Notice]) -> None:
        """Let a notice wait for an earlier one, unless that came to its end before this was written."""
        waiting = postponed(notice, max(until, await self._now() + _A_MOMENT))
        if not await self._write(Move.SEND, waiting, *rest):
            return
        due = held_up(waiting, await self._all(notice)) or await self._now()
        if due < until:
            await self._write(Move.SEND, postponed(waiting, due))

    async def _parts(
        self, channel: NotificationChannel, notice: Notice, others: Iterable[Notice]
    ) -> Result[tuple[Notice, ...], Notice]:
        """Give what a notice becomes for the places that it goes to, or how it stands where that is not to be had."""
        if notice.place is not None or not isinstance(channel, SeveralPlaces) or held_up(notice, others):
            return Ok((notice,))
        try:
            delivery = composed(notice, await self._store.load(notice.run_id), others)
            async with asyncio.timeout(PATIENCE.total_seconds()):
                parts = spread(notice, await channel.places_for(delivery))
        except BaseException as error:  # noqa: BLE001  (what is none of the channel's is raised again)
            return Err(await self._failed(channel, tried(notice), error))
        return Ok(parts) if parts else Err(delivered(notice, None, await self._now()))

    async def _sent(self, channel: NotificationChannel, notice: Notice, others: Iterable[Notice]) -> Notice:
        """Send a notice, and give it as it then stands."""
        try:
            delivery = composed(notice, await self._store.load(notice.run_id), others)
            async with asyncio.timeout(PATIENCE.total_seconds()):
                receipt = _text_or_none(await channel.send(delivery))
        except BaseException as error:  # noqa: BLE001  (as above)
            return await self._failed(channel, notice, error)
        return delivered(notice, receipt, await self._now())

    async def _failed(self, channel: NotificationChannel, notice: Notice, error: BaseException) -> Notice:
        """Give a notice as it stands after an error; raises again what ends this task or the program."""
        told = {"channel": channel.name, "run": notice.run_id, **({"place": notice.place} if notice.place else {})}
        match error:
            case KeyboardInterrupt() | SystemExit():
                raise error
            case StoreError():
                return failed(notice, str(error), await self._now())
            case RetryLater():
                return failed(notice, str(error), await self._now(), after=error.after)
            case Undeliverable():
                LOGGER.warning(line("undeliverable", **told, error=error))
                return failed(notice, str(error) or "undeliverable", await self._now(), final=True)
            case _ if _is_cancelled():
                raise error
            case _:
                LOGGER.warning(line("not_sent", **told, error=repr(error)))
                return failed(notice, repr(error), await self._now())

    async def _noted(self, outcome: Notice) -> _Try:
        """Write down what came of a try, and let go on what waited for it."""
        await self._write(Move.SENT, outcome)
        following = let_on(outcome, await self._all(outcome), await self._now())
        if following is not None:
            await self._write(Move.SEND, following)
        return _Try.CAME if outcome.error is None or outcome.dead else _Try.FAILED

    async def _read(self, row: NoticeRow) -> Notice | None:
        """Read a notice; what does not decode is given up."""
        try:
            return notice_of(row)
        except RecordCorrupt as damage:
            await self._bury(row, str(damage))
            return None

    async def _bury(self, row: NoticeRow, why: str) -> None:
        """Give up what does not decode, as it is: it is listed among the dead."""
        dead = NoticeRow(row.run_id, row.key, row.version + 1, row.channel, None, dead=True, body=row.body)
        LOGGER.warning(line("notice_given_up", run=row.run_id, key=row.key, error=why))
        await self._store.commit(Changes(move=Move.SENT, notices=(dead,)))

    async def _write(self, move: Move, *notices: Notice) -> bool:
        changes = Changes(move=move, notices=tuple(map(row_of_notice, notices)), flushed=move is Move.SENT)
        return isinstance(await self._store.commit(changes), Ok)

    async def _all(self, notice: Notice) -> tuple[Notice, ...]:
        """Read the notices of a run."""
        return legible_notices(await self._store.notices(notice.run_id))

    async def _now(self) -> datetime:
        return from_micros(await self._store.now())


def _log(channel: NotificationChannel, error: BaseException) -> None:
    if isinstance(error, StoreError):
        LOGGER.warning(line("outbox_away", channel=channel.name, error=error))
    else:
        LOGGER.error(line("outbox_broken", channel=channel.name), exc_info=error)


def _text_or_none(receipt: object) -> str | None:
    """Give a receipt. Raises `Undeliverable` where it is none: to try again would be to tell people again."""
    if receipt is None or isinstance(receipt, str):
        return receipt
    msg = f"the channel gave {type(receipt).__name__} for a receipt, which is to be a text or None"
    raise Undeliverable(msg)


def _is_cancelled() -> bool:
    """Whether this task is told to end: a channel may also cancel itself, by a timeout of its own for instance."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _all_of(works: Iterable[Awaitable[T]]) -> list[T]:
    """Let all end, side by side, before the first error of any is raised."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
