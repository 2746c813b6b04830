"""The desk where decisions are taken: each verb loads, decides by the pure tables, commits, returns."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

from awaitly import moves
from awaitly.actors import ADMIN, Actor
from awaitly.approval import Decision
from awaitly.deciding import Transition
from awaitly.durations import from_micros
from awaitly.errors import (
    DurabilityUnknown,
    NeedsReview,
    NotAuthorised,
    Refusal,
    RunCancelled,
    RunConflict,
    UnknownApproval,
    UnknownRun,
)
from awaitly.exceptions import CommitUnknown, RecordCorrupt
from awaitly.execution import Execution, execution_of
from awaitly.executor import Executor
from awaitly.journal import RunState
from awaitly.moves import Moved
from awaitly.picking import Eventful, moved
from awaitly.result import Err, Ok, Result
from awaitly.running import RunRefusal
from awaitly.saving import approvals_in, decision, difference, state_in, withdrawal
from awaitly.store import Found, Move, RunRow, Store
from awaitly.workflow import Workflow

__all__ = ["CancelRefusal", "Desk"]

CancelRefusal: TypeAlias = UnknownRun | UnknownApproval | NotAuthorised | RunRefusal
"""Why a run was not cancelled."""


class Desk:
    """Takes decisions on runs of a store, and cancels them; `executor` goes on with a run where that is wanted too."""

    def __init__(self, store: Store, executor: Executor) -> None:
        self._store = store
        self._executor = executor
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def decide(
        self, run_id: str, key: str | None, event: Eventful, resume: Workflow[..., Any, Any] | None
    ) -> Result[Any, Refusal]:
        """Decide; many decisions on one run take turns within this process, instead of refusing one another."""
        try:
            if resume is not None:
                return await self._decide_now(run_id, key, event, resume)
            turn = self._turns.get(run_id) or self._turns.setdefault(run_id, asyncio.Lock())
            async with turn:
                return await self._decide_now(run_id, key, event, None)
        except CommitUnknown as exc:
            return Err(DurabilityUnknown(run_id, str(exc)))

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
        self, run_id: str, key: str | None, reason: str | None, by: Actor
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run from outside, and withdraw what it asks. `key` may name the question that prompts it."""
        while True:
            found = await self._store.load(run_id)
            if found.run is None:
                return Err(UnknownRun(run_id))
            try:
                state = state_in(found, found.run)
            except RecordCorrupt:
                return await self._cancel_damaged(found, found.run, by, reason)
            if key is not None and key not in {a.key for a in state.approvals}:
                return Err(UnknownApproval(run_id, key, tuple(a.key for a in state.approvals)))
            match moves.cancel(state, by, reason, from_micros(found.now)):
                case Err(refusal):
                    return Err(refusal)
                case Ok(cancelled):
                    changes, after = difference(Move.CANCEL, state, cancelled.state, cancelled.facts)
            if cancelled.state is state or isinstance(await self._store.commit(changes), Ok):
                return Ok(RunCancelled(run_id, by.name, after.run.reason))

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
