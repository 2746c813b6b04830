"""Counting how often each invariant was looked at in each store, and how often it did not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Lock

__all__ = ["KINDS", "TALLY", "Tally", "Violated"]

KINDS = ("memory", "sqlite", "postgres", "redis", "cluster", "split")
"""The kinds of stores, a column of the report each; what is about none of them counts as a look in memory."""


class Violated(AssertionError):
    """An invariant did not hold."""


class Tally:
    """What was checked so far, and in which kind of store it is now. Checks may come from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.kind = KINDS[0]
        self.looked: Counter[tuple[str, str]] = Counter()
        self.violated: Counter[tuple[str, str]] = Counter()
        self.events: Counter[str] = Counter()

    def check(self, invariant: str, holds: bool, details: object = "") -> None:
        """Count a look at an invariant. Raises `Violated` where it does not hold."""
        self.count(invariant, holds)
        if not holds:
            msg = f"{invariant}: {details}"
            raise Violated(msg)

    def count(self, invariant: str, holds: bool) -> None:
        """Count a look at an invariant, and raise nothing."""
        with self._lock:
            self.looked[invariant, self.kind] += 1
            self.violated[invariant, self.kind] += not holds

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
        """Give the report, a line each, as a table of Markdown that is aligned for a terminal too."""
        invariants = sorted({invariant for invariant, _ in self.looked})
        rows = [("invariant", *KINDS, "violations"), *map(self._row, invariants)]
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [_line(row, wide) for row in rows]
        rule = "|".join(["", f" {'-' * wide[0]} ", *(f" {'-' * (width - 1)}: " for width in wide[1:]), ""])
        return [lines[0], rule, *lines[1:]]

    def happenings(self) -> list[str]:
        """Give what else there was, a line each."""
        return [f"{event}: {count:,}" for event, count in sorted(self.events.items())]

    def _row(self, invariant: str) -> tuple[str, ...]:
        counts = [self.looked[invariant, kind] for kind in KINDS]
        broken = sum(self.violated[invariant, kind] for kind in KINDS)
        return (invariant, *(f"{count:,}" if count else "" for count in counts), str(broken))


def _line(row: Sequence[str], wide: Sequence[int]) -> str:
    first, *others = row
    cells = [f" {first:<{wide[0]}} ", *(f" {cell:>{width}} " for cell, width in zip(others, wide[1:], strict=True))]
    return "|".join(["", *cells, ""])


TALLY = Tally()
"""The one tally of a test run: what it counts is printed at its end."""
