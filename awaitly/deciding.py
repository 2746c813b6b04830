"""The table of an approval: every legal move, and who may make it.

`decide(approval, event, now)` gives the moved approval with the facts for the ledger, or the refusal. It does no I/O
and reads no clock. A pair of status and event that `TABLE` does not have is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from attrs import frozen

from awaitly.actors import ADMIN, SYSTEM_TIMEOUT, Actor
from awaitly.approval import Approval, Closing, Vote, content_digest
from awaitly.audit import AuditEvent, Fact, fact
from awaitly.changing import changed
from awaitly.errors import (
    AlreadyDecided,
    EditorCannotApprove,
    Expired,
    NotAuthorised,
    Refusal,
    SelfApproval,
    StaleRevision,
)
from awaitly.policy import OnExpiry
from awaitly.result import Err, Ok, Result
from awaitly.statuses import ApprovalStatus

__all__ = [
    "TABLE",
    "Approve",
    "AskAgain",
    "Cancel",
    "Consume",
    "Edit",
    "Event",
    "Expire",
    "Observe",
    "Reject",
    "Shown",
    "Supersede",
    "Transition",
    "decide",
]


@frozen(kw_only=True)
class Shown:
    """What the actor saw: a revision, and the digest of its content; None where the actor does not say."""

    revision: int | None = None
    digest: str | None = None


UNSAID = Shown()


@frozen
class Approve:
    """Vote yes."""

    by: Actor
    shown: Shown = UNSAID


@frozen
class Edit:
    """Change the content to `content` (JSON text)."""

    by: Actor
    content: str
    shown: Shown = UNSAID


@frozen
class Reject:
    """Vote no."""

    by: Actor
    reason: str | None = None
    shown: Shown = UNSAID


@frozen
class Cancel:
    """Withdraw the question."""

    by: Actor
    reason: str | None = None


@frozen
class Expire:
    """The timer: what the deadline makes of an unanswered approval."""


@frozen
class Observe:
    """The user's own system of record has decided; the value that it gave stands in the run's journal."""

    by: Actor
    approves: bool
    reason: str | None = None


@frozen
class Supersede:
    """The engine: the run went on, or ended, without this approval."""

    reason: str


@frozen
class AskAgain:
    """The engine: a retried run comes back to a question that its failure had superseded."""

    question: Approval


@frozen
class Consume:
    """The engine: the run takes the decision up."""


Event: TypeAlias = Approve | Edit | Reject | Cancel | Expire | Observe | Supersede | AskAgain | Consume


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


def decide(approval: Approval, event: Event, now: datetime) -> Result[Transition, Refusal]:
    """Move an approval by an event at a time of the store's clock."""
    move = TABLE.get((approval.status, type(event)))
    return Err(_taken(approval)) if move is None else move(approval, event, now)


# What the moves check


def _refused(approval: Approval, event: Approve | Edit | Reject, now: datetime) -> Refusal | None:
    """Give the first reason for which a person's decision cannot be taken."""
    a = approval
    if a.deadline is not None and now >= a.deadline:
        return Expired(a.run_id, a.key, a.deadline)
    if a.external:
        return NotAuthorised(
            a.run_id, a.key, event.by.name, "a decision in the system of record that this approval asks"
        )
    if event.shown.revision not in (None, a.revision):
        return StaleRevision(a.run_id, a.key, f"revision {event.shown.revision}", a.revision)
    if event.shown.digest not in (None, a.digest):
        return StaleRevision(a.run_id, a.key, "content that differs", a.revision)
    return _ineligible(a, event)


def _ineligible(a: Approval, event: Approve | Edit | Reject) -> Refusal | None:
    allowed = a.policy.lets_edit if isinstance(event, Edit) else a.policy.lets_decide
    if not allowed(event.by):
        return NotAuthorised(a.run_id, a.key, event.by.name, a.policy.describe())
    if not a.policy.self_approval and a.requested_by is not None and _same_person(event.by, a.requested_by):
        return SelfApproval(a.run_id, a.key, event.by.name)
    if isinstance(event, Approve) and a.editor is not None and _same_person(event.by, a.editor):
        return EditorCannotApprove(a.run_id, a.key, event.by.name, a.revision)
    return None


def _same_person(one: Actor, other: Actor) -> bool:
    return bool({one.name, one.person} & {other.name, other.person})


