"""What a tool gives, as JSON that the gate keeps, and back; and what the model is told."""

from __future__ import annotations

from typing import Any, cast

from agent_framework import Content
from pydantic_core import from_json, to_json

from awaitly_agent_framework.core import keepable

__all__ = ["kept", "noted", "read"]

_VALUE, _CONTENTS = "value", "contents"


def kept(given: object) -> dict[str, Any]:
    """Write what a tool gave. It was called, so this never fails: what JSON does not know is written as text.

    Of what is too long to be kept the beginning is.
    """
    return keepable(given, lambda: _record(given), lambda words: {_VALUE: words})


def _record(given: object) -> dict[str, Any]:
    contents = _contents(given)
    value = given if contents is None else [content.to_dict() for content in contents]
    text = to_json(value, bytes_mode="base64", inf_nan_mode="strings", fallback=repr)
    return {_VALUE if contents is None else _CONTENTS: from_json(text)}


def read(record: Any) -> Any:
    """Read what a tool gave, for a replay; what a person says that it gave is given as it is."""
    match record:
        case {"contents": contents}:
            return [Content.from_dict(each) for each in contents]
        case {"value": value}:
            return value
        case _:
            return record


def noted(given: Any, notice: str | None) -> Any:
    """Put a notice of what a person had changed before what a tool gave."""
    if notice is None:
        return given
    contents = _contents(given)
    return [Content.from_text(notice), *([Content.from_text(str(given))] if contents is None else contents)]


def _contents(given: object) -> list[Content] | None:
    """Give a result that is the framework's own kind of list; None for any other value."""
    if not isinstance(given, list):
        return None
    items = cast("list[object]", given)
    contents = [each for each in items if isinstance(each, Content)]
    return contents if len(contents) == len(items) else None
