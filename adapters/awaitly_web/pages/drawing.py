"""JSON values as pages draw them: members one below the other, as far as there is room; what is cut has a mark.

A page that has no end is read by nobody, and by some browsers not at all. So values share what room there is: the
members of an object alike, so that none is pushed out by what stands before it; the items of a list one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from attrs import define, frozen

from awaitly_web.core import ABSENT, Difference, clipped, visible
from awaitly_web.pages.shapes import is_list, is_object
from awaitly_web.pages.words import LONGEST, cut

__all__ = ["Change", "Changed", "Drawn", "Room", "changes", "drawn", "is_whole", "one_line"]

_DEEPEST = 24
_MOST = 200
_LINE = 160
_MARKUP = 150
"""Characters of a page that a value takes besides its text."""


@define
class Room:
    """The characters of a page that are `left` for values; the last one to begin may take a little more."""

    left: int = 100_000

    def take(self, text: str = "") -> None:
        """Use it for a value, or for a text."""
        self.left -= len(escape(text)) if text else _MARKUP

    @property
    def most(self) -> int:
        """How many values there is room for, if they are short."""
        return max(0, self.left // _MARKUP)

    def has(self, text: str) -> bool:
        """Whether a text fits."""
        return len(escape(text)) <= self.left

    def part(self, share: int) -> Room:
        """Take out one of so many equal shares; what is not used comes back by `left`."""
        part = Room(self.left // share)
        self.left -= part.left
        return part


@frozen
class Drawn:
    """A value to draw. `kind` is `object`, `list`, `text`, `empty` or `plain`.

    `title` is the type's name where it has one. `left_out` counts the characters, or the members, that are not shown;
    `rest` has a text whole, where it was cut and there is room for all of it. `renamed`: a name in it had to be cut.
    """

    kind: str
    text: str = ""
    title: str = ""
    members: tuple[tuple[str, Drawn], ...] = ()
    left_out: int = 0
    rest: str = ""
    renamed: bool = False


@frozen
class Change:
    """One field that an edit has changed; None where there was, or is, nothing."""

    path: str
    before: Drawn | None
    after: Drawn | None


@frozen
class Changed:
    """The fields that an edit has changed, as far as there is room; `left_out` counts the others."""

    shown: tuple[Change, ...]
    left_out: int = 0


def drawn(value: Any, room: Room | None = None, depth: int = 0) -> Drawn:
    """Give a JSON value as it is drawn, as far as there is room."""
    room = Room() if room is None else room
    room.take()
    if isinstance(value, str):
        return _text(value, room)
    if is_object(value) and depth < _DEEPEST:
        return _object(value, room, depth)
    if is_list(value) and depth < _DEEPEST:
        return _list(value, room, depth)
    text = json.dumps(value, ensure_ascii=False)
    return Drawn("plain", text=_taken(visible(text[:_LINE]), room), left_out=max(0, len(text) - _LINE))


def is_whole(value: Drawn) -> bool:
    """Whether all of a value is on the page, if only behind a line that shows it."""
    cut_here = value.renamed or (value.left_out > 0 and not value.rest)
    return not cut_here and all(is_whole(part) for _, part in value.members)


def changes(differences: Iterable[Difference], room: Room) -> Changed:
    """Give differences as they are drawn."""
    every = list(differences)
    shown = tuple(_change(each, room) for each in every if room.left > 0)
    return Changed(shown, len(every) - len(shown))


def _change(difference: Difference, room: Room) -> Change:
    room.take()
    path = _name(difference.path.removeprefix("$").removeprefix(".") or "the value", room)
    return Change(
        path, *(None if side is ABSENT else drawn(side, room) for side in (difference.before, difference.after))
    )


def one_line(value: Any) -> str:
    """Give a JSON value on one line, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(_untyped(value), ensure_ascii=False)
    return visible(text if len(text) <= _LINE else f"{text[:_LINE]} …")


def _untyped(value: Any) -> Any:
    if is_object(value):
        return {name: _untyped(part) for name, part in value.items() if name != "$type"}
    return [_untyped(part) for part in value] if is_list(value) else value


def _name(text: str, room: Room) -> str:
    return _taken(visible(clipped(text, LONGEST)), room)


def _taken(text: str, room: Room) -> str:
    room.take(text)
    return text


def _text(value: str, room: Room) -> Drawn:
    if not value:
        return Drawn("empty", text="empty text")
    shown, left_out = cut(value)
    if not room.has(shown):
        shown, left_out = cut(value, _LINE)
    room.take(shown)
    rest = "\n".join(visible(line) for line in value.split("\n")) if 0 < left_out <= room.left else ""
    return Drawn("text", text=shown, left_out=left_out, rest=_taken(rest, room) if rest and room.has(rest) else "")


def _object(value: Mapping[str, Any], room: Room, depth: int) -> Drawn:
    title = value.get("$type")
    named = [(name, part) for name, part in value.items() if name != "$type" or not isinstance(title, str)]
    shown = _name(title, room) if isinstance(title, str) else ""
    renamed = any(len(name) > LONGEST for name in (*value, str(title)))
    if not named:
        return Drawn("empty", text="nothing in it", title=shown, renamed=renamed)
    members = tuple(_members(named[: min(_MOST, room.most)], room, depth))
    return Drawn("object", title=shown, members=members, left_out=len(named) - len(members), renamed=renamed)


def _members(named: Sequence[tuple[str, Any]], room: Room, depth: int) -> Iterator[tuple[str, Drawn]]:
    for number, (name, part) in enumerate(named):
        if room.left <= 0:
            break
        share = room.part(len(named) - number)
        yield _name(name, share), drawn(part, share, depth + 1)
        room.left += share.left


def _list(value: Sequence[Any], room: Room, depth: int) -> Drawn:
    if not value:
        return Drawn("empty", text="empty list")
    members = tuple(
        (str(number), drawn(part, room, depth + 1))
        for number, part in enumerate(value[:_MOST], start=1)
        if room.left > 0
    )
    return Drawn("list", members=members, left_out=len(value) - len(members))
