"""The table of an approval: every legal move, and who may make it.

`decide(approval, event, now)` gives the moved approval with the facts for the ledger, or the refusal. It does no I/O
and reads no clock. A pair of status and event that `TABLE` does not have is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from awaitly.actors import ADMIN, Actor
from awaitly.approvals.approval import Approval, Closing, Vote, content_digest
from awaitly.approvals.audit import AuditEvent, Fact, fact
from awaitly.approvals.chiming import chime, climbed, expire
from awaitly.approvals.conversing import answer, comment, inquire, see, spoof
from awaitly.approvals.eligibility import Seat, may_not, same_actor, same_person, seat_of, seated, shortfall
from awaitly.approvals.events import (
    Answer,
    Approve,
    AskAgain,
    Cancel,
    Chime,
    Claim,
    Comment,
    Consume,
    Delegate,
    Edit,
    Event,
    Expire,
    Inquire,
    Observe,
    Personal,
    Reassign,
    Reject,
    Release,
    See,
    Spoof,
    Supersede,
)
from awaitly.approvals.handing import claim, delegate, reassign, release
from awaitly.approvals.quorum import filled
from awaitly.approvals.transition import Move, Transition, closed, taken
from awaitly.changing import changed
from awaitly.errors import NotAuthorised, NotPossible, Refusal
from awaitly.result import Err, Ok, Result
from awaitly.statuses import ApprovalStatus

__all__ = ["TABLE", "decide"]


def decide(approval: Approval, event: Event, now: datetime) -> Result[Transition, Refusal]:
    """Move an approval by an event at a time of the store's clock.

    What a person does meets the approval as it stands by then: levels of its ladder whose time has come are climbed
    first, whether or not a worker has been about.
    """
    move = TABLE.get((approval.status, type(event)))
    if move is None:
        return Err(taken(approval))
    if not approval.policy.escalations or not approval.pending or not isinstance(event, Personal):
        return move(approval, event, now)
    higher = climbed(approval, now)
    match move(higher.approval, event, now):
        case Ok(made) if made.changed and higher.changed:
            moved = changed(made.approval, version=approval.version + 1)
            return Ok(Transition(moved, (*higher.facts, *made.facts)))
        case Ok(made) if not made.changed:
            return Ok(Transition(approval))
        case result:
            return result


# Moves


def _vote(a: Approval, event: Approve | Reject, now: datetime) -> Result[Transition, Refusal]:
    match seated(a, event, now):
        case Ok(seat):
            pass
        case refused:
            return refused
    approves = isinstance(event, Approve)
    mine = [v for v in a.votes if same_person(v.by, seat.by)]
    alike = [v for v in mine if v.approves is approves]
    fits = frozenset(seat.fits).union(*(v.fits for v in alike))
    if len(alike) > 1 or any(fits.issubset(v.fits) for v in alike):  # of several, none is to be lost
        return Ok(Transition(a))
    reason = None if isinstance(event, Approve) else event.reason
    vote = Vote(seat.by, approves, a.revision, now, reason, tuple(sorted(fits)))
    return Ok(_counted(a, (*[v for v in a.votes if v not in mine], vote), vote))


def _counted(a: Approval, votes: tuple[Vote, ...], vote: Vote) -> Transition:
    """Close the approval where the votes suffice, else keep the vote."""
    closing = Closing(vote.by, vote.at, vote.reason)
    if vote.approves:
        needs = [quorum.needs for quorum in a.policy.quorums]
        ends = filled(needs, [v.fits for v in votes if v.approves])
        status, event = ApprovalStatus.APPROVED, AuditEvent.APPROVED
    else:
        ends = [v.approves for v in votes].count(False) >= a.policy.rejections
        status, event = ApprovalStatus.REJECTED, AuditEvent.REJECTED
    if not ends:
        moved = changed(a, votes=votes, version=a.version + 1)
        return Transition(moved, (_noted(moved, vote),))
    ended = closed(a, status, closing, event, votes)
    return ended if len(votes) == 1 else Transition(ended.approval, (_noted(ended.approval, vote), *ended.facts))


def _noted(a: Approval, vote: Vote) -> Fact:
    return fact(AuditEvent.VOTED if vote.approves else AuditEvent.OPPOSED, a, vote.at, vote.by, vote.reason)


def _edit(a: Approval, event: Edit, now: datetime) -> Result[Transition, Refusal]:
    if same_actor(a.editor, event.by) and a.edited == event.content:
        return Ok(Transition(a))
    seat = seat_of(a, event.by, event.standing)
    refusal = may_not(a, event, seat, now)
    if refusal is not None:
        return Err(refusal)
    counts = a.policy.counts_edits and seat is not None
    by = event.by if seat is None else seat.by
    made = _revised(a, event.content, by, seat if counts else None, now)
    lacking = shortfall(made.approval) if made.approval.pending else None
    if lacking is not None:
        why = f"after an edit by {by.name} too few are left to approve it: {lacking}; let somebody else edit"
        return Err(NotPossible(a.run_id, a.key, why))
    return Ok(made)


def _revised(a: Approval, content: str, by: Actor, voting: Seat | None, now: datetime) -> Transition:
    """Give the next revision: earlier votes are void, and the edit is the first new one where it counts as that."""
    revised = changed(
        a,
        edited=content,
        editor=by,
        revision=a.revision + 1,
        votes=(),
        version=a.version + 1,
        digest=content_digest(a.operation, content, a.schema, a.policy),
    )
    void = ", ".join(vote.by.name for vote in a.votes)
    facts = (fact(AuditEvent.EDITED, revised, now, by, f"votes void: {void}" if void else None),)
    if voting is None:
        return Transition(revised, facts)
    if a.policy.seats > 1:
        vote = Vote(by, approves=True, revision=revised.revision, at=now, fits=voting.fits)
        return Transition(changed(revised, votes=(vote,)), facts)
    return Transition(changed(revised, status=ApprovalStatus.EDITED, closing=Closing(by, now)), facts)


def _cancel(a: Approval, event: Cancel, now: datetime) -> Result[Transition, Refusal]:
    requester = a.requested_by
    if requester is not None and not same_person(event.by, requester) and ADMIN not in event.by.roles:
        return Err(
            NotAuthorised(a.run_id, a.key, event.by.name, f"the requester {requester.name}, or the role {ADMIN!r}")
        )
    return Ok(closed(a, ApprovalStatus.CANCELLED, Closing(event.by, now, event.reason), AuditEvent.CANCELLED))


def _observe(a: Approval, event: Observe, now: datetime) -> Result[Transition, Refusal]:
    if not a.external:
        return Err(NotAuthorised(a.run_id, a.key, event.by.name, a.policy.describe()))
    closing = Closing(event.by, now, event.reason)
    if event.approves:
        return Ok(closed(a, ApprovalStatus.APPROVED, closing, AuditEvent.APPROVED))
    return Ok(closed(a, ApprovalStatus.REJECTED, closing, AuditEvent.REJECTED))


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
        return Err(taken(a))
    moved = changed(a, consumed_at=now, version=a.version + 1)
    return Ok(Transition(moved, (fact(AuditEvent.CONSUMED, moved, now),)))


# The same again: the decision that already stands, asked for once more by the one who made it


def _approve_again(a: Approval, event: Approve, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=_voted(a, event, approves=True))


def _reject_again(a: Approval, event: Reject, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=_voted(a, event, approves=False))


def _voted(a: Approval, event: Approve | Reject, *, approves: bool) -> bool:
    seen = event.shown.revision in (None, a.revision) and event.shown.digest in (None, a.digest)
    return seen and any(v.approves is approves and same_actor(v.by, event.by) for v in a.votes)


def _edit_again(a: Approval, event: Edit, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=same_actor(a.editor, event.by) and a.edited == event.content)


def _cancel_again(a: Approval, event: Cancel, _: datetime) -> Result[Transition, Refusal]:
    return _again(a, same=a.closing is not None and same_actor(a.closing.by, event.by))


def _again(a: Approval, *, same: bool) -> Result[Transition, Refusal]:
    return Ok(Transition(a)) if same else Err(taken(a))


_S = ApprovalStatus
TABLE: Mapping[tuple[ApprovalStatus, type], Move] = {
    (_S.PENDING, Approve): _vote,
    (_S.PENDING, Reject): _vote,
    (_S.PENDING, Edit): _edit,
    (_S.PENDING, Cancel): _cancel,
    (_S.PENDING, See): see,
    (_S.PENDING, Claim): claim,
    (_S.PENDING, Release): release,
    (_S.PENDING, Delegate): delegate,
    (_S.PENDING, Reassign): reassign,
    (_S.PENDING, Comment): comment,
    (_S.PENDING, Inquire): inquire,
    (_S.PENDING, Answer): answer,
    (_S.PENDING, Spoof): spoof,
    (_S.PENDING, Chime): chime,
    (_S.PENDING, Expire): expire,
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
