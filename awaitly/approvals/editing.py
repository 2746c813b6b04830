"""Check an edit when it is made, in any process: against the schema that was stored with the approval."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

from awaitly.approvals.approval import Approval
from awaitly.approvals.redaction import BLANK, still_blank, unblanked
from awaitly.codec import LIMIT, Codec, too_large
from awaitly.coding.paths import MAX_DEPTH, too_deep
from awaitly.errors import InvalidEdit, Unstorable
from awaitly.result import Err, Ok, Result
from awaitly.schema import validate

__all__ = ["edited_content", "plain_text"]

_VALUES = Codec()


def edited_content(
    approval: Approval, value: object, read: Callable[[str], Any] | None = None
) -> Result[str, InvalidEdit]:
    """Write an edit as JSON text, if it fits the schema that was stored with the approval.

    Dicts, lists and None are JSON already; other values are written as the type that they are. A redacted member that
    still holds what stands in its place keeps its value. `read`, where this process knows it, reads the text as the
    very type of what was proposed, which may refuse more than the schema does.
    """

    def refused(path: str, reason: str) -> Result[str, InvalidEdit]:
        return Err(InvalidEdit(approval.run_id, approval.key, path, reason))

    if approval.redact and isinstance(value, dict | list):
        value = unblanked(value, json.loads(approval.content), approval.redact)
        if still_blank(value, approval.redact):
            return refused("$", f"{BLANK} stands where a value must: give the value, or leave its list as it was shown")
    match written(value):
        case Err(unstorable):
            return refused(unstorable.path, unstorable.reason)
        case Ok(text):
            pass
    match validate(approval.schema, json.loads(text)):
        case Err(misfit):
            return refused(misfit.path, misfit.reason)
        case Ok(_):
            pass
    try:
        if read is not None:
            read(text)
    except ValueError as exc:
        return refused("$", str(exc))
    return Ok(text)


def written(value: object) -> Result[str, Unstorable]:
    if value is not None and not isinstance(value, dict | list):
        return _VALUES.encode(value, type(value))
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError) as exc:
        return Err(Unstorable("$", str(exc)))
    if _is_too_deep(cast("object", value)):
        return Err(Unstorable("$", too_deep().reason))
    return Ok(text) if len(text) <= LIMIT else Err(too_large(text, LIMIT))


def plain_text(value: object) -> Result[str, Unstorable]:
    """Write a value that is JSON already: nothing that would come back as something else."""
    match written(value):
        case Ok(text) if _is_same(value, json.loads(text)):
            return Ok(text)
        case Ok(_):
            kind = type(value).__name__
            return Err(Unstorable("$", f"this {kind} is no plain JSON, for which a schema given as a dict is"))
        case Err(unstorable):
            return Err(unstorable)


def _is_same(value: object, read: object) -> bool:
    """Whether a value came back from its text as what it was, all the way down."""
    if type(value) is not type(read):
        return False
    if isinstance(value, dict):
        members, others = cast("dict[object, object]", value), cast("dict[object, object]", read)
        return members.keys() == others.keys() and all(_is_same(part, others[name]) for name, part in members.items())
    if isinstance(value, list):
        return all(map(_is_same, cast("list[object]", value), cast("list[object]", read)))
    return value == read


def _is_too_deep(value: object) -> bool:
    """Whether JSON nests deeper than any codec reads."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [part for each in level for part in _parts(each)]
    return any(isinstance(each, dict | list | tuple) for each in level)


def _parts(value: Any) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list | tuple) else ()
