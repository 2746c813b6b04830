"""The orchestrator: each verb loads, decides by the pure tables, commits, returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, overload
from weakref import WeakValueDictionary

from awaitly import moves
from awaitly.actors import ADMIN, Actor, By, as_actor
from awaitly.approval import Decision
from awaitly.deciding import Approve, Reject, Shown, Transition
from awaitly.durations import Duration, as_timedelta, from_micros
from awaitly.errors import (
    NeedsReview,
    NotAuthorised,
    Refusal,
    RunCancelled,
    RunConflict,
    UnknownApproval,
    UnknownRun,
    UnknownStep,
)
from awaitly.exceptions import RecordCorrupt, UnknownWorkflow
from awaitly.execution import Execution, execution_of, new_run
from awaitly.executor import Executor, as_it_is
from awaitly.ids import checked_name, new_run_id
from awaitly.journal import Decided, RunRecord, RunState
from awaitly.moves import Moved
from awaitly.picking import Eventful, always, editing, moved
from awaitly.reader import Reader
from awaitly.records import run_of
from awaitly.result import Err, Ok, Result
from awaitly.running import RunRefusal
from awaitly.saving import approvals_in, decision, difference, state_in, withdrawal
from awaitly.statuses import RunStatus
from awaitly.store import Found, Move, RunRow, Store
from awaitly.workflow import Invocation, Workflow

__all__ = ["CancelRefusal", "Orchestrator"]

T = TypeVar("T")
E = TypeVar("E")

_AT_ONCE = 1_000
CancelRefusal: TypeAlias = UnknownRun | UnknownApproval | NotAuthorised | RunRefusal
"""Why a run was not cancelled."""


class Orchestrator(Reader):
    """Starts runs, takes decisions and lets runs go on, over a store. Use it as `async with Orchestrator(...)`.

    `workflows` are those that this process can run; deciding and listing need none. `lease` is how long a run stays
    with a process that died before another may take it over; it is renewed while the run executes. The orchestrator
    opens the store and closes it.
    """

    def __init__(
        self, store: Store, *, workflows: Iterable[Workflow[..., Any, Any]] = (), lease: Duration = "30s"
    ) -> None:
        super().__init__(store)
        self._executor = Executor(store, workflows, as_timedelta(lease))
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the store."""
        await self._store.open()
        self._renewing = asyncio.create_task(self._executor.renew_leases())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
        await self._store.close()

    # Running

    async def start(
        self, invocation: Invocation[T, E], *, run_id: str | None = None, requested_by: By | None = None
    ) -> Execution[T, E]:
        """Run a workflow here and now, until it ends or parks. An id is made where none is given.

        The same id with the same arguments gives the run that there is; with others, `RunConflict`. `requested_by` says
        on whose behalf, for the rule that nobody approves what they asked for.
        """
        now = await self._now()
        run = new_run(invocation, run_id, requested_by, now, self._executor.lease_from(now))
        execution = await self._executor.go(invocation.workflow, Move.START, None, Moved(RunState(run)))
        return await self._existing(invocation, run.run_id) if execution is None else execution

    async def _existing(self, invocation: Invocation[T, E], run_id: str) -> Execution[T, E]:
        """Give the run that already has the id of a start."""
        found = await self._store.load(run_id)
        if found.run is not None and run_of(found.run).digest != invocation.digest:
            other = f"the id belongs to a start of {found.run.workflow!r} with other arguments; choose another id"
            return execution_of(invocation.workflow, state_in(found, found.run), RunConflict(run_id, other))
        execution: Execution[Any, Any] = await self.resume(run_id, invocation.workflow)
        return execution

    @overload
    async def resume(self, run_id: str) -> Execution[Any, Any]: ...
    @overload
    async def resume(self, run_id: str, workflow: Workflow[..., T, E]) -> Execution[T, E | UnknownRun]: ...
    async def resume(self, run_id: str, workflow: Workflow[..., Any, Any] | None = None) -> Execution[Any, Any]:
        """Go on with a run that was decided, or that lost its process; a run that still waits says so again.

        Naming the workflow types the result. Of many that resume at once one executes; the others get its outcome or
        `RunConflict`. Raises `UnknownWorkflow` where this orchestrator was not given the run's workflow.
        """
        return await self._executor.take(run_id, workflow, Move.CLAIM, as_it_is)

    @overload
    async def retry(self, run_id: str) -> Execution[Any, Any]: ...
    @overload
    async def retry(self, run_id: str, workflow: Workflow[..., T, E]) -> Execution[T, E | UnknownRun]: ...
    async def retry(self, run_id: str, workflow: Workflow[..., Any, Any] | None = None) -> Execution[Any, Any]:
        """Try a run again that failed or was set aside: its recorded steps and its approvals are kept.

        The step whose error ended it runs again. A rejection stays a rejection.
        """
        return await self._executor.take(run_id, workflow, Move.RETRY, moves.retry)

    async def fork(self, run_id: str, *, before: str, new_id: str | None = None) -> Execution[Any, Any]:
        """Start a new run that has the steps of another which were recorded before the step or approval `before`.

        No decision goes along: what needed an approval is asked again. Where the answer then differs, the copied steps
        that came after it no longer fit, and the new run says `WorkflowChanged`.
        """
        found = await self._store.load(run_id)
        if found.run is None:
            return Execution(run_id, None, Err(UnknownRun(run_id)))
        state = state_in(found, found.run)
        keys = [step.key for step in state.steps]
        if before not in keys:
            return Execution(run_id, state.run.status, Err(UnknownStep(run_id, before, tuple(keys))), (), state)
        copied = tuple(s for s in state.steps[: keys.index(before)] if not isinstance(s.recorded, Decided))
        now = from_micros(found.now)
        lease = self._executor.lease_from(now)
        run = RunRecord(
            run_id=new_run_id() if new_id is None else checked_name("a run id", new_id),
            workflow=state.run.workflow,
            code_version=state.run.code_version,
            arguments=state.run.arguments,
            digest=state.run.digest,
            created_at=now,
            updated_at=now,
            status=RunStatus.RUNNING,
            requested_by=state.run.requested_by,
            lease=lease,
            due_at=lease.until,
            forked_from=run_id,
        )
        workflow = self._executor.workflow_of(found.run)
        execution = await self._executor.go(workflow, Move.FORK, None, Moved(RunState(run, copied)))
        if execution is None:
            taken = RunConflict(run.run_id, "the id of the fork is taken; choose another")
            return Execution(run.run_id, None, Err(taken))
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
                try:
                    executions.append(await self.resume(run_id))
                except UnknownWorkflow:
                    continue
        return tuple(executions)

    async def wait(self, run_id: str, *, timeout: Duration | None = None) -> Execution[Any, Any]:
        """Wait until a run has ended, wherever it runs, and give it; at the `timeout`, give it as it then stands."""
        limit = None if timeout is None else time.monotonic() + as_timedelta(timeout).total_seconds()
        pause = 0.005
        while True:
            found = await self._store.load(run_id)
            if found.run is None:
                return Execution(run_id, None, Err(UnknownRun(run_id)))
            state = state_in(found, found.run)
            if state.run.status.ended or (limit is not None and time.monotonic() >= limit):
                return execution_of(self._executor.workflow_of(found.run), state)
            await asyncio.sleep(pause if limit is None else max(0.0, min(pause, limit - time.monotonic())))
            pause = min(pause * 1.5, 0.5)

    # Deciding

    @overload
    async def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    async def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
    ) -> Result[Execution[T, E], Refusal]: ...
    async def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
    ) -> Result[Any, Refusal]:
        """Vote yes. `key` may be left out where only one approval waits.

        `revision` and `digest` say what was seen; a decision on anything else is `StaleRevision`. With `resume` (the
        run's workflow) the run goes on at once, here, and the result is its `Execution`: the decision and the claim of
        the run are then one commit.
        """
        event = Approve(as_actor(by), Shown(revision=revision, digest=digest))
        return await self._decide(run_id, key, always(event), resume)

    @overload
    async def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    async def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
    ) -> Result[Execution[T, E], Refusal]: ...
    async def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
    ) -> Result[Any, Refusal]:
        """Vote no. `key` may be left out where only one approval waits; the rest is as in `approve`."""
        event = Reject(as_actor(by), reason, Shown(revision=revision, digest=digest))
        return await self._decide(run_id, key, always(event), resume)

    @overload
    async def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    async def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
    ) -> Result[Execution[T, E], Refusal]: ...
    async def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
    ) -> Result[Any, Refusal]:
        """Change what is proposed; where one approval suffices, that decides. `InvalidEdit` changes nothing.

        The rest is as in `approve`.
        """
        shown = Shown(revision=revision, digest=digest)
        return await self._decide(run_id, key, editing(value, as_actor(by), shown, self._executor.reader_of), resume)

    async def _decide(
        self, run_id: str, key: str | None, event: Eventful, resume: Workflow[..., Any, Any] | None
    ) -> Result[Any, Refusal]:
        """Decide; many decisions on one run take turns within this process, instead of refusing one another."""
        if resume is not None:
            return await self._decide_now(run_id, key, event, resume)
        turn = self._turns.get(run_id) or self._turns.setdefault(run_id, asyncio.Lock())
        async with turn:
            return await self._decide_now(run_id, key, event, None)

    async def _decide_now(
        self, run_id: str, key: str | None, event: Eventful, resume: Workflow[..., Any, Any] | None
    ) -> Result[Any, Refusal]:
        """Load, decide, commit; where somebody else came first, look again: they may have decided otherwise."""
        while True:
            found = await (self._store.approvals(run_id) if resume is None else self._store.load(run_id))
            approvals = approvals_in(found)
            match moved(run_id, approvals, key, event, from_micros(found.now)):
                case Err(refusal):
                    return Err(refusal)
                case Ok(transition):
                    pass
            if resume is not None and found.run is not None:
                execution = await self._decide_and_go(resume, state_in(found, found.run, approvals), transition, found)
                if execution is not None:
                    return Ok(execution)
            elif not transition.changed:
                return Ok(Decision(transition.approval, replayed=True))
            elif isinstance(await self._store.commit(decision(found, transition)), Ok):
                return Ok(Decision(transition.approval))

    async def _decide_and_go(
        self, workflow: Workflow[..., Any, Any], state: RunState, transition: Transition, found: Found
    ) -> Execution[Any, Any] | None:
        """Go on with a run as if the decision stood, and write it with the claim; None where somebody was quicker.

        Where the run cannot go on (more votes are needed, it runs elsewhere, its code has changed) the decision is
        written alone.
        """
        now = from_micros(found.now)
        after = transition.approval
        decided = state.but(approvals=tuple(after if a.key == after.key else a for a in state.approvals))
        match moves.claim(decided, self._executor.lease_from(now), now):
            case Ok(taken):
                facts = (*transition.facts, *taken.facts)
                execution = await self._executor.go(workflow, Move.DECIDE, state, Moved(taken.state, facts))
                if execution is None or execution.state is not state:
                    return execution
            case Err(RunConflict() | NeedsReview() as refusal):
                execution = execution_of(workflow, decided, refusal)
            case Err(_):
                execution = execution_of(workflow, decided)
        if transition.changed and isinstance(await self._store.commit(decision(found, transition)), Err):
            return None
        return execution

    async def cancel(
        self, run_id: str, key: str | None = None, reason: str | None = None, *, by: By
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run from outside, and withdraw what it asks. `key` may name the question that prompts it.

        Only whoever requested the run, or an actor with the role `admin`, may do this where a requester is known.
        """
        while True:
            found = await self._store.load(run_id)
            if found.run is None:
                return Err(UnknownRun(run_id))
            try:
                state = state_in(found, found.run)
            except RecordCorrupt:
                return await self._cancel_damaged(found, found.run, as_actor(by), reason)
            if key is not None and key not in {a.key for a in state.approvals}:
                return Err(UnknownApproval(run_id, key, tuple(a.key for a in state.approvals)))
            match moves.cancel(state, as_actor(by), reason, from_micros(found.now)):
                case Err(refusal):
                    return Err(refusal)
                case Ok(cancelled):
                    changes, after = difference(Move.CANCEL, state, cancelled.state, cancelled.facts)
            if cancelled.state is state or isinstance(await self._store.commit(changes), Ok):
                return Ok(RunCancelled(run_id, as_actor(by).name, after.run.reason))

    async def _cancel_damaged(
        self, found: Found, row: RunRow, by: Actor, reason: str | None
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run whose records do not decode."""
        if ADMIN not in by.roles:
            needs = f"the role {ADMIN!r}, because its records are damaged and nobody knows who requested it"
            return Err(NotAuthorised(row.run_id, "", by.name, needs))
        if isinstance(await self._store.commit(withdrawal(found, row, by, reason)), Err):
            return Err(RunConflict(row.run_id, "it has just moved; look again"))
        return Ok(RunCancelled(row.run_id, by.name, reason))

    async def _now(self) -> datetime:
        return from_micros(await self._store.now())
