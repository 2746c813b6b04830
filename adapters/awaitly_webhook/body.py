"""The body of a webhook: one JSON document for each notice, in ASCII."""

from __future__ import annotations

import json
from typing import Any

from awaitly import ABSENT, Delivery, Difference, NoticeKind, PendingApproval, Resolution, clipped

__all__ = ["LONGEST", "body_of"]

LONGEST = 128 * 1024
"""Characters of JSON that arguments, or changes, may take; beyond that their beginning goes along as a text."""


def body_of(delivery: Delivery) -> bytes:
    """Write a delivery as JSON; whatever is invisible or not ASCII stands there escaped."""
    subject = "run" if delivery.kind is NoticeKind.REVIEW else "approval"
    document = {
        "type": f"{subject}.{delivery.kind.value}",
        "timestamp": delivery.at.isoformat(),
        "data": _data(delivery),
    }
    return _written(document).encode("ascii")


def _data(delivery: Delivery) -> dict[str, Any]:
    return {
        "run_id": delivery.run_id,
        "workflow": delivery.workflow,
        "event": None if delivery.event is None else delivery.event.value,
        "reason": delivery.reason,
        "audience": list(delivery.audience),
        "to": list(delivery.to),
        "approval": None if delivery.approval is None else _approval(delivery.approval),
        "changes": _bounded("changes", [_change(each) for each in delivery.changes]),
        "resolution": None if delivery.resolution is None else _resolution(delivery.resolution),
    }


def _approval(approval: PendingApproval) -> dict[str, Any]:
    return {
        "key": approval.key,
        "revision": approval.revision,
        "digest": approval.digest,
        "summary": approval.summary,
        "reason": approval.reason,
        "arguments": _bounded("arguments", approval.arguments),
        "asked_at": approval.asked_at.isoformat(),
        "deadline": None if approval.deadline is None else approval.deadline.isoformat(),
        "requested_by": approval.requested_by,
        "policy": approval.policy,
        "needs": approval.needs,
        "votes": list(approval.votes),
        "edited_by": approval.edited_by,
        "claimed_by": approval.claimed_by,
    }


def _change(difference: Difference) -> dict[str, Any]:
    sides = {"before": difference.before, "after": difference.after}
    return {"path": difference.path} | {side: value for side, value in sides.items() if value is not ABSENT}


def _resolution(resolution: Resolution) -> dict[str, Any]:
    return {
        "status": resolution.status.value,
        "at": resolution.at.isoformat(),
        "by": None if resolution.by is None else resolution.by.name,
        "reason": resolution.reason,
    }


def _bounded(what: str, value: Any) -> Any:
    text = _written(value)
    return value if len(text) <= LONGEST else {"truncated": what, "text": clipped(text, LONGEST)}


def _written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
