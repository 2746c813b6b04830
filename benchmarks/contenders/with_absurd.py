"""absurd on Postgres, with the schema of its own tool: `await_event` to wait and `emit_event` to approve.

Two choices are made in its favour. Each client claims a task itself as soon as there is one, so that no worker's poll
adds to the latency. And each has a connection of its own, for the library shares one among all that it runs.
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
_CLAIM = 600
"""Seconds until a claimed task would be given to somebody else."""


_finished: set[str] = set()


async def _order(params: Any, context: Any) -> int:
    async def add_one() -> int:
        return int(params["number"]) + 1

    first = await context.step("add-one", add_one)

    async def add_two() -> int:
        return int(first) + 2

    await context.step("add-two", add_two)
    approved = await context.await_event(params["run"])

    async def add_three() -> int:
        return int(approved["number"]) + 3

    third: int = await context.step("add-three", add_three)
    assert third == 7, third
    _finished.add(params["run"])
    return third


class _Absurd:
    def __init__(self, apps: list[AsyncAbsurd]) -> None:
        self._idle: asyncio.Queue[AsyncAbsurd] = asyncio.Queue()
        for app in apps:
            self._idle.put_nowait(app)
        self.decided: set[str] = set()

    async def start(self, run_id: str) -> None:
        async with self._client() as app:
            await app.spawn("order", {"number": 1, "run": run_id})
            await app.work_batch(claim_timeout=_CLAIM)

    async def decide(self, run_id: str) -> None:
        async with self._client() as app:
            self.decided.add(run_id)
            await app.emit_event(run_id, {"number": 4})
            await app.work_batch(claim_timeout=_CLAIM)

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[AsyncAbsurd]:
        app = await self._idle.get()
        try:
            yield app
        finally:
            self._idle.put_nowait(app)


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[_Absurd]:
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(BUNDLED_SCHEMA_SQL)
    async with AsyncExitStack() as stack:
        apps: list[AsyncAbsurd] = []
        for _ in range(_CLIENTS):
            app = AsyncAbsurd(address, queue_name=_QUEUE)
            app.register_task(name="order")(_order)
            stack.push_async_callback(app.close)
            apps.append(app)
        await apps[0].create_queue()
        contender = _Absurd(apps)
        yield contender
        assert contender.decided == _finished, "a client may do another's work, but all of it is done"
