"""Runs that are left alone for a while, because nothing came of them: each time for longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from attrs import define, field

__all__ = ["LONGEST", "Growing", "Pace", "Rests"]

SHORTEST, LONGEST = 0.05, 5.0
"""Seconds: the first rest, and the longest."""


@define
class Growing:
    """A pause in seconds that doubles each time it is taken, until it is as long as it gets."""

    shortest: float = SHORTEST
    longest: float = LONGEST
    last: float = 0.0

    def next(self) -> float:
        """Give the next pause."""
        self.last = min(max(2 * self.last, self.shortest), self.longest)
        return self.last

    def reset(self) -> None:
        """Begin with the shortest again."""
        self.last = 0.0


@define
class Pace:
    """Keeps `spacing` seconds between what happens again and again, but for so many `in_a_row` after a quiet time."""

    spacing: float
    in_a_row: int
    clock: Callable[[], float] = time.monotonic
    _paid: float = field(default=0.0, init=False)
    """Until when the time is used up by what has happened, were each to take the spacing."""

    def pause(self) -> float:
        """Give the seconds for which to pause after something has happened."""
        now = self.clock()
        self._paid = max(self._paid, now) + self.spacing
        return max(0.0, self._paid - now - self.spacing * (self.in_a_row - 1))


@define
class _Rest:
    pause: Growing
    version: int | None = None
    until: float = 0.0


class Rests:
    """Who rests, and until when. What is not due any more is forgotten when the next list comes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rests: dict[str, _Rest] = {}

    def __len__(self) -> int:
        return len(self._rests)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._rests

    def names(self) -> tuple[str, ...]:
        """Name all of them."""
        return tuple(self._rests)

    def leave(self, run_id: str, shortest: float = SHORTEST, longest: float = LONGEST) -> None:
        """Let a run rest, longer than the last time."""
        rest = self._rests.setdefault(run_id, _Rest(Growing(shortest, longest)))
        rest.until = self._clock() + rest.pause.next()

    def stands(self, run_id: str, version: int) -> bool:
        """Note the version that a run has come to, and tell whether it moved; where it did not, it rests."""
        rest = self._rests.get(run_id)
        if rest is not None and rest.version == version:
            self.leave(run_id)
            return False
        self._rests[run_id] = _Rest(Growing(), version)
        return True

    def wake(self, run_ids: Iterable[str]) -> None:
        """End the rest of those that something has happened to."""
        for run_id in run_ids:
            if run_id in self._rests:
                self._rests[run_id].until = 0.0

    def awake(self, due: Sequence[str], trying: Collection[str] = ()) -> list[str]:
        """Give those of a list that do not rest, and forget all that are not in it, not at rest and not tried."""
        now, listed = self._clock(), frozenset(due).union(trying)
        gone = [run_id for run_id, rest in self._rests.items() if rest.until <= now and run_id not in listed]
        for run_id in gone:
            del self._rests[run_id]
        return [run_id for run_id in due if run_id not in self._rests or self._rests[run_id].until <= now]

    def soonest(self) -> float:
        """Give the seconds until the next rest is over; infinite where nobody rests."""
        now = self._clock()
        return min((rest.until - now for rest in self._rests.values() if rest.until > now), default=float("inf"))
