"""absurd on Postgres, with its own worker and schema: `await_event` to wait and `emit_event` to approve.

Two choices are made in its favour. Its worker's poll is set from 250 ms to 10 ms, as at the default the latency would
be the poll's. And a run counts as parked the moment before it calls `await_event`, and as completed once its third step
is on disk, without the writes that tell others so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from absurd_sdk import AsyncAbsurd
from absurdctl import BUNDLED_SCHEMA_SQL
from psycopg import AsyncConnection

__all__ = ["answer", "opened", "recovered"]

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


async def _counting(params: Any, context: Any) -> int:
    number = 0
    while number < params["upto"]:
        number = await context.step("add-one", partial(_next, number))
    _completed.pop(params["run"]).set_result(number)
    return number


async def _next(number: int) -> int:
    return number + 1


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

    async def count(self, run_id: str, upto: int) -> None:
        completed = _completed[run_id] = asyncio.get_running_loop().create_future()
        await self._app.spawn("counting", {"upto": upto, "run": run_id})
        assert await completed == upto


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[_Absurd]:
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(BUNDLED_SCHEMA_SQL)
    async with _joined(address) as client, _joined(address) as worker:
        await client.create_queue()
        async with _working(worker):
            yield _Absurd(client)


@asynccontextmanager
async def _joined(address: str) -> AsyncGenerator[AsyncAbsurd]:
    app = AsyncAbsurd(address, queue_name=_QUEUE)
    app.register_task(name="order")(_order)
    app.register_task(name="counting")(_counting)
    try:
        yield app
    finally:
        await app.close()


@asynccontextmanager
async def _working(worker: AsyncAbsurd) -> AsyncGenerator[None]:
    working = asyncio.create_task(worker.start_worker(concurrency=_CLIENTS, poll_interval=_POLL))
    yield
    worker.stop_worker()
    await working


async def answer(address: str, names: Sequence[str]) -> None:
    async with _joined(address) as client:
        for name in names:
            await client.emit_event(name, {"number": 4})


@asynccontextmanager
async def recovered(address: str, names: Sequence[str]) -> AsyncGenerator[None]:
    loop = asyncio.get_running_loop()
    _completed.update({name: loop.create_future() for name in names})
    all_completed = asyncio.gather(*_completed.values())
    async with _joined(address) as worker, _working(worker):
        assert set(await all_completed) == {7}
        yield
