"""The orchestrator: each verb loads, decides by the pure tables, commits, returns."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, overload

from awaitly.actors import By
from awaitly.approvals.grants import Rule
from awaitly.durations import Duration, as_span, as_timedelta, from_micros
from awaitly.errors import (
    ConflictReason,
    RunConflict,
    UnknownRun,
)
from awaitly.exceptions import RecordCorrupt, UnknownWorkflow
from awaitly.ids import checked_run_id, new_run_id
from awaitly.notifying.channels import NotificationChannel
from awaitly.notifying.courier import Courier, named_channels
from awaitly.observing import Observer, Observers
from awaitly.replaying.execution import Execution, execution_of, new_run
from awaitly.replaying.host import INLINE
from awaitly.replaying.workflow import Invocation, Workflow, checked_invocation
from awaitly.result import Err, Ok
from awaitly.runs import moves
from awaitly.runs.moves import Moved
from awaitly.runs.saving import state_in
from awaitly.runs.standing import rules_by_grant
from awaitly.runs.watching import watching
from awaitly.statuses import RunStatus
from awaitly.storage.asked import loaded
from awaitly.storage.journal import DEFAULT_QUEUE, RunState
from awaitly.storage.store import Move, Store, Wakes, joined
from awaitly.verbs.doctor import Diagnosis, Doctor
from awaitly.verbs.queueing import id_taken
from awaitly.verbs.settling import Settling
from awaitly.working.dispatch import Dispatcher, dispatching
from awaitly.working.executor import AGAIN, AS_IT_IS, Executor, as_damaged, left_alone, under_review
from awaitly.working.worker import CONCURRENCY, GRACE, Worker

__all__ = ["Orchestrator"]

T = TypeVar("T")
E = TypeVar("E")

_AT_ONCE = 1_000
_STILL = {status for status in RunStatus if status.ended} | {RunStatus.NEEDS_REVIEW}
"""Where nothing but a person moves a run on."""
_LOOK_AGAIN = 5.0
"""Seconds after which whoever waits looks again, even if no wake-up came: those are hints."""


class Orchestrator(Settling):
    """Starts runs, takes decisions and lets runs go on, over a store. Use it as `async with Orchestrator(...)`.

    `workflows` are those that this process can run; deciding and listing need none. Several of one name differ in their
    versions: a run goes on with the version that it was recorded under. `lease` is how long a run stays
    with a process that died before another may take it over; it is renewed while the run executes. A time that a
    workflow lets pass (`run.sleep`, the next attempt of a step) is waited for on the spot up to `inline`; for more the
    run parks. `observers` are told what happens here; a `dispatcher` hands what comes due to a fleet, for its tasks to
    `resume`. `rules` are those of the application that policies name. By `channels` people are told of what its
    runs ask; a worker that has the same channels sends that. The orchestrator opens the store and closes it.

    Every verb raises `ValueError` for somebody without a name, a length of time that is none, and an `after` that no
    page gave.
    """

    def __init__(
        self,
        store: Store,
        *,
        workflows: Iterable[Workflow[..., Any, Any]] = (),
        lease: Duration = "30s",
        inline: Duration = INLINE,
        observers: Iterable[Observer] = (),
        dispatcher: Dispatcher | None = None,
        rules: Iterable[Rule] = (),
        channels: Iterable[NotificationChannel] = (),
    ) -> None:
        if dispatcher is not None:
            store = dispatching(store, dispatcher)
        told = Observers(observers)
        self._channels = named_channels(channels)
        executor = Executor(store, workflows, as_span(lease), as_timedelta(inline), told, self._channels)
        super().__init__(store, told, executor, rules_by_grant(rules))
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the store."""
        await self._store.open()
        self._executor.roster.open()
        self._renewing = asyncio.create_task(self._executor.roster.renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give back the runs that still execute, in whatever task, and close the store.

        Whoever waits for one of them gets `RunConflict` with `GIVEN_BACK`; any other orchestrator may go on with it.
        """
        try:
            await self._executor.roster.close()
        finally:
            if self._renewing is not None:
                self._renewing.cancel()
                await asyncio.gather(self._renewing, return_exceptions=True)
                self._renewing = None
            await self._store.close()

    @property
    def workflows(self) -> Mapping[str, Workflow[..., Any, Any]]:
        """The workflows that this orchestrator was given, by name; of several versions the one that was given last."""
        return MappingProxyType(self._executor.newest)

    # Running

    async def start(
        self,
        invocation: Invocation[T, E],
        *,
        run_id: str | None = None,
        requested_by: By | None = None,
        queue: str = DEFAULT_QUEUE,
        connection: object | None = None,
    ) -> Execution[T, E]:
        """Run a workflow here and now, until it ends or parks. An id is made where none is given.

        The same id with the same arguments gives the run that there is; with others, `RunConflict`. `requested_by` says
        on whose behalf, for the rule that nobody approves what they asked for. Workers of `queue` go on with it. With
        `connection`, the run exists once the caller's own transaction on it is committed (`Joining`); its steps run now
        all the same.
        """
        checked_invocation("start", invocation)
        store = self._store if connection is None else joined(self._store, connection)
        executor = self._executor if connection is None else self._executor.on(store)
        chosen = new_run_id() if run_id is None else run_id
        execution = await self._started(invocation, chosen, requested_by, queue, executor)
        return await self._existing(invocation, chosen, store, executor) if execution is None else execution

    async def start_new(
        self, invocation: Invocation[T, E], run_id: str, *, requested_by: By | None = None, queue: str = DEFAULT_QUEUE
    ) -> Execution[T, E] | None:
        """Run a workflow here and now as `start` does; None where its id is taken, and that run is left alone."""
        checked_invocation("start_new", invocation)
        return await self._started(invocation, run_id, requested_by, queue, self._executor)

    @staticmethod
    async def _started(
        invocation: Invocation[T, E], run_id: str, requested_by: By | None, queue: str, executor: Executor
    ) -> Execution[T, E] | None:
        now = from_micros(await executor.now())
        run = new_run(invocation, run_id, requested_by, now, executor.lease_from(now), executor.channels, queue)
        return await executor.go(invocation.workflow, Move.START, None, Moved(RunState(run)))

    @staticmethod
    async def _existing(invocation: Invocation[T, E], run_id: str, store: Store, executor: Executor) -> Execution[T, E]:
        """Give the run that already has the id of a start."""
        found = await store.load(run_id)
        taken = None if found.run is None else id_taken(found.run, invocation.digest)
        if found.run is not None and taken is not None:
            return left_alone(invocation.workflow, found, found.run, taken)
        return await executor.take(run_id, invocation.workflow, AS_IT_IS)

    @overload
    async def resume(self, run_id: str) -> Execution[Any, Any]: ...
    @overload
    async def resume(self, run_id: str, workflow: Workflow[..., T, E]) -> Execution[T, E | UnknownRun]: ...
    async def resume(self, run_id: str, workflow: Workflow[..., Any, Any] | None = None) -> Execution[Any, Any]:
        """Go on with a run that was decided, or that lost its process; a run that still waits says so again.

        Without `workflow` it is the version that the run was recorded under; naming it types the result. Of many that
        resume at once one executes; the others get its outcome or `RunConflict`. Raises `UnknownWorkflow` where this
        orchestrator was not given the run's workflow.
        """
        return await self._executor.take(run_id, workflow, AS_IT_IS)

    @overload
    async def retry(self, run_id: str) -> Execution[Any, Any]: ...
    @overload
    async def retry(self, run_id: str, workflow: Workflow[..., T, E]) -> Execution[T, E | UnknownRun]: ...
    async def retry(self, run_id: str, workflow: Workflow[..., Any, Any] | None = None) -> Execution[Any, Any]:
        """Try a run again that failed or was set aside: its recorded steps and its approvals are kept.

        The step whose error ended it runs again. A rejection stays a rejection.
        """
        return await self._executor.take(run_id, workflow, AGAIN)

    async def fork(self, run_id: str, *, before: str, new_id: str | None = None) -> Execution[Any, Any]:
        """Start a new run that has the steps of another which were recorded before the step or approval `before`.

        No decision goes along: what needed an approval is asked again. Where the answer then differs, the copied steps
        that came after it no longer fit, and the new run says `WorkflowChanged`.
        """
        found = await loaded(self._store, run_id)
        if found.run is None:
            return Execution(run_id, None, Err(UnknownRun(run_id)))
        try:
            state = state_in(found, found.run)
        except RecordCorrupt as exc:
            return under_review(found.run, exc)
        now = from_micros(found.now)
        new = new_run_id() if new_id is None else checked_run_id(new_id)
        match moves.fork(state, before, new, self._executor.lease_from(now), now):
            case Err(unknown):
                return Execution(run_id, state.run.status, Err(unknown), (), state)
            case Ok(forked):
                pass
        workflow = self._executor.workflow_of(found.run)
        execution = await self._executor.go(workflow, Move.FORK, None, forked)
        if execution is None:
            taken = RunConflict(new, ConflictReason.ID_TAKEN, "the id of the fork is taken; choose another")
            return Execution(new, None, Err(taken))
        return execution

    async def recover(self) -> tuple[Execution[Any, Any], ...]:
        """Go on with every run that is due: decided, past its deadline, or left by a process that died.

        Runs of workflows that this orchestrator was not given are left alone; one that does not decode is set aside.
        Gives those runs that moved or that need somebody's attention.
        """
        executions: list[Execution[Any, Any]] = []
        seen: set[str] = set()
        while new := [r for r in await self._store.due(await self._store.now(), _AT_ONCE + len(seen)) if r not in seen]:
            seen.update(new)
            for run_id in new:
                if self._executor.roster.closing:
                    return tuple(executions)
                try:
                    executions.append(await self.resume(run_id))
                except UnknownWorkflow:
                    continue
        return tuple(executions)

    def working(
        self,
        *,
        concurrency: int = CONCURRENCY,
        queues: Iterable[str] = (DEFAULT_QUEUE,),
        grace: Duration = GRACE,
    ) -> Worker:
        """Give a worker: inside `async with orchestrator.working():` whatever is due here goes on by itself.

        It executes at most `concurrency` runs of these `queues` at a time. Leaving lets them end or park for as long as
        `grace`, and then gives them back, for any other worker to go on with. Raises `ValueError` and `DefinitionError`
        for a concurrency below 1 and for no queues.
        """
        courier = Courier(self._store, self._channels)
        return Worker(self._store, self._executor, courier, concurrency=concurrency, queues=queues, grace=grace)

    async def work(
        self,
        *,
        once: bool = False,
        idle_exit: Duration | None = None,
        concurrency: int = CONCURRENCY,
        queues: Iterable[str] = (DEFAULT_QUEUE,),
        grace: Duration = GRACE,
    ) -> None:
        """Be a worker until this is cancelled; what then executes has its `grace`, as in `working`.

        `once`: work off what is due now, and return. `idle_exit`: return once nothing was due, and nothing executed,
        for so long.
        """
        worker = self.working(concurrency=concurrency, queues=queues, grace=grace)
        await worker.run(once=once, idle_exit=idle_exit)

    def doctor(
        self, *, workflow: str | None = None, since: Duration | None = None, grace: Duration = "1m"
    ) -> AsyncGenerator[Diagnosis]:
        """Replay every run that is to go on, dry, and say how it gets on with today's code, the newest run first.

        Nothing is written, no step begins and no system of record is asked; the code between steps does run. `workflow`
        names one; `since` leaves out runs that began longer ago. What could have gone on for longer than the `grace`
        is `overdue`. Runs that execute elsewhere right now are left out. Of those that have not begun, and of
        schedules, only the workflow, its version and the arguments are looked at. Raises `UnknownWorkflow` for a name
        that is neither of a workflow here nor of any run.
        """
        span = None if since is None else as_timedelta(since)
        return Doctor(self._store, self._executor, as_timedelta(grace)).look(workflow, span)

    async def wait(
        self, run_id: str, workflow: Workflow[..., Any, Any] | None = None, *, timeout: Duration | None = None
    ) -> Execution[Any, Any]:
        """Wait until a run has ended, wherever it runs, and give it; at the `timeout`, give it as it then stands.

        One that was set aside, or whose records do not decode, is given at once: nothing but a person moves it. Raises
        `UnknownWorkflow` where `workflow` is left out and this orchestrator was not given the run's own.
        """
        limit = math.inf if timeout is None else time.monotonic() + as_timedelta(timeout).total_seconds()
        async with watching(self._store) as wakes:
            while True:
                found = await loaded(self._store, run_id)
                if found.run is None:
                    return Execution(run_id, None, Err(UnknownRun(run_id)))
                known = workflow or self._executor.workflow_of(found.run)
                try:
                    state = state_in(found, found.run)
                except RecordCorrupt as exc:
                    return as_damaged(known, found.run, exc)
                if state.run.status in _STILL or time.monotonic() >= limit:
                    return execution_of(known, state)
                await _told(wakes, run_id, min(time.monotonic() + _LOOK_AGAIN, limit))


async def _told(wakes: Wakes, run_id: str, until: float) -> None:
    """Wait until a run may have moved: it is named, wake-ups may have been missed, or the time has come."""
    while (left := until - time.monotonic()) > 0:
        named = await wakes.next(left)
        if not named or run_id in named:
            return
