"""Composing a delivery: what a notice says, read from how things stand when it is sent."""

from __future__ import annotations

from collections.abc import Iterable

from awaitly.approvals.approval import Approval
from awaitly.approvals.differing import edits_of
from awaitly.approvals.eligibility import who_may
from awaitly.approvals.notices import Notice
from awaitly.approvals.redaction import scrubbed
from awaitly.durations import from_micros
from awaitly.notifying.channels import Delivery, Resolution, Undeliverable
from awaitly.runs.salvage import listed, salvaged
from awaitly.storage.journal import RunRecord
from awaitly.storage.records import approval_of, is_message
from awaitly.storage.store import Found

__all__ = ["composed"]


def composed(notice: Notice, found: Found, others: Iterable[Notice]) -> Delivery:
    """Give what a channel is to send; `others` are the notices of the run.

    Raises `Undeliverable` where the run or the approval is gone, `RecordCorrupt` where the approval does not decode.
    """
    if found.run is None:
        raise Undeliverable("its run is gone")
    run, approval = listed(found.run), _approval(notice, found)
    same = [each for each in others if (each.channel, each.about) == (notice.channel, notice.about)]
    return Delivery(
        id=notice.id,
        kind=notice.kind,
        at=notice.at,
        made_at=from_micros(found.now),
        run_id=notice.run_id,
        workflow=run.workflow,
        event=notice.event,
        approval=None if approval is None else approval.view(),
        resolution=None if approval is None or approval.pending else _resolution(approval, run),
        audience=() if approval is None else _audience(approval),
        to=notice.to,
        changes=() if approval is None else edits_of(approval),
        reason=_veiled(run.reason, salvaged(found, found.run).approvals) if approval is None else None,
        receipt=_receipt(notice, same),
        place=notice.place,
        told=_told(notice, same),
    )


def _receipt(notice: Notice, same: Iterable[Notice]) -> str | None:
    """Give the last receipt for the same from the same place, or from the channel before it had any."""
    earlier = [n for n in same if n.place in {notice.place, None} and n.receipt is not None]
    return max(earlier, key=lambda n: n.number).receipt if earlier else None


def _told(notice: Notice, same: Iterable[Notice]) -> tuple[str, ...]:
    """Name the places to which others about the same went, or are still to go."""
    others = (n for n in same if n.number != notice.number and not n.dead)
    return tuple(dict.fromkeys(n.place for n in others if n.place is not None))


def _approval(notice: Notice, found: Found) -> Approval | None:
    if notice.about is None:
        return None
    row = next((row for row in found.approvals if row.key == notice.about and not is_message(row)), None)
    if row is None:
        raise Undeliverable("its approval is gone")
    return approval_of(row)


def _veiled(text: str | None, approvals: Iterable[Approval]) -> str | None:
    """Blank in a text what approvals redact."""
    if text is None:
        return None
    for approval in approvals:
        if approval.redact:
            text = scrubbed(text, f"[{approval.proposal},{approval.content}]", approval.redact)
    return text


def _resolution(approval: Approval, run: RunRecord) -> Resolution:
    closing = approval.closing
    if closing is None:  # superseded: nobody closed it
        return Resolution(approval.status, run.updated_at)
    return Resolution(approval.status, closing.at, closing.by, _veiled(closing.reason, (approval,)))


def _audience(approval: Approval) -> tuple[str, ...]:
    return tuple(dict.fromkeys(grant for grants in who_may(approval) for grant in grants or ()))
