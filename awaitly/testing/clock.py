"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime

from awaitly.durations import Duration, as_timedelta

__all__ = ["TestClock"]

START = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
"""A Monday morning, far from any change of a clock or of a year."""


class TestClock:
    """Call it for the time, in UTC. It starts on Monday, 7 January 2030, 09:00, and moves only when told."""

    __test__ = False  # pytest would collect it for its name

    def __init__(self, start: datetime = START) -> None:
        self._now = _in_utc(start)

    def __call__(self) -> datetime:
        """Tell the time, aware and in UTC."""
        return self._now

    def __repr__(self) -> str:
        return f"TestClock({self._now.isoformat()})"

    def advance(self, by: Duration) -> datetime:
        """Go forward by `30s`, `24h` or a `timedelta`, longer than zero, and give the new time. Raises `ValueError`."""
        self._now += as_timedelta(by)
        return self._now

    def set(self, moment: datetime) -> datetime:
        """Go to a moment, backwards too, and give it. Raises `ValueError` for a naive time."""
        self._now = _in_utc(moment)
        return self._now


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = f"a time must say its zone: {moment.isoformat()} is naive"
        raise ValueError(msg)
    return moment.astimezone(UTC)
