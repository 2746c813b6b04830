"""What the tests of the approval's table share: a question, and short words for what is done to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from awaitly import Actor, Approval, Policy, Refusal
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.deciding import decide
from awaitly.approvals.events import Event
from awaitly.approvals.transition import Transition
from tests.support import error_of

__all__ = ["HOUR", "MINUTE", "NOW", "after", "asked", "facts_of", "moved", "refused"]

NOW = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def asked(policy: Policy | None = None, by: Actor | None = None, **members: Any) -> Approval:
    """Ask: refund 5, under a policy, for somebody."""
    rule = policy or Policy()
    deadline = None if rule.expires_in is None else NOW + rule.expires_in
    return Approval(
        run_id="r",
        key="manager",
        workflow="refund",
        place="0",
        operation="refund:manager",
        summary="Refund 5",
        proposal="5",
        schema='{"type":"integer"}',
        policy=rule,
        asked_at=NOW,
        deadline=deadline,
        requested_by=by,
        **members,
    )


def moved(approval: Approval, event: Event, at: datetime = NOW) -> Transition:
    """Give the transition of an event that is legal."""
    return decide(approval, event, at).unwrap()


def after(approval: Approval, *events: Event, at: datetime = NOW) -> Approval:
    """Move an approval by events that are all legal."""
    for event in events:
        approval = moved(approval, event, at).approval
    return approval


def refused(approval: Approval, event: Event, at: datetime = NOW) -> Refusal:
    """Give the refusal of an event."""
    refusal: Refusal = error_of(decide(approval, event, at))
    return refusal


def facts_of(transition: Transition) -> list[AuditEvent]:
    """Name what the ledger notes."""
    return [fact.event for fact in transition.facts]
