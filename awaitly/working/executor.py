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

from attrs import evolve

from awaitly.approvals.approval import Approval
from awaitly.approvals.notices import review
from awaitly.changing import changed
from awaitly.durations import from_micros
from awaitly.errors import ConflictReason, NeedsReview, RunConflict, UnknownRun, WorkflowChanged
from awaitly.exceptions import DefinitionError, RecordCorrupt, StoreError, UnknownWorkflow
from awaitly.ids import SCHEDULES
from awaitly.observing import NOBODY, Leaving, Observers
from awaitly.replaying.execution import Execution, drive, execution_of, journal_of, other_arguments, other_code
from awaitly.replaying.host import INLINE, Host
from awaitly.replaying.signals import FencedOut
from awaitly.replaying.workflow import Workflow
from awaitly.result import Err, Ok, Result
from awaitly.runs import moves
from awaitly.runs.moves import Moved, StillWaiting
from awaitly.runs.running import RunRefusal
from awaitly.runs.salvage import listed, standing
from awaitly.runs.saving import difference, state_in
from awaitly.runs.witness import Witness, tell_chimed, tell_set_aside
from awaitly.statuses import RunStatus
from awaitly.storage.asked import loaded
from awaitly.storage.journal import Lease, RunRecord, RunState
from awaitly.storage.records import quarantined, released, row_of_notice, run_of, version_of
from awaitly.storage.store import Changes, Clocked, Found, Move, RunRow, Store
from awaitly.values import frozen
from awaitly.working.errands import Errands
from awaitly.working.looks import Looks
from awaitly.working.mailbox import keeping
from awaitly.working.ringing import ring
from awaitly.working.roster import Roster
from awaitly.working.tenure import Tenure

__all__ = ["AGAIN", "AS_IT_IS", "Executor", "Take", "as_damaged", "left_alone", "under_review"]

T = TypeVar("T")
E = TypeVar("E")

Versions: TypeAlias = dict[str, Workflow[..., Any, Any]]
"""The workflows of one name by their versions, in the order in which they were given."""

Prepare: TypeAlias = Callable[[RunState, datetime], Result[Moved, RunRefusal]]
"""A move that comes before the claim, in the same commit."""


def _as_it_is(state: RunState, _: datetime) -> Result[Moved, RunRefusal]:
    return Ok(Moved(state))


@frozen
class Take:
    """How a run is to be taken: why, and by which move before the claim.

    `wary`: one that others may have died of is claimed in a commit of its own, before any of its code runs.
    `progressed` is called whenever steps are recorded.
    """

    move: Move = Move.CLAIM
    prepare: Prepare = _as_it_is
    wary: bool = True
    progressed: Callable[[], None] | None = None


AS_IT_IS = Take()
AGAIN = Take(Move.RETRY, moves.retry)


