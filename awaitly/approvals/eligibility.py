"""Who may do what to an approval at a moment, and why not: the checks of the table's personal moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from attrs import evolve

from awaitly.actors import ADMIN, Actor
from awaitly.approvals.approval import Approval
from awaitly.approvals.events import Answer, Approve, Claim, Comment, Delegate, Edit, Inquire, Reject, Standing
from awaitly.approvals.grants import ANYONE
from awaitly.approvals.ladder import level_of
from awaitly.approvals.policy import Policy
from awaitly.approvals.quorum import named_people, unfilled
from awaitly.errors import (
    ClaimedByOther,
    EditorCannotApprove,
    Expired,
    NotAuthorised,
    ReauthenticationNeeded,
    Refusal,
    SelfApproval,
    StaleRevision,
)
from awaitly.result import Err, Ok, Result
from awaitly.values import frozen

__all__ = [
    "Seat",
    "as_seated",
    "audience",
    "concerns",
    "is_involved",
    "is_open_to",
    "may_not",
    "out_of_time",
    "same_actor",
    "same_person",
    "seat_of",
    "seated",
    "shortfall",
    "who_may",
]


@frozen
class Seat:
    """By what right an actor may decide: `fits` numbers the quorums, `by` is the actor, with whom they act for."""

    by: Actor
    fits: tuple[int, ...]
    grants: tuple[str, ...]


Quorums: TypeAlias = tuple[tuple[str, ...] | None, ...]
"""For each quorum, the grants by which its seats may be taken; None is anyone."""

_OPEN: Quorums = (None,)


def who_may(a: Approval, level: int | None = None) -> Quorums:
    """Give who may take seats now, or at a level of the ladder."""
    handling, policy = a.handling, a.policy
    if handling.assigned is None and not handling.told and not level:
        return _as_asked(policy)
    reached = level_of(a) if level is None else level
    base = list(_as_asked(policy))
    if handling.assigned is not None:
        base = [handling.assigned for _ in base]
    for each in policy.escalations[handling.assigned_at : reached]:
        base = [each.to if each.replaces else _widened(grants, each.to) for grants in base]
    return tuple(base)


@lru_cache(maxsize=256)
def _as_asked(policy: Policy) -> Quorums:
    return tuple(quorum.approvers for quorum in policy.quorums)


def _widened(grants: tuple[str, ...] | None, to: tuple[str, ...]) -> tuple[str, ...] | None:
    return None if grants is None else tuple(dict.fromkeys((*grants, *to)))


def audience(a: Approval) -> tuple[str, ...]:
    """Give the names under which a pending approval is listed: of those who may decide on it or were asked by name."""
    names = _names(who_may(a))
    if not a.handling.delegations:
        return names
    return tuple(dict.fromkeys((*names, *(delegation.to for delegation in a.handling.delegations))))


@lru_cache(maxsize=256)
def _names(quorums: Quorums) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for grants in quorums for name in ((ANYONE,) if grants is None else grants)))


# Seats


def seat_of(a: Approval, by: Actor, standing: Standing) -> Seat | None:
    """Give the right by which the actor may decide: their own, or that of somebody for whom they stand in.

    Of several for whom they stand in, it is the first who has not voted and is not barred, if there is one.
    """
    quorums = who_may(a)
    if quorums == _OPEN:
        return Seat(by, (0,), (ANYONE,))
    own = _seat(by, quorums, _held(by, quorums, standing.rules))
    if own is not None or by.on_behalf_of is not None:
        return own
    seats = [seat for seat in _lent(a, by, standing, quorums) if seat is not None]
    return next((seat for seat in seats if _is_free(a, seat.by)), seats[0] if seats else None)


def _lent(a: Approval, by: Actor, standing: Standing, quorums: Quorums) -> Iterator[Seat | None]:
    """Give the rights by which somebody may decide for others: those handed on to them, then those of the absent."""
    for delegation in a.handling.delegations:
        if delegation.to == by.name:
            yield _seat(evolve(by, on_behalf_of=delegation.owner), quorums, delegation.grants)
    for absence in standing.absences:
        held = _held(absence.owner, quorums, frozenset())
        yield _seat(evolve(by, on_behalf_of=absence.owner.person), quorums, held)


def _is_free(a: Approval, by: Actor) -> bool:
    return not (_asked_for_it(a, by) or _made_it(a, by) or any(same_person(vote.by, by) for vote in a.votes))


def _held(actor: Actor, quorums: Quorums, rules: frozenset[str]) -> tuple[str, ...]:
    held = [g for grants in quorums for g in grants or () if actor.holds(g) or g in rules]
    return (*dict.fromkeys(held), *((ANYONE,) if None in quorums else ()))


def _seat(by: Actor, quorums: Quorums, held: Iterable[str]) -> Seat | None:
    own = frozenset(held)
    fits = tuple(
        number
        for number, grants in enumerate(quorums)
        if (ANYONE in own if grants is None else not own.isdisjoint(grants))
    )
    return Seat(by, fits, tuple(own)) if fits else None


def as_seated(a: Approval, by: Actor, standing: Standing) -> Actor:
    """Give the actor with whom they act for, where it is not by their own right."""
    seat = seat_of(a, by, standing)
    return by if seat is None else seat.by


# Refusals


def out_of_time(a: Approval, now: datetime) -> Expired | None:
    """Say that the deadline is past."""
    return Expired(a.run_id, a.key, a.deadline) if a.deadline is not None and now >= a.deadline else None


def seated(a: Approval, event: Approve | Reject | Claim | Delegate, now: datetime) -> Result[Seat, Refusal]:
    """Give the right by which a person does this, or the first reason for which they may not."""
    seat = seat_of(a, event.by, event.standing)
    refusal = _untimely(a, event, now)
    if refusal is not None:
        return Err(refusal)
    if seat is None:
        return Err(_without_seat(a, event.by))
    refusal = _barred(a, event, seat, now)
    return Ok(seat) if refusal is None else Err(refusal)


def may_not(a: Approval, event: Edit | Inquire, seat: Seat | None, now: datetime) -> Refusal | None:
    """Give the first reason for which a person may not do this."""
    return _untimely(a, event, now) or _unseated(a, event, seat) or _barred(a, event, seat, now)


def _untimely(
    a: Approval, event: Approve | Edit | Reject | Claim | Delegate | Inquire, now: datetime
) -> Refusal | None:
    """Refuse whatever comes too late, to what others decide, or to what stands there no more."""
    late = out_of_time(a, now)
    if late is not None:
        return late
    if a.external:
        needs = "a decision in the system of record that this approval asks"
        return NotAuthorised(a.run_id, a.key, event.by.name, needs)
    return _stale(a, event) if isinstance(event, Approve | Edit | Reject) else None


def _stale(a: Approval, event: Approve | Edit | Reject) -> Refusal | None:
    if event.shown.revision not in (None, a.revision):
        return StaleRevision(a.run_id, a.key, f"revision {event.shown.revision}", a.revision)
    if event.shown.digest not in (None, a.digest):
        return StaleRevision(a.run_id, a.key, "content that differs", a.revision)
    return None


def _unseated(a: Approval, event: Edit | Inquire, seat: Seat | None) -> Refusal | None:
    if isinstance(event, Edit) and a.policy.editors is not None:
        needs = " or ".join(a.policy.editors) or "another policy, for this one lets nobody edit"
        return None if _is_editor(a, event.by, event.standing) else NotAuthorised(a.run_id, a.key, event.by.name, needs)
    return _without_seat(a, event.by) if seat is None else None


def _without_seat(a: Approval, by: Actor) -> NotAuthorised:
    return NotAuthorised(a.run_id, a.key, by.name, _whom_it_takes(a))


def _whom_it_takes(a: Approval) -> str:
    """Say who may decide: by the policy, or where a level was climbed or an admin reassigned it, as it now stands."""
    if a.handling.assigned is None and not level_of(a):
        return a.policy.describe()
    quorums = ((q.needs, grants) for q, grants in zip(a.policy.quorums, who_may(a), strict=True))
    count = "{} different people of: "
    return " and ".join((count.format(n) if n > 1 else "") + " or ".join(g or ("anyone",)) for n, g in quorums)


def _is_editor(a: Approval, by: Actor, standing: Standing) -> bool:
    """Whether somebody is among the policy's editors, where it names any."""
    return any(by.holds(grant) or grant in standing.rules for grant in a.policy.editors or ())


