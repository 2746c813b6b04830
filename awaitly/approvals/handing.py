"""Moves by which a question goes from hand to hand: claimed, released, delegated, reassigned."""

from __future__ import annotations

from datetime import datetime

from awaitly.actors import ADMIN, Actor
from awaitly.approvals.approval import Approval
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.eligibility import Seat, out_of_time, same_actor, same_person, seated, shortfall
from awaitly.approvals.events import Claim, Delegate, Reassign, Release
from awaitly.approvals.grants import names_somebody, person_of
from awaitly.approvals.handling import DEEPEST, MOST_HANDED, Delegation, Taken
from awaitly.approvals.ladder import level_of
from awaitly.approvals.transition import Transition, handled
from awaitly.changing import changed
from awaitly.errors import ClaimedByOther, NotAuthorised, NotPossible, Refusal
from awaitly.result import Err, Ok, Result

__all__ = ["claim", "delegate", "reassign", "release"]


def claim(a: Approval, event: Claim, now: datetime) -> Result[Transition, Refusal]:
    """Take it on. A claim that keeps nobody out gives way to the next."""
    held = a.handling.taken
    if held is not None and same_actor(held.by, event.by):
        return Ok(Transition(a))
    match seated(a, event, now):
        case Ok(seat):
            taken = changed(a.handling, taken=Taken(seat.by, now))
            return handled(a, taken, AuditEvent.CLAIMED, now, seat.by)
        case refused:
            return refused


def release(a: Approval, event: Release, now: datetime) -> Result[Transition, Refusal]:
    """Give a claim up: the claimer's, or anybody's by an admin."""
    held = a.handling.taken
    if held is None:
        return Err(NotPossible(a.run_id, a.key, "nobody has claimed it, so there is nothing to release"))
    if not same_person(event.by, held.by) and ADMIN not in event.by.roles:
        return Err(ClaimedByOther(a.run_id, a.key, event.by.name, held.by.name, held.at))
    return handled(a, changed(a.handling, taken=None), AuditEvent.RELEASED, now, event.by)


def delegate(a: Approval, event: Delegate, now: datetime) -> Result[Transition, Refusal]:
    """Hand a seat on; the giver keeps it too, and both together have one vote."""
    match seated(a, event, now):
        case Ok(seat):
            pass
        case refused:
            return refused
    given = _given(a, event, seat, now)
    why = _cannot_go_on(a, given)
    if why is not None:
        return Err(NotPossible(a.run_id, a.key, why))
    if any((d.owner, d.to) == (given.owner, given.to) for d in a.handling.delegations):
        return Ok(Transition(a))
    if len(a.handling.delegations) >= MOST_HANDED:
        full = f"seats were handed on {MOST_HANDED} times already, which is all that it holds; an admin can reassign it"
        return Err(NotPossible(a.run_id, a.key, full))
    handling = changed(a.handling, delegations=(*a.handling.delegations, given))
    return handled(a, handling, AuditEvent.DELEGATED, now, seat.by, to=(given.to,))


def _given(a: Approval, event: Delegate, seat: Seat, now: datetime) -> Delegation:
    """Hand a seat on: it stays that of the human whose it is, through however many hands it goes."""
    giver, owner = event.by.name, seat.by.person
    way = next((d.through for d in a.handling.delegations if (d.owner, d.to) == (owner, giver)), ())
    before = way or ((owner,) if owner != giver else ())
    return Delegation(owner, event.to, seat.grants, now, (*before, giver))


def _cannot_go_on(a: Approval, given: Delegation) -> str | None:
    """Say why a seat cannot be handed on to somebody."""
    if person_of(given.to) != given.to or not names_somebody(given.to):
        return f"a seat goes to one person, by their name, such as 'bob', and not to {given.to[:40]!r}"
    if given.to in given.through:
        way = " to ".join((*given.through, given.to))
        return f"it cannot go round in a circle: {way}"
    if len(given.through) > DEEPEST:
        return f"a seat is handed on at most {DEEPEST} times: {' to '.join((*given.through, given.to))}"
    requester = a.requested_by
    if not a.policy.self_approval and requester is not None and same_person(Actor(given.to), requester):
        return f"{given.to} requested this and may not decide on it; name somebody else"
    return None


def reassign(a: Approval, event: Reassign, now: datetime) -> Result[Transition, Refusal]:
    """Let others decide than those who may now. Votes that were cast stand; a claim is void; the ladder goes on."""
    if ADMIN not in event.by.roles:
        return Err(NotAuthorised(a.run_id, a.key, event.by.name, f"the role {ADMIN!r}"))
    late = out_of_time(a, now)
    if late is not None:
        return Err(late)
    if not event.to:
        return Err(NotPossible(a.run_id, a.key, "name at least one person or role who is to decide instead"))
    level = level_of(a)
    if (a.handling.assigned, a.handling.assigned_at) == (event.to, level):
        return Ok(Transition(a))
    handling = changed(a.handling, assigned=event.to, assigned_at=level, taken=None, delegations=())
    lacking = shortfall(changed(a, handling=handling))
    if lacking is not None:
        return Err(NotPossible(a.run_id, a.key, f"then it could never end: {lacking}"))
    return handled(a, handling, AuditEvent.REASSIGNED, now, event.by, to=event.to)
