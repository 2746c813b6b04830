"""The desk where decisions are taken: each verb loads, decides by the pure tables, commits, returns."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from attrs import Factory, define

from awaitly.actors import ADMIN, Actor
from awaitly.approvals.approval import Approval, Decision
from awaitly.approvals.deciding import decide
from awaitly.approvals.events import Seated, Standing
from awaitly.approvals.transition import Transition
from awaitly.changing import changed
from awaitly.durations import from_micros
from awaitly.errors import (
    ConflictReason,
    DurabilityUnknown,
    Interruption,
    NeedsReview,
    NotAuthorised,
    Refusal,
    RunCancelled,
    RunConflict,
    RunEnded,
    UnknownApproval,
    UnknownRun,
    WorkflowChanged,
)
from awaitly.exceptions import CommitUnknown, RecordCorrupt
from awaitly.ids import SCHEDULES
from awaitly.observing import Observers
from awaitly.replaying.execution import Execution, execution_of
from awaitly.replaying.workflow import Workflow
from awaitly.result import Err, Ok, Result
from awaitly.runs import moves
from awaitly.runs.moves import Moved
from awaitly.runs.picking import Eventful, picked
from awaitly.runs.running import RunRefusal
from awaitly.runs.salvage import listed, standing
from awaitly.runs.saving import approvals_in, decision, difference, state_in, withdrawal
from awaitly.runs.standing import Standings, with_absences
from awaitly.runs.witness import tell_chimed, tell_decided, tell_ended
from awaitly.statuses import RunStatus
from awaitly.storage.asked import approvals_of, loaded
from awaitly.storage.journal import RunState
from awaitly.storage.records import head_of
from awaitly.storage.store import Changes, Found, Move, RunRow, Store
from awaitly.working.errands import Errands
from awaitly.working.executor import Executor
from awaitly.working.looks import Looks
from awaitly.working.turns import Turn, Turns

__all__ = ["CancelRefusal", "Desk"]

CancelRefusal: TypeAlias = UnknownRun | UnknownApproval | NotAuthorised | RunRefusal
"""Why a run was not cancelled."""


@define
class _Wish:
    """What somebody wants decided; `stands` once the store is known to have it."""

    run_id: str
    key: str | None
    event: Eventful
    resume: Workflow[..., Any, Any] | None
    restarts_clock: bool
    turn: Turn
    observers: Observers
    before: Approval | None = None
    now: datetime | None = None
    made: Transition | None = None
    stands: bool = False
    looks: Looks = Factory(Looks)

    def stand(self) -> None:
        """Note that it is written: whoever is next finds it decided, however long the run then takes."""
        self.stands = True
        self.turn.end()
        if self.before is not None and self.now is not None and self.made is not None and self.made.changed:
            tell_chimed(self.observers, self.before, self.made.approval, self.now)
            tell_decided(self.observers, self.made.approval)


class Desk:
    """Takes decisions on runs of a store, and cancels them; `executor` goes on with a run where that is wanted too."""

    def __init__(self, store: Store, executor: Executor, standings: Standings) -> None:
        self._store = store
        self._executor = executor
        self._standings = standings
        self._turns = Turns()

    async def decide(
        self,
        run_id: str,
        key: str | None,
        event: Eventful,
        resume: Workflow[..., Any, Any] | None = None,
        *,
        restarts_clock: bool = False,
    ) -> Result[Any, Refusal]:
        """Decide, and go on with the run where `resume` has its workflow.

        `restarts_clock`: something may become due sooner by this than the run says, and it is to be told.

        Many decisions on one run take turns within this process. A turn ends when the decision is written, which is
        before the run's next step begins.
        """
        with self._executor.roster.busy:
            async with self._turns.of(run_id) as turn:
                return await self._decided(
                    _Wish(run_id, key, event, resume, restarts_clock, turn, self._executor.observers)
                )

    async def _decided(self, wish: _Wish) -> Result[Any, Refusal]:
        try:
            while True:
                answer = await self._tried(wish)
                if answer is not None:
                    return answer
        except CommitUnknown as exc:
            if wish.stands:
                raise
            return Err(DurabilityUnknown(wish.run_id, str(exc)))

    async def _tried(self, wish: _Wish) -> Result[Any, Refusal] | None:
        """Load, decide, commit; None where somebody else came first: they may have decided otherwise."""
        look = loaded if wish.resume is not None or wish.restarts_clock else approvals_of
        found = wish.looks.again(await look(self._store, wish.run_id))
        try:
            approvals = approvals_in(found)
        except RecordCorrupt as exc:
            return Err(NeedsReview(wish.run_id, str(exc)))
        match await self._judged(wish, approvals, from_micros(found.now)):
            case Ok(transition):
                wish.made, wish.stands = transition, not transition.changed
            case Err(refusal):
                return Err(refusal)
        if wish.resume is None or found.run is None:
            made = Decision(transition.approval, replayed=not transition.changed)
            return Ok(made) if await self._written(wish, transition, decision(found, transition)) else None
        try:
            state = state_in(found, found.run, approvals)
        except RecordCorrupt as exc:
            if not await self._written(wish, transition, decision(found, transition)):
                return None
            return Ok(await self._executor.set_aside(wish.resume, found.run, exc, Move.DECIDE))
        execution = await self._going_on(wish, wish.resume, state, transition, found)
        return None if execution is None else Ok(execution)

    async def _judged(self, wish: _Wish, approvals: tuple[Approval, ...], now: datetime) -> Result[Transition, Refusal]:
        """Give what the table says of what is wanted; for whom the actor stands in is asked only where that matters."""
        match picked(wish.run_id, approvals, wish.key, now):
            case Ok(approval):
                wish.before, wish.now = approval, now
            case Err(unclear):
                return Err(unclear)
        match wish.event(approval):
            case Ok(event):
                pass
            case Err(misfit):
                return Err(misfit)
        if not isinstance(event, Seated):
            return decide(approval, event, now)
        if approval.rules:
            event = changed(event, standing=Standing(rules=await self._standings.rules_met(event.by, approval)))
        judged = decide(approval, event, now)
        if not isinstance(judged, Err) or not isinstance(judged.failure(), NotAuthorised):
            return judged
        absences = await self._standings.absences_for(event.by, now)
        return decide(approval, with_absences(event, absences), now) if absences else judged

    async def _going_on(
        self, wish: _Wish, workflow: Workflow[..., Any, Any], state: RunState, transition: Transition, found: Found
    ) -> Execution[Any, Any] | None:
        """Go on with a run as if the decision stood, and write it with the claim; None where somebody was quicker.

        Where the run cannot go on (more votes are needed, it runs elsewhere, its code has changed) the decision is
        written alone.
        """
        now = from_micros(found.now)
        after = transition.approval
        decided = state.but(approvals=tuple(after if a.key == after.key else a for a in state.approvals))
        left: Interruption | None = None
        match moves.claim(decided, self._executor.lease_from(now), now, channels=self._executor.channels):
            case Ok(taken):
                both = Moved(taken.state, (*transition.facts, *taken.facts))
                execution = await self._executor.go(workflow, Move.DECIDE, state, both, wish.stand)
                if execution is None or execution.state is not state:
                    return execution
                left = _reason(execution)
            case Err(RunConflict() | NeedsReview() as refusal):
                left = refusal
            case Err(_):
                pass
        changes = decision(found, transition)
        if not await self._written(wish, transition, changes):
            return None
        last = changes.entries[-1:]
        return execution_of(workflow, decided.but(head=head_of(last[0]) if last else state.head), left)

    async def _written(self, wish: _Wish, transition: Transition, changes: Changes) -> bool:
        """Write a decision alone, unless it stands already; False where somebody was quicker."""
        if transition.changed and isinstance(await self._store.commit(changes), Err):
            return False
        wish.stand()
        return True

    async def cancel(
        self, run_id: str, key: str | None, reason: str | None, by: Actor
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run from outside, and withdraw what it asks. `key` may name the question that prompts it."""
        looks = Looks()
        while True:
            found = looks.again(await loaded(self._store, run_id))
            if found.run is None:
                return Err(UnknownRun(run_id))
            if listed(found.run).status is RunStatus.SCHEDULED:
                return Err(_no_run(run_id))
            try:
                state = state_in(found, found.run)
            except RecordCorrupt:
                return await self._cancel_damaged(found, found.run, by, reason)
            if key is not None and key not in {a.key for a in state.approvals}:
                return Err(UnknownApproval(run_id, key, tuple(a.key for a in state.approvals)))
            match moves.cancel(state, by, reason, from_micros(found.now)):
                case Err(refusal):
                    return Err(refusal)
                case Ok(cancelled) if cancelled.state is state:
                    return Ok(RunCancelled(run_id, by.name, state.run.reason))
                case Ok(cancelled):
                    changes, after = difference(Move.CANCEL, state, cancelled.state, cancelled.facts)
            if isinstance(await self._store.commit(changes), Ok):
                tell_ended(self._executor.observers, after.run)
                await Errands(self._store, self._executor.observers).run(after)
                return Ok(RunCancelled(run_id, by.name, after.run.reason))

    async def _cancel_damaged(
        self, found: Found, row: RunRow, by: Actor, reason: str | None
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run whose records do not decode."""
        if standing(row).ended:
            return Err(RunEnded(row.run_id, standing(row)))
        if ADMIN not in by.roles:
            needs = f"the role {ADMIN!r}, because its records are damaged and nobody knows who requested it"
            return Err(NotAuthorised(row.run_id, "", by.name, needs))
        withdrawn = withdrawal(found, row, by, reason)
        if isinstance(await self._store.commit(withdrawn), Err):
            return Err(RunConflict(row.run_id, ConflictReason.MOVED, "it has just moved; look again"))
        tell_ended(self._executor.observers, listed(withdrawn.runs[0]))
        return Ok(RunCancelled(row.run_id, by.name, reason))


def _no_run(run_id: str) -> RunConflict:
    name = run_id.removeprefix(SCHEDULES)
    detail = f"it is no run but the schedule {name!r}; `awaitly unschedule` and `Orchestrator.unschedule` end that"
    return RunConflict(run_id, ConflictReason.WRONG_STATUS, detail)


def _reason(execution: Execution[Any, Any]) -> Interruption | None:
    """Say why a run was left alone."""
    match execution.result:
        case Err(WorkflowChanged() | RunConflict() as why):
            return why
        case _:
            return None
