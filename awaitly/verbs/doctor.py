"""The doctor: replays every run that is to go on, dry, against today's code. Nothing is written and nothing begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from enum import Enum, unique

from attrs import field, mutable

from awaitly.durations import from_micros, to_micros
from awaitly.errors import WorkflowChanged
from awaitly.exceptions import RecordCorrupt, UnknownWorkflow
from awaitly.ids import SCHEDULES
from awaitly.replaying.execution import Ending, Finished, Later, Misfit, Waits, drive
from awaitly.replaying.host import Host
from awaitly.replaying.line import SCOPE, park
from awaitly.replaying.replay import Entered, Journal
from awaitly.replaying.signals import FencedOut, Parked
from awaitly.result import Err, Ok
from awaitly.runs import moves
from awaitly.runs.salvage import listed
from awaitly.runs.saving import state_in
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import Lease, Raised, RunRecord, RunState, Step, Wait
from awaitly.storage.store import RunQuery, RunRow, Store
from awaitly.values import frozen
from awaitly.working.executor import Executor

__all__ = ["Diagnosis", "Doctor", "Verdict"]

_GOING_ON = (
    RunStatus.PARKED,
    RunStatus.QUEUED,
    RunStatus.RUNNING,
    RunStatus.NEEDS_REVIEW,
    RunStatus.SCHEDULED,
)
_PAGE = 200
_PATIENCE = 10.0
"""Seconds after which a workflow that waits for something of its own is left."""
_TURNS = 8
"""Turns of the loop in which nothing new is come past: the other lines of control are where they stay."""


@unique
class Verdict(Enum):
    """What the doctor says of a run."""

    FITS = "fits"
    DRIFTED = "drifted"
    UNKNOWN_WORKFLOW = "unknown_workflow"
    UNKNOWN_VERSION = "unknown_version"
    DAMAGED = "damaged"
    NEEDS_REVIEW = "needs_review"
    STALLED = "stalled"

    @property
    def misfits(self) -> bool:
        """Whether today's code cannot go on with the run, and code that can was to be kept."""
        return self in {Verdict.DRIFTED, Verdict.UNKNOWN_WORKFLOW, Verdict.UNKNOWN_VERSION}


@frozen
class Diagnosis:
    """One run, or one schedule, and how it gets on with today's code.

    `detail` says in words what is wrong, `change` where exactly the run has drifted. `overdue` is for how long the run
    could have gone on and has not, where that is longer than the grace.
    """

    run_id: str
    workflow: str
    version: str
    status: RunStatus
    verdict: Verdict
    detail: str = ""
    change: WorkflowChanged | None = None
    overdue: timedelta | None = None

    @property
    def schedule(self) -> str | None:
        """The name of the schedule that it is about; None where it is about a run."""
        return self.run_id.removeprefix(SCHEDULES) if self.status is RunStatus.SCHEDULED else None

    @property
    def subject(self) -> str:
        """Say which run, or which schedule, of which workflow it is about."""
        what = f"run {self.run_id}" if self.schedule is None else f"schedule {self.schedule}"
        return f"{what} of {self.workflow}"

    def __str__(self) -> str:
        """Say it on one line."""
        what = f"{self.subject}: {self.verdict.value.replace('_', ' ')}"
        return f"{what}: {self.detail}" if self.detail else what


@frozen
class _Finding:
    """A verdict, with its reason."""

    verdict: Verdict
    detail: str = ""
    change: WorkflowChanged | None = None


_FITS = _Finding(Verdict.FITS)


