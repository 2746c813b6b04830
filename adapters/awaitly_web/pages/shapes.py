"""What kind of JSON value something is, told to type checkers too."""

from __future__ import annotations

from typing import Any, TypeGuard

__all__ = ["is_list", "is_number", "is_object"]


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a JSON value is a number: true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
