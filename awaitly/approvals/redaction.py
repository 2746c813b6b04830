"""What people are not shown: redacted members of JSON values, blanked, put back, and scrubbed from texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from awaitly.coding.texts import compact

__all__ = ["BLANK", "in_texts", "redacted", "scrubbed", "still_blank", "unblanked"]

BLANK = "[redacted]"


def redacted(content: str, fields: Sequence[str]) -> Any:
    """Read JSON text, with every member whose name is in `fields` blanked, at any depth."""
    if not fields:
        return compact(content)
    return json.loads(content, object_hook=lambda found: {k: BLANK if k in fields else v for k, v in found.items()})


def unblanked(value: Any, original: Any, fields: Sequence[str]) -> Any:
    """Put back what `redacted` blanked: an editor who was not shown a member leaves it as it was.

    Members of objects are known by their names. A list that was touched keeps its blanks, for its items may have moved:
    `still_blank` finds them.
    """
    if _is_object(value) and _is_object(original):
        return {name: _put_back(name, part, original, fields) for name, part in value.items()}
    if _is_array(value) and _is_array(original) and value == redacted(json.dumps(original), fields):
        return original
    return value


def still_blank(value: Any, fields: Sequence[str]) -> bool:
    """Whether a redacted member still holds what stands in its place, at any depth."""
    if _is_object(value):
        return any((name in fields and part == BLANK) or still_blank(part, fields) for name, part in value.items())
    return _is_array(value) and any(still_blank(part, fields) for part in value)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _put_back(name: str, part: Any, before: Mapping[str, Any], fields: Sequence[str]) -> Any:
    if name in fields and part == BLANK and name in before:
        return before[name]
    return unblanked(part, before.get(name), fields)


def scrubbed(text: str, content: str, fields: Sequence[str]) -> str:
    """Blank in `text` whatever values the members named in `fields` have in `content` (JSON text), at any depth."""
    secrets: set[str] = set()

    def collect(found: dict[str, Any]) -> dict[str, Any]:
        secrets.update(leaf for name, value in found.items() if name in fields for leaf in _leaves(value))
        return found

    json.loads(content, object_hook=collect)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, BLANK)
    return text


def in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Change every text in a JSON value, at any depth; names of members stay."""
    if isinstance(value, str):
        return change(value)
    if _is_object(value):
        return {name: in_texts(each, change) for name, each in value.items()}
    return [in_texts(each, change) for each in value] if _is_array(value) else value


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case {**members}:
            for part in members.values():
                yield from _leaves(part)
        case [*parts]:
            for part in parts:
                yield from _leaves(part)
        case None | "" | True | False:
            return
        case _:
            yield str(value)
