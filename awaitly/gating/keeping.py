"""What a tool gave, as the gate can keep it. The tool was called by then, so nothing here fails, whatever it gave."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from awaitly.codec import Codec
from awaitly.result import Ok
from awaitly.visible import clipped

__all__ = ["keepable"]

T = TypeVar("T")

_CODEC = Codec(limit=500_000)
"""Half of what the gate keeps of a call: its arguments take room beside the result."""
_LONGEST = 40_000
"""Characters that fit, whatever they are."""


def keepable(given: object, write: Callable[[], T], in_words: Callable[[str], T]) -> T:
    """Give what `write` makes of a tool's result where that is JSON which a gate can keep, else the result `in_words`.

    For adapters. The words are the beginning of what the result says of itself: at most 40,000 characters, or only what
    class it is of where it cannot say anything. What `write` raises counts as what cannot be kept.
    """
    with suppress(Exception):  # a value may run any code
        record = write()
        if isinstance(_CODEC.encode([[record]], object), Ok):
            return record
    return in_words(_said(given))


def _said(given: object) -> str:
    with suppress(Exception):
        return clipped(str(given), _LONGEST)
    return f"a {type(given).__name__}, which cannot be written"
