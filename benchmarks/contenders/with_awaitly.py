"""awaitly on the store of the address, everything at its default: each step is durable before the next one begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from awaitly import Actor, NotApproved, Ok, Orchestrator, Result, Run, open_store, workflow

__all__ = ["AwaitlyContender", "opened"]


async def _add_one(number: int) -> Result[int, NotApproved]:
    return Ok(number + 1)


async def _add_two(number: int) -> Result[int, NotApproved]:
    return Ok(number + 2)


async def _add_three(number: int) -> Result[int, NotApproved]:
    return Ok(number + 3)


@workflow
async def order(run: Run[NotApproved], number: int) -> Result[int, NotApproved]:
    first = await run.step(_add_one, number)
    second = await run.step(_add_two, first)
    approved = await run.approval("manager", proposes=second, summary="go on?")
    return Ok(await run.step(_add_three, approved))


class AwaitlyContender:
    """Drives the workflow by the orchestrator's verbs."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator

    async def start(self, run_id: str) -> None:
        execution = await self._orchestrator.start(order(1), run_id=run_id)
        assert execution.pending, execution

    async def decide(self, run_id: str) -> None:
        execution = (await self._orchestrator.approve(run_id, "manager", by="ann", resume=order)).unwrap()
        assert execution.result == Ok(7), execution

    async def pending(self, limit: int) -> int:
        """List what waits for a decision, and give how many came."""
        return len((await self._orchestrator.pending(limit=limit)).items)

    async def waiting(self, number: int, limit: int) -> int:
        """List what waits for a person of eight roles, and give how many came."""
        roles = [f"role-{(number + other) % 20}" for other in range(8)]
        return len((await self._orchestrator.waiting_for(Actor(f"user-{number}", roles=roles), limit=limit)).items)


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[AwaitlyContender]:
    async with Orchestrator(open_store(address), workflows=[order]) as orchestrator:
        yield AwaitlyContender(orchestrator)
