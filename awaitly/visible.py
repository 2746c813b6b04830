"""Text that comes from data, made safe to print: what a terminal would act on or hide is written out instead."""

from __future__ import annotations

import json
from typing import Any, TypeGuard

__all__ = ["clipped", "shown", "visible"]

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0")
"""Characters that Unicode counts as printable and that show as nothing."""


def visible(text: str) -> str:
    r"""Write control, format, bidi and invisible characters as escapes such as `\x1b`, `\n` and `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if _shows(each) else _escaped(each) for each in text)


def _shows(character: str) -> bool:
    return character.isprintable() and character not in _INVISIBLE and not "\ufe00" <= character <= "\ufe0f"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def clipped(text: str, longest: int) -> str:
    """Give at most the first `longest` characters of a text, and say how many are left out."""
    left = len(text) - longest
    return text if left <= 0 else f"{text[:longest]}… ({left:,} more characters)"


def shown(value: Any) -> str:
    """Write a JSON value on one line, a text without quotation marks; an object with a type reads as a call.

    One that is nested too deeply to be gone through is said to be so, in its place.
    """
    try:
        return visible(value) if isinstance(value, str) else _quoted(value)
    except RecursionError:
        return "… (nested too deeply to be shown)"


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return '"' + visible(value).replace('"', '\\"') + '"'
    if _is_list(value):
        return f"[{', '.join(map(_quoted, value))}]"
    if not _is_object(value):
        return json.dumps(value)
    if "$type" not in value:
        return "{" + ", ".join(f"{_quoted(name)}: {_quoted(each)}" for name, each in value.items()) + "}"
    inner = (f"{visible(name)}={_quoted(each)}" for name, each in value.items() if name != "$type")
    return f"{visible(str(value['$type']))}({', '.join(inner)})"


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
