"""dbos on SQLite in its default mode (a rollback journal, synchronous=FULL) or on Postgres: `recv` and `send`.

Two choices are made in its favour. Its documented poll for messages is set from 1 s to 10 ms, as at the default the
latency would be the poll's. And a run counts as parked the moment before it calls `recv`, without a further write that
would tell others that it waits. Unlike the others it keeps a coroutine in memory for each run that waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSClient, SetWorkflowID

__all__ = ["answer", "opened", "recovered"]

_LONG = 3_600.0
"""Seconds until an approval would run out."""
_POLL = 0.01
"""Seconds between two looks for messages."""

_parked: dict[str, asyncio.Event] = {}
_awaited: set[str] = set()
_recovered = threading.Event()
"""Set once nothing is awaited any more: recovery executes in a thread of its own."""


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
    parked = _parked.pop(DBOS.workflow_id, None)
    if parked is not None:
        parked.set()
    approved = await DBOS.recv_async("manager", timeout_seconds=_LONG)
    third: int = await _THIRD(approved)
    if _awaited:
        _awaited.remove(DBOS.workflow_id)
        if not _awaited:
            _recovered.set()
    return third


async def _counting(upto: int) -> int:
    number = 0
    while number < upto:
        number = await _FIRST(number)
    return number


_ORDER, _COUNTING = DBOS.workflow()(_order), DBOS.workflow()(_counting)


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

    async def count(self, run_id: str, upto: int) -> None:
        with SetWorkflowID(run_id):
            handle = await DBOS.start_workflow_async(_COUNTING, upto)
        assert await handle.get_result() == upto


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


async def answer(address: str, names: Sequence[str]) -> None:
    client = DBOSClient(system_database_url=address)
    for name in names:
        await client.send_async(name, 4, "manager")
    client.destroy()


@asynccontextmanager
async def recovered(address: str, names: Sequence[str]) -> AsyncGenerator[None]:
    """Let it find by itself, as it does on launch, what was under way in the process that is gone."""
    _awaited.update(names)
    async with opened(address):
        await asyncio.to_thread(_recovered.wait)
        yield
