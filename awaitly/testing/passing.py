"""Simulated time: it passes from one due time to the next, and what is due at each is worked off there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from awaitly.durations import Duration, as_timedelta, from_micros, to_micros
from awaitly.errors import PendingApproval, WorkflowChanged
from awaitly.replaying.execution import Execution
from awaitly.replaying.workflow import Workflow
from awaitly.result import Err
from awaitly.testing.clock import TestClock
from awaitly.testing.deciders import Deciders, Decisions, Planned
from awaitly.testing.lives import Life, Memory, Simulated
from awaitly.testing.scripts import Complaints, Scripts, Steps
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["Passing"]

T = TypeVar("T")

_MOST_AT_ONCE = 1_000
"""How often something may come of what was worked off while no time passes: beyond that it would go on for ever."""


class Passing:
    """Owns a memory store, its clock, and the one orchestrator that is alive. Nothing in it waits for real time."""

    def __init__(
        self,
        workflows: Iterable[Workflow[..., Any, Any]],
        steps: Steps,
        decisions: Decisions,
        start: datetime,
        lease: Duration,
        *,
        strict: bool,
    ) -> None:
        self.clock = TestClock(start)
        self._workflows = tuple(workflows)
        self._lease = as_timedelta(lease)
        self._complaints = Complaints()
        self._scripts = Scripts(steps, self._complaints, strict=strict)
        self._deciders = Deciders(decisions)
        self._store = Memory(self.clock)
        self._restarting = asyncio.Lock()
        self._life, self._orchestrator = self._born()

    def _born(self) -> tuple[Life, Simulated]:
        life = Life(self._store)
        return life, Simulated(life, self._workflows, self._lease, partial(self._scripts.stand_in, life))

    async def __aenter__(self) -> Self:
        """Begin, at the time `start`."""
        await self._store.open()
        await self._orchestrator.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Clear away. Raises `AssertionError` for a call that was not scripted and that no verb has raised yet."""
        try:
            await self._orchestrator.__aexit__(None, None, None)
        finally:
            await self._store.close()
        if exc is None:
            self._complaints.check()

    @property
    def orchestrator(self) -> Orchestrator:
        """The orchestrator that is alive, for what has no verb here; what becomes due is left to the next verb."""
        return self._orchestrator

    # Time

    async def skip(self, length: Duration) -> None:
        """Let a length of time pass: all that falls due on the way happens at its own time, in order.

        Raises `ValueError` where the length is none.
        """
        end = self.clock() + as_timedelta(length)
        await self._work()
        while (moment := await self._next_time()) is not None and moment <= end:
            self.clock.set(moment)
            await self._work()
        self.clock.set(max(end, self.clock()))

    async def run_until_idle(self, *, limit: int = 1_000) -> None:
        """Let time pass until nothing falls due any more: deadlines pass too, and what then waits, waits for ever.

        Raises `AssertionError` where that takes more than `limit` different times, as with a schedule.
        """
        await self._work()
        for _ in range(limit):
            moment = await self._next_time()
            if moment is None:
                return
            self.clock.set(moment)
            await self._work()
        if (moment := await self._next_time()) is not None:
            why = f"there is no end of it: {limit} times have come by, and the next is {moment.isoformat()}"
            raise AssertionError(why)

    async def _next_time(self) -> datetime | None:
        now = self.clock()
        due = await self._store.next_due(to_micros(now))
        times = [plan.at for plan in await self._plans() if plan.at > now]
        return min(times if due is None else [*times, from_micros(due)], default=None)

    # Work

    async def _work(self) -> None:
        """Work off what is due now, until nothing more comes of it. Raises what the test is to fail for."""
        for _ in range(_MOST_AT_ONCE):
            commits, life = self._store.timelines.commits, self._life
            await self._decide()
            for execution in await self._driven(self._orchestrator.recover()) or ():
                _check_code(execution)
            self._complaints.check()
            if (self._store.timelines.commits, self._life) == (commits, life):
                return await self._check_known()
        why = f"the runs go on for ever, and no time passes: {_MOST_AT_ONCE} rounds were not enough"
        raise AssertionError(why)

    async def _check_known(self) -> None:
        """Raise `AssertionError` where something is due whose code the simulation was not given."""
        known = {workflow.name for workflow in self._workflows}
        for run_id in await self._store.due(to_micros(self.clock()), _MOST_AT_ONCE):
            row = (await self._store.load(run_id)).run
            if row is not None and row.workflow not in known:
                why = f"run {run_id} needs the workflow {row.workflow!r}: add it to workflows="
                raise AssertionError(why)

    async def _decide(self) -> None:
        now = self.clock()
        for plan in await self._plans():
            if plan.at <= now:
                await self._take(plan)

    async def _take(self, plan: Planned) -> None:
        decided = await plan.ruling.verb(self._orchestrator, plan.run_id, plan.key)
        self._deciders.taken(plan)
        match decided:
            case Err(refusal):
                why = f"the scripted decision on {plan.key!r} of run {plan.run_id} was refused: {refusal}"
                raise AssertionError(why)
            case _:
                pass

    async def _plans(self) -> list[Planned]:
        return self._deciders.plan(await self._waiting(), self.clock())

    async def _waiting(self) -> list[PendingApproval]:
        page = await self._orchestrator.pending()
        found = list(page.items)
        while page.after is not None:
            page = await self._orchestrator.pending(after=page.after)
            found += page.items
        return found

    # Deaths

    async def crash_and_restart(self) -> None:
        """Let the process die where it stands; another goes on with what it left, once the lease has ended."""
        await self._replace(self._life)
        await self.skip(self._lease)

    async def _replace(self, life: Life) -> None:
        """Let a process die, unless it did already, and have another in its place."""
        async with self._restarting:
            if self._life is not life:
                return
            life.die()
            await self._orchestrator.__aexit__(None, None, None)
            self._life, self._orchestrator = self._born()
            await self._orchestrator.__aenter__()

    async def _driven(self, call: Coroutine[Any, Any, T]) -> T | None:
        """Await a call that runs workflows; None where the process died meanwhile, and there is another by now."""
        life, task = self._life, asyncio.create_task(call)
        dying = asyncio.create_task(life.died())
        try:
            await asyncio.wait({task, dying}, return_when=asyncio.FIRST_COMPLETED)
            if not life.dead:
                return task.result()
            await self._replace(life)
            await asyncio.gather(task, return_exceptions=True)
            return None
        finally:
            task.cancel()
            dying.cancel()
            await asyncio.gather(task, dying, return_exceptions=True)


def _check_code(execution: Execution[Any, Any]) -> None:
    """Raise `AssertionError` where a workflow did something else when it went over its record again."""
    match execution.result:
        case Err(WorkflowChanged() as change):
            raise AssertionError(str(change))
        case _:
            pass
