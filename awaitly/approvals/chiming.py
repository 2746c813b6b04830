"""Moves that time makes: the next level is told, whoever may decide is reminded, the deadline passes."""

from __future__ import annotations

from datetime import datetime

from awaitly.actors import SYSTEM_TIMEOUT
from awaitly.approvals.approval import Approval, Closing
from awaitly.approvals.audit import AuditEvent, Fact, fact
from awaitly.approvals.escalation import Rung
from awaitly.approvals.events import Chime, Expire
from awaitly.approvals.ladder import next_reminder, reminders_until, rungs_due, tellings
from awaitly.approvals.policy import OnExpiry
from awaitly.approvals.transition import Transition, closed
from awaitly.changing import changed
from awaitly.errors import Refusal
from awaitly.result import Ok, Result
from awaitly.statuses import ApprovalStatus

__all__ = ["chime", "climbed", "expire"]


def chime(a: Approval, _: Chime, now: datetime) -> Result[Transition, Refusal]:
    """Do what time has brought: climb every rung that is due, and remind once, however much was missed."""
    if a.deadline is not None and now >= a.deadline:
        return Ok(Transition(a))
    higher = climbed(a, now)
    reminder = next_reminder(a)
    if reminder is None or reminder > now:
        return Ok(higher)
    told = higher.approval
    handling = changed(told.handling, reminded=reminders_until(a, now), reminded_at=now)
    moved = changed(told, handling=handling, version=a.version + 1)
    return Ok(Transition(moved, (*higher.facts, fact(AuditEvent.REMINDED, moved, now))))


def climbed(a: Approval, now: datetime) -> Transition:
    """Give the approval with every rung told that is due: a new level may decide, and voids a claim."""
    due = rungs_due(a, now)
    if not due:
        return Transition(a)
    handling = changed(a.handling, told=a.handling.told + len(due), taken=None)
    moved = changed(a, handling=handling, version=a.version + 1)
    return Transition(moved, tuple(_told(moved, rung, now) for rung in tellings(due)))


def _told(a: Approval, rung: Rung, now: datetime) -> Fact:
    level = a.policy.escalations[rung.level - 1]
    again = f", for the {rung.nth}. time" if rung.nth > 1 else ""
    return fact(AuditEvent.ESCALATED, a, now, reason=f"level {rung.level}{again}", to=level.to)


def expire(a: Approval, _: Expire, now: datetime) -> Result[Transition, Refusal]:
    """Make of an unanswered approval what its policy says, at its deadline."""
    if a.deadline is None or now < a.deadline:
        return Ok(Transition(a))
    closing = Closing(SYSTEM_TIMEOUT, now, f"nobody decided by {a.deadline.isoformat(timespec='seconds')}")
    status, event = {
        OnExpiry.EXPIRE: (ApprovalStatus.EXPIRED, AuditEvent.EXPIRED),
        OnExpiry.REJECT: (ApprovalStatus.REJECTED, AuditEvent.REJECTED),
        OnExpiry.APPROVE: (ApprovalStatus.APPROVED, AuditEvent.APPROVED),
    }[a.policy.on_expiry]
    return Ok(closed(a, status, closing, event))