def _same_actor(one: Actor | None, other: Actor) -> bool:
    """Whether both are the same, whatever roles they hold today."""
    return one is not None and (one.name, one.on_behalf_of) == (other.name, other.on_behalf_of)


def _taken(a: Approval) -> Refusal:
    if a.status is ApprovalStatus.EXPIRED and a.deadline is not None:
        return Expired(a.run_id, a.key, a.deadline)
    if a.closing is None or a.status is ApprovalStatus.SUPERSEDED:
        return AlreadyDecided(a.run_id, a.key, a.status)
    return AlreadyDecided(a.run_id, a.key, a.status, a.closing.by.name, a.closing.at)


def _closed(
    a: Approval, status: ApprovalStatus, closing: Closing, event: AuditEvent, votes: tuple[Vote, ...] | None = None
) -> Result[Transition, Refusal]:
    votes = a.votes if votes is None else votes
    moved = changed(a, status=status, closing=closing, votes=votes, version=a.version + 1)
    return Ok(Transition(moved, (fact(event, moved, closing.at, closing.by, closing.reason),)))


# Moves


def _vote(a: Approval, event: Approve | Reject, now: datetime) -> Result[Transition, Refusal]:
    refusal = _refused(a, event, now)
    if refusal is not None:
        return Err(refusal)
    approves = isinstance(event, Approve)
    mine = [v for v in a.votes if _same_person(v.by, event.by)]
    if any(v.approves is approves for v in mine):
        return Ok(Transition(a))
    vote = Vote(event.by, approves, a.revision, now, None if isinstance(event, Approve) else event.reason)
    return _counted(a, (*[v for v in a.votes if v not in mine], vote), vote)


def _counted(a: Approval, votes: tuple[Vote, ...], vote: Vote) -> Result[Transition, Refusal]:
    """Close the approval where the votes suffice, else keep the vote."""
    closing = Closing(vote.by, vote.at, vote.reason)
    count = [v.approves for v in votes].count(vote.approves)
    if vote.approves and count >= a.policy.needs:
        return _closed(a, ApprovalStatus.APPROVED, closing, AuditEvent.APPROVED, votes)
    if not vote.approves and count >= a.policy.rejections:
        return _closed(a, ApprovalStatus.REJECTED, closing, AuditEvent.REJECTED, votes)
    moved = changed(a, votes=votes, version=a.version + 1)
    return Ok(
        Transition(moved, (fact(AuditEvent.VOTED, moved, vote.at, vote.by, "yes" if vote.approves else vote.reason),))
    )


def _edit(a: Approval, event: Edit, now: datetime) -> Result[Transition, Refusal]:
    if _same_actor(a.editor, event.by) and a.edited == event.content:
        return Ok(Transition(a))
    refusal = _refused(a, event, now)
    if refusal is not None:
        return Err(refusal)
    revised = changed(
        a,
        edited=event.content,
        editor=event.by,
        revision=a.revision + 1,
        votes=(),
        version=a.version + 1,
        digest=content_digest(a.operation, event.content, a.schema, a.policy),
    )
    noted = fact(AuditEvent.EDITED, revised, now, event.by)
    vote = Vote(event.by, approves=True, revision=revised.revision, at=now)
    if not a.policy.counts_edits or not a.policy.lets_decide(event.by):
        return Ok(Transition(revised, (noted,)))
    if a.policy.needs > 1:
        return Ok(Transition(changed(revised, votes=(vote,)), (noted,)))
    return Ok(Transition(changed(revised, status=ApprovalStatus.EDITED, closing=Closing(event.by, now)), (noted,)))


def _cancel(a: Approval, event: Cancel, now: datetime) -> Result[Transition, Refusal]:
    requester = a.requested_by
    if requester is not None and not _same_person(event.by, requester) and ADMIN not in event.by.roles:
        return Err(
            NotAuthorised(a.run_id, a.key, event.by.name, f"the requester {requester.name}, or the role {ADMIN!r}")
        )
    return _closed(a, ApprovalStatus.CANCELLED, Closing(event.by, now, event.reason), AuditEvent.CANCELLED)


