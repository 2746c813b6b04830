"""The reference store: rows in dictionaries, nothing on disk. For tests, and to read what a store must do."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TypeVar

from attrs import define, evolve, field

from awaitly.approvals.audit import Entry
from awaitly.durations import to_micros, utc_now
from awaitly.exceptions import StoreUnavailable, UnknownStore
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import (
    NEVER,
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Found,
    Hold,
    NoticeQuery,
    NoticeRow,
    Page,
    RunQuery,
    RunRow,
    StepRow,
    Wakes,
    cursor,
    position,
)

__all__ = ["MemoryStore", "open_memory"]

Row = TypeVar("Row")


def open_memory(url: str) -> MemoryStore:
    """Give the store of the URL `memory:`. Raises `UnknownStore` where the URL says anything more."""
    if url != "memory:":
        msg = f"a memory store has no address: write 'memory:', not {url!r}"
        raise UnknownStore(msg)
    return MemoryStore()


@define
class _Kept:
    """All that is kept under one run id; rows are frozen, so only the dictionaries need copying."""

    run: RunRow | None = None
    steps: dict[str, StepRow] = field(factory=dict[str, StepRow])
    approvals: dict[str, ApprovalRow] = field(factory=dict[str, ApprovalRow])
    entries: dict[int, Entry] = field(factory=dict[int, Entry])
    notices: dict[str, NoticeRow] = field(factory=dict[str, NoticeRow])

    def copy(self) -> _Kept:
        return _Kept(self.run, dict(self.steps), dict(self.approvals), dict(self.entries), dict(self.notices))

    def is_ready(self) -> bool:
        return any(row.ready for row in self.approvals.values())


class _Refused(Exception):
    """A condition did not hold: ends a commit, and never leaves this module."""

    def __init__(self, run_id: str, what: str) -> None:
        super().__init__(what)
        self.conflict = Conflict(run_id, what)


class _Commit:
    """One commit on copies of the runs that it touches: the originals change only where all of it holds."""

    def __init__(self, kept: dict[str, _Kept]) -> None:
        self._kept = kept
        self.staged: dict[str, _Kept] = {}

    def apply(self, changes: Changes) -> None:
        """Go through all parts, in the order of `Changes`. Raises `_Refused` at the first that cannot be."""
        for run in changes.runs:
            self._swap_run(run)
        for hold in changes.holds:
            self._hold(hold)
        for run_id, key in changes.dropped:
            self._at(run_id).steps.pop(key, None)
        for step in changes.steps:
            self._insert_step(step)
        for approval in changes.approvals:
            self._swap_approval(approval)
        for notice in changes.notices:
            self._swap_notice(notice)
        for entry in changes.entries:
            self._insert_entry(entry)
        for entry in changes.redacted:
            self._redact_entry(entry)
        for hold in changes.forgotten:
            self._forget(hold)

    def _at(self, run_id: str) -> _Kept:
        if run_id not in self.staged:
            self.staged[run_id] = self._kept.get(run_id, _Kept()).copy()
        return self.staged[run_id]

    def _swap_run(self, row: RunRow) -> None:
        kept = self._at(row.run_id)
        _expect(row.run_id, "the run", kept.run.version if kept.run else 0, row.version - 1)
        kept.run = row

    def _held(self, hold: Hold) -> RunRow:
        run = self._at(hold.run_id).run
        if run is None:
            raise _Refused(hold.run_id, "the run does not exist")
        _expect(hold.run_id, "the run", run.version, hold.version)
        return run

    def _hold(self, hold: Hold) -> None:
        run = self._held(hold)
        if hold.due_at is not None:
            self._at(hold.run_id).run = evolve(run, due_at=hold.due_at)

    def _insert_step(self, row: StepRow) -> None:
        steps = self._at(row.run_id).steps
        if row.key in steps:
            raise _Refused(row.run_id, f"step {row.key!r} is already recorded")
        steps[row.key] = row

    def _swap_approval(self, row: ApprovalRow) -> None:
        approvals = self._at(row.run_id).approvals
        found = approvals.get(row.key)
        _expect(row.run_id, f"approval {row.key!r}", found.version if found else 0, row.version - 1)
        approvals[row.key] = row

    def _swap_notice(self, row: NoticeRow) -> None:
        notices = self._at(row.run_id).notices
        found = notices.get(row.key)
        _expect(row.run_id, f"notice {row.key!r}", found.version if found else 0, row.version - 1)
        notices[row.key] = row

    def _insert_entry(self, entry: Entry) -> None:
        entries = self._at(entry.run_id).entries
        if entry.seq in entries:
            raise _Refused(entry.run_id, f"the ledger already has an entry {entry.seq}")
        entries[entry.seq] = entry

    def _redact_entry(self, entry: Entry) -> None:
        entries = self._at(entry.run_id).entries
        if entry.seq not in entries or entries[entry.seq].hash != entry.hash:
            raise _Refused(entry.run_id, f"the ledger has no entry {entry.seq} of this hash")
        entries[entry.seq] = entry

    def _forget(self, hold: Hold) -> None:
        run = self._at(hold.run_id).run
        _expect(hold.run_id, "the run", run.version if run else 0, hold.version)
        self.staged[hold.run_id] = _Kept()


def _expect(run_id: str, what: str, found: int, expected: int) -> None:
    """Compare versions; 0 is that of a row which does not exist."""
    if found == expected:
        return
    if expected == 0:
        raise _Refused(run_id, f"{what} already exists, at version {found}")
    if found == 0:
        raise _Refused(run_id, f"{what} does not exist")
    raise _Refused(run_id, f"{what} is at version {found}, not {expected}")


class _Listener:
    """Gathers the runs that were woken, until somebody asks; who commits may run on another thread's event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken: set[str] = set()
        self._any = asyncio.Event()

    def wake(self, run_id: str) -> None:
        with suppress(RuntimeError):  # its loop was closed under it, so nobody is left to hear
            self._loop.call_soon_threadsafe(self._gather, run_id)

    def _gather(self, run_id: str) -> None:
        self._woken.add(run_id)
        self._any.set()

    async def next(self, timeout: float) -> frozenset[str]:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._any.wait()
        self._any.clear()
        woken, self._woken = frozenset(self._woken), set()
        return woken


