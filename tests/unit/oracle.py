"""A second opinion on who may decide and when it is decided: slow and simple, and nothing of the table's own code.

It is told of what was asked, and of each event that the table let through. It keeps nothing but what was said, and
works out all else anew each time: elapsed time from the stops, levels from that, seats by trying every way.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

from attrs import Factory, define, frozen

from awaitly import Actor, Policy
from awaitly.approvals.events import Standing

__all__ = ["Ballot", "Oracle", "people"]


def people(actor: Actor) -> set[str]:
    """Name the human and the program."""
    return {actor.name} | ({actor.on_behalf_of} if actor.on_behalf_of else set())


@frozen
class Ballot:
    """Somebody's yes or no, and the quorums for which it counts."""

    names: frozenset[str]
    approves: bool
    fits: frozenset[int]


@define
class Oracle:
    """What was said of one approval."""

    policy: Policy
    asked_at: datetime
    requester: Actor | None
    revision: int = 1
    editor: Actor | None = None
    ballots: list[Ballot] = Factory(list[Ballot])
    claimed: tuple[set[str], timedelta] | None = None
    lent: list[tuple[str, str, set[str]]] = Factory(list[tuple[str, str, set[str]]])
    named: tuple[set[str], timedelta] | None = None
    stopped: timedelta = timedelta()
    stopped_at: datetime | None = None

    # Time

    def elapsed(self, now: datetime) -> timedelta:
        """Give how long it has waited, without the time that stood still."""
        return (self.stopped_at or now) - self.asked_at - self.stopped

    def is_late(self, now: datetime) -> bool:
        """Whether the deadline is past; it cannot pass while time stands still."""
        limit = self.policy.expires_in
        return limit is not None and self.stopped_at is None and self.elapsed(now) >= limit

    def rung_between(self, since: timedelta, until: timedelta) -> bool:
        """Whether some level was to be told after one moment and up to another."""
        times = [
            level.after + (level.every or timedelta()) * nth
            for level in self.policy.escalations
            for nth in range(level.repeat)
        ]
        return any(since < time <= until for time in times)

    # People

    def grants(self, now: datetime) -> list[set[str] | None]:
        """Give whose seats there are, quorum by quorum; None for anyone's."""
        elapsed = self.elapsed(now)
        since = timedelta() if self.named is None else self.named[1]
        first = [self.policy.approvers, *(quorum.approvers for quorum in self.policy.also)]
        found: list[set[str] | None] = [None if each is None else set(each) for each in first]
        if self.named is not None:
            found = [set(self.named[0]) for _ in found]
        for level in self.policy.escalations:
            if level.after > elapsed or (self.named is not None and level.after <= since):
                continue
            found = [
                set(level.to) if level.replaces else None if each is None else each | set(level.to) for each in found
            ]
        return found

    def held(self, actor: Actor, rules: frozenset[str] = frozenset()) -> set[str]:
        """Give all grants that somebody has."""
        return {actor.name, *(f"role:{role}" for role in actor.roles), *rules}

    def fits(self, held: set[str], now: datetime, *, stranger: bool = True) -> frozenset[int]:
        """Give the quorums in which somebody with these grants may sit."""
        seats = enumerate(self.grants(now))
        return frozenset(number for number, each in seats if (stranger if each is None else each & held))

    def seats(self, actor: Actor, standing: Standing, now: datetime) -> list[tuple[Actor, frozenset[int]]]:
        """Give all rights by which somebody may sit: their own, or else those of whom they stand in for."""
        own = self.fits(self.held(actor, standing.rules), now)
        if own or actor.on_behalf_of:
            return [(actor, own)] if own else []
        lent = [
            (owner, self.fits(held - {"*"}, now, stranger="*" in held))
            for owner, to, held in self.lent
            if to == actor.name
        ]
        away = [(a.owner.person, self.fits(self.held(a.owner), now)) for a in standing.absences]
        return [(Actor(actor.name, on_behalf_of=owner), fits) for owner, fits in (*lent, *away) if fits]

    def asked_for_it(self, actor: Actor) -> bool:
        """Whether somebody is, or acts for, the requester, and may not decide for that."""
        return (
            not self.policy.self_approval
            and self.requester is not None
            and bool(people(actor) & people(self.requester))
        )

    def made_it(self, actor: Actor) -> bool:
        """Whether somebody is, or acts for, the editor, and may not approve for that."""
        return not self.policy.editor_approves and self.editor is not None and bool(people(actor) & people(self.editor))

    def kept_out(self, actor: Actor, now: datetime) -> bool:
        """Whether somebody else has it for themselves."""
        if not self.policy.exclusive_claims or self.claimed is None:
            return False
        names, since = self.claimed
        return not names & people(actor) and not self.rung_between(since, self.elapsed(now))

    def is_fresh(self, actor: Actor, now: datetime) -> bool:
        """Whether somebody has proved lately enough who they are."""
        within, at = self.policy.fresh_within, actor.authenticated_at
        return within is None or (at is not None and abs(now - at) <= within)

    def may(self, kind: str, actor: Actor, standing: Standing, now: datetime) -> list[tuple[Actor, frozenset[int]]]:
        """Give the rights by which somebody may do something now: none where they may not."""
        if self.is_late(now):
            return []
        seats = self.seats(actor, standing, now)
        if kind == "edit" and self.policy.editors is not None:
            is_editor = self.held(actor, standing.rules) & set(self.policy.editors)
            seats = (seats or [(actor, frozenset())]) if is_editor else []
        if kind in ("approve", "reject", "edit") and not self.is_fresh(actor, now):
            return []
        return [
            (by, fits)
            for by, fits in seats
            if not self.asked_for_it(by) and not self.kept_out(by, now) and not (kind == "approve" and self.made_it(by))
        ]

    # Votes

    def with_vote(self, by: Actor, fits: frozenset[int], *, approves: bool) -> list[Ballot]:
        """Give the votes with one more: one human has one, and the later counts."""
        others = [each for each in self.ballots if not each.names & people(by)]
        before = [each for each in self.ballots if each.names & people(by) and each.approves is approves]
        joined = fits.union(*(each.fits for each in before))
        return [*others, Ballot(frozenset(people(by)), approves, joined)]

    def ends(self, ballots: list[Ballot]) -> str | None:
        """Say what the votes come to, by trying every way in which people could take the seats."""
        if sum(not each.approves for each in ballots) >= self.policy.rejections:
            return "rejected"
        needs = [self.policy.needs, *(quorum.needs for quorum in self.policy.also)]
        seats = [number for number, count in enumerate(needs) for _ in range(count)]
        yes = [each.fits for each in ballots if each.approves]
        if any(
            all(seat in fits for seat, fits in zip(seats, way, strict=True)) for way in permutations(yes, len(seats))
        ):
            return "approved"
        return None
