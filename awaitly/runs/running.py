"""The table of a run: every legal move, from queued to its end.

`advance(run, event, now)` gives the moved record, or why not. It does no I/O and reads no clock. A pair of status and
event that `TABLE` does not have is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from awaitly.actors import ADMIN, Actor
from awaitly.changing import changed
from awaitly.errors import ConflictReason, NeedsReview, RunConflict, RunEnded
from awaitly.result import Err, Ok, Result
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import Lease, Recorded, Returned, RunRecord, Wait
from awaitly.values import frozen

__all__ = [
    "TABLE",
    "Again",
    "Cancel",
    "Claim",
    "End",
    "Note",
    "Park",
    "PutBack",
    "Release",
    "Requeue",
    "Review",
    "RunEvent",
    "RunRefusal",
    "Settle",
    "Told",
    "WaitOn",
    "advance",
]

MOST_RECOVERIES = 5
"""How often a run may be taken over without recording a step before it is set aside."""
_INNOCENT = 1
"""How often that may happen to a run that merely executed beside another which kills."""


@frozen
class Claim:
    """Somebody wants to execute the run under a lease, and tells people of it by `channels`; `steps` are recorded."""

    lease: Lease
    steps: int
    channels: tuple[str, ...] = ()


@frozen
class Park:
    """The run waits for approvals and for whatever else, at the latest until `due_at`."""

    waits: tuple[str, ...]
    due_at: datetime | None = None
    awaiting: tuple[Wait, ...] = ()


@frozen
class WaitOn:
    """The run waits on for what it waits for, and is to be looked at again at another time."""

    due_at: datetime | None


@frozen
class Note:
    """The run, while it executes, is to remember what it waits for, or is to try again; its lease begins anew."""

    awaiting: tuple[Wait, ...]
    lease: Lease


@frozen
class Again:
    """The workflow failed and is to be tried once more, at a time."""

    at: datetime
    reason: str


@frozen
class Told:
    """Those other runs that are to know of this one's end have been told."""


@frozen
class End:
    """The workflow is over with a result; `by` is the key of the step whose error ended it."""

    result: Recorded
    by: str | None = None


@frozen
class Release:
    """The holder gives the run back unfinished, because it shuts down."""


@frozen
class PutBack:
    """The holder has begun nothing: the run is to stand as it did `before` it was taken."""

    before: RunRecord


@frozen
class Cancel:
    """Somebody ends the run from outside."""

    by: Actor
    reason: str | None = None


@frozen
class Review:
    """Going on could do harm: set the run aside for a person."""

    reason: str


@frozen
class Settle:
    """A person has said what came of a call that may run at most once, and whose executor died in its midst."""

    call: str


@frozen
class Requeue:
    """Somebody wants a run that failed, or that was set aside, to be tried again."""


RunEvent: TypeAlias = (
    Claim | Park | WaitOn | Note | End | Again | Told | Release | PutBack | Cancel | Review | Settle | Requeue
)
RunRefusal: TypeAlias = RunConflict | RunEnded | NeedsReview
Move: TypeAlias = Callable[[RunRecord, Any, datetime], Result[RunRecord, RunRefusal]]


def advance(run: RunRecord, event: RunEvent, now: datetime) -> Result[RunRecord, RunRefusal]:
    """Move a run by an event at a time of the store's clock."""
    move = TABLE.get((run.status, type(event)))
    return Err(_illegal(run, event)) if move is None else move(run, event, now)


def _illegal(run: RunRecord, event: RunEvent) -> RunRefusal:
    if run.status.ended:
        return RunEnded(run.run_id, run.status)
    if run.status is RunStatus.NEEDS_REVIEW:
        return NeedsReview(run.run_id, run.reason or "it was set aside")
    impossible = f"it is {run.status.value} and cannot {type(event).__name__.lower()}"
    if isinstance(event, Requeue):
        impossible = f"it is {run.status.value}, and only a run that failed or was set aside can be tried again"
    return RunConflict(run.run_id, ConflictReason.WRONG_STATUS, impossible)


def _moved(run: RunRecord, status: RunStatus, now: datetime, **changes: Any) -> Result[RunRecord, RunRefusal]:
    """Give the next version: whatever belongs to one status only is cleared unless the move sets it."""
    cleared: dict[str, Any] = {"lease": None, "due_at": None, "waits": (), "reason": None, "by": None}
    return Ok(changed(run, status=status, version=run.version + 1, updated_at=now, **{**cleared, **changes}))


def _claim(run: RunRecord, event: Claim, now: datetime) -> Result[RunRecord, RunRefusal]:
    lease = event.lease
    changes: dict[str, Any] = {"lease": lease, "due_at": lease.until, "progress": event.steps, "recoveries": 0}
    changes.update(begun=True, channels=event.channels or run.channels)
    return _moved(run, RunStatus.RUNNING, now, **changes)


def _take_over(run: RunRecord, event: Claim, now: datetime) -> Result[RunRecord, RunRefusal]:
    if run.lease is not None and now < run.lease.until:
        held = f"{run.lease.holder}, lease until {run.lease.until.isoformat(timespec='seconds')}"
        return Err(RunConflict(run.run_id, ConflictReason.EXECUTING_ELSEWHERE, f"it runs elsewhere right now ({held})"))
    recoveries = run.recoveries + 1 if event.steps <= run.progress else 1
    if recoveries > MOST_RECOVERIES:
        reason = f"it was taken over {MOST_RECOVERIES} times from processes that died without recording a step"
        return _moved(run, RunStatus.NEEDS_REVIEW, now, reason=reason)
    lease = event.lease
    changes: dict[str, Any] = {"lease": lease, "due_at": lease.until, "progress": event.steps, "recoveries": recoveries}
    changes["channels"] = event.channels or run.channels
    return _moved(run, RunStatus.RUNNING, now, **changes)


