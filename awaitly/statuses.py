"""The statuses of a run and of an approval: types, whose text appears in stores and on the command line alone."""

from __future__ import annotations

from enum import Enum, unique

__all__ = ["ApprovalStatus", "Priority", "RunStatus", "WaitKind"]


@unique
class RunStatus(Enum):
    """Where a run stands; `awaitly.runs.running` holds every move between these."""

    QUEUED = "queued"
    RUNNING = "running"
    PARKED = "parked"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_REVIEW = "needs_review"
    SCHEDULED = "scheduled"
    """No run: it stands for a schedule, and `awaitly.runs.schedules` holds its moves."""

    @property
    def ended(self) -> bool:
        """Whether the run is over and has an outcome."""
        return self in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)

    __hash__ = object.__hash__  # in C, where an Enum's own is not: every move is looked up in a table


@unique
class ApprovalStatus(Enum):
    """Where an approval stands; `awaitly.approvals.deciding` holds every move between these."""

    PENDING = "pending"
    APPROVED = "approved"
    EDITED = "edited"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    __hash__ = object.__hash__  # as above


@unique
class WaitKind(Enum):
    """What other than a decision a run can wait for."""

    TIMER = "timer"
    SIGNAL = "signal"
    PROMISE = "promise"
    CHILD = "child"
    RETRY = "retry"
    OUTCOME = "outcome"
    """What came of a call that may run at most once: known where it was recorded, else a person has to say."""


@unique
class Priority(Enum):
    """How soon a run that was enqueued begins, compared with others of its queue; one that has begun goes first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
