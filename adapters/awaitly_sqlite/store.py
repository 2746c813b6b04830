"""`SqliteStore`: all of a store in one file, for the processes of one host."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

from attrs import frozen

from awaitly_sqlite import awaiting, listing, reading, sweeping, telling
from awaitly_sqlite.connecting import leniently
from awaitly_sqlite.core import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Duration,
    Entry,
    Found,
    NoticeQuery,
    NoticeRow,
    Page,
    Result,
    RunQuery,
    RunRow,
    StoreLocked,
    StoreUnavailable,
    Wakes,
    as_timedelta,
    to_micros,
    utc_now,
)
from awaitly_sqlite.errors import Boundary
from awaitly_sqlite.hearing import Hearing, room_of, tell
from awaitly_sqlite.migrating import scripts
from awaitly_sqlite.opening import MODES, Connections, Mode, open_connections
from awaitly_sqlite.writer import Writer

__all__ = ["DEFAULT_BUSY_TIMEOUT", "SqliteStore"]

DEFAULT_BUSY_TIMEOUT = "5s"

P = ParamSpec("P")
T = TypeVar("T")

_Read: TypeAlias = Callable[Concatenate[sqlite3.Connection, P], T]


@frozen(eq=False)
class _Opened:
    """What `open` took and `close` gives back."""

    loop: asyncio.AbstractEventLoop
    pid: int
    thread: ThreadPoolExecutor
    writer: Writer
    point_reader: sqlite3.Connection
    list_reader: sqlite3.Connection
    hearing: Hearing


class SqliteStore:
    """Keeps everything in one SQLite file; what is committed survives the loss of the process and of power.

    Any number of processes may open the file, each with a store of its own. A store belongs to the event loop that
    opened it; another loop, thread or forked process needs another store. `busy_timeout` is how long a commit waits
    while other processes write, before it raises `StoreLocked`. Put the file on a local disk.

    `mode` is SQLite's own: `"rwc"` creates a file that is missing, `"rw"` raises `StoreUnavailable` then, and `"ro"`
    is for looking at a store that this process may not, or shall not, write to: each commit raises `StoreReadOnly`.

    Commits that queue up become one transaction; where the disk is slow, one thread waits for it. Point reads (`load`,
    `approvals`, `notices`) happen on the event loop's own thread: they never wait for a writer, and take 14 to 30
    microseconds there against 65 to 90 by way of a thread. Listings may take milliseconds, so they go to a second one.
    Raises `ValueError` for a path that is none, and where `busy_timeout` is no length of time.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Callable[[], datetime] = utc_now,
        busy_timeout: Duration = DEFAULT_BUSY_TIMEOUT,
        mode: Mode = "rwc",
    ) -> None:
        self._path = _checked_path(path)
        self._mode: Mode = _checked_mode(mode)
        self._clock = clock
        self._timeout = as_timedelta(busy_timeout).total_seconds()
        self._boundary = Boundary(self._path)
        self._opened: _Opened | None = None

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r})"

    @property
    def commits(self) -> int:
        """How many `Changes` were applied since the store was opened."""
        return self._here().writer.commits

    @property
    def transactions(self) -> int:
        """How many transactions these `Changes` took since the store was opened; waiting commits share one."""
        return self._here().writer.transactions

    def schema(self) -> str:
        """Give the schema as SQL."""
        return "\n".join(scripts())

    async def open(self) -> None:
        """Open or create the file and bring its schema up to date; an open store stays as it is.

        Raises `NotAStore`, `SchemaTooNew`, `StoreReadOnly`, `StoreUnavailable`, or another `StoreError`.
        """
        if self._opened is not None:
            self._here()
            return
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="awaitly-sqlite-reader")
        opening = thread.submit(self._connections)
        try:
            connections = await asyncio.wrap_future(opening)
        except BaseException:
            opening.add_done_callback(_discard)
            thread.shutdown(wait=False)
            raise
        if self._opened is not None:  # two tasks opened it at once
            _discard(opening)
            thread.shutdown(wait=False)
            return
        writing, point_reader, list_reader = connections
        room = room_of(self._path)
        writer = Writer(writing, self._path, self._timeout, loop, partial(tell, room))
        hearing = Hearing(room, loop, lambda: writer.idle_connection or point_reader)
        self._opened = _Opened(loop, os.getpid(), thread, writer, point_reader, list_reader, hearing)

    async def close(self) -> None:
        """Finish all commits that are queued and let go of the file. A store that is not open stays as it is."""
        if self._opened is None:
            return
        opened = self._here()
        self._opened = None
        opened.hearing.close()
        opened.point_reader.close()
        finishing = asyncio.ensure_future(_finish(opened))
        finishing.add_done_callback(partial(_cut_off, opened))
        await asyncio.shield(finishing)

    async def now(self) -> int:
        """Read the clock that the store was given."""
        self._here()
        return self._now()

    def clock_now(self) -> int:
        """Read the clock that the store was given, in microseconds."""
        return self._now()

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run, as of one moment."""
        return await self._point(reading.load, run_id, self._now())

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head, as of one moment."""
        return await self._point(reading.approvals, run_id, self._now())

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order."""
        return await self._aside(reading.entries, run_id)

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run, by key."""
        return await self._point(telling.notices, run_id)

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read at most `limit` notices of a channel that are to be sent, those that wait longest first."""
        return await self._aside(telling.due_notices, now, limit, channel)

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give the earliest time after `now` at which a notice of a channel is to be sent."""
        return await self._aside(telling.next_notice, now, channel)

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up. Raises `ValueError` for an `after` that no page gave."""
        return await self._aside(telling.page_notices, query)

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs. Raises `ValueError` for an `after` that no page gave."""
        return await self._aside(listing.page_runs, query)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals. Raises `ValueError` for an `after` that no page gave."""
        listed = listing.page_approvals if query.audience is None else awaiting.page_awaiting
        return await self._aside(listed, query)

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name at most `limit` runs to look at, lane by lane: by `due_at`, then those with a ready approval alone."""
        return await self._aside(sweeping.due, now, limit, lanes)

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the earliest `due_at` after `now`, of any run or of any in these lanes."""
        return await self._aside(sweeping.next_due, now, lanes)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none; on return of `Ok` they are on the disk. Raises a `StoreError`.

        Where the awaiting task is cancelled the commit may still happen, as a whole.
        """
        return await self._here().writer.submit(changes)

    def listening(self) -> AbstractAsyncContextManager[Wakes]:
        """Hear of commits with `wakes`: by name of those that this process makes, by any store over the same file.

        Where another process has committed, `next` gives nothing, before its time: whoever listens then looks in the
        store. Whoever still listens when the store is closed hears of nothing more.
        """
        return self._listening()

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[Wakes]:
        with self._here().hearing.listening() as wakes:
            yield wakes

    def _now(self) -> int:
        return to_micros(self._clock())

    def _here(self) -> _Opened:
        """Give what is open. Raises `StoreUnavailable` where it is not, or not for the caller."""
        opened = self._opened
        if opened is None:
            raise self._unavailable("is not open: `async with Orchestrator(store)` or `await store.open()` comes first")
        if opened.loop is not _running_loop():  # in a process that was forked off no loop is running that was before
            if opened.pid != os.getpid():
                raise self._unavailable("was opened before this process was forked: make a new SqliteStore here")
            raise self._unavailable("was opened on another event loop: make a SqliteStore for each loop")
        return opened

    def _unavailable(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(f"the store {self._path} {reason}")

    async def _point(self, read: _Read[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read on this thread; only where the file is locked, as after a crash, wait for it on the other one."""
        opened = self._here()
        try:
            with self._boundary:
                return leniently(read)(opened.writer.idle_connection or opened.point_reader, *args, **kwargs)
        except StoreLocked:
            return await self._aside(read, *args, **kwargs)

    async def _aside(self, read: _Read[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read on the thread for listings."""
        opened = self._here()

        def act() -> T:
            with self._boundary:
                return leniently(read)(opened.list_reader, *args, **kwargs)

        return await opened.loop.run_in_executor(opened.thread, act)

    def _connections(self) -> Connections:
        with self._boundary:
            return open_connections(self._path, self._timeout, self._mode)


def _checked_path(path: str | os.PathLike[str]) -> Path:
    """Make the path absolute, so that a later change of directory does not matter. Raises `ValueError`."""
    text = os.fspath(path)
    if text == ":memory:":
        raise ValueError("a SqliteStore keeps its rows in a file; for rows in memory use `memory:`, or MemoryStore()")
    if not text:
        raise ValueError("a SqliteStore needs the path of its file")
    return Path(text).absolute()


def _checked_mode(mode: Mode) -> Mode:
    if mode not in MODES:
        raise ValueError(f"a store's mode is one of {', '.join(MODES)}, not {mode!r}")
    return mode


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _discard(opening: Future[Connections]) -> None:
    """Close what was opened for nobody."""
    if not opening.cancelled() and opening.exception() is None:
        for connection in opening.result():
            connection.close()


async def _finish(opened: _Opened) -> None:
    await opened.writer.drain()
    closing = opened.thread.submit(_shut, opened)
    opened.thread.shutdown(wait=False)
    await asyncio.shield(asyncio.wrap_future(closing))


def _cut_off(opened: _Opened, finishing: asyncio.Future[None]) -> None:
    """Where closing was cancelled, as at the end of `asyncio.run`, let the threads do it without the loop."""
    if finishing.cancelled():
        with suppress(RuntimeError):  # it had come so far already
            opened.thread.submit(_shut, opened)
        opened.thread.shutdown(wait=False)


def _shut(opened: _Opened) -> None:
    """Close the writer last: SQLite then moves its log into the file and removes it."""
    opened.list_reader.close()
    opened.writer.stop()
