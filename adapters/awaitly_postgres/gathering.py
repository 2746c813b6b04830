"""Gathering: runs that several tasks load in the same turn of the loop are read by one statement."""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from awaitly_postgres.asking import Asks, Row
from awaitly_postgres.errors import own

__all__ = ["Gatherer"]

_MOST_AT_ONCE = 64

_Request: TypeAlias = "tuple[str, Future[list[Row]]]"


class Gatherer:
    """Loads runs for the tasks of one event loop."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks
        self._requests: list[_Request] = []
        self._tasks: set[Task[None]] = set()

    async def rows(self, run_id: str) -> list[Row]:
        """Give the rows of `load.sql` for a run. Raises a `StoreError`."""
        loop = asyncio.get_running_loop()
        waiter: Future[list[Row]] = loop.create_future()
        if not self._requests:
            loop.call_soon(self._begin)  # whoever else asks in this turn of the loop comes along
        self._requests.append((run_id, waiter))
        return await waiter

    async def drain(self) -> None:
        """Wait until all that was asked for is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self) -> None:
        requests, self._requests = self._requests, []
        for first in range(0, len(requests), _MOST_AT_ONCE):
            some = requests[first : first + _MOST_AT_ONCE]
            task = asyncio.get_running_loop().create_task(self._read(some))
            self._tasks.add(task)
            task.add_done_callback(partial(self._end, some))

    def _end(self, requests: Sequence[_Request], task: Task[None]) -> None:
        """Leave nobody waiting: where a loop ends, the task was cancelled, perhaps before it began."""
        self._tasks.discard(task)
        for _, waiter in requests:
            waiter.cancel()  # which changes nothing where it has its answer

    async def _read(self, requests: Sequence[_Request]) -> None:
        try:
            found = await self._found([run_id for run_id, _ in requests])
        except Exception as error:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
            if isinstance(error, ValueError) and len(requests) > 1:  # whose fault it is, each alone will tell
                for request in requests:
                    await self._read([request])
            else:
                _fail(requests, error)
            return
        for (_, waiter), rows in zip(requests, found, strict=True):
            if not waiter.done():  # or it was cancelled
                waiter.set_result(rows)

    async def _found(self, run_ids: list[str]) -> list[list[Row]]:
        if len(run_ids) == 1:
            return [await self._asks.rows("load", run_id=run_ids[0])]
        of_each: defaultdict[int, list[Row]] = defaultdict(list)
        for asker, *row in await self._asks.rows("load_many", run_ids=run_ids):
            of_each[asker].append(tuple(row))
        time = of_each[0]  # it is about no run: each gets it
        return [of_each[asker] + time for asker in range(1, len(run_ids) + 1)]


def _fail(requests: Sequence[_Request], error: Exception) -> None:
    for _, waiter in requests:
        if not waiter.done():
            waiter.set_exception(own(error) if len(requests) > 1 else error)
