"""Simulations: workflows with scripted steps and decisions, over days that pass at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar, cast, overload

from awaitly.actors import By
from awaitly.approvals.approval import Decision
from awaitly.durations import Duration
from awaitly.errors import (
    ConflictReason,
    PendingApproval,
    PromiseRefusal,
    Refusal,
    RunCancelled,
    RunConflict,
    Sent,
    SignalRefusal,
    UnknownRun,
)
from awaitly.ids import new_run_id
from awaitly.replaying.execution import Execution
from awaitly.replaying.workflow import Invocation, Workflow
from awaitly.result import Err, Result
from awaitly.statuses import Priority
from awaitly.storage.journal import DEFAULT_QUEUE
from awaitly.testing.clock import START
from awaitly.testing.deciders import Decisions
from awaitly.testing.events import At
from awaitly.testing.passing import Passing
from awaitly.testing.scripts import Call, Steps
from awaitly.testing.timeline import difference_of
from awaitly.verbs.desk import CancelRefusal
from awaitly.verbs.queueing import Enqueued
from awaitly.verbs.reader import RunDetails

__all__ = ["Simulation"]

T = TypeVar("T")
E = TypeVar("E")

_NONE: Mapping[Any, Any] = MappingProxyType({})
_MOST_DEATHS = 10


class Simulation(Passing):
    """Runs workflows in memory, over a clock that moves when told: `async with Simulation(workflows=[refund]) as sim:`.

    `steps` scripts what the functions of steps, and the checks of approval steps, come to: one answer for all calls, or
    a list with one for each, after which a call is an `AssertionError`. An answer is a result, an exception to raise,
    a function that gets the arguments, or `CRASH`. Those that are not named run for real; with `strict`, calling one is
    an `AssertionError`. `decisions` scripts what people answer, by the keys of questions. Every verb works off what is
    then due, as a worker would, before it returns, and raises the `AssertionError`s of calls.
    """

    def __init__(
        self,
        *,
        workflows: Iterable[Workflow[..., Any, Any]],
        steps: Steps = _NONE,
        decisions: Decisions = _NONE,
        strict: bool = False,
        start: datetime = START,
        lease: Duration = "30s",
    ) -> None:
        super().__init__(workflows, steps, decisions, start, lease, strict=strict)

    # Runs

    async def start(
        self, invocation: Invocation[T, E], *, run_id: str | None = None, requested_by: By | None = None
    ) -> Execution[T, E]:
        """Start a run, and give it as it stands once all is worked off that is due by then.

        Where the process dies, the run is given as it was left: it goes on when the lease has ended.
        """
        run = new_run_id() if run_id is None else run_id
        started = await self._driven(self._orchestrator.start(invocation, run_id=run, requested_by=requested_by))
        commits = self._store.timelines.commits
        await self._work()
        if started is not None and (_is_refused(started) or self._store.timelines.commits == commits):
            return started
        return cast("Execution[T, E]", await self._resumed(run, invocation.workflow))

    async def enqueue(
        self,
        invocation: Invocation[Any, Any],
        *,
        run_id: str | None = None,
        requested_by: By | None = None,
        at: datetime | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: Priority = Priority.NORMAL,
    ) -> Result[Enqueued, RunConflict]:
        """Put a run into a queue; it begins at once, or at its time."""
        enqueueing = self._orchestrator.enqueue(
            invocation, run_id=run_id, requested_by=requested_by, at=at, queue=queue, priority=priority
        )
        return await self._then_work(enqueueing)

    @overload
    async def execution(self, run_id: str) -> Execution[Any, Any]: ...
    @overload
    async def execution(self, run_id: str, workflow: Workflow[..., T, E]) -> Execution[T, E | UnknownRun]: ...
    async def execution(self, run_id: str, workflow: Workflow[..., Any, Any] | None = None) -> Execution[Any, Any]:
        """Give a run as it stands, with its result. Naming the workflow types that."""
        await self._work()
        return await self._resumed(run_id, workflow)

    async def _resumed(self, run_id: str, workflow: Workflow[..., Any, Any] | None) -> Execution[Any, Any]:
        """Give a run as it stands; a run whose own system of record is asked goes on, in which the process may die."""
        for _ in range(_MOST_DEATHS):
            resume = self._orchestrator.resume
            found = await self._driven(resume(run_id) if workflow is None else resume(run_id, workflow))
            self._complaints.check()
            if found is not None:
                return found
        why = f"{_MOST_DEATHS} processes in a row have died of a look at run {run_id}"
        raise AssertionError(why)

    # What people and programs do

    async def approve(self, run_id: str, key: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Vote yes; the run goes on where that decides."""
        return await self._then_work(self._orchestrator.approve(run_id, key, by=by))

    async def reject(
        self, run_id: str, key: str | None = None, reason: str | None = None, *, by: By
    ) -> Result[Decision, Refusal]:
        """Vote no; the run goes on where that decides."""
        return await self._then_work(self._orchestrator.reject(run_id, key, reason, by=by))

    async def edit(self, run_id: str, key: str | None, value: object, *, by: By) -> Result[Decision, Refusal]:
        """Change what is proposed; the run goes on where that decides."""
        return await self._then_work(self._orchestrator.edit(run_id, key, value, by=by))

    async def cancel(
        self, run_id: str, key: str | None = None, reason: str | None = None, *, by: By
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run from outside."""
        return await self._then_work(self._orchestrator.cancel(run_id, key, reason, by=by))

    async def signal(
        self, run_id: str, name: str, value: object = None, *, key: str = "", by: By | None = None
    ) -> Result[Sent, SignalRefusal]:
        """Tell a run something; it goes on where it waits for that."""
        return await self._then_work(self._orchestrator.signal(run_id, name, value, key=key, by=by))

    async def resolve(
        self, promise_id: str, value: object = None, *, by: By | None = None
    ) -> Result[Sent, PromiseRefusal]:
        """Keep a promise of a run; it goes on where it awaits that."""
        return await self._then_work(self._orchestrator.resolve(promise_id, value, by=by))

    async def reject_promise(
        self, promise_id: str, reason: str | None = None, *, by: By | None = None
    ) -> Result[Sent, PromiseRefusal]:
        """Say that a promise will not be kept; the run goes on where it awaits that."""
        return await self._then_work(self._orchestrator.reject_promise(promise_id, reason, by=by))

    async def _then_work(self, call: Coroutine[Any, Any, T]) -> T:
        done = await call
        await self._work()
        return done

    # What came of it

    async def status(self, run_id: str) -> Result[RunDetails, UnknownRun]:
        """Give a run's record and its approvals."""
        return await self._orchestrator.status(run_id)

    async def pending(self) -> tuple[PendingApproval, ...]:
        """List all that waits for a decision, the oldest first."""
        return tuple(await self._waiting())

    def calls(self, f: Callable[..., Any]) -> list[Call]:
        """Give the calls of a step's function so far, attempt by attempt; a replay makes none."""
        return self._scripts.calls(f)

    def timeline(self, run_id: str) -> list[At]:
        """Give what happened in a run so far; times count from the beginning of the simulation."""
        return self._store.timelines.of(run_id)

    def expect(self, run_id: str, timeline: Sequence[At]) -> None:
        """Raise `AssertionError`, which shows each line that differs, where a run's timeline is another."""
        found = self.timeline(run_id)
        if found != list(timeline):
            why = f"the timeline of run {run_id} is another:\n{difference_of(found, timeline)}"
            raise AssertionError(why)


def _is_refused(execution: Execution[Any, Any]) -> bool:
    """Whether a start was refused because its id belongs to another run."""
    match execution.result:
        case Err(RunConflict(reason=ConflictReason.ID_TAKEN)):
            return True
        case _:
            return False
