"""The one thread that writes. Commits that queue up while it waits for the disk share the next transaction."""

from __future__ import annotations

import sqlite3
from asyncio import AbstractEventLoop, Future
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeAlias

from attrs import frozen

from awaitly_sqlite.applying import Refused, apply
from awaitly_sqlite.connecting import patiently
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
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="awaitly-sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, changes: Changes) -> _Waiter:
        """Queue a commit. It happens, or not, whether or not somebody still waits for it."""
        waiter: _Waiter = self._loop.create_future()
        self._queue.put(_Job(changes, waiter))
        return waiter

    def stop(self) -> None:
        """Finish all that is queued, close the connection and end the thread. Blocks; call it on another thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while jobs := self._next_jobs():
                self._answer(jobs, self._write(jobs))
        finally:
            self._db.close()
            self._connection.close()

    def _next_jobs(self) -> list[_Job]:
        """Wait for a job, then take whatever else has queued up; nothing means that it is time to stop."""
        jobs: list[_Job] = []
        job = self._queue.get()
        with suppress(Empty):
            while job is not None:
                jobs.append(job)
                if len(jobs) == _MOST_AT_ONCE:
                    return jobs
                job = self._queue.get_nowait()
            if jobs:
                self._queue.put(None)  # read again once these jobs are done
        return jobs

    def _write(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        """Apply all jobs in one transaction; where that fails as a whole, nothing of it is written."""
        if _identity(self._path) != self._file:
            return [StoreUnavailable(f"the store {self._path}: {MOVED}") for _ in jobs]
        try:
            patiently(lambda: self._db.execute("BEGIN IMMEDIATE"), self._timeout)
            outcomes = [self._attempt(job.changes) for job in jobs]
            self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
            self._roll_back()
            return [translated(error, self._path) for _ in jobs]
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

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._db.execute("ROLLBACK")

    def _answer(self, jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(_settle, jobs, outcomes)


def _settle(jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.waiter.done():  # cancelled
            continue
        if isinstance(outcome, Exception):
            job.waiter.set_exception(outcome)
        else:
            job.waiter.set_result(outcome)


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell which file stands at a path: SQLite itself would go on writing to one that is no longer there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
