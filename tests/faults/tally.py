"""Counting how often each invariant was looked at, and how often it did not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

__all__ = ["TALLY", "Tally", "Violated"]


class Violated(AssertionError):
    """An invariant did not hold."""


class Tally:
    """What was checked so far. Checks may come from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.looked: Counter[str] = Counter()
        self.violated: Counter[str] = Counter()
        self.events: Counter[str] = Counter()

    def check(self, invariant: str, holds: bool, details: object = "") -> None:
        """Count a look at an invariant. Raises `Violated` where it does not hold."""
        with self._lock:
            self.looked[invariant] += 1
            self.violated[invariant] += not holds
        if not holds:
            msg = f"{invariant}: {details}"
            raise Violated(msg)

    @contextmanager
    def aside(self) -> Generator[None]:
        """Count nothing meanwhile: what happens is a bug that was planted."""
        kept = Counter(self.looked), Counter(self.violated), Counter(self.events)
        try:
            yield
        finally:
            self.looked, self.violated, self.events = kept

    def happened(self, event: str, times: int = 1) -> None:
        """Count something that is no invariant, such as a process that was killed."""
        with self._lock:
            self.events[event] += times

    def table(self) -> list[str]:
        """Give the report, a line each."""
        rows = [(name, str(count), str(self.violated[name])) for name, count in sorted(self.looked.items())]
        head = ("invariant", "looked at", "violations")
        wide = max(len(name) for name, *_ in [head, *rows])
        lines = [f"{name:<{wide}}  {count:>9}  {broken:>10}" for name, count, broken in [head, *rows]]
        return [*lines, *(f"{event}: {count}" for event, count in sorted(self.events.items()))]


TALLY = Tally()
"""The one tally of a test run: what it counts is printed at its end."""
