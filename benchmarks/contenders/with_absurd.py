"""absurd on Postgres, with its own worker and schema: `await_event` to wait and `emit_event` to approve.

Two choices are made in its favour. Its worker's poll is set from 250 ms to 10 ms, as at the default the latency would
be the poll's. And a run counts as parked the moment before it calls `await_event`, and as completed once its third step
is on disk, without the writes that tell others so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from absurd_sdk import AsyncAbsurd
from absurdctl import BUNDLED_SCHEMA_SQL
from psycopg import AsyncConnection

__all__ = ["opened"]

_CLIENTS = 16
_QUEUE = "orders"
_POLL = 0.01
"""Seconds between two looks for tasks."""

_parked: dict[str, asyncio.Event] = {}
_completed: dict[str, asyncio.Future[int]] = {}


async def _order(params: Any, context: Any) -> int:
    async def add_one() -> int:
        return int(params["number"]) + 1

    first = await context.step("add-one", add_one)

    async def add_two() -> int:
        return int(first) + 2

    await context.step("add-two", add_two)
    parked = _parked.pop(params["run"], None)
    if parked is not None:
        parked.set()
    approved = await context.await_event(params["run"])

    async def add_three() -> int:
        return int(approved["number"]) + 3

    third: int = await context.step("add-three", add_three)
    _completed.pop(params["run"]).set_result(third)
    return third


class _Absurd:
    def __init__(self, app: AsyncAbsurd) -> None:
        self._app = app

    async def start(self, run_id: str) -> None:
        parked = _parked[run_id] = asyncio.Event()
        await self._app.spawn("order", {"number": 1, "run": run_id})
        await parked.wait()

    async def decide(self, run_id: str) -> None:
        completed = _completed[run_id] = asyncio.get_running_loop().create_future()
        await self._app.emit_event(run_id, {"number": 4})
        assert await completed == 7


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[_Absurd]:
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(BUNDLED_SCHEMA_SQL)
    async with AsyncExitStack() as stack:
        client, worker = AsyncAbsurd(address, queue_name=_QUEUE), AsyncAbsurd(address, queue_name=_QUEUE)
        for app in (client, worker):
            app.register_task(name="order")(_order)
            stack.push_async_callback(app.close)
        await client.create_queue()
        working = asyncio.create_task(worker.start_worker(concurrency=_CLIENTS, poll_interval=_POLL))
        yield _Absurd(client)
        worker.stop_worker()
        await working
