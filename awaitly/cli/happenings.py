"""What happened to an approval, line by line: out of its ledger, but for what its own record says as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.redaction import BLANK
from awaitly.approvals.veil import Veil
from awaitly.cli.folding import excerpt
from awaitly.cli.human import day_and_time
from awaitly.cli.ledger import Told
from awaitly.cli.people import acting, listed
from awaitly.visible import visible

__all__ = ["by_channel", "happenings"]

_WORDS = {
    AuditEvent.SEEN: "seen",
    AuditEvent.CLAIMED: "claimed",
    AuditEvent.RELEASED: "released",
    AuditEvent.DELEGATED: "delegated",
    AuditEvent.REASSIGNED: "reassigned",
    AuditEvent.COMMENTED: "comment",
    AuditEvent.INQUIRED: "question",
    AuditEvent.ANSWERED: "answer",
    AuditEvent.REMINDED: "reminded",
    AuditEvent.ESCALATED: "escalated",
    AuditEvent.SPOOFED: "spoofed",
    AuditEvent.VOTED: "voted for it",
    AuditEvent.OPPOSED: "voted against it",
    AuditEvent.EDITED: "edited",
    AuditEvent.ASKED: "asked again",
}
_REMARKS = (AuditEvent.COMMENTED, AuditEvent.INQUIRED, AuditEvent.ANSWERED)
_COLLAPSING = (AuditEvent.SEEN, AuditEvent.REMINDED)


def by_channel(actor: Actor, channel: str | None) -> str:
    """Say by whom, for whom and by which channel."""
    return f" by {acting(actor)}{f' ({visible(channel)})' if channel else ''}"


def happenings(approval: Approval, ledger: Iterable[Told]) -> Iterator[tuple[datetime, str]]:
    """Give a line, with its time, for each entry of this approval that its record does not tell.

    What was said stands beside a question that waits, so it is not in its lines.
    """
    veil = Veil((approval,))
    own = [told for told in ledger if told.key == approval.key and told.event in _WORDS]
    meant = [told for number, told in enumerate(own) if not _is_told(approval, told, first=number == 0)]
    for event, group in groupby(meant, key=lambda told: told.event):
        several = list(group)
        if event in _COLLAPSING and len(several) > 1:
            yield several[-1].at, _collapsed(event, several)
        else:
            yield from ((told.at, _line(approval, told, veil)) for told in several)


def _is_told(approval: Approval, told: Told, *, first: bool) -> bool:
    """Whether the approval's own record says this too."""
    match told.event:
        case AuditEvent.ASKED:
            return first
        case AuditEvent.EDITED:
            return approval.edited is not None and told.revision == approval.revision
        case AuditEvent.VOTED | AuditEvent.OPPOSED:
            return any(vote.at == told.at for vote in approval.votes)
        case _:
            return False


def _collapsed(event: AuditEvent, several: list[Told]) -> str:
    last = day_and_time(several[-1].at)
    if event is AuditEvent.REMINDED:
        return f"reminded {len(several)} times, last {last}"
    names = dict.fromkeys(told.by.name if told.by else BLANK for told in several)
    return f"seen by {listed(names)}, last {last}"


def _line(approval: Approval, told: Told, veil: Veil) -> str:
    towards = "as" if told.event is AuditEvent.SPOOFED else "to"
    to = f" {towards} {listed(told.to, 'or')}" if told.to else f" to {BLANK}" if _lost_whom(told) else ""
    lost = told.without_people and told.event is not AuditEvent.ESCALATED  # which is nobody's doing
    by = by_channel(told.by, told.by.via) if told.by else f" by {BLANK}" if lost else ""
    revision = "" if told.event is not AuditEvent.EDITED else f" to revision {told.revision}"
    vote = told.event in (AuditEvent.VOTED, AuditEvent.OPPOSED)
    void = ", void since" if vote and told.revision < approval.revision else ""
    return f"{_WORDS[told.event]}{revision}{to}{by}, {day_and_time(told.at)}{void}{_text(approval, told, veil)}"


def _lost_whom(told: Told) -> bool:
    events = (AuditEvent.DELEGATED, AuditEvent.REASSIGNED, AuditEvent.ESCALATED)
    return told.without_people and told.event in events


def _text(approval: Approval, told: Told, veil: Veil) -> str:
    if told.event in _REMARKS and approval.pending:
        return ""
    if told.without_text:
        return f": {BLANK}"
    return f": {excerpt(visible(veil.text(told.reason)))}" if told.reason else ""
