"""What one execution of a run tells the observers, from the commit that takes the run to the one that lets it go."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from awaitly.actors import SYSTEM_TIMEOUT
from awaitly.approvals.approval import Approval
from awaitly.approvals.eligibility import audience
from awaitly.approvals.ladder import level_of, tellings_between
from awaitly.logs import LOGGER, line
from awaitly.observing import (
    ApprovalDecided,
    ApprovalEscalated,
    ApprovalReminded,
    Leaving,
    Observers,
    RunEnqueued,
    RunFinished,
    RunLeft,
    RunParked,
    RunRetried,
    RunSetAside,
    RunStarted,
    RunTakenOver,
    StepEnded,
    StepOutcome,
    StepRetried,
    StepStarted,
)
from awaitly.result import Err, Result
from awaitly.statuses import RunStatus
from awaitly.storage.journal import Failed, Raised, RunRecord, RunState, Step

__all__ = ["StepWitness", "Witness", "tell_chimed", "tell_decided", "tell_ended", "tell_enqueued", "tell_set_aside"]


class Witness:
    """Tells of one execution, `with` which it is to be done; nothing is told of one that never took its run."""

    def __init__(self, observers: Observers, before: RunState | None, taken: RunState) -> None:
        self._observers = observers
        self._before = before
        self._taken = taken
        self._begun = time.monotonic()
        self._started = False
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Tell that it broke off, where nothing else was told."""
        self.left(Leaving.BROKEN_OFF)

    @property
    def _run(self) -> dict[str, Any]:
        run = self._taken.run
        number = 1 if self._before is None else self._before.run.version + 1
        return {"run_id": run.run_id, "workflow": run.workflow, "execution": number}

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    def on_claim(self, then: Callable[[], None] | None) -> Callable[[], None] | None:
        """Give what is to be called when the run is taken: `then` first, where there is such a thing."""
        if not self._observers:
            return then

        def claimed() -> None:
            if then is not None:
                then()
            self._claimed()

        return claimed

    def _claimed(self) -> None:
        if self._taken.run.status is not RunStatus.RUNNING:
            return
        self._started = True
        before = self._before
        resumed = before is not None and before.run.begun
        self._observers.tell(RunStarted(**self._run, resumed=resumed))
        if before is None:
            return
        if before.run.status is RunStatus.RUNNING:
            self._observers.tell(RunTakenOver(**self._run, recoveries=self._taken.run.recoveries))
        waited = {approval.key for approval in before.pending}
        for approval in self._taken.approvals:
            if approval.key in waited and approval.closing is not None and approval.closing.by == SYSTEM_TIMEOUT:
                tell_decided(self._observers, approval)

    def saved(self, state: RunState) -> None:
        """Tell that the run is parked, is over, or is to be tried again."""
        run = state.run
        if not self._may_tell():
            return
        if run.status is RunStatus.PARKED:
            awaiting = tuple((wait.kind, wait.key) for wait in run.awaiting)
            parked = RunParked(
                **self._run, seconds=self._seconds, approvals=run.waits, awaiting=awaiting, until=run.due_at
            )
            self._observers.tell(parked)
        elif run.status.ended:
            ended = RunFinished(**self._run, status=run.status, seconds=self._seconds, age=_age(run))
            self._observers.tell(ended)
        elif run.status is RunStatus.NEEDS_REVIEW:
            self._observers.tell(RunSetAside(**self._run, seconds=self._seconds))
        elif run.due_at is not None:
            failed = run.attempts - 1
            self._observers.tell(RunRetried(**self._run, seconds=self._seconds, attempt=failed, at=run.due_at))

    def set_aside(self) -> None:
        """Tell that a person must look at the run."""
        if self._may_tell():
            self._observers.tell(RunSetAside(**self._run, seconds=self._seconds))

    def left(self, reason: Leaving) -> None:
        """Tell that the run is left unfinished."""
        if self._may_tell():
            self._observers.tell(RunLeft(**self._run, seconds=self._seconds, reason=reason))

    def _may_tell(self) -> bool:
        """Whether the end of the execution is still to be told; from now on it is not."""
        first, self._over = self._started and not self._over, True
        return first

    def step(self, key: str, name: str) -> StepWitness:
        """Give the witness of one step."""
        return StepWitness(self._observers, {**self._run, "key": key, "name": name})


