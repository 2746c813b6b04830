"""Moves by which a question is looked at and talked about, and one that only notes who said to be somebody else."""

from __future__ import annotations

from datetime import datetime, timedelta

from awaitly.approvals.approval import Approval
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.eligibility import as_seated, is_involved, may_not, out_of_time, same_actor, seat_of
from awaitly.approvals.events import Answer, Comment, Inquire, See, Spoof
from awaitly.approvals.grants import names_somebody, person_of
from awaitly.approvals.handling import MOST_SPOOFED, Handling, Inquiry, Remark, RemarkKind
from awaitly.approvals.transition import Transition, handled
from awaitly.changing import changed
from awaitly.errors import NotAuthorised, NotPossible, Refusal
from awaitly.result import Err, Ok, Result

__all__ = ["answer", "comment", "inquire", "see", "spoof"]

LONGEST = 10_000
"""Characters of one remark."""
MOST = 500
"""Remarks on one approval."""
_MOST_NAMED = 10
"""People whom a spoofed request is noted to have named."""


def see(a: Approval, event: See, now: datetime) -> Result[Transition, Refusal]:
    """Note who has looked at which revision, once each."""
    look = (event.by.name, a.revision)
    if look in a.handling.seen:
        return Ok(Transition(a))
    return handled(a, changed(a.handling, seen=(*a.handling.seen, look)), AuditEvent.SEEN, now, event.by)


def spoof(a: Approval, event: Spoof, now: datetime) -> Result[Transition, Refusal]:
    """Note who said in a request to be somebody else, once for each person and revision; nothing else comes of it.

    Of what the request said only names are kept: anything else could be what the approval redacts.
    """
    once = (event.by.name, a.revision)
    if once in a.handling.spoofed or len(a.handling.spoofed) >= MOST_SPOOFED:
        return Ok(Transition(a))
    handling = changed(a.handling, spoofed=(*a.handling.spoofed, once))
    named = tuple(name for name in event.named if person_of(name) == name and names_somebody(name))[:_MOST_NAMED]
    said = f"the request said {', '.join(event.members)}"
    return handled(a, handling, AuditEvent.SPOOFED, now, event.by, said, named)


def comment(a: Approval, event: Comment, now: datetime) -> Result[Transition, Refusal]:
    """Say something beside the question."""
    barred = out_of_time(a, now) or _uninvolved(a, event)
    if barred is None and _is_last(a, RemarkKind.COMMENT, event):
        return Ok(Transition(a))
    refusal = barred or _unfit(a, event.text)
    if refusal is not None:
        return Err(refusal)
    by = as_seated(a, event.by, event.standing)
    handling = _said(a, Remark(RemarkKind.COMMENT, by, now, event.text))
    return handled(a, handling, AuditEvent.COMMENTED, now, by, event.text)


def inquire(a: Approval, event: Inquire, now: datetime) -> Result[Transition, Refusal]:
    """Ask the requester something; where the policy says so, time stands still until the answer."""
    seat = seat_of(a, event.by, event.standing)
    refusal = may_not(a, event, seat, now)
    open_one = a.handling.inquiry
    if refusal is None and open_one is not None:
        if _is_last(a, RemarkKind.QUESTION, event):
            return Ok(Transition(a))
        asked = f"{open_one.by.name} has asked something already, and there is no answer yet; comment on it instead"
        return Err(NotPossible(a.run_id, a.key, asked))
    refusal = refusal or _unfit(a, event.text)
    if refusal is not None:
        return Err(refusal)
    by = event.by if seat is None else seat.by
    stops = a.policy.questions_stop_clock
    inquiry = Inquiry(by, now, stops, a.deadline if stops else None)
    handling = changed(_said(a, Remark(RemarkKind.QUESTION, by, now, event.text)), inquiry=inquiry)
    deadline = None if stops else a.deadline
    return handled(a, handling, AuditEvent.INQUIRED, now, by, event.text, deadline=deadline)


def answer(a: Approval, event: Answer, now: datetime) -> Result[Transition, Refusal]:
    """Answer what was asked: by the requester, or an admin. Time goes on from where it stood still."""
    inquiry = a.handling.inquiry
    if inquiry is None and _is_last(a, RemarkKind.ANSWER, event):
        return Ok(Transition(a))
    if inquiry is None:
        return Err(NotPossible(a.run_id, a.key, "nobody has asked anything that could be answered; comment on it"))
    refusal = out_of_time(a, now) or _uninvolved(a, event) or _unfit(a, event.text, answers=True)
    if refusal is not None:
        return Err(refusal)
    handling = changed(_said(a, Remark(RemarkKind.ANSWER, event.by, now, event.text)), inquiry=None)
    if not inquiry.stops_clock:
        return handled(a, handling, AuditEvent.ANSWERED, now, event.by, event.text)
    stood = max(now - inquiry.at, timedelta())
    reminded_at = None if handling.reminded_at is None else handling.reminded_at + stood
    handling = changed(handling, stopped=handling.stopped + stood, reminded_at=reminded_at)
    deadline = None if inquiry.deadline is None else inquiry.deadline + stood
    return handled(a, handling, AuditEvent.ANSWERED, now, event.by, event.text, deadline=deadline)


def _said(a: Approval, remark: Remark) -> Handling:
    return changed(a.handling, remarks=(*a.handling.remarks, remark))


def _is_last(a: Approval, kind: RemarkKind, event: Comment | Inquire | Answer) -> bool:
    """Whether the same actor has just said the same: a repetition, because the answer to it was lost."""
    last = a.handling.remarks[-1] if a.handling.remarks else None
    return last is not None and (last.kind, last.text) == (kind, event.text) and same_actor(last.by, event.by)


def _uninvolved(a: Approval, event: Comment | Answer) -> NotAuthorised | None:
    if is_involved(a, event):
        return None
    requester = "whoever requested it" if a.requested_by is None else f"the requester {a.requested_by.name}"
    needs = f"{requester}, or an admin" if isinstance(event, Answer) else f"{requester}, or {a.policy.describe()}"
    return NotAuthorised(a.run_id, a.key, event.by.name, needs)


def _unfit(a: Approval, text: str, *, answers: bool = False) -> NotPossible | None:
    """Say what is wrong with a text. There is always room for an answer: time may stand still until it comes."""
    if not text.strip():
        return NotPossible(a.run_id, a.key, "there is nothing said: give it a text")
    if len(text) > LONGEST:
        return NotPossible(a.run_id, a.key, f"a remark has at most {LONGEST:,} characters, not {len(text):,}")
    if len(a.handling.remarks) >= MOST and not answers:
        return NotPossible(a.run_id, a.key, f"there are {MOST} remarks already, which is all that it holds")
    return None