class Executor:
    """Executes runs of some workflows over a store, each under a lease of a given length.

    `host` is what the workflows are given; the store's clock takes the place of its own.
    """

    def __init__(
        self,
        store: Store,
        workflows: Iterable[Workflow[..., Any, Any]],
        lease: timedelta,
        inline: timedelta = INLINE,
        observers: Observers = NOBODY,
        channels: Iterable[str] = (),
    ) -> None:
        self._store = store
        self.channels = tuple(channels)
        self._workflows: dict[str, Versions] = {}
        for one in workflows:
            versions = self._workflows.setdefault(one.name, {})
            if one.version in versions:
                msg = f"two workflows are called {one.name!r} and are version {one.version!r}: name one of them anew"
                raise DefinitionError(msg)
            versions[one.version] = one
        self.lease = lease
        self._clock = _clock_of(store)
        self.host = Host(inline=inline) if self._clock is None else Host(self._clock, inline)
        self.observers = observers
        self._errands = Errands(store, observers)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.roster = Roster(lease)

    def on(self, store: Store) -> Executor:
        """Give an executor of the same runs and leases over the same rows, reached by another way."""
        other = copy(self)
        other._store, other._errands = store, Errands(store, self.observers)  # noqa: SLF001  (its own)
        return other

    async def take(
        self,
        run_id: str,
        workflow: Workflow[..., Any, Any] | None,
        take: Take,
    ) -> Execution[Any, Any]:
        """Load a run, take it and go on, again and again while others get in between.

        A schedule whose tick has come gives way to the run that comes of it.
        """
        looks, told = Looks(), False
        while True:
            found = looks.again(await loaded(self._store, run_id))
            if found.run is None:
                return Execution(run_id, None, Err(UnknownRun(run_id)))
            row = released(found.run) if take.move is Move.RETRY else found.run
            try:
                state = state_in(found, row)
            except RecordCorrupt as exc:
                return await self.set_aside(workflow or self.workflow_of(row), found.run, exc, take.move)
            now = from_micros(found.now)
            if not told and (chimed := moves.chime(state, now)) is not None:
                told = await self._chimed(state, chimed, now)
                continue
            known = workflow or self.workflow_of(row)
            if run_id.startswith(SCHEDULES):
                came = await self._rung(known, state, now)
            else:
                came = await self._gone_on(known, take, found.run, state, now)
            if not isinstance(came, str):
                return came
            run_id = came

    async def _chimed(self, state: RunState, chimed: Moved, now: datetime) -> bool:
        """Write what time has brought to a run's questions, for which its code is not needed; False for a conflict.

        That is done once for each time that a run is taken: with reminders that follow each other faster than they are
        written, there would be no end of it.
        """
        changes, after = difference(Move.REMIND, state, chimed.state, chimed.facts)
        if isinstance(await self._store.commit(changes), Err):  # whoever was quicker may have done it
            return False
        for before, told in zip(state.approvals, after.approvals, strict=True):
            tell_chimed(self.observers, before, told, now)
        return True

    async def _rung(
        self, workflow: Workflow[..., Any, Any], state: RunState, now: datetime
    ) -> Execution[Any, Any] | str:
        """Ring a schedule: gives the id to go on with, or why there is none."""
        other = other_code(workflow, state.run)
        if other is not None:
            return execution_of(workflow, state, other)
        match await ring(self._store, state.run, now, self.observers):
            case Ok(run_id):
                return run_id
            case Err(refusal):
                return execution_of(workflow, state, refusal)

    async def _gone_on(
        self, workflow: Workflow[..., Any, Any], take: Take, row: RunRow, state: RunState, now: datetime
    ) -> Execution[Any, Any] | str:
        """Take a run and go on with it; gives its id where somebody got in between."""
        await self._errands.run(state)
        if await self._errands.reach(state):
            return state.run.run_id
        match self._taken(take, state, now):
            case Err(RunConflict(reason=ConflictReason.RESUMABLE) as refusal):  # others go on, with what it was told
                return execution_of(workflow, state, refusal)
            case Err(RunConflict() | NeedsReview() as refusal):
                await self._put_away(row, state)
                return execution_of(workflow, state, refusal)
            case Err(_):
                await self._put_away(row, state)
                return execution_of(workflow, state)
            case Ok(taken):
                wary = take.wary and take.move is Move.CLAIM and moves.worn(state, self.lease, now)
                execution = await self.go(workflow, take.move, state, taken, wary=wary, progressed=take.progressed)
                return state.run.run_id if execution is None else execution

    async def _put_away(self, row: RunRow, state: RunState) -> None:
        """Let what a run was told call nobody where the run is over, was set aside, or goes on at a later time."""
        unread = [message for message in state.messages if message.unread]
        if unread and state.run.status is not RunStatus.RUNNING:
            looked_at = (changed(message, version=message.version + 1) for message in moves.read(tuple(unread)))
            await self._store.commit(keeping(row, *looked_at))  # whoever moved it meanwhile looks again

    def _taken(self, take: Take, state: RunState, now: datetime) -> Result[Moved, RunRefusal | StillWaiting]:
        match take.prepare(state, now):
            case Ok(prepared):
                return moves.claim(prepared.state, self.lease_from(now), now, channels=self.channels)
            case Err(refusal):
                return Err(refusal)

    async def go(
        self,
        workflow: Workflow[..., T, E],
        move: Move,
        before: RunState | None,
        taken: Moved,
        claimed: Callable[[], None] | None = None,
        *,
        wary: bool = False,
        progressed: Callable[[], None] | None = None,
    ) -> Execution[T, E] | None:
        """Execute a run until it ends or parks; None where somebody else was quicker and all is as they left it.

        `claimed` is called once the run is taken: what `taken` says then stands in the store. `wary`: claim it first.
        `progressed` is called whenever steps are recorded.
        """
        with Witness(self.observers, before, taken.state) as witness:
            on_claim = witness.on_claim(claimed)
            tenure = Tenure(self._store, move, before, taken, self.lease, on_claim, self.observers, progressed)
            if self.roster.closing:
                return _given_back(workflow, tenure)
            if taken.state.run.status is not RunStatus.RUNNING:
                return await self._give_up(workflow, tenure)
            wary = wary and other_code(workflow, taken.state.run) is None
            return await self._execute(workflow, tenure, taken.state, witness, wary=wary)

    async def _execute(
        self, workflow: Workflow[..., T, E], tenure: Tenure, state: RunState, witness: Witness, *, wary: bool
    ) -> Execution[T, E] | None:
        by_step = workflow.durability == "step"
        journal = journal_of(state, tenure, by_step=by_step)
        with self.roster.entered(tenure, journal) as executing:
            try:
                if wary:
                    await tenure.reserve()
                ending = await drive(workflow, state.run, journal, self._host_from(state.run.updated_at, witness))
                executing.leave()
                match await tenure.finish(ending, await journal.stop()):
                    case Ok(state):
                        witness.saved(state)
                        await self._errands.run(state)
                        return execution_of(workflow, state)
                    case Err(interruption):
                        if isinstance(interruption, NeedsReview):
                            witness.set_aside()
                        witness.left(Leaving.GIVEN_BACK)
                        return execution_of(workflow, tenure.state, interruption)
            except FencedOut:
                witness.left(Leaving.TAKEN_AWAY)
                return None
            except StoreError:
                await tenure.relinquish()
                raise
            except (asyncio.CancelledError, KeyboardInterrupt):
                await executing.released()
                witness.left(Leaving.GIVEN_BACK)
                if not executing.absolved():
                    raise
                return _given_back(workflow, tenure)

    async def _give_up(self, workflow: Workflow[..., T, E], tenure: Tenure) -> Execution[T, E] | None:
        try:
            state = await tenure.give_up()
        except FencedOut:
            return None
        tell_set_aside(self.observers, tenure.run_id, workflow.name)
        return execution_of(workflow, state)

    async def set_aside(
        self, workflow: Workflow[..., Any, Any], row: RunRow, damage: RecordCorrupt, move: Move
    ) -> Execution[Any, Any]:
        """Quarantine a run whose records do not decode: it is kept as it is, and its neighbours go on.

        One that is over stays so; unless it is to be tried again, its outcome still counts.
        """
        if not standing(row).ended and row.status != RunStatus.NEEDS_REVIEW.value:
            aside = quarantined(row, str(damage), await self._store.now())
            at = from_micros(aside.updated_at)
            told = tuple(map(row_of_notice, review(row.run_id, aside.version, self.channels, at)))
            changes = Changes(move=Move.REVIEW, runs=(aside,), notices=told, wakes=bool(told))
            if isinstance(await self._store.commit(changes), Ok):
                tell_set_aside(self.observers, row.run_id, row.workflow)
        return under_review(row, damage) if move is Move.RETRY else as_damaged(workflow, row, damage)

    def workflow_of(self, row: RunRow) -> Workflow[..., Any, Any]:
        """Give the code of a run: of the version that it was recorded under where that is here, else any of its name.

        Raises `UnknownWorkflow` where none of its name was given to this executor.
        """
        versions = self._workflows.get(row.workflow)
        if versions is None:
            known = ", ".join(self._workflows) or "none"
            msg = f"run {row.run_id!r} needs the workflow {row.workflow!r}; this orchestrator was given {known}"
            raise UnknownWorkflow(msg, row.workflow)
        newest = next(reversed(versions.values()))
        return newest if len(versions) == 1 else versions.get(version_of(row) or "", newest)

    def knows(self, row: RunRow) -> bool:
        """Whether the code of a run is here, in the version that it was recorded under; a damaged one may be anyone's.

        Whoever works off runs leaves what it does not know to somebody who does.
        """
        versions = self._workflows.get(row.workflow, {})
        version = version_of(row)
        return version in versions or (version is None and bool(versions))

    @property
    def names(self) -> tuple[str, ...]:
        """Name the workflows that are here."""
        return tuple(self._workflows)

    @property
    def newest(self) -> dict[str, Workflow[..., Any, Any]]:
        """Give the workflows that are here by name, each in the version that was given last."""
        return {name: next(reversed(versions.values())) for name, versions in self._workflows.items()}

    def arguments_misfit(self, run: RunRecord) -> WorkflowChanged | None:
        """Say that the code here, of a run's own version, cannot read the run's arguments; None where it can."""
        versions = self._workflows.get(run.workflow, {})
        return other_arguments(versions[run.code_version], run) if run.code_version in versions else None

    def versions_of(self, name: str) -> tuple[str, ...]:
        """Name the versions of a workflow that are here."""
        return tuple(self._workflows.get(name, ()))

    def reader_of(self, approval: Approval) -> Callable[[str], Any] | None:
        """Give how the content of an approval is read as a typed value, where this process has met its question."""
        question = approval.key, approval.schema
        readers = (each.readers.get(question) for each in self._workflows.get(approval.workflow, {}).values())
        return next((reader for reader in readers if reader is not None), None)

    def _host_from(self, base: datetime, witness: Witness) -> Host:
        if self._clock is not None and not self.observers:
            return self.host  # which is the same for all
        seen = witness if self.observers else None
        return changed(self.host, clock=self._clock or _clock_from(base), witness=seen)

    async def now(self) -> int:
        """Give the time of the store's clock, in microseconds."""
        return await self._store.now()

    def lease_from(self, now: datetime) -> Lease:
        """Give a lease that begins now, by the store's clock."""
        return Lease(self._holder, now + self.lease)


