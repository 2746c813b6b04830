"""Times and values in words, for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from awaitly_web.core import visible

__all__ = ["LONGEST", "ago", "bearing", "clock_time", "cut", "lines_of", "span", "within"]

LONGEST = 1_200
"""Characters of a text that are shown at once."""
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def span(length: timedelta) -> str:
    """Say a length of time by its largest unit, or two: `2 days 4 hours`, `35 seconds`."""
    rest = max(0, round(length.total_seconds()))
    said: list[str] = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            said.append(f"{count} {unit}{'' if count == 1 else 's'}")
        elif said:
            break
        if len(said) == 2:  # noqa: PLR2004  (two units say enough)
            break
    return " ".join(said) or "a moment"


def within(moment: datetime, now: datetime) -> str:
    """Say when something is, seen from now."""
    return f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"


def ago(moment: datetime, now: datetime) -> str:
    """Say how long something has been."""
    return f"{span(now - moment)} ago"


def bearing(deadline: datetime | None, now: datetime) -> str:
    """Say how pressing a deadline is: `calm`, `soon`, or `over`."""
    if deadline is None or deadline - now > timedelta(hours=4):
        return "calm"
    return "soon" if deadline > now else "over"


def clock_time(moment: datetime) -> str:
    """Give `2026-11-21 09:52 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lines_of(text: str) -> str:
    """Show a text with its line breaks, and all else in it that would hide or mislead written out."""
    return "\n".join(visible(line) for line in text.replace("\r\n", "\n").split("\n"))


def cut(text: str, longest: int = LONGEST) -> tuple[str, int]:
    """Give the beginning of a text, as it is shown, and how many characters of it are left out."""
    return lines_of(text[:longest]), max(0, len(text) - longest)
