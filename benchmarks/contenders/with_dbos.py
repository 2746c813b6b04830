"""dbos on SQLite in its default mode (a rollback journal, synchronous=FULL) or on Postgres: `recv` and `send`.

Two choices are made in its favour. Its documented poll for messages is set from 1 s to 10 ms, as at the default the
latency would be the poll's. And a run counts as parked the moment before it calls `recv`, without a further write that
would tell others that it waits. Unlike the others it keeps a coroutine in memory for each run that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, SetWorkflowID

__all__ = ["opened"]

_LONG = 3_600.0
"""Seconds until an approval would run out."""
_POLL = 0.01
"""Seconds between two looks for messages."""

_parked: dict[str, asyncio.Event] = {}


async def _add_one(number: int) -> int:
    return number + 1


async def _add_two(number: int) -> int:
    return number + 2


async def _add_three(number: int) -> int:
    return number + 3


_FIRST, _SECOND, _THIRD = DBOS.step()(_add_one), DBOS.step()(_add_two), DBOS.step()(_add_three)


async def _order(number: int) -> int:
    first = await _FIRST(number)
    await _SECOND(first)
    _parked.pop(DBOS.workflow_id).set()
    approved = await DBOS.recv_async("manager", timeout_seconds=_LONG)
    third: int = await _THIRD(approved)
    return third


_ORDER = DBOS.workflow()(_order)


class _Dbos:
    def __init__(self) -> None:
        self._handles: dict[str, Any] = {}

    async def start(self, run_id: str) -> None:
        parked = _parked[run_id] = asyncio.Event()
        with SetWorkflowID(run_id):
            self._handles[run_id] = await DBOS.start_workflow_async(_ORDER, 1)
        await parked.wait()

    async def decide(self, run_id: str) -> None:
        await DBOS.send_async(run_id, 4, "manager")
        assert await self._handles.pop(run_id).get_result() == 7


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[_Dbos]:
    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": address,
            "notification_listener_polling_interval_sec": _POLL,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    try:
        yield _Dbos()
    finally:
        DBOS.destroy()