@frozen
class Doctor:
    """Looks at the runs of a store with the code of an executor. It begins nothing and writes nothing."""

    store: Store
    executor: Executor
    grace: timedelta
    patience: float = _PATIENCE

    async def look(self, workflow: str | None, since: timedelta | None) -> AsyncGenerator[Diagnosis]:
        """Go through all runs that are to go on, of one workflow or of all; `since` leaves out what began before.

        Raises `UnknownWorkflow` where no workflow of that name is here, and none of the runs is of it.
        """
        met = workflow is None or workflow in self.executor.names
        async for diagnosis in self._looked(workflow, since):
            met = True
            yield diagnosis
        if workflow is not None and not met:
            known = ", ".join(map(repr, self.executor.names)) or "none"
            msg = f"no workflow is called {workflow!r}, and no run that is to go on is of one; there are: {known}"
            raise UnknownWorkflow(msg, workflow)

    async def _looked(self, workflow: str | None, since: timedelta | None) -> AsyncGenerator[Diagnosis]:
        statuses = tuple(status.value for status in _GOING_ON)
        earliest = None if since is None else to_micros(from_micros(await self.store.now()) - since)
        after: str | None = None
        while True:
            query = RunQuery(workflow=workflow, statuses=statuses, limit=_PAGE, after=after)
            page = await self.store.page_runs(query)
            for row in page.items:
                if earliest is not None and row.created_at < earliest:
                    return
                diagnosis = await self._diagnosed(row)
                if diagnosis is not None:
                    yield diagnosis
            if page.after is None:
                return
            after = page.after

    async def _diagnosed(self, row: RunRow) -> Diagnosis | None:
        """Give what is to be said of a run; None where it is in somebody's hands or is over."""
        if not _is_to_go_on(listed(row), None):
            return None
        found = await self.store.load(row.run_id)
        now = from_micros(found.now)
        if found.run is None:
            return None
        run = listed(found.run)
        if not _is_to_go_on(run, now):
            return None
        try:
            state = state_in(found, found.run)
        except RecordCorrupt as exc:
            state, made = RunState(run), _Finding(Verdict.DAMAGED, exc.reason)
        else:
            made = await self._finding(found.run, state, now)
        ready = moves.ready_since(state, now)
        overdue = None if ready is None or now - ready <= self.grace else now - ready
        kept = run.run_id, run.workflow, run.code_version, run.status
        return Diagnosis(*kept, made.verdict, made.detail, made.change, overdue)

    async def _finding(self, row: RunRow, state: RunState, now: datetime) -> _Finding:
        if state.run.status is RunStatus.NEEDS_REVIEW:
            return _Finding(Verdict.NEEDS_REVIEW, state.run.reason or "it was set aside")
        if not self.executor.knows(row):
            return self._unknown(state.run)
        if not state.run.begun:
            change = self.executor.arguments_misfit(state.run)
            return _FITS if change is None else _drifted(change)
        match moves.claim(state, Lease("the doctor", now), now):
            case Ok(taken) if taken.state.run.status is RunStatus.NEEDS_REVIEW:
                return _Finding(Verdict.NEEDS_REVIEW, taken.state.run.reason or "it would be set aside")
            case Ok(taken):
                return await self._rehearsed(row, taken.state, now, waits=not _has_news(state, taken.state, now))
            case Err(_):
                return await self._rehearsed(row, state, now, waits=True)

    def _unknown(self, run: RunRecord) -> _Finding:
        versions = ", ".join(map(repr, self.executor.versions_of(run.workflow)))
        if not versions:
            return _Finding(Verdict.UNKNOWN_WORKFLOW, f"no workflow is called {run.workflow!r}")
        here = f"the version {run.code_version!r} of {run.workflow!r} is not there, only {versions}"
        return _Finding(Verdict.UNKNOWN_VERSION, here)

    async def _rehearsed(self, row: RunRow, state: RunState, now: datetime, *, waits: bool) -> _Finding:
        """Drive a run's code up to where it would begin something; `waits`: nothing has come, so it is to wait on."""
        journal = _rehearsal_of(state, now)
        host = Host(lambda: now, timedelta(0), asks=False)
        driving = asyncio.ensure_future(drive(self.executor.workflow_of(row), state.run, journal, host))
        try:
            await asyncio.wait([driving], timeout=self.patience)
        finally:
            stopped = driving.cancel()
        if stopped:
            await asyncio.wait([driving], timeout=self.patience)
        ending = None if stopped or driving.cancelled() else driving.result()
        return _judged(journal, state.run, ending, waits=waits)


