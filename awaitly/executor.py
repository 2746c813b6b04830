"""Executing runs: take one, drive its workflow, park or end it, and keep the lease meanwhile."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import copy
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

from awaitly import moves
from awaitly.approval import Approval
from awaitly.durations import from_micros
from awaitly.errors import NeedsReview, RunConflict, UnknownRun
from awaitly.exceptions import DefinitionError, RecordCorrupt, StoreError, UnknownWorkflow
from awaitly.execution import Execution, drive, execution_of
from awaitly.journal import Lease, RunState
from awaitly.moves import Moved, StillWaiting
from awaitly.records import quarantined, released
from awaitly.replay import Journal
from awaitly.result import Err, Ok, Result
from awaitly.running import RunRefusal
from awaitly.saving import state_in
from awaitly.signals import FencedOut
from awaitly.statuses import RunStatus
from awaitly.store import Changes, Move, RunRow, Store
from awaitly.tenure import Tenure
from awaitly.workflow import Workflow

__all__ = ["Executor", "Prepare", "as_it_is"]

T = TypeVar("T")
E = TypeVar("E")

Prepare: TypeAlias = Callable[[RunState, datetime], Result[Moved, RunRefusal]]
"""A move that comes before the claim, in the same commit."""


def as_it_is(state: RunState, _: datetime) -> Result[Moved, RunRefusal]:
    """Claim the run as it is."""
    return Ok(Moved(state))


class Executor:
    """Executes runs of some workflows over a store, each under a lease of a given length."""

    def __init__(self, store: Store, workflows: Iterable[Workflow[..., Any, Any]], lease: timedelta) -> None:
        self._store = store
        self._workflows: dict[str, Workflow[..., Any, Any]] = {}
        for one in workflows:
            if one.name in self._workflows:
                msg = f"two workflows are called {one.name!r}: give one of them another name"
                raise DefinitionError(msg)
            self._workflows[one.name] = one
        self._lease = lease
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._tenures: dict[Tenure, Journal] = {}

    def on(self, store: Store) -> Executor:
        """Give an executor of the same runs and leases over the same rows, reached by another way."""
        other = copy(self)
        other._store = store  # noqa: SLF001  (its own)
        return other

    async def take(
        self,
        run_id: str,
        workflow: Workflow[..., Any, Any] | None,
        move: Move,
        prepare: Prepare,
    ) -> Execution[Any, Any]:
        """Load a run, take it and go on, again and again while others get in between."""
        while True:
            found = await self._store.load(run_id)
            if found.run is None:
                return Execution(run_id, None, Err(UnknownRun(run_id)))
            known = workflow or self.workflow_of(found.run)
            try:
                state = state_in(found, released(found.run) if move is Move.RETRY else found.run)
            except RecordCorrupt as exc:
                return await self._set_aside(found.run, exc)
            match self._taken(state, prepare, from_micros(found.now)):
                case Err(RunConflict() | NeedsReview() as refusal):
                    return execution_of(known, state, refusal)
                case Err(_):
                    return execution_of(known, state)
                case Ok(taken):
                    execution = await self.go(known, move, state, taken)
                    if execution is not None:
                        return execution

    def _taken(self, state: RunState, prepare: Prepare, now: datetime) -> Result[Moved, RunRefusal | StillWaiting]:
        match prepare(state, now):
            case Ok(prepared):
                return moves.claim(prepared.state, self.lease_from(now), now)
            case Err(refusal):
                return Err(refusal)

    async def go(
        self, workflow: Workflow[..., T, E], move: Move, before: RunState | None, taken: Moved
    ) -> Execution[T, E] | None:
        """Execute a run until it ends or parks; None where somebody else was quicker and all is as they left it."""
        tenure = Tenure(self._store, move, before, taken, self._lease)
        if taken.state.run.status is not RunStatus.RUNNING:
            return await self._give_up(workflow, tenure)
        by_step = workflow.durability == "step"
        journal = Journal(tenure.run_id, taken.state.steps, taken.state.approvals, tenure, by_step)
        self._tenures[tenure] = journal
        try:
            ending = await drive(workflow, taken.state.run, journal, _clock_from(taken.state.run.updated_at))
            match await tenure.finish(ending, await journal.stop()):
                case Ok(state):
                    return execution_of(workflow, state)
                case Err(interruption):
                    return execution_of(workflow, tenure.state, interruption)
        except FencedOut:
            return None
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            await asyncio.shield(self._release(tenure, journal))
            raise
        finally:
            del self._tenures[tenure]

    @staticmethod
    async def _give_up(workflow: Workflow[..., T, E], tenure: Tenure) -> Execution[T, E] | None:
        try:
            return execution_of(workflow, await tenure.give_up())
        except FencedOut:
            return None

    @staticmethod
    async def _release(tenure: Tenure, journal: Journal) -> None:
        with suppress(FencedOut, StoreError):  # the lease ends by itself
            await tenure.release(await journal.stop())

    async def _set_aside(self, row: RunRow, damage: RecordCorrupt) -> Execution[Any, Any]:
        """Quarantine a run whose records do not decode: it is kept as it is, and its neighbours go on."""
        review = Err(NeedsReview(row.run_id, str(damage)))
        if row.status != RunStatus.NEEDS_REVIEW.value:
            aside = quarantined(row, str(damage), await self._store.now())
            await self._store.commit(Changes(move=Move.REVIEW, runs=(aside,)))
        return Execution(row.run_id, RunStatus.NEEDS_REVIEW, review)

    def workflow_of(self, row: RunRow) -> Workflow[..., Any, Any]:
        """Give the code of a run; raises `UnknownWorkflow` where it was not given to this executor."""
        try:
            return self._workflows[row.workflow]
        except KeyError:
            known = ", ".join(self._workflows) or "none"
            msg = f"run {row.run_id!r} needs the workflow {row.workflow!r}; this orchestrator was given {known}"
            raise UnknownWorkflow(msg) from None

    def reader_of(self, approval: Approval) -> Callable[[str], Any] | None:
        """Give how the content of an approval is read as a typed value, where this process has met its question."""
        workflow = self._workflows.get(approval.workflow)
        return None if workflow is None else workflow.readers.get((approval.key, approval.schema))

    def lease_from(self, now: datetime) -> Lease:
        """Give a lease that begins now, by the store's clock."""
        return Lease(self._holder, now + self._lease)

    async def _now(self) -> datetime:
        return from_micros(await self._store.now())

    async def renew_leases(self) -> None:
        """Put off the ends of the leases of all runs that execute here, for as long as they do."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            for tenure, journal in list(self._tenures.items()):
                with suppress(StoreError):  # the next turn tries again, and until the lease ends nothing is lost
                    await tenure.renew()
                if tenure.fenced:
                    journal.close(FencedOut(tenure.run_id))


def _clock_from(base: datetime) -> Callable[[], datetime]:
    """Give a clock that goes on from a time of the store's: the store is not asked again for each step."""
    start = time.monotonic()
    return lambda: base + timedelta(seconds=time.monotonic() - start)
