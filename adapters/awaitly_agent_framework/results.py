"""What a tool gives, as JSON that the gate keeps, and back; and what the model is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agent_framework import Content
from pydantic_core import from_json, to_json

from awaitly_agent_framework.core import Performed

__all__ = ["edited", "kept", "read"]

_VALUE, _CONTENTS = "value", "contents"


def kept(given: object) -> dict[str, Any]:
    """Write what a tool gave. It was called, so this never fails: what JSON does not know is written as text."""
    contents = _contents(given)
    value = given if contents is None else [content.to_dict() for content in contents]
    text = to_json(value, bytes_mode="base64", inf_nan_mode="strings", fallback=repr)
    return {_VALUE if contents is None else _CONTENTS: from_json(text)}


def read(value: Mapping[str, Any]) -> Any:
    """Read what a tool gave, for a replay."""
    return [Content.from_dict(each) for each in value[_CONTENTS]] if _CONTENTS in value else value[_VALUE]


def edited(given: Any, performed: Performed, proposed: Mapping[str, Any]) -> list[Content]:
    """Say before what a tool gave that a person had changed its arguments."""
    missing = object()
    now = performed.arguments
    changed = [f"{name}={now[name]!r}" for name in now if now[name] != proposed.get(name, missing)]
    changed += [f"no {name}" for name in proposed if name not in now]
    said = Content.from_text(f"executed with {', '.join(changed)}, edited by a human; do not re-issue")
    contents = _contents(given)
    return [said, *([Content.from_text(str(given))] if contents is None else contents)]


def _contents(given: object) -> list[Content] | None:
    """Give a result that is the framework's own kind of list; None for any other value."""
    if not isinstance(given, list):
        return None
    items = cast("list[object]", given)
    contents = [each for each in items if isinstance(each, Content)]
    return contents if len(contents) == len(items) else None
