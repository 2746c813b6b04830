"""Times, as texts in bodies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from awaitly_web.core import Err, Ok, Result, as_timedelta

__all__ = ["LONGEST", "length", "moment", "moment_or_span"]

LONGEST = timedelta(days=36_525)
"""A century: what is longer is a mistake, and no store has room for the longest there are."""


def moment(text: str) -> Result[datetime, str]:
    """Read a time with its zone, as `2026-11-21T19:00:00Z`; otherwise say what is wrong."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            return Err("it is a time without a zone; end it with Z, or +01:00")
        return Ok(at.astimezone(UTC))
    except (ValueError, OverflowError):
        return Err("it is no time, as 2026-11-21T19:00:00Z is")


def length(text: str) -> timedelta:
    """Read a length of time. Raises `ValueError` for what is none, or longer than a century."""
    try:
        read = as_timedelta(text)
    except OverflowError:
        read = LONGEST + timedelta(1)
    if read > LONGEST:
        msg = f"at most {LONGEST.days} days, not {text[:40]!r}"
        raise ValueError(msg)
    return read


def moment_or_span(text: str) -> Result[datetime | timedelta, str]:
    """Read a time, or a length of time as `24h`."""
    match moment(text):
        case Ok(at):
            return Ok(at)
        case Err(_):
            pass
    try:
        return Ok(length(text))
    except ValueError:
        return Err("it is neither a time, as 2026-11-21T19:00:00Z is, nor a length of time, as 24h is")
