"""awaitly as the process that waits for decisions made elsewhere, and goes on with each run at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from awaitly import NotApproved, Ok, Orchestrator, Result, Run, open_store, workflow

__all__ = ["AwaitlyWaking", "opened", "order"]

_resumed: dict[str, float] = {}
_moved = asyncio.Event()


async def _go_on(run_id: str) -> Result[None, NotApproved]:
    _resumed.setdefault(run_id, time.monotonic())
    _moved.set()
    return Ok(None)


@workflow
async def order(run: Run[NotApproved], number: int) -> Result[int, NotApproved]:
    approved = await run.approval("manager", proposes=number, summary="go on?")
    await run.step(_go_on, run.run_id)
    return Ok(approved)


class AwaitlyWaking:
    """Tells when it went on with which run, by the machine's monotonic clock, in seconds."""

    async def resumed(self, count: int) -> dict[str, float]:
        """Wait until so many runs were resumed."""
        while len(_resumed) < count:
            _moved.clear()
            await _moved.wait()
        return _resumed


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[AwaitlyWaking]:
    async with Orchestrator(open_store(address), workflows=[order]) as orchestrator, orchestrator.working():
        yield AwaitlyWaking()
