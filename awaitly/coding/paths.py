"""Where in a value something is wrong: `Refused` travels up through the containers and collects the path as it goes."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["MAX_DEPTH", "Refused", "class_of_value", "located", "mismatch", "segment", "too_deep", "type_name"]

MAX_DEPTH = 64
"""How many containers may stand inside one another."""

_LONGEST_KEY = 80


class Refused(Exception):
    """A value, or a part of it, cannot be taken; `trail` holds the way to it, innermost first."""

    def __init__(self, reason: str, trail: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.trail = list(trail)

    @property
    def path(self) -> str:
        """The way from the root, such as `$.lines[2].price`."""
        return "$" + "".join(reversed(self.trail))


def segment(key: object) -> str:
    """One step of a path: `.name`, `["any text"]` or `[7]`."""
    if isinstance(key, str) and (key.isidentifier() or key == "$type"):
        return f".{key}"
    text = json.dumps(key) if isinstance(key, str) else str(key)
    return f"[{text if len(text) <= _LONGEST_KEY else text[:_LONGEST_KEY] + '...'}]"


def located(failure: Exception, step: str = "") -> Refused:
    """Note one step of the way up; whatever is not yet a `Refused` becomes one."""
    refused = failure if isinstance(failure, Refused) else _refused(failure)
    if step:
        refused.trail.append(step)
    return refused


def mismatch(expected: str, value: object) -> Refused:
    """Say which type was expected and which came, and never the value itself."""
    return Refused(f"expected {expected}, got {type_name(type(value))}")


def too_deep() -> Refused:
    """The value refers to itself, or nests without end."""
    return Refused(f"nested deeper than {MAX_DEPTH} levels (does the value contain itself?)")


def class_of_value(value: object) -> Any:
    """The class of a value."""
    return type(value)


def type_name(cls: type) -> str:
    """The name by which a class is spoken of."""
    return "None" if cls is type(None) else cls.__qualname__


def _refused(failure: Exception) -> Refused:
    if isinstance(failure, RecursionError):
        return too_deep()
    try:
        return Refused(f"{type(failure).__name__}: {failure}")
    except Exception:  # noqa: BLE001  (a user's __str__ may raise anything)
        return Refused(f"{type(failure).__name__} was raised")
