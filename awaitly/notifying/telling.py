"""What a notice says in words, for channels that show text: the same words in all of them, safe to show.

What was proposed stands apart from what the workflow says of it. Text that comes from data has its control, bidi and
invisible characters written out, and whatever is too long says how much is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeGuard

from awaitly.approvals.differing import ABSENT, Difference
from awaitly.approvals.notices import NoticeKind
from awaitly.errors import PendingApproval
from awaitly.notifying.channels import Delivery, Resolution
from awaitly.values import frozen
from awaitly.visible import clipped, shown, visible

__all__ = ["Telling", "telling"]

LONGEST, MOST = 2_000, 50
"""How many characters of a value, and how many members of a proposal, are told."""
_LONGEST_LINE = 300

_TITLES: Mapping[NoticeKind, str] = {
    NoticeKind.NEEDED: "Approval needed",
    NoticeKind.CHANGED: "Still waiting, with news",
    NoticeKind.REMINDER: "Still waiting",
    NoticeKind.ESCALATED: "Still waiting, now for others too",
    NoticeKind.RESOLVED: "Closed",
    NoticeKind.REVIEW: "Run needs review",
}


@frozen
class Telling:
    """A notice in words, each of them on one line and safe to show as plain text; markup is not escaped.

    `title` says what it is about. `facts` are pairs of a label and a text; `proposal` has the members of what is
    proposed, and `changes` what was edited of it: a path, and what it was and is.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    proposal: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str], ...] = ()


def telling(delivery: Delivery, *, longest: int = LONGEST, most: int = MOST) -> Telling:
    """Put a notice into words: at most `longest` characters of a value, and `most` members of what is proposed."""
    approval = delivery.approval
    if approval is None:
        title = f"{_TITLES[delivery.kind]}: {visible(delivery.workflow)}"
        return Telling(title, tuple(_facts_of_run(delivery, longest)))
    return Telling(
        f"{_heading(delivery)}: {clipped(visible(approval.summary), _LONGEST_LINE)}",
        tuple(_facts(delivery, approval, longest)),
        tuple(_cut(list(_members(approval.arguments, longest)), most)),
        tuple(_cut([_changed(each, longest) for each in delivery.changes], most)),
    )


def _heading(delivery: Delivery) -> str:
    if delivery.resolution is not None:
        return delivery.resolution.status.value.capitalize()
    return _TITLES[delivery.kind]


def _facts_of_run(delivery: Delivery, longest: int) -> Iterator[tuple[str, str]]:
    yield "Run", visible(delivery.run_id)
    if delivery.reason:
        yield "Why", clipped(visible(delivery.reason), longest)


def _facts(delivery: Delivery, approval: PendingApproval, longest: int) -> Iterator[tuple[str, str]]:
    yield "Run", f"{visible(approval.run_id)} ({visible(delivery.workflow)})"
    yield "Question", visible(approval.key)
    if approval.reason:
        yield "Reason given", clipped(visible(approval.reason), longest)
    if approval.requested_by:
        yield "Requested by", visible(approval.requested_by)
    if approval.edited_by:
        yield "Edited by", f"{visible(approval.edited_by)} (revision {approval.revision})"
    if delivery.resolution is None:
        yield from _waiting(delivery, approval)
    else:
        yield from _ended(delivery.resolution, longest)


def _waiting(delivery: Delivery, approval: PendingApproval) -> Iterator[tuple[str, str]]:
    if approval.policy:
        yield "Who decides", visible(approval.policy)
    if approval.votes:
        yield "Approved by", f"{', '.join(map(visible, approval.votes))} ({len(approval.votes)} of {approval.needs})"
    if approval.claimed_by:
        yield "Claimed by", visible(approval.claimed_by)
    if delivery.to:
        yield "Now asks", ", ".join(map(visible, delivery.to))
    if approval.deadline:
        yield "Until", _moment(approval.deadline)


def _ended(resolution: Resolution, longest: int) -> Iterator[tuple[str, str]]:
    by = f" by {visible(str(resolution.by.name))}" if resolution.by else ""
    yield "Outcome", f"{resolution.status.value}{by}, {_moment(resolution.at)}"
    if resolution.reason:
        yield "Because", clipped(visible(resolution.reason), longest)


def _members(value: Any, longest: int) -> Iterator[tuple[str, str]]:
    if not _is_object(value):
        yield "Proposed", clipped(shown(value), longest)
        return
    for name, each in value.items():
        yield clipped(visible(name), _LONGEST_LINE), clipped(shown(each), longest)


def _changed(difference: Difference, longest: int) -> tuple[str, str]:
    before, after = (_side(value, longest) for value in (difference.before, difference.after))
    return clipped(visible(difference.path), _LONGEST_LINE), f"{before} → {after}"


def _side(value: Any, longest: int) -> str:
    return "nothing" if value is ABSENT else clipped(shown(value), longest)


def _cut(rows: list[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    left = rows[most:]
    size = sum(len(name) + len(text) for name, text in left)
    return [*rows[:most], ("…", f"({len(left):,} more members, {size:,} more characters)")] if left else rows


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
