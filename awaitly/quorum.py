"""Quorums: how many different people must agree, and whether the votes that were cast fill every seat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import field, frozen

from awaitly.exceptions import PolicyError
from awaitly.grants import Grant, checked_grants, is_countable, person_of

__all__ = ["Quorum", "filled", "most_filled", "named_people", "unfilled"]


def _approvers(values: Iterable[Grant] | None) -> tuple[str, ...] | None:
    return None if values is None else checked_grants("approvers", values)


@frozen
class Quorum:
    """So many different people out of some: `approvers` as in a `Policy`, None for anyone."""

    approvers: tuple[str, ...] | None = field(default=None, converter=_approvers)
    needs: int = 1

    def __attrs_post_init__(self) -> None:
        """Refuse what nobody could fill. Raises `PolicyError`."""
        if type(self.needs) is not int or self.needs < 1:
            msg = f"needs must be a whole number of at least 1, not {self.needs!r}"
            raise PolicyError(msg)
        if self.approvers == ():
            msg = "approvers=[] would let nobody decide; name somebody, or leave it out where anyone may"
            raise PolicyError(msg)
        people = named_people(self.approvers)
        if people is not None and self.needs > len(people):
            listed = ", ".join(self.approvers or ())
            many = "is only 1 approver" if len(people) == 1 else f"are only {len(people)} approvers"
            msg = f"needs={self.needs} can never be met: there {many} ({listed})"
            raise PolicyError(msg)


def named_people(grants: Iterable[str] | None) -> frozenset[str] | None:
    """Give the people whom these grants mean, where all of them are known by name."""
    if grants is None or not is_countable(listed := tuple(grants)):
        return None
    return frozenset(name for grant in listed if (name := person_of(grant)) is not None)


def unfilled(quorums: Sequence[frozenset[str] | None], needs: Sequence[int], votes: Sequence[Sequence[int]]) -> bool:
    """Whether seats must stay empty however people vote, besides the votes that are there.

    `quorums` has, for each, the people who may still vote, None where nobody can count them: such seats are as good as
    filled, and whoever fits one of those and another is free for the other.
    """
    countable = [number for number, people in enumerate(quorums) if people is not None]
    everybody = sorted(frozenset[str]().union(*(people for people in quorums if people is not None)))
    fits = [[number for number in countable if person in (quorums[number] or ())] for person in everybody]
    wanted = [needs[number] if number in countable else 0 for number in range(len(needs))]
    return not filled(wanted, [*votes, *fits])


def filled(needs: Sequence[int], votes: Sequence[Sequence[int]]) -> bool:
    """Whether different people fill every seat: `needs` seats in each quorum, and for each vote the quorums it fits."""
    if len(needs) == 1:
        return sum([0 in fits for fits in votes]) >= needs[0]
    return len(votes) >= sum(needs) and most_filled(needs, votes) == sum(needs)


def most_filled(needs: Sequence[int], votes: Sequence[Sequence[int]]) -> int:
    """Give the number of seats that can be filled where nobody takes two: a greatest matching, by augmenting paths."""
    seats = [quorum for quorum, count in enumerate(needs) for _ in range(count)]
    taken: dict[int, int] = {}

    def seated(vote: int, tried: set[int]) -> bool:
        for seat, quorum in enumerate(seats):
            if quorum not in votes[vote] or seat in tried:
                continue
            tried.add(seat)
            if seat not in taken or seated(taken[seat], tried):
                taken[seat] = vote
                return True
        return False

    return sum(seated(vote, set()) for vote in range(len(votes)))
