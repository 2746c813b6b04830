"""Filters as the scripts of listings take them: nothing, or what is filtered by, behind an `=`."""

from __future__ import annotations

from awaitly_redis.packing import packed_time

__all__ = ["by_text", "by_time"]


def by_text(value: str | None) -> bytes:
    """Give a filter by text."""
    return b"" if value is None else b"=" + value.encode()


def by_time(value: int | None) -> bytes:
    """Give a filter by a time."""
    return b"" if value is None else b"=" + packed_time(value)
