"""Times and lengths of time as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["day_and_time", "length", "time_of_day"]

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def length(span: timedelta) -> str:
    """Give the two largest units: `2 d 4 h`, `3 min 5 s`, `1.2 s`, `12 ms`."""
    seconds = span.total_seconds()
    if seconds < 1:
        return "<1 ms" if seconds < 0.001 else f"{seconds * 1000:.0f} ms"  # noqa: PLR2004  (a millisecond)
    if seconds < 10:  # noqa: PLR2004  (below ten seconds a tenth still matters)
        return f"{seconds:.1f} s"
    parts: list[str] = []
    rest = round(seconds)
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def day_and_time(moment: datetime) -> str:
    """Give `2026-11-21 09:52:56 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def time_of_day(moment: datetime) -> str:
    """Give `09:52:56`, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S}"
