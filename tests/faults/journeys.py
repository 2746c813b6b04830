"""Runs that go on while their server comes and goes, and what must come of them.

Each execution of a body has a number of its own, which its result carries on. So a result tells which executions it
rests on: once a body has begun with a result, that result was recorded, and everything later must rest on it too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any, TypeAlias, TypeVar

from attrs import define, field, frozen

from awaitly import (
    AlreadyDecided,
    CommitUnknown,
    Decision,
    DurabilityUnknown,
    Err,
    Execution,
    NotApproved,
    Ok,
    Orchestrator,
    Refusal,
    Result,
    Run,
    RunConflict,
    StoreFull,
    StoreUnavailable,
    Workflow,
    workflow,
)
from tests.faults.errands import BEGINNING
from tests.faults.outages import Strikes
from tests.faults.tally import TALLY

__all__ = ["AWAY", "STOPS", "Executed", "Journal", "Traveller", "check_journey", "journey"]

T = TypeVar("T")
Trouble: TypeAlias = NotApproved

STOPS = ("s0", "s1", "decide", "s2", "s3")
"""Where a journey may wait for the next outage: in the body of a step, or before its decision."""

AWAY = (StoreUnavailable, StoreFull, CommitUnknown)
"""What callers are told while the store cannot be had, or has no room."""
_PAUSE = 0.02


@frozen
class Executed:
    """One execution of a body: what it was given, and what it gave."""

    run_id: str
    name: str
    given: str
    gave: str


@define
class Journal:
    """What happened in the outer world: all executions; and how often callers were told that the store is away."""

    strikes: Strikes
    executed: list[Executed] = field(factory=list[Executed])
    told: Counter[str] = field(factory=Counter[str])
    numbers: count[int] = field(factory=count)
    stops: dict[str, str] = field(factory=dict[str, str])

    async def execute(self, run_id: str, name: str, given: str) -> Result[str, Trouble]:
        """Be a body: leave a trace, and wait for the next outage where this run stops here."""
        gave = f"{given}.{name}#{next(self.numbers)}"
        self.executed.append(Executed(run_id, name, given, gave))
        await self.stop(run_id, name)
        return Ok(gave)

    async def stop(self, run_id: str, name: str) -> None:
        """Wait until the next outage begins, once, where this run stops here."""
        if self.stops.get(run_id) == name:
            del self.stops[run_id]
            await self.strikes.next()

    async def patiently(self, run_id: str, verb: Callable[[], Awaitable[T]]) -> T:
        """Try until the store is there."""
        while True:
            try:
                return await verb()
            except AWAY:
                self.told[run_id] += 1
                await asyncio.sleep(_PAUSE)


def journey(journal: Journal) -> Workflow[[str], str, Trouble]:
    """Make the workflow: two steps, an approval, two steps."""

    @workflow
    async def journey(run: Run[Trouble], name: str) -> Result[str, Trouble]:
        value = BEGINNING
        for step in ("s0", "s1"):
            value = await run.step(journal.execute, name, step, value)
        value = await run.approval("a", proposes=value)
        for step in ("s2", "s3"):
            value = await run.step(journal.execute, name, step, value)
        return Ok(value)

    return journey


@frozen
class Traveller:
    """Sees runs through: one orchestrator executes, others decide, and whoever is away for a moment is waited for."""

    journal: Journal
    executing: Orchestrator
    deciding: Sequence[Orchestrator]

    async def travel(self, run_id: str, *, leaves: bool) -> str:
        """See one run to its end and give its value. Who `leaves` does so once it is decided: others have to go on."""
        await self._until_parked(run_id)
        await self.journal.stop(run_id, "decide")
        await self._decide(run_id)
        await self._until_ended(run_id, self._looked if leaves else self._resumed)
        ended = await self.journal.patiently(run_id, lambda: self.executing.resume(run_id))
        TALLY.check("a run completes whatever the outages", isinstance(ended.result, Ok), (run_id, ended))
        return str(ended.result.unwrap())

    async def _until_parked(self, run_id: str) -> None:
        going = journey(self.journal)(run_id)
        while True:
            for verb in (lambda: self.executing.start(going, run_id=run_id), lambda: self.executing.resume(run_id)):
                execution: Execution[Any, Any] = await self.journal.patiently(run_id, verb)
                if execution.pending:
                    return
                self._still_under_way(execution)
            await asyncio.sleep(_PAUSE)

    @staticmethod
    def _still_under_way(execution: Execution[Any, Any]) -> None:
        """Check that a run which is not where it should be is in the hands of somebody who was struck."""
        waits = isinstance(execution.result, Err) and isinstance(execution.result.failure(), RunConflict)
        TALLY.check("who meets an outage is told nothing wrong", waits, execution)

    async def _until_ended(self, run_id: str, step: Callable[[str], Awaitable[bool]]) -> None:
        while True:
            if await self.journal.patiently(run_id, lambda: step(run_id)):
                return
            await asyncio.sleep(_PAUSE)

    async def _resumed(self, run_id: str) -> bool:
        execution: Execution[Any, Any] = await self.executing.resume(run_id)
        over = execution.status is not None and execution.status.ended
        if not over:
            self._still_under_way(execution)
        return over

    async def _looked(self, run_id: str) -> bool:
        history = (await self.deciding[0].history(run_id)).unwrap()
        return history.run.status.ended

    async def _decide(self, run_id: str) -> None:
        """Let all decide at once, each until it is answered: one wins, and the others are told who."""
        answers = await asyncio.gather(*(self._decided(who, run_id, n) for n, who in enumerate(self.deciding)))
        winners = [n for n, answer in enumerate(answers) if isinstance(answer, Ok)]
        TALLY.check("one decision wins whatever the outages", len(winners) == 1, (run_id, answers))
        losers = {answer.failure() for answer in answers if isinstance(answer, Err)}
        fits = all(isinstance(lost, AlreadyDecided) and lost.by == f"decider{winners[0]}" for lost in losers)
        TALLY.check("a loser is told who won whatever the outages", fits, (run_id, answers))

    async def _decided(self, who: Orchestrator, run_id: str, number: int) -> Result[Decision, Refusal]:
        while True:
            answer = await self.journal.patiently(run_id, lambda: who.approve(run_id, by=f"decider{number}"))
            if not (isinstance(answer, Err) and isinstance(answer.failure(), DurabilityUnknown)):
                return answer
            self.journal.told[run_id] += 1
            await asyncio.sleep(_PAUSE)


def check_journey(journal: Journal, run_id: str, value: str) -> None:
    """Check a run's value against all executions of its bodies."""
    executed = [one for one in journal.executed if one.run_id == run_id]
    steps = value.split(".")
    told = journal.told[run_id]
    TALLY.check("a value rests on executions", steps[1:] == [one for one in steps[1:] if _gave(executed, one)], value)
    rests = all(value.startswith(one.given) for one in executed)
    TALLY.check("no recorded step ran again", rests, (value, executed))
    names = Counter(one.name for one in executed)
    TALLY.check("all steps of a journey ran", set(names) == {"s0", "s1", "s2", "s3"}, names)
    TALLY.check(
        "a step ran again only where an outage met it",
        max(names.values()) <= 1 + max(told, journal.strikes.count),
        (told, names),
    )


def _gave(executed: Sequence[Executed], step: str) -> bool:
    return any(one.gave.rsplit(".", 1)[-1] == step for one in executed)
