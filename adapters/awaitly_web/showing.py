"""Approvals and decisions as the JSON that the API answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awaitly_web.core import Decision, PendingApproval

__all__ = ["plain_decision", "plain_pending"]


def plain_pending(pending: PendingApproval) -> Mapping[str, Any]:
    """Show an approval that waits; what is redacted stays so."""
    return {
        "run_id": pending.run_id,
        "key": pending.key,
        "workflow": pending.workflow,
        "summary": pending.summary,
        "arguments": pending.arguments,
        "revision": pending.revision,
        "digest": pending.digest,
        "asked_at": pending.asked_at.isoformat(),
        "deadline": pending.deadline.isoformat() if pending.deadline else None,
        "reason": pending.reason,
        "requested_by": pending.requested_by,
        "metadata": pending.metadata,
        "policy": pending.policy,
        "needs": pending.needs,
        "votes": list(pending.votes),
        "edited_by": pending.edited_by,
        "claimed_by": pending.claimed_by,
        "asks_requester": pending.asks_requester,
    }


def plain_decision(decision: Decision) -> Mapping[str, Any]:
    """Show what a verb did."""
    approval = decision.approval
    return {
        "run_id": approval.run_id,
        "key": approval.key,
        "status": approval.status.value,
        "revision": approval.revision,
        "replayed": decision.replayed,
    }
