"""What a tool gives, as JSON that the gate keeps, and what the model is told beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from awaitly_claude.core import keepable

__all__ = ["kept", "noted", "read", "refused"]


def kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Write what a tool gave. It was called, so this never fails: of what cannot be kept whole the beginning is."""
    answer = {"content": given.get("content", []), "is_error": bool(given.get("is_error"))}
    return keepable(answer["content"], lambda: answer, lambda words: {**answer, "content": [_text(words)]})


def read(record: Any) -> dict[str, Any]:
    """Read what a tool gave, for a replay; what a person says that it gave is told as words."""
    match record:
        case {"content": list()}:
            return {**record}
        case str():
            return {"content": [_text(record)]}
        case _:
            return {"content": [_text(json.dumps(record, ensure_ascii=False))]}


def noted(given: Mapping[str, Any], notice: str | None) -> dict[str, Any]:
    """Put a notice of what a person had changed before what a tool gave."""
    return dict(given) if notice is None else {**given, "content": [_text(notice), *given.get("content", ())]}


def refused(why: object) -> dict[str, Any]:
    """Say that a call was not made, or has no result."""
    return {"content": [_text(str(why))], "is_error": True}


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}
