"""Runs that are to execute alone, for whoever executed them has died: whose turn it is, and when others begin."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection

from attrs import define, field

from awaitly.values import frozen

__all__ = ["Solitude", "Turn"]


@frozen
class Turn:
    """What may begin now: one run alone, any others, or nothing. After `pause` seconds that may be different."""

    alone: str | None = None
    others: bool = False
    pause: float = math.inf


_ANY = Turn(others=True)


@define
class Solitude:
    """Gives one of these runs after the other its turn, once nothing executes any more.

    Nobody waits for long: what executes is let end for as long as the `patience` (in seconds), a turn lasts as long at
    most, and after each the others have as much time as it took from them.
    """

    patience: float
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[str, None] = field(factory=dict[str, None], init=False)
    _current: str | None = field(default=None, init=False)
    _since: float | None = field(default=None, init=False)
    """Since when nothing else begins; None while anything does."""
    _until: float = field(default=0.0, init=False)
    """Until when it stays so: nothing else begins, or anything does."""

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, run_id: str) -> None:
        """Let a run wait for its turn."""
        self._waiting.setdefault(run_id)

    def keep(self, due: Collection[str]) -> None:
        """Forget those that are not due any more."""
        for run_id in self._waiting.keys() - set(due):
            del self._waiting[run_id]

    def over(self, run_id: str) -> None:
        """Note that a run has ended, parked or recorded a step: its turn is over, if it had one."""
        if run_id == self._current:
            self._open(self.clock() - (self._since or 0.0))

    def holding(self, executing: Collection[str]) -> float:
        """Give the seconds for which nothing may begin; zero where that is to be asked by `turn`."""
        if self._since is None or not executing:
            return 0.0
        return max(0.0, self._until - self.clock())

    def turn(self, executing: Collection[str], *, others: bool) -> Turn:
        """Say what may begin beside what executes here; `others`: there are others that could."""
        now = self.clock()
        if held := self.holding(executing):
            return Turn(pause=held)
        if self._current is not None or (self._since is not None and executing):  # that was long enough
            self._open(self.patience)
        if not self._waiting:
            self._since = None
            return _ANY
        if self._since is None and now < self._until and (others or executing):
            return Turn(others=True, pause=self._until - now)
        self._since = now if self._since is None else self._since
        self._until = now + self.patience
        if executing:
            return Turn(pause=self.patience)
        self._current = next(iter(self._waiting))
        del self._waiting[self._current]
        return Turn(self._current, pause=self.patience)

    def _open(self, seconds: float) -> None:
        """Let others begin for so long, before the next turn."""
        self._current = self._since = None
        self._until = self.clock() + seconds
