"""Composing a delivery: what a notice says, read from how things stand when it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from awaitly.approval import Approval
from awaitly.channels import Delivery, Resolution
from awaitly.differing import edits_of
from awaitly.eligibility import who_may
from awaitly.journal import RunRecord
from awaitly.notices import Notice

__all__ = ["composed", "receipt_for"]


def composed(notice: Notice, run: RunRecord, approval: Approval | None, receipt: str | None, now: datetime) -> Delivery:
    """Give what a channel is to send."""
    return Delivery(
        id=notice.id,
        kind=notice.kind,
        at=notice.at,
        made_at=now,
        run_id=notice.run_id,
        workflow=run.workflow,
        event=notice.event,
        approval=None if approval is None else approval.view(),
        resolution=None if approval is None or approval.pending else _resolution(approval, run),
        audience=() if approval is None or not approval.pending else _audience(approval),
        to=notice.to,
        changes=() if approval is None else edits_of(approval),
        reason=run.reason if approval is None else None,
        receipt=receipt,
    )


def receipt_for(notice: Notice, others: Iterable[Notice]) -> str | None:
    """Give the last receipt of the channel for the same approval."""
    earlier = [n for n in others if (n.channel, n.about) == (notice.channel, notice.about) and n.receipt is not None]
    return max(earlier, key=lambda n: n.number).receipt if earlier else None


def _resolution(approval: Approval, run: RunRecord) -> Resolution:
    closing = approval.closing
    if closing is None:  # superseded: nobody closed it
        return Resolution(approval.status, run.updated_at)
    return Resolution(approval.status, closing.at, closing.by, closing.reason)


def _audience(approval: Approval) -> tuple[str, ...]:
    return tuple(dict.fromkeys(grant for grants in who_may(approval) for grant in grants or ()))