def _expire(a: Approval, _: Expire, now: datetime) -> Result[Transition, Refusal]:
    if a.deadline is None or now < a.deadline:
        return Ok(Transition(a))
    closing = Closing(SYSTEM_TIMEOUT, now, f"nobody decided by {a.deadline.isoformat(timespec='seconds')}")
    status, event = {
        OnExpiry.EXPIRE: (ApprovalStatus.EXPIRED, AuditEvent.EXPIRED),
        OnExpiry.REJECT: (ApprovalStatus.REJECTED, AuditEvent.REJECTED),
        OnExpiry.APPROVE: (ApprovalStatus.APPROVED, AuditEvent.APPROVED),
    }[a.policy.on_expiry]
    return _closed(a, status, closing, event)


def _observe(a: Approval, event: Observe, now: datetime) -> Result[Transition, Refusal]:
    if not a.external:
        return Err(NotAuthorised(a.run_id, a.key, event.by.name, a.policy.describe()))
    closing = Closing(event.by, now, event.reason)
    if event.approves:
        return _closed(a, ApprovalStatus.APPROVED, closing, AuditEvent.APPROVED)
    return _closed(a, ApprovalStatus.REJECTED, closing, AuditEvent.REJECTED)


def _supersede(a: Approval, event: Supersede, now: datetime) -> Result[Transition, Refusal]:
    if a.consumed_at is not None:
        return Ok(Transition(a))
    moved = changed(a, status=ApprovalStatus.SUPERSEDED, version=a.version + 1)
    return Ok(Transition(moved, (fact(AuditEvent.SUPERSEDED, moved, now, reason=event.reason),)))


def _ask_again(a: Approval, event: AskAgain, now: datetime) -> Result[Transition, Refusal]:
    asked = changed(event.question, version=a.version + 1, revision=a.revision + 1)
    return Ok(Transition(asked, (fact(AuditEvent.ASKED, asked, now, asked.requested_by),)))


def _consume(a: Approval, _: Consume, now: datetime) -> Result[Transition, Refusal]:
    if a.consumed_at is not None:
        return Err(_taken(a))
    moved = changed(a, consumed_at=now, version=a.version + 1)
    return Ok(Transition(moved, (fact(AuditEvent.CONSUMED, moved, now),)))


# The same again: the decision that already stands, asked for once more by the one who made it


def _approve_again(a: Approval, event: Approve, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=_voted(a, event, approves=True))


def _reject_again(a: Approval, event: Reject, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=_voted(a, event, approves=False))


def _voted(a: Approval, event: Approve | Reject, *, approves: bool) -> bool:
    seen = event.shown.revision in (None, a.revision) and event.shown.digest in (None, a.digest)
    return seen and any(v.approves is approves and _same_actor(v.by, event.by) for v in a.votes)


def _edit_again(a: Approval, event: Edit, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=_same_actor(a.editor, event.by) and a.edited == event.content)


def _cancel_again(a: Approval, event: Cancel, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=a.closing is not None and _same_actor(a.closing.by, event.by))


def _again(a: Approval, *, same: bool) -> Result[Transition, Refusal]:
    return Ok(Transition(a)) if same else Err(_taken(a))


_S = ApprovalStatus
TABLE: Mapping[tuple[ApprovalStatus, type], Move] = {
    (_S.PENDING, Approve): _vote,
    (_S.PENDING, Reject): _vote,
    (_S.PENDING, Edit): _edit,
    (_S.PENDING, Cancel): _cancel,
    (_S.PENDING, Expire): _expire,
    (_S.PENDING, Observe): _observe,
    (_S.PENDING, Supersede): _supersede,
    (_S.APPROVED, Approve): _approve_again,
    (_S.EDITED, Edit): _edit_again,
    (_S.APPROVED, Edit): _edit_again,
    (_S.REJECTED, Reject): _reject_again,
    (_S.CANCELLED, Cancel): _cancel_again,
    (_S.APPROVED, Consume): _consume,
    (_S.EDITED, Consume): _consume,
    (_S.REJECTED, Consume): _consume,
    (_S.EXPIRED, Consume): _consume,
    (_S.SUPERSEDED, AskAgain): _ask_again,
    (_S.APPROVED, Supersede): _supersede,
    (_S.EDITED, Supersede): _supersede,
    (_S.REJECTED, Supersede): _supersede,
    (_S.EXPIRED, Supersede): _supersede,
}