class StepWitness:
    """Tells of one step's body, `with` which it is to be run."""

    __slots__ = ("_begun", "_failed", "_observers", "_over", "_step")

    def __init__(self, observers: Observers, step: dict[str, Any]) -> None:
        self._observers = observers
        self._step = step
        self._begun = time.monotonic()
        self._failed = 0
        self._over = False

    def __enter__(self) -> Self:
        self._observers.tell(StepStarted(**self._step))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Tell that the body was interrupted, where nothing else was told."""
        if not self._over:
            self._tell(StepOutcome.INTERRUPTED, self._failed, None)

    def retried(self, attempt: int, pause: float) -> None:
        """Tell that an attempt failed."""
        self._failed = attempt
        self._observers.tell(StepRetried(**self._step, attempt=attempt, pause=pause))

    def ended(self, step: Step, result: Result[Any, Any]) -> None:
        """Tell how the body came out."""
        self._over = True
        match step.recorded:
            case Raised(error):
                self._tell(StepOutcome.RAISED, step.attempts, error.kind)
            case Failed():
                self._tell(StepOutcome.ERR, step.attempts, _name_of_error(result))
            case _:
                self._tell(StepOutcome.OK, step.attempts, None)

    def _tell(self, outcome: StepOutcome, attempts: int, error: str | None) -> None:
        seconds = time.monotonic() - self._begun
        ended = StepEnded(**self._step, outcome=outcome, seconds=seconds, attempts=attempts, error=error)
        self._observers.tell(ended)


def _name_of_error(result: Result[Any, Any]) -> str | None:
    match result:
        case Err(error):
            return type(error).__name__
        case _:
            return None


def _age(run: RunRecord) -> float:
    return (run.updated_at - run.created_at).total_seconds()


def tell_decided(observers: Observers, approval: Approval) -> None:
    """Tell of a decision; a vote that leaves its approval pending is none."""
    if observers and approval.closing is not None:
        closing = approval.closing
        decided = ApprovalDecided(
            run_id=approval.run_id,
            workflow=approval.workflow,
            key=approval.key,
            status=approval.status,
            by=closing.by.name,
            waited=(closing.at - approval.asked_at).total_seconds(),
        )
        observers.tell(decided)


def tell_chimed(observers: Observers, before: Approval, after: Approval, now: datetime) -> None:
    """Tell of what time has brought to an approval short of its deadline: levels that were told, and a reminder."""
    if after.handling is before.handling:
        return
    subject = {"run_id": after.run_id, "workflow": after.workflow, "key": after.key}
    waited = (now - after.asked_at).total_seconds()
    for rung in tellings_between(before, after):
        LOGGER.info(line("escalated", run=after.run_id, key=after.key, level=rung.level))
        if observers:
            to = after.policy.escalations[rung.level - 1].to
            escalated = ApprovalEscalated(**subject, level=rung.level, nth=rung.nth, to=to, waited=waited)
            observers.tell(escalated)
    if after.handling.reminded > before.handling.reminded:
        level = level_of(after)
        LOGGER.info(line("reminded", run=after.run_id, key=after.key, level=level))
        if observers:
            observers.tell(ApprovalReminded(**subject, level=level, to=audience(after), waited=waited))


def tell_ended(observers: Observers, run: RunRecord) -> None:
    """Tell that a run was ended from outside."""
    if observers:
        run_id, workflow, status = run.run_id, run.workflow, run.status
        ended = RunFinished(run_id=run_id, workflow=workflow, execution=None, status=status, seconds=0.0, age=_age(run))
        observers.tell(ended)


def tell_set_aside(observers: Observers, run_id: str, workflow: str) -> None:
    """Tell that a run was set aside before it was executed."""
    if observers:
        observers.tell(RunSetAside(run_id=run_id, workflow=workflow, execution=None, seconds=0.0))


def tell_enqueued(observers: Observers, run: RunRecord) -> None:
    """Tell that a run is in a queue."""
    if observers:
        enqueued = RunEnqueued(
            run_id=run.run_id,
            workflow=run.workflow,
            queue=run.queue,
            priority=run.priority,
            at=run.due_at,
            parent=run.parent,
        )
        observers.tell(enqueued)