def _is_to_go_on(run: RunRecord, now: datetime | None) -> bool:
    """Whether a run is not over; one that executes is left to whoever has it, until its lease is over."""
    match run.status:
        case RunStatus.RUNNING:
            return now is None or run.lease is None or run.lease.until <= now
        case status:
            return not status.ended


def _has_news(before: RunState, taken: RunState, now: datetime) -> bool:
    """Whether something has come that a run is to go on with, but for what its system of record would say."""
    return (
        before.run.status is not RunStatus.PARKED
        or len(taken.steps) > len(before.steps)
        or any(message.unread for message in before.messages)
        or any(wait.until is not None and wait.until <= now for wait in before.run.awaiting)
    )


# Replaying a run without its store


class _Nobody:
    """Refuses to begin."""

    async def record(self, steps: Sequence[Step], entered: Entered | None = None) -> None:  # noqa: ARG002  (as Recorder)
        """Refuse."""
        raise FencedOut("a rehearsal records nothing")

    async def launch(self, child: RunRecord) -> RunRecord | None:
        """Refuse."""
        raise FencedOut(child.run_id)


@mutable(eq=False)
class _Rehearsal(Journal):
    """Goes over what a run did, and no further: a line of control that would begin something new waits there.

    The others first go as far as they can: what they come past is recorded, whatever the order of the lines was.
    """

    at: datetime = field(kw_only=True)
    reached: bool = field(default=False, init=False)

    async def settle(self) -> None:
        """Let a line of control wait instead of beginning something."""
        await self._come_to_rest()
        self.reached = True
        self.parked[""] = Wait("", "", WaitKind.TIMER, self.at)
        raise park(SCOPE.get(), Parked(()))

    async def _come_to_rest(self) -> None:
        turns = 0
        while turns < _TURNS:
            before = len(self.visited)
            await asyncio.sleep(0)
            turns = turns + 1 if len(self.visited) == before else 0

    def passed_over(self) -> str | None:
        """Give the first thing recorded that the code went past without coming to it; None where there is nothing.

        What was called and is not awaited yet may still come, and so may what a task of the workflow's own does.
        """
        places = {key: place for place, key in self._by_place.items()}
        left = (key for key in self.unvisited() if key not in self.called)
        return next((key for key in left if not _in_own_task(places.get(key, ""))), None)


def _in_own_task(place: str) -> bool:
    return any(part.startswith("t") for part in place.split("/"))


def _rehearsal_of(state: RunState, now: datetime) -> _Rehearsal:
    return _Rehearsal(
        run_id=state.run.run_id,
        found=state.steps,
        approvals=state.approvals,
        recorder=_Nobody(),
        by_step=False,
        awaiting={wait.key: wait for wait in state.run.awaiting},
        messages=state.messages,
        at=now,
    )


def _judged(journal: _Rehearsal, run: RunRecord, ending: Ending | None, *, waits: bool) -> _Finding:
    """Say how a rehearsal went, by its ending: none where it came to no end in time."""
    match ending:
        case Misfit(change):
            return _drifted(change)
        case None if not journal.reached:
            return _Finding(Verdict.STALLED, "its code came to no rest: outside of steps it may only wait for its run")
        case Finished() | Later() if waits:
            key = next(iter((*run.waits, *(wait.key for wait in run.awaiting))), run.workflow)
            return _drifted(WorkflowChanged(run.run_id, key, "a wait", f"an end instead{_said(ending)}"))
        case None | Waits() | Finished(Raised(), None):
            missed = journal.passed_over()
            found = f"nothing there{_said(ending)}"
            return _FITS if missed is None else _drifted(WorkflowChanged(run.run_id, missed, repr(missed), found))
        case _:
            return _FITS


def _said(ending: Ending | None) -> str:
    match ending:
        case Finished(Raised(error)):
            return f" ({error.kind}: {error.message})"
        case _:
            return ""


def _drifted(change: WorkflowChanged) -> _Finding:
    where = f"at {change.key!r} it recorded {change.recorded}, and today's code has {change.found}"
    return _Finding(Verdict.DRIFTED, where, change)
