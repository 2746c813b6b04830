"""What comes of an event: the moved approval, and what the ledger notes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval, Closing, Vote
from awaitly.approvals.audit import AuditEvent, Fact, fact
from awaitly.approvals.handling import Handling
from awaitly.changing import changed
from awaitly.errors import AlreadyDecided, Expired, Refusal
from awaitly.result import Ok, Result
from awaitly.statuses import ApprovalStatus
from awaitly.values import frozen

__all__ = ["Move", "Transition", "closed", "handled", "taken"]


@frozen
class Transition:
    """The moved approval and what the ledger notes. No facts: nothing changed, and nothing is to be written."""

    approval: Approval
    facts: tuple[Fact, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.facts)


Move: TypeAlias = Callable[[Approval, Any, datetime], Result[Transition, Refusal]]


def taken(a: Approval) -> Refusal:
    """Say that the approval has its one decision."""
    if a.status is ApprovalStatus.EXPIRED and a.deadline is not None:
        return Expired(a.run_id, a.key, a.deadline)
    if a.closing is None or a.status is ApprovalStatus.SUPERSEDED:
        return AlreadyDecided(a.run_id, a.key, a.status)
    return AlreadyDecided(a.run_id, a.key, a.status, a.closing.by.name, a.closing.at)


def closed(
    a: Approval, status: ApprovalStatus, closing: Closing, event: AuditEvent, votes: tuple[Vote, ...] | None = None
) -> Transition:
    """End the approval."""
    votes = a.votes if votes is None else votes
    moved = changed(a, status=status, closing=closing, votes=votes, version=a.version + 1)
    return Transition(moved, (fact(event, moved, closing.at, closing.by, closing.reason),))


def handled(
    a: Approval,
    handling: Handling,
    event: AuditEvent,
    at: datetime,
    by: Actor | None = None,
    reason: str | None = None,
    to: tuple[str, ...] = (),
    **changes: Any,
) -> Ok[Transition]:
    """Let the approval wait on, handled otherwise; `to` names those whom it concerns."""
    moved = changed(a, handling=handling, version=a.version + 1, **changes)
    return Ok(Transition(moved, (fact(event, moved, at, by, reason, to),)))