class MemoryStore:
    """Keeps everything in this process and loses it with it. Closing keeps the rows: opened again, it has them still.

    Every call lets other tasks run once before it acts, as a store behind a socket would, so that races can show.
    """

    def __init__(self, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._listeners: set[_Listener] = set()
        self._opened = False

    async def open(self) -> None:
        """Make the store usable."""
        self._opened = True

    async def close(self) -> None:
        """Refuse further use, until it is opened again."""
        self._opened = False

    async def now(self) -> int:
        """Read the clock that the store was given. Raises `StoreUnavailable` where the store is not open."""
        await self._turn()
        return self._now()

    def clock_now(self) -> int:
        """Read the clock that the store was given, in microseconds."""
        return self._now()

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run. Raises `StoreUnavailable` where the store is not open."""
        await self._turn()
        kept = self._kept.get(run_id, _Kept())
        return Found(self._now(), kept.run, tuple(kept.steps.values()), _asked(kept), _head(kept))

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head. Raises `StoreUnavailable` where the store is not open."""
        await self._turn()
        kept = self._kept.get(run_id, _Kept())
        return Found(self._now(), None, (), _asked(kept), _head(kept))

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order. Raises `StoreUnavailable` where the store is not open."""
        await self._turn()
        kept = self._kept.get(run_id, _Kept())
        return tuple(kept.entries[seq] for seq in sorted(kept.entries))

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run, by key. Raises `StoreUnavailable` where the store is not open."""
        await self._turn()
        kept = self._kept.get(run_id, _Kept())
        return tuple(kept.notices[key] for key in sorted(kept.notices))

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read notices of a channel that are to be sent (`now` in microseconds). Raises `StoreUnavailable`."""
        await self._turn()
        rows = [(row.due_at, row.run_id, row.key, row) for row in self._told(channel) if row.due_at is not None]
        return tuple(row for at, _, _, row in sorted(rows)[:limit] if at <= now)

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give when the next notice of a channel is to be sent, in microseconds. Raises `StoreUnavailable`."""
        await self._turn()
        times = (row.due_at for row in self._told(channel) if row.due_at is not None and row.due_at > now)
        return min(times, default=None)

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up. Raises `ValueError` for an `after` of no page, `StoreUnavailable`."""
        await self._turn()
        every = (row for kept in self._kept.values() for row in kept.notices.values() if row.dead)
        wanted = (row for row in every if query.run_id in (None, row.run_id) and query.channel in (None, row.channel))
        rows = sorted(wanted, key=_notice_position)
        if query.after is not None:
            last = position(query.after, str, str)
            rows = [row for row in rows if _notice_position(row) > last]
        return _page(rows, query.limit, _notice_position)

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs. Raises `ValueError` for an `after` that no page gave, `StoreUnavailable` where not open."""
        await self._turn()
        rows = [kept.run for kept in self._kept.values() if kept.run and _lists_run(query, kept.run)]
        rows.sort(key=_run_position, reverse=True)
        if query.after is not None:
            last = position(query.after, int, str)
            rows = [row for row in rows if _run_position(row) < last]
        return _page(rows, query.limit, _run_position)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals. Raises `ValueError` for an `after` of no page, `StoreUnavailable` where not open."""
        await self._turn()
        every = (row for kept in self._kept.values() for row in kept.approvals.values())
        at = _approval_position if query.audience is None else _urgency_position
        rows = sorted((row for row in every if _lists_approval(query, row)), key=at)
        if query.after is not None:
            last = position(query.after, int, str, str)
            rows = [row for row in rows if at(row) > last]
        return _page(rows, query.limit, at)

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name runs to look at: lane by lane, by `due_at` (microseconds); in each, those with a decision alone last."""
        await self._turn()
        kept = (kept for kept in self._kept.values() if kept.run and (_is_due(kept.run, now) or kept.is_ready()))
        runs = (each.run for each in kept if each.run and _is_in(each.run, lanes))
        return tuple(run_id for *_, run_id in sorted(_urgency(run, now, lanes) for run in runs)[:limit])

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the earliest `due_at` (microseconds) after `now`, of any run or of any in these lanes."""
        await self._turn()
        runs = (kept.run for kept in self._kept.values() if kept.run and _is_in(kept.run, lanes))
        return min((run.due_at for run in runs if run.due_at is not None and run.due_at > now), default=None)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none. Raises `StoreUnavailable` where the store is not open."""
        await self._turn()
        commit = _Commit(self._kept)
        try:
            commit.apply(changes)
        except _Refused as refused:
            return Err(refused.conflict)
        self._kept.update(commit.staged)
        if changes.wakes:
            self._wake(changes.run_id)
        return Ok(None)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Hear of what is committed with `wakes` by this object. Raises `StoreUnavailable` where it is not open."""
        await self._turn()
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _told(self, channel: str) -> Iterable[NoticeRow]:
        return (row for kept in self._kept.values() for row in kept.notices.values() if row.channel == channel)

    def _wake(self, run_id: str) -> None:
        for listener in tuple(self._listeners):
            listener.wake(run_id)

    def _now(self) -> int:
        return to_micros(self._clock())

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        if not self._opened:
            msg = "the memory store is not open: `async with Orchestrator(store)` or `await store.open()` comes first"
            raise StoreUnavailable(msg)


def _asked(kept: _Kept) -> tuple[ApprovalRow, ...]:
    return tuple(sorted(kept.approvals.values(), key=_approval_position))


def _head(kept: _Kept) -> Entry | None:
    return kept.entries[max(kept.entries)] if kept.entries else None


def _is_due(run: RunRow, now: int) -> bool:
    return run.due_at is not None and run.due_at <= now


def _is_in(run: RunRow, lanes: Sequence[str] | None) -> bool:
    return lanes is None or run.lane in lanes


def _urgency(run: RunRow, now: int, lanes: Sequence[str] | None) -> tuple[int, float, str]:
    rank = 0 if lanes is None else lanes.index(run.lane)
    return rank, (run.due_at or 0) if _is_due(run, now) else math.inf, run.run_id


def _run_position(row: RunRow) -> tuple[int | str, ...]:
    return (row.created_at, row.run_id)


def _approval_position(row: ApprovalRow) -> tuple[int | str, ...]:
    return (row.asked_at, row.run_id, row.key)


def _urgency_position(row: ApprovalRow) -> tuple[int | str, ...]:
    return (NEVER if row.deadline is None else row.deadline, row.run_id, row.key)


def _notice_position(row: NoticeRow) -> tuple[int | str, ...]:
    return (row.run_id, row.key)


def _page(rows: list[Row], limit: int, at: Callable[[Row], Iterable[int | str]]) -> Page[Row]:
    items = tuple(rows[:limit])
    return Page(items, cursor(*at(items[-1])) if items and len(rows) > limit else None)


def _lists_run(query: RunQuery, row: RunRow) -> bool:
    return (
        (query.prefix is None or row.run_id.startswith(query.prefix))
        and (query.workflow is None or row.workflow == query.workflow)
        and (query.statuses is None or row.status in query.statuses)
        and (query.updated_before is None or row.updated_at < query.updated_before)
    )


def _lists_approval(query: ApprovalQuery, row: ApprovalRow) -> bool:
    return (
        row.open
        and (query.run_id is None or row.run_id == query.run_id)
        and (query.prefix is None or row.run_id.startswith(query.prefix))
        and (query.workflow is None or row.workflow == query.workflow)
        and (query.asked_before is None or row.asked_at < query.asked_before)
        and (query.audience is None or not set(query.audience).isdisjoint(row.audience))
        and _deadline_fits(query, row.deadline)
    )


def _deadline_fits(query: ApprovalQuery, deadline: int | None) -> bool:
    if deadline is None:
        return query.deadline_before is None
    return (query.alive_at is None or deadline > query.alive_at) and (
        query.deadline_before is None or deadline < query.deadline_before
    )
