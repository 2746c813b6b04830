"""Quorums: how many different people must agree, and whether the votes that were cast fill every seat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

from attrs import define, field

from awaitly.approvals.grants import Grant, checked_grants, is_countable, person_of
from awaitly.exceptions import PolicyError
from awaitly.values import frozen

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
    """Give the number of seats that can be filled where nobody takes two: a greatest flow, by shortest ways.

    Whoever fits the same quorums is as good as another, so thousands of people are no more than a few kinds of them.
    """
    kinds = Counter(frozenset(quorum for quorum in fits if quorum < len(needs)) for fits in votes)
    seating = _Seating(kinds, list(needs), [Counter() for _ in needs])
    while seating.goes_on():
        pass
    return sum(seated.total() for seated in seating.seated)


_Kind: TypeAlias = frozenset[int]
"""People who fit the same quorums."""


@define
class _Seating:
    """Who still stands, how many seats of each quorum are free, and who sits in it."""

    standing: Counter[_Kind]
    free: list[int]
    seated: list[Counter[_Kind]]

    def goes_on(self) -> bool:
        """Seat some who stand, by moving others on where that makes room; False where nobody else can be seated."""
        queue = [kind for kind, count in self.standing.items() if count]
        sits: dict[_Kind, int | None] = dict.fromkeys(queue)
        reached: dict[int, _Kind] = {}
        for kind in queue:
            for quorum in kind.difference(reached):
                reached[quorum] = kind
                if self.free[quorum]:
                    self._move(_way(quorum, reached, sits))
                    return True
                movable = [other for other, count in self.seated[quorum].items() if count and other not in sits]
                sits.update(dict.fromkeys(movable, quorum))
                queue += movable
        return False

    def _move(self, way: list[tuple[_Kind, int]]) -> None:
        """Let as many as can move along: each kind to the quorum beside it, from that of the next."""
        first, (last, _) = way[0][1], way[-1]
        leaving = [(kind, quorum) for (kind, _), (_, quorum) in pairwise(way)]
        count = min(self.free[first], self.standing[last], *(self.seated[quorum][kind] for kind, quorum in leaving))
        for kind, quorum in way:
            self.seated[quorum][kind] += count
        for kind, quorum in leaving:
            self.seated[quorum][kind] -= count
        self.free[first] -= count
        self.standing[last] -= count


def _way(quorum: int, reached: dict[int, _Kind], sits: dict[_Kind, int | None]) -> list[tuple[_Kind, int]]:
    """Give who takes a free seat, who then takes theirs, and so on, until it is somebody who stands."""
    way: list[tuple[_Kind, int]] = []
    following: int | None = quorum
    while following is not None:
        way.append((kind := reached[following], following))
        following = sits[kind]
    return way
