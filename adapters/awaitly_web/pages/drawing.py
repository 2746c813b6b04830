"""JSON values as pages draw them: members one below the other, texts whole or cut with a mark."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from awaitly_web.core import ABSENT, Difference, visible
from awaitly_web.pages.shapes import is_list, is_object
from awaitly_web.pages.words import cut

__all__ = ["Change", "Drawn", "change", "drawn", "one_line"]

_DEEPEST = 24
_MOST = 200
_LINE = 160


@frozen
class Drawn:
    """A value to draw. `kind` is `object`, `list`, `text`, `empty` or `plain`.

    `title` is the type's name where it has one. `left_out` counts the characters, or the members, that are not shown;
    `rest` has a text whole, where it was cut.
    """

    kind: str
    text: str = ""
    title: str = ""
    members: tuple[tuple[str, Drawn], ...] = ()
    left_out: int = 0
    rest: str = ""


@frozen
class Change:
    """One field that an edit has changed; None where there was, or is, nothing."""

    path: str
    before: Drawn | None
    after: Drawn | None


def drawn(value: Any, depth: int = 0) -> Drawn:
    """Give a JSON value as it is drawn."""
    if isinstance(value, str):
        return _text(value)
    if is_object(value) and depth < _DEEPEST:
        return _object(value, depth)
    if is_list(value) and depth < _DEEPEST:
        return _list(value, depth)
    return Drawn("plain", text=visible(json.dumps(value, ensure_ascii=False)[:_LINE]))


def change(difference: Difference) -> Change:
    """Give a difference as it is drawn."""
    sides = [None if side is ABSENT else drawn(side) for side in (difference.before, difference.after)]
    return Change(visible(difference.path.removeprefix("$").removeprefix(".") or "the value"), *sides)


def one_line(value: Any) -> str:
    """Give a JSON value on one line, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(_untyped(value), ensure_ascii=False)
    return visible(text if len(text) <= _LINE else f"{text[:_LINE]} …")


def _untyped(value: Any) -> Any:
    if is_object(value):
        return {name: _untyped(part) for name, part in value.items() if name != "$type"}
    return [_untyped(part) for part in value] if is_list(value) else value


def _text(value: str) -> Drawn:
    if not value:
        return Drawn("empty", text="empty text")
    shown, left_out = cut(value)
    return Drawn("text", text=shown, left_out=left_out, rest=_rest(value) if left_out else "")


def _rest(value: str) -> str:
    return "\n".join(visible(line) for line in value.split("\n"))


def _object(value: Mapping[str, Any], depth: int) -> Drawn:
    title = value.get("$type")
    named = [(name, part) for name, part in value.items() if name != "$type" or not isinstance(title, str)]
    if not named:
        return Drawn("empty", text="nothing in it", title=visible(title) if isinstance(title, str) else "")
    members = tuple((visible(name), drawn(part, depth + 1)) for name, part in named[:_MOST])
    shown = visible(title) if isinstance(title, str) else ""
    return Drawn("object", title=shown, members=members, left_out=max(0, len(named) - _MOST))


def _list(value: Sequence[Any], depth: int) -> Drawn:
    if not value:
        return Drawn("empty", text="empty list")
    members = tuple((str(number), drawn(part, depth + 1)) for number, part in enumerate(value[:_MOST], start=1))
    return Drawn("list", members=members, left_out=max(0, len(value) - _MOST))
