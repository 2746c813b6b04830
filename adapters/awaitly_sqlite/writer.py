"""Writing: commits that come together share a transaction, and one thread waits for the disk.

The statements of a transaction run on the event loop's thread, in microseconds; its COMMIT, which waits for the disk,
runs on the writer's thread. While it does, further commits queue up for the next transaction. A thread that ran every
statement would fight the loop's thread for the interpreter at each of them. Where another process holds the file's
write lock, the whole transaction waits on the writer's thread instead.
"""

from __future__ import annotations

import sqlite3
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

from attrs import frozen

from awaitly_sqlite.applying import Refused, apply
from awaitly_sqlite.connecting import FLUSHED, NOT_FLUSHED, is_busy, patiently
from awaitly_sqlite.core import Changes, Conflict, Err, Ok, Result, StoreUnavailable
from awaitly_sqlite.errors import MOVED, translated

__all__ = ["Writer"]

_MOST_AT_ONCE = 256
_DONE: Result[None, Conflict] = Ok(None)

_Outcome: TypeAlias = Result[None, Conflict] | Exception
_Waiter: TypeAlias = "Future[Result[None, Conflict]]"


@frozen(eq=False)
class _Job:
    changes: Changes
    waiter: _Waiter


_Batch: TypeAlias = Sequence[_Job]


class Writer:
    """Owns a connection and a thread. `commits` counts the `Changes` applied, `transactions` what they cost."""

    def __init__(self, connection: sqlite3.Connection, path: Path, timeout: float, loop: AbstractEventLoop) -> None:
        self.commits = 0
        self.transactions = 0
        self._connection = connection
        self._db = connection.cursor()
        self._path = path
        self._file = _identity(path)
        self._timeout = timeout
        self._loop = loop
        self._jobs: deque[_Job] = deque()
        self._writing = False
        self._idle: Future[None] | None = None
        self._flushing = True
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="awaitly-sqlite-writer", daemon=True)
        self._thread.start()

    # On the loop's thread

    def submit(self, changes: Changes) -> _Waiter:
        """Queue a commit. It happens, or not, whether or not somebody still waits for it."""
        waiter: _Waiter = self._loop.create_future()
        self._jobs.append(_Job(changes, waiter))
        if not self._writing:
            self._writing = True
            self._loop.call_soon(self._next)  # whoever else commits in this turn of the loop comes along
        return waiter

    async def drain(self) -> None:
        """Wait until all that is queued is done."""
        while self._writing:
            if self._idle is None:
                self._idle = self._loop.create_future()
            await self._idle

    def _next(self) -> None:
        """Begin the transaction of all that is queued, or rest."""
        if not self._jobs:
            self._writing = False
            if self._idle is not None:
                self._idle.set_result(None)
                self._idle = None
            return
        batch = [self._jobs.popleft() for _ in range(min(len(self._jobs), _MOST_AT_ONCE))]
        try:
            self._begin(batch)
        except sqlite3.OperationalError as error:
            if is_busy(error):
                self._queue.put(lambda: self._write(batch))
                return
            self._settle(batch, self._failed(batch, error))
        except Exception as error:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
            self._settle(batch, self._failed(batch, error))
        else:
            self._apply_here(batch)

    def _apply_here(self, batch: _Batch) -> None:
        """Run a transaction's statements here, and let it wait for the disk on the other thread, if it is to."""
        try:
            outcomes = self._applied(batch)
        except Exception as error:  # noqa: BLE001  (as above)
            self._settle(batch, self._failed(batch, error))
            return
        if self._flushing:
            self._queue.put(lambda: self._answer(batch, self._committed(batch, outcomes)))
        else:
            self._settle(batch, self._committed(batch, outcomes))

    def _settle(self, batch: _Batch, outcomes: Sequence[_Outcome]) -> None:
        for job, outcome in zip(batch, outcomes, strict=True):
            if job.waiter.done():  # cancelled
                continue
            if isinstance(outcome, Exception):
                job.waiter.set_exception(outcome)
            else:
                job.waiter.set_result(outcome)
        self._loop.call_soon(self._next)  # after those who were answered: what they commit next comes along

    # On the writer's thread

    def stop(self) -> None:
        """Close the connection and end the thread, after `drain`. Blocks; call it on another thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (work := self._queue.get()) is not None:
                work()
        finally:
            self._db.close()
            self._connection.close()

    def _write(self, batch: _Batch) -> None:
        """Do a whole transaction here, however long the file's lock takes."""
        try:
            patiently(lambda: self._begin(batch), self._timeout)
            outcomes = self._applied(batch)
        except Exception as error:  # noqa: BLE001  (as above)
            self._answer(batch, self._failed(batch, error))
        else:
            self._answer(batch, self._committed(batch, outcomes))

    def _answer(self, batch: _Batch, outcomes: Sequence[_Outcome]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, batch, outcomes)

    # On either, never on both at once

    def _begin(self, batch: _Batch) -> None:
        if _identity(self._path) != self._file:
            raise StoreUnavailable(f"the store {self._path}: {MOVED}")
        flushed = any(job.changes.flushed for job in batch)
        if flushed is not self._flushing:
            for setting in FLUSHED if flushed else NOT_FLUSHED:
                self._db.execute(setting)
            self._flushing = flushed
        self._db.execute("BEGIN IMMEDIATE")

    def _applied(self, batch: _Batch) -> list[_Outcome]:
        return [self._attempt(job.changes) for job in batch]

    def _committed(self, batch: _Batch, outcomes: list[_Outcome]) -> list[_Outcome]:
        """Wait for the disk, if the transaction is to; where that fails, nothing of it is written."""
        try:
            self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  (as above)
            return self._failed(batch, error)
        self.transactions += 1
        self.commits += outcomes.count(_DONE)
        return outcomes

    def _attempt(self, changes: Changes) -> _Outcome:
        """Apply one job under a savepoint, so that its refusal does not disturb its neighbours."""
        self._db.execute("SAVEPOINT job")
        try:
            apply(self._db, changes)
        except Refused as refused:
            self._undo()
            return Err(refused.conflict)
        except Exception as error:
            if not self._connection.in_transaction:  # SQLite has ended all of it: no neighbour is spared
                raise
            self._undo()
            return translated(error, self._path)
        self._db.execute("RELEASE job")
        return _DONE

    def _undo(self) -> None:
        self._db.execute("ROLLBACK TO job")
        self._db.execute("RELEASE job")

    def _failed(self, batch: _Batch, error: Exception) -> list[_Outcome]:
        """Give up a transaction: everybody in it hears why."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._db.execute("ROLLBACK")
        return [translated(error, self._path) for _ in batch]


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell which file stands at a path: SQLite itself would go on writing to one that is no longer there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
