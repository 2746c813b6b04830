"""Lengths of time as people write them: `30s`, `24h`, `1d12h`, `PT24H`, or a `timedelta`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

__all__ = ["Duration", "as_span", "as_timedelta", "from_micros", "spoken", "to_micros", "utc_now"]

Duration: TypeAlias = timedelta | str
"""What every option that is a length of time takes."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_SHORT = re.compile(r"(\d+(?:\.\d+)?)(ms|[wdhms])")
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_LONGEST = 100
"""Characters of a text that is read: what is longer takes long to look through, and means nothing."""
_CENTURY = timedelta(days=36_525)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def as_timedelta(value: Duration) -> timedelta:
    """Read a length of time. Raises `ValueError` where the text is no duration or is not longer than zero.

    A text of more than 100 characters is none.
    """
    try:
        length = value if isinstance(value, timedelta) else _parse(value)
    except OverflowError as exc:
        msg = f"a duration beyond all calendars: {str(value)[:40]!r}"
        raise ValueError(msg) from exc
    if length <= timedelta(0):
        msg = f"a duration must be longer than zero, not {value!r}"
        raise ValueError(msg)
    return length


def as_span(value: Duration) -> timedelta:
    """Read a length of time that is added to moments. Raises `ValueError`, also where it is longer than 100 years."""
    length = as_timedelta(value)
    if length > _CENTURY:
        msg = f"a duration of at most 100 years is needed here, not {str(value)[:40]!r}"
        raise ValueError(msg)
    return length


def spoken(length: timedelta) -> str:
    """Say a length of time in words: `7 days`, `1 day 12 hours`."""
    seconds = round(length.total_seconds())
    parts: list[str] = []
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts) or "less than a second"


def _parse(text: str) -> timedelta:
    compact = text.strip() if len(text) <= _LONGEST else ""
    if _SHORT.sub("", compact) == "" and compact:
        return sum((timedelta(**{_UNITS[unit]: float(n)}) for n, unit in _SHORT.findall(compact)), timedelta())
    iso = _ISO.fullmatch(compact)
    if iso and any(iso.groups()):
        weeks, days, hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    msg = f"not a duration: {text[:40]!r}; write it as '30s', '24h', '1d12h' or 'PT24H'"
    raise ValueError(msg)


def to_micros(moment: datetime) -> int:
    """Give whole microseconds since 1970 UTC, the unit of time in every store."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Give the aware UTC time of `to_micros`."""
    return _EPOCH + micros * _MICROSECOND


def utc_now() -> datetime:
    """Read this machine's clock, in UTC."""
    return datetime.now(UTC)
