"""Writing: commits that come together share a transaction, and where the disk is slow one thread waits for it.

The statements of a transaction run on the event loop's thread, in microseconds. Its COMMIT waits for the disk: on the
loop's thread as long as the disk answers within a millisecond, for handing it over and back would take as long; on the
writer's thread otherwise, and while it does, further commits queue up for the next transaction. A thread that ran every
statement would fight the loop's thread for the interpreter at each of them. What may take long is done on the writer's
thread in any case: a COMMIT that will probably move the log into the file, and a whole transaction where another
process holds the write lock.
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
from time import monotonic
from typing import TypeAlias

from attrs import frozen

from awaitly_sqlite.applying import Refused, apply
from awaitly_sqlite.connecting import FLUSHED, NOT_FLUSHED, identity, is_busy, is_io_error, patiently
from awaitly_sqlite.core import Changes, CommitUnknown, Conflict, Err, Ok, Result, StoreUnavailable
from awaitly_sqlite.errors import MOVED, translated
from awaitly_sqlite.pacing import Pace

__all__ = ["Writer"]

_MOST_AT_ONCE = 256
_LONG_LOG = 1000
"""A COMMIT that finds so many pages in the log moves them into the file; they are only roughly counted here."""
_PAGES = 4
"""What a transaction writes to the log, besides about a page for each of its commits."""
_DONE: Result[None, Conflict] = Ok(None)
_DISK_FAILED = "the disk failed while a commit was written to it; look before you repeat it"

_Outcome: TypeAlias = Result[None, Conflict] | Exception
_Waiter: TypeAlias = "Future[Result[None, Conflict]]"


@frozen(eq=False)
class _Job:
    changes: Changes
    waiter: _Waiter
    wakes: str | None


_Batch: TypeAlias = Sequence[_Job]


class Writer:
    """Owns a connection and a thread. `commits` counts the `Changes` applied, `transactions` what they cost.

    `told` is called with the run of each commit that wakes, once it stands.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        timeout: float,
        loop: AbstractEventLoop,
        told: Callable[[str], None],
    ) -> None:
        self.commits = 0
        self.transactions = 0
        self._connection = connection
        self._db = connection.cursor()
        self._path = path
        self._file = identity(path)
        self._timeout = timeout
        self._loop = loop
        self._told = told
        self._jobs: deque[_Job] = deque()
        self._writing = False
        self._idle: Future[None] | None = None
        self._flushing = True
        self._pace = Pace()
        self._away = False
        self._log = 0
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="awaitly-sqlite-writer", daemon=True)
        self._thread.start()

    # On the loop's thread

    def submit(self, changes: Changes) -> _Waiter:
        """Queue a commit. It happens, or not, whether or not somebody still waits for it.

        Raises `ValueError` where it is to wake a run and is about none.
        """
        waiter: _Waiter = self._loop.create_future()
        self._jobs.append(_Job(changes, waiter, changes.run_id if changes.wakes else None))
        if not self._writing:
            self._writing = True
            self._loop.call_soon(self._next)  # whoever else commits in this turn of the loop comes along
        return waiter

    async def drain(self) -> None:
        """Wait until all that is queued is done."""
        while self._writing:
            if self._idle is None or self._idle.done():
                self._idle = self._loop.create_future()
            await self._idle

    @property
    def idle_connection(self) -> sqlite3.Connection | None:
        """The connection, where the loop's thread may read by it: its pages are in memory, for it wrote them."""
        return None if self._away or self._connection.in_transaction else self._connection

    def _next(self) -> None:
        """Begin the transaction of all that is queued, or rest; one that is elsewhere begins the next when it ends."""
        if self._away:
            return
        if not self._jobs:
            self._writing = False
            if self._idle is not None:
                if not self._idle.done():  # or it was cancelled
                    self._idle.set_result(None)
                self._idle = None
            return
        batch = [self._jobs.popleft() for _ in range(min(len(self._jobs), _MOST_AT_ONCE))]
        try:
            self._transact(batch)
        except BaseException:  # Ctrl-C, in the midst of whatever this thread was doing
            if not self._away:  # else the other thread has the transaction, and answers
                self._settle(batch, self._interrupted(batch))
            raise

    def _transact(self, batch: _Batch) -> None:
        """Run a transaction's statements here, and wait for the disk where that is best."""
        try:
            outcomes = self._applied(batch, self._begin)
        except Exception as error:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
            if is_busy(error):
                self._hand_over(lambda: self._write(batch))
            else:
                self._settle(batch, self._failed(batch, error))
            return
        self._log += _PAGES + len(batch)
        if self._log >= _LONG_LOG:
            self._log = 0
            self._hand_over(lambda: self._answer(batch, self._committed(batch, outcomes)))
        elif not self._flushing:
            self._settle(batch, self._committed(batch, outcomes))
        elif self._pace.waits_here():
            begun = monotonic()
            outcomes = self._committed(batch, outcomes)
            self._pace.took(monotonic() - begun)
            self._settle(batch, outcomes)
        else:
            self._hand_over(lambda: self._answer(batch, self._committed(batch, outcomes)))

    def _hand_over(self, work: Callable[[], None]) -> None:
        self._away = True
        self._queue.put(work)

    def _settle(self, batch: _Batch, outcomes: Sequence[_Outcome]) -> None:
        self._away = False
        for job, outcome in zip(batch, outcomes, strict=True):
            if job.wakes is not None and _may_stand(outcome):
                self._told(job.wakes)
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
            outcomes = self._applied(batch, lambda batch: patiently(lambda: self._begin(batch), self._timeout))
        except Exception as error:  # noqa: BLE001  (as above)
            self._answer(batch, self._failed(batch, error))
        else:
            self._answer(batch, self._committed(batch, outcomes))

    def _answer(self, batch: _Batch, outcomes: Sequence[_Outcome]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, batch, outcomes)

    # On either, never on both at once

    def _begin(self, batch: _Batch) -> None:
        if identity(self._path) != self._file:
            raise StoreUnavailable(f"the store {self._path}: {MOVED}")
        flushed = True in [job.changes.flushed for job in batch]
        if flushed is not self._flushing:
            self._db.execute(FLUSHED if flushed else NOT_FLUSHED)
            self._flushing = flushed
        self._db.execute("BEGIN IMMEDIATE")

    def _applied(self, batch: _Batch, begin: Callable[[_Batch], None]) -> list[_Outcome]:
        """Begin a transaction and apply all jobs: at first together, for each savepoint costs copies of pages."""
        begin(batch)
        if len(batch) == 1:
            return [self._attempt_alone(batch[0].changes)]
        if self._attempt_together(batch):
            return [_DONE for _ in batch]
        begin(batch)
        return [self._attempt(job.changes) for job in batch]

    def _committed(self, batch: _Batch, outcomes: list[_Outcome]) -> list[_Outcome]:
        """Wait for the disk, if the transaction is to; where it fails, it may be written all the same."""
        if not self._connection.in_transaction:  # the only commit in it was refused
            return outcomes
        try:
            self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  (as above)
            return self._failed(batch, error, committing=True)
        self.transactions += 1
        self.commits += outcomes.count(_DONE)
        return outcomes

    def _attempt_alone(self, changes: Changes) -> _Outcome:
        """Apply a transaction's only job: its refusal undoes the transaction."""
        try:
            apply(self._db, changes)
        except Refused as refused:
            self._db.execute("ROLLBACK")
            return Err(refused.conflict)
        return _DONE

    def _attempt_together(self, batch: _Batch) -> bool:
        """Apply all jobs, or undo the transaction: then each must show alone what is wrong with it."""
        try:
            for job in batch:
                apply(self._db, job.changes)
        except Exception:
            if not self._connection.in_transaction:  # SQLite has ended all of it: no job is spared
                raise
            self._db.execute("ROLLBACK")
            return False
        return True

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

    def _failed(self, batch: _Batch, error: Exception, *, committing: bool = False) -> list[_Outcome]:
        """Give up a transaction: everybody in it hears why."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._db.execute("ROLLBACK")
        if committing and is_io_error(error):
            return [_caused(CommitUnknown(f"the store {self._path}: {_DISK_FAILED} ({error})"), error) for _ in batch]
        return [translated(error, self._path) for _ in batch]

    def _interrupted(self, batch: _Batch) -> list[_Outcome]:
        """Leave nothing half done, and tell those who wait what is known."""
        undone = self._connection.in_transaction
        with suppress(sqlite3.Error):
            if undone:
                self._db.execute("ROLLBACK")
        if undone:
            return [StoreUnavailable(f"the store {self._path}: interrupted before it was written") for _ in batch]
        return [CommitUnknown(f"the store {self._path}: interrupted; it may be written") for _ in batch]


def _may_stand(outcome: _Outcome) -> bool:
    return isinstance(outcome, Ok | CommitUnknown)


def _caused(exception: Exception, cause: Exception) -> Exception:
    exception.__cause__ = cause
    return exception
