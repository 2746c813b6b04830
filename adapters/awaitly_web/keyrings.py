"""Keys that sign: how they are checked where they are given. None is ever logged, or part of what an object prints."""

from __future__ import annotations

from collections.abc import Sequence

from awaitly_web.core import DefinitionError

__all__ = ["SHORTEST_KEY", "checked_keys"]

SHORTEST_KEY = 32


def checked_keys(values: Sequence[str] | str) -> tuple[str, ...]:
    """Give keys, the first to sign and all to be accepted. Raises `DefinitionError` for those that keep nobody out."""
    keys = (values,) if isinstance(values, str) else tuple(values)
    if not keys or any(len(key) < SHORTEST_KEY or _has_halves(key) for key in keys):
        msg = f"this takes keys of at least {SHORTEST_KEY} characters; make one with secrets.token_urlsafe(32)"
        raise DefinitionError(msg)
    return keys


def _has_halves(text: str) -> bool:
    """Whether half a surrogate pair stands in a text, which has no bytes."""
    return any("\ud800" <= each <= "\udfff" for each in text)