def _asked_for_it(a: Approval, by: Actor) -> bool:
    """Whether somebody may not decide because they requested it."""
    return not a.policy.self_approval and a.requested_by is not None and same_person(by, a.requested_by)


def _made_it(a: Approval, by: Actor) -> bool:
    """Whether somebody may not approve because they made the current revision."""
    return not a.policy.editor_approves and a.editor is not None and same_person(by, a.editor)


def _barred(
    a: Approval, event: Approve | Edit | Reject | Claim | Delegate | Inquire, seat: Seat | None, now: datetime
) -> Refusal | None:
    by = event.by if seat is None else seat.by
    policy = a.policy
    if _asked_for_it(a, by):
        return SelfApproval(a.run_id, a.key, by.name)
    if isinstance(event, Approve) and _made_it(a, by):
        return EditorCannotApprove(a.run_id, a.key, by.name, a.revision)
    held = a.handling.taken
    if policy.exclusive_claims and held is not None and not same_person(by, held.by):
        return ClaimedByOther(a.run_id, a.key, by.name, held.by.name, held.at)
    if policy.fresh_within is not None and isinstance(event, Approve | Edit | Reject):
        return _unfresh(a, by, policy.fresh_within, now)
    return None


def _unfresh(a: Approval, by: Actor, within: timedelta, now: datetime) -> Refusal | None:
    """Refuse whoever proved too long ago who they are; a time far ahead of the store's clock proves nothing either."""
    at = by.authenticated_at
    return (
        None if at is not None and abs(now - at) <= within else ReauthenticationNeeded(a.run_id, a.key, by.name, within)
    )