def is_suspect(run: RunRecord, steps: int) -> bool:
    """Whether a run with so many steps was taken over more than once without recording one."""
    return run.status is RunStatus.RUNNING and run.recoveries > _INNOCENT and steps <= run.progress


def _park(run: RunRecord, event: Park, now: datetime) -> Result[RunRecord, RunRefusal]:
    return _moved(run, RunStatus.PARKED, now, waits=event.waits, awaiting=event.awaiting, due_at=event.due_at)


def _wait_on(run: RunRecord, event: WaitOn, now: datetime) -> Result[RunRecord, RunRefusal]:
    return Ok(changed(run, version=run.version + 1, updated_at=now, due_at=event.due_at))


def _note(run: RunRecord, event: Note, now: datetime) -> Result[RunRecord, RunRefusal]:
    lease = event.lease
    return _moved(run, RunStatus.RUNNING, now, awaiting=event.awaiting, lease=lease, due_at=lease.until)


def _end(run: RunRecord, event: End, now: datetime) -> Result[RunRecord, RunRefusal]:
    status = RunStatus.COMPLETED if isinstance(event.result, Returned) else RunStatus.FAILED
    due_at = _now_if_others_wait(run, (), now)
    return _moved(run, status, now, result=event.result, ended_by=event.by, awaiting=(), due_at=due_at)


def _again(run: RunRecord, event: Again, now: datetime) -> Result[RunRecord, RunRefusal]:
    """Its children go on meanwhile: that they are its own is kept, so that a cancellation reaches them."""
    children = tuple(changed(wait, attempts=0) for wait in run.awaiting if wait.kind is WaitKind.CHILD)
    changes = {"due_at": event.at, "reason": event.reason, "awaiting": children, "attempts": run.attempts + 1}
    return _moved(run, RunStatus.QUEUED, now, **changes)


def _told(run: RunRecord, _: Told, now: datetime) -> Result[RunRecord, RunRefusal]:
    return Ok(changed(run, version=run.version + 1, updated_at=now, due_at=None))


def _now_if_others_wait(run: RunRecord, awaiting: Iterable[Wait], now: datetime) -> datetime | None:
    """An end is not looked at again, unless another run is to be told of it: its parent, or its children."""
    children = any(wait.kind is WaitKind.CHILD for wait in awaiting)
    return now if children or run.parent is not None else None


def _release(run: RunRecord, _: Release, now: datetime) -> Result[RunRecord, RunRefusal]:
    return _moved(run, RunStatus.QUEUED, now, due_at=now)


def _put_back(run: RunRecord, event: PutBack, _: datetime) -> Result[RunRecord, RunRefusal]:
    """Nothing has happened to the run, so this is no time at which it was updated."""
    return Ok(changed(event.before, version=run.version + 1))


def _cancel(run: RunRecord, event: Cancel, now: datetime) -> Result[RunRecord, RunRefusal]:
    due_at = _now_if_others_wait(run, run.awaiting, now)
    return _moved(run, RunStatus.CANCELLED, now, by=event.by, reason=event.reason, due_at=due_at)


def _review(run: RunRecord, event: Review, now: datetime) -> Result[RunRecord, RunRefusal]:
    return _moved(run, RunStatus.NEEDS_REVIEW, now, reason=event.reason)


def _requeue(run: RunRecord, _: Requeue, now: datetime) -> Result[RunRecord, RunRefusal]:
    return _moved(run, RunStatus.QUEUED, now, due_at=now, result=None, ended_by=None, recoveries=0, attempts=1)


def _settle(run: RunRecord, event: Settle, now: datetime) -> Result[RunRecord, RunRefusal]:
    """Go on once nothing is left in doubt; until then the run stays set aside."""
    awaiting = tuple(wait for wait in run.awaiting if wait.key != event.call)
    if any(wait.kind is WaitKind.OUTCOME for wait in awaiting):
        return _moved(run, RunStatus.NEEDS_REVIEW, now, awaiting=awaiting, reason=run.reason)
    return _moved(run, RunStatus.QUEUED, now, awaiting=awaiting, due_at=now, recoveries=0)


_S = RunStatus
TABLE: Mapping[tuple[RunStatus, type], Move] = {
    (_S.QUEUED, Claim): _claim,
    (_S.QUEUED, Cancel): _cancel,
    (_S.QUEUED, Review): _review,
    (_S.RUNNING, Claim): _take_over,
    (_S.RUNNING, Park): _park,
    (_S.RUNNING, Note): _note,
    (_S.RUNNING, Again): _again,
    (_S.RUNNING, End): _end,
    (_S.RUNNING, Release): _release,
    (_S.RUNNING, PutBack): _put_back,
    (_S.RUNNING, Cancel): _cancel,
    (_S.RUNNING, Review): _review,
    (_S.PARKED, Claim): _claim,
    (_S.PARKED, WaitOn): _wait_on,
    (_S.PARKED, Cancel): _cancel,
    (_S.PARKED, Review): _review,
    (_S.COMPLETED, Told): _told,
    (_S.FAILED, Told): _told,
    (_S.CANCELLED, Told): _told,
    (_S.FAILED, Requeue): _requeue,
    (_S.NEEDS_REVIEW, Settle): _settle,
    (_S.NEEDS_REVIEW, Requeue): _requeue,
    (_S.NEEDS_REVIEW, Cancel): _cancel,
}


def may_cancel(run: RunRecord, actor: Actor) -> bool:
    """Whether this actor may cancel the run: who requested it, an admin, or anyone where nobody is known to have."""
    requester = run.requested_by
    if requester is None or ADMIN in actor.roles:
        return True
    return actor.person in (requester.name, requester.person) or actor.name == requester.name
