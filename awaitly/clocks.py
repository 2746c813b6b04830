"""A clock that is elsewhere, read without a journey for every reading."""

from __future__ import annotations

import time

__all__ = ["RemoteClock"]

_TRUSTED = 10.0
"""Seconds for which the clock here may stand in: by then two clocks are apart by less than a millisecond."""


class RemoteClock:
    """A server's clock as it was last heard, running on by the monotonic clock of this machine.

    It is behind by as long as the answer was on its way. Times are whole microseconds since 1970 UTC.
    """

    def __init__(self) -> None:
        self._ahead = 0
        self._until = float("-inf")

    def heard(self, micros: int) -> None:
        """Take note of what the server's clock has just said."""
        here = time.monotonic()
        self._ahead = micros - int(here * 1_000_000)
        self._until = here + _TRUSTED

    def read(self) -> int | None:
        """Tell the time; None where the server was not heard for so long that it should be asked."""
        here = time.monotonic()
        return self._ahead + int(here * 1_000_000) if here < self._until else None