def is_open_to(a: Approval, by: Actor, standing: Standing, now: datetime) -> bool:
    """Whether the approval waits for this person: they may decide, and have not yet."""
    if not a.pending:
        return False
    match seated(a, Claim(by, standing), now):
        case Ok(seat):
            return _is_free(a, seat.by)
        case _:
            return False


def concerns(a: Approval, by: Actor, standing: Standing) -> bool:
    """Whether an approval is this person's business, decided or not.

    They asked, may decide or edit or might have, or have had a part in it.
    """
    if a.requested_by is not None and same_person(by, a.requested_by):
        return True
    if seat_of(a, by, standing) is not None or _is_editor(a, by, standing):
        return True
    acted = [*(vote.by for vote in a.votes), a.editor, None if a.closing is None else a.closing.by]
    return any(same_person(by, actor) for actor in acted if actor is not None)


def is_involved(a: Approval, event: Comment | Answer) -> bool:
    """Whether somebody has a part in this: they asked, may decide or edit, or are an admin.

    Where nobody is known to have asked, anybody may answer: somebody must be able to.
    """
    by = event.by
    if ADMIN in by.roles or (a.requested_by is not None and same_person(by, a.requested_by)):
        return True
    if isinstance(event, Answer):
        return a.requested_by is None
    return seat_of(a, by, event.standing) is not None or _is_editor(a, by, event.standing)


def same_person(one: Actor, other: Actor) -> bool:
    """Whether two actors are, or act for, the same human."""
    others = other.name, other.person
    return one.name in others or one.person in others


def same_actor(one: Actor | None, other: Actor) -> bool:
    """Whether both are the same, whatever roles they hold today; who stands in for somebody need not say so again."""
    return one is not None and one.name == other.name and other.on_behalf_of in (one.on_behalf_of, None)


# Whether it can still end


def shortfall(a: Approval) -> str | None:
    """Say why too few people are left to approve, where they are known by name.

    Where a deadline ends it in any case, it is enough that there are people at some level of the ladder still to come;
    else there must be at the last, where it would wait for ever.
    """
    policy = a.policy
    if a.external or (policy.approvers is None and not policy.also and a.handling.assigned is None):
        return None
    votes = [vote for vote in a.votes if vote.approves]
    barred = [a.requested_by] if a.requested_by is not None and not policy.self_approval else []
    barred += [a.editor] if a.editor is not None and not policy.editor_approves else []
    out = _names_of(barred)
    named = _people_to_come(a)
    left = [None if people is None else people - out - _names_of(vote.by for vote in votes) for people in named]
    cast = [
        [n for n, people in enumerate(named) if n in v.fits or _names_of([v.by]) & (people or set())] for v in votes
    ]
    if not unfilled(left, [quorum.needs for quorum in policy.quorums], cast):
        return None
    may = frozenset[str]().union(*(people - out for people in named if people is not None))
    besides = f"besides {', '.join(sorted(out))} " if out else ""
    many = "1 must approve" if policy.seats == 1 else f"{policy.seats} different people must approve"
    others = f"only {', '.join(sorted(may))}" if may else "nobody"
    return f"{many}, and {besides}{others} may"


def _people_to_come(a: Approval) -> list[frozenset[str] | None]:
    """Give, for each quorum, who may take its seats from now on; None where nobody can count them."""
    top = len(a.policy.escalations)
    levels = range(top if a.policy.expires_in is None else level_of(a), top + 1)
    stages = [[named_people(grants) for grants in who_may(a, level)] for level in levels]
    return [
        None if None in column else frozenset[str]().union(*(people for people in column if people is not None))
        for column in zip(*stages, strict=True)
    ]


def _names_of(actors: Iterable[Actor]) -> frozenset[str]:
    return frozenset(name for actor in actors for name in (actor.name, actor.person))