def _given_back(workflow: Workflow[..., T, E], tenure: Tenure) -> Execution[T, E]:
    """Give a run as its caller sees it whose orchestrator was closed meanwhile."""
    why = "this orchestrator was closed meanwhile; resume it with another"
    conflict = RunConflict(tenure.run_id, ConflictReason.GIVEN_BACK, why)
    if not tenure.stored:
        return Execution(tenure.run_id, None, Err(conflict))
    return execution_of(workflow, tenure.state, conflict)


def under_review(row: RunRow, damage: RecordCorrupt) -> Execution[Any, Any]:
    """Answer that a person must look at a run, because its records do not decode."""
    return Execution(row.run_id, standing(row), Err(NeedsReview(row.run_id, str(damage))))


def as_damaged(workflow: Workflow[..., T, E], row: RunRow, damage: RecordCorrupt) -> Execution[T, E]:
    """Give a run whose records do not decode as its caller sees it: what it came to stands in its own record."""
    with suppress(RecordCorrupt):
        run = run_of(row)
        if run.status.ended:
            return evolve(execution_of(workflow, RunState(run)), state=None)
    return under_review(row, damage)


def left_alone(workflow: Workflow[..., T, E], found: Found, row: RunRow, refusal: RunConflict) -> Execution[T, E]:
    """Give a run that a call has nothing to do with, and say so."""
    try:
        return execution_of(workflow, state_in(found, row), refusal)
    except RecordCorrupt:
        return Execution(row.run_id, listed(row).status, Err(refusal))


def _clock_of(store: Store) -> Callable[[], datetime] | None:
    return (lambda: from_micros(store.clock_now())) if isinstance(store, Clocked) else None


def _clock_from(base: datetime) -> Callable[[], datetime]:
    """Give a clock that goes on from a time of the store's: the store is not asked again for each step."""
    start = time.monotonic()
    return lambda: base + timedelta(seconds=time.monotonic() - start)
