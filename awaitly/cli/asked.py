"""What stands below an approval in the timeline: what was proposed, who did what, how it ended."""

from __future__ import annotations

from datetime import datetime

from awaitly.approvals.approval import Approval, Vote
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.differing import ABSENT, Difference, edits_of
from awaitly.approvals.redaction import redacted
from awaitly.approvals.veil import Veil
from awaitly.cli.happenings import by_channel, happenings
from awaitly.cli.human import day_and_time
from awaitly.cli.ledger import Told, channel_of
from awaitly.statuses import ApprovalStatus
from awaitly.visible import shown, visible

__all__ = ["details_of", "differences_of", "vote_lines"]


def details_of(approval: Approval, ledger: tuple[Told, ...]) -> list[str]:
    """Say all that happened to an approval; of one that waits, what stands beside it is said elsewhere."""
    lines = [visible(approval.summary), f"proposed {shown(redacted(approval.proposal, approval.redact))}"]
    lines += _edited(approval, ledger)
    timed = list(happenings(approval, ledger))
    if not approval.pending:
        lines += [f"  {line}" for line in differences_of(approval)]
        if len(approval.votes) > 1:
            timed += vote_lines(approval, ledger)
    lines += [line for _, line in sorted(timed, key=lambda each: each[0])]
    return [*lines, *_ended(approval, ledger)]


def _edited(approval: Approval, ledger: tuple[Told, ...]) -> list[str]:
    if approval.edited is None or approval.editor is None:
        return []
    value = shown(redacted(approval.edited, approval.redact))
    noted = next((t for t in ledger if (t.key, t.event, t.revision) == _edit(approval)), None)
    at = approval.closing.at if approval.status is ApprovalStatus.EDITED and approval.closing else None
    at = at if noted is None else noted.at
    channel = None if noted is None or noted.by is None else noted.by.via
    return [f"edited to {value}{by_channel(approval.editor, channel)}{'' if at is None else f', {day_and_time(at)}'}"]


def _edit(approval: Approval) -> tuple[str, AuditEvent, int]:
    return approval.key, AuditEvent.EDITED, approval.revision


def vote_lines(approval: Approval, ledger: tuple[Told, ...]) -> list[tuple[datetime, str]]:
    """Say who voted, each with the time."""
    return [(vote.at, _vote(approval, vote, ledger)) for vote in approval.votes]


def _vote(approval: Approval, vote: Vote, ledger: tuple[Told, ...]) -> str:
    word = "yes" if vote.approves else "no"
    by = by_channel(vote.by, channel_of(ledger, approval.key, vote.by.name, vote.at))
    revision = "" if vote.revision == approval.revision else f", on revision {vote.revision}"
    return f"{word}{by}, {day_and_time(vote.at)}{revision}{_why(approval, vote.reason)}"


def differences_of(approval: Approval) -> list[str]:
    """Say field by field what was changed, where there are fields."""
    return [_difference(each) for each in edits_of(approval) if each.path != "$"]


def _difference(each: Difference) -> str:
    before = "nothing" if each.before is ABSENT else shown(each.before)
    after = "nothing" if each.after is ABSENT else shown(each.after)
    return f"{visible(each.path)}: {before} -> {after}"


def _ended(approval: Approval, ledger: tuple[Told, ...]) -> list[str]:
    closing = approval.closing
    if approval.pending or approval.status is ApprovalStatus.EDITED:
        return []
    if closing is None:
        return [approval.status.value]
    channel = channel_of(ledger, approval.key, closing.by.name, closing.at)
    who = "" if approval.status is ApprovalStatus.EXPIRED else by_channel(closing.by, channel)
    return [f"{approval.status.value}{who}, {day_and_time(closing.at)}{_why(approval, closing.reason)}"]


def _why(approval: Approval, reason: str | None) -> str:
    return f": {visible(Veil((approval,)).text(reason))}" if reason else ""
