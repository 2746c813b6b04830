"""Writing: commits that come together share a round trip and a transaction.

While a batch is under way, further commits queue up for the next. They never wait for long behind somebody else's
transaction: where a run in the batch is locked by one, or something in it cannot be kept, nothing of the batch was
applied, and each of its commits goes alone: a few at a time, so that connections are left for everybody else.
"""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections import deque
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import partial
from operator import attrgetter
from typing import TypeAlias

from attrs import frozen

from awaitly_postgres.core import Changes, Conflict, Err, Ok, Result, StoreLocked
from awaitly_postgres.encoding import encoded
from awaitly_postgres.errors import own
from awaitly_postgres.sending import Letter, Post, Sender

__all__ = ["Writer"]

_MOST_AT_ONCE = 64
"""Each commit of a batch may take a subtransaction; a backend shows so many of them to others without a detour."""
_LONGEST = 1 << 20
"""After so many characters a batch takes no more."""
_BATCH_LOCK_WAIT = timedelta(milliseconds=100)
_DONE: Result[None, Conflict] = Ok(None)

_Waiter: TypeAlias = "Future[Result[None, Conflict]]"


@frozen(eq=False)
class _Job:
    letter: Letter
    waiter: _Waiter


_in_order = attrgetter("letter.run_id")


class Writer:
    """Takes commits from one event loop. `commits` counts the `Changes` applied, `batches` the round trips."""

    def __init__(self, post: Post, lock_wait: timedelta, most_alone: int) -> None:
        self.commits = 0
        self.batches = 0
        self._post = post
        self._lock_wait = lock_wait
        self._sender = Sender(post, min(lock_wait, _BATCH_LOCK_WAIT))
        self._jobs: deque[_Job] = deque()
        self._writing = False
        self._alone = asyncio.Semaphore(most_alone)
        self._idle: list[Sender] = []
        self._tasks: set[Task[None]] = set()

    def submit(self, changes: Changes) -> _Waiter:
        """Queue a commit. It happens, or not, whether or not somebody still waits for it. Raises `ValueError`."""
        letter = Letter(changes.run_id, encoded(changes), changes.flushed)
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._jobs.append(_Job(letter, waiter))
        if not self._writing:
            self._start()
        return waiter

    async def drain(self) -> None:
        """Wait until all that is queued is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        self._writing = True
        # From the next turn of the loop: whoever commits in this one comes along.
        self._begin(self._write()).add_done_callback(self._written)

    def _begin(self, work: Coroutine[None, None, None]) -> Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _written(self, _: Task[None]) -> None:
        """Go on with what was queued last, or while the task was being cancelled, if anybody still waits for it."""
        self._writing = False
        if any(not job.waiter.done() for job in self._jobs):
            self._start()

    async def _write(self) -> None:
        """Write all that is queued, and what is queued meanwhile, batch after batch."""
        try:
            while self._jobs:
                await self._write_batch(self._next())
                await asyncio.sleep(0)  # those who were answered go first: what they commit next comes along
        finally:
            await self._sender.rest()

    def _next(self) -> list[_Job]:
        batch: list[_Job] = []
        length = 0
        while self._jobs and len(batch) < _MOST_AT_ONCE and length < _LONGEST:
            batch.append(self._jobs.popleft())
            length += len(batch[-1].letter.text)
        batch.sort(key=_in_order)
        return batch

    async def _write_batch(self, batch: Sequence[_Job]) -> None:
        try:
            await self._send(self._sender, batch)
        except Exception as error:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
            if isinstance(error, StoreLocked) or (isinstance(error, ValueError) and len(batch) > 1):
                for job in batch:
                    self._begin(self._write_alone(job)).add_done_callback(partial(_abandon, [job]))
            else:
                _fail(batch, error)
        except BaseException:
            _abandon(batch)
            raise

    async def _write_alone(self, job: _Job) -> None:
        async with self._alone:
            sender = self._idle.pop() if self._idle else Sender(self._post, self._lock_wait)
            try:
                await self._send(sender, [job])
            except Exception as error:  # noqa: BLE001  (as above)
                _fail([job], error)
            finally:
                self._idle.append(sender)
                await sender.rest()

    async def _send(self, sender: Sender, batch: Sequence[_Job]) -> None:
        outcomes = await sender.send([job.letter for job in batch])
        self.batches += 1
        self.commits += outcomes.count(None)
        for job, conflict in zip(batch, outcomes, strict=True):
            if not job.waiter.done():  # or it was cancelled
                job.waiter.set_result(_DONE if conflict is None else Err(conflict))


def _abandon(batch: Sequence[_Job], _: Task[None] | None = None) -> None:
    """Cancel those who wait for what was cancelled itself, as all tasks are where a loop ends."""
    for job in batch:
        job.waiter.cancel()  # which changes nothing where it has its answer


def _fail(batch: Sequence[_Job], error: Exception) -> None:
    for job in batch:
        if not job.waiter.done():
            job.waiter.set_exception(own(error) if len(batch) > 1 else error)
