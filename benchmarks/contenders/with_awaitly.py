"""awaitly on the store of the address, everything at its default: each step is durable before the next one begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from awaitly import Actor, NotApproved, Ok, Orchestrator, Result, Run, open_store, workflow

__all__ = ["AwaitlyContender", "answer", "opened", "order", "recovered"]

_CLIENTS = 16


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


@workflow
async def counting(run: Run[NotApproved], upto: int) -> Result[int, NotApproved]:
    number = 0
    while number < upto:
        number = await run.step(_add_one, number)
    return Ok(number)


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

    async def count(self, run_id: str, upto: int) -> None:
        execution = await self._orchestrator.start(counting(upto), run_id=run_id)
        assert execution.result == Ok(upto), execution

    async def pending(self, limit: int) -> int:
        """List what waits for a decision, and give how many came."""
        return len((await self._orchestrator.pending(limit=limit)).items)

    async def waiting(self, number: int, limit: int) -> int:
        """List what waits for a person of eight roles, and give how many came."""
        roles = [f"role-{(number + other) % 20}" for other in range(8)]
        return len((await self._orchestrator.waiting_for(Actor(f"user-{number}", roles=roles), limit=limit)).items)


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[AwaitlyContender]:
    async with Orchestrator(open_store(address), workflows=[order, counting]) as orchestrator:
        yield AwaitlyContender(orchestrator)


async def answer(address: str, names: Sequence[str]) -> None:
    async with Orchestrator(open_store(address)) as orchestrator:
        for name in names:
            (await orchestrator.approve(name, "manager", by="ann")).unwrap()


@asynccontextmanager
async def recovered(address: str, names: Sequence[str]) -> AsyncGenerator[None]:
    """Let a worker find what is due, and look afterwards that nothing was left."""
    async with Orchestrator(open_store(address), workflows=[order]) as orchestrator:
        await orchestrator.work(once=True, concurrency=_CLIENTS)
        for name in (names[0], names[-1]):
            execution = await orchestrator.wait(name, timeout="5s")
            assert execution.result == Ok(7), execution
        yield
