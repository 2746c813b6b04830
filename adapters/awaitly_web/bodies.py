"""Bodies: JSON as strangers send it, read strictly. No duplicate members, no NaN, nothing deeper than 32 levels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, cast

from awaitly_web.core import Err, Ok, Result
from awaitly_web.problems import problem
from awaitly_web.values import Request, Response

__all__ = ["DEEPEST", "json_object", "text_in"]

DEEPEST = 32
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")


def json_object(request: Request, *, known: frozenset[str]) -> Result[Mapping[str, Any], Response]:
    """Read a body that is to be a JSON object with no other members than those `known`; none at all is an empty one."""
    if not request.body.strip():
        return Ok({})
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return Err(problem(415, "Not JSON", "send application/json"))
    try:
        text = request.body.decode("utf-8")
        if _depth(text) > DEEPEST:
            return _unread(f"it is nested deeper than {DEEPEST} levels")
        content = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as exc:
        return _unread(str(exc))
    if not isinstance(content, dict):
        return _unread("it is no object")
    members = cast("dict[str, Any]", content)
    strange = sorted(set(members) - known)
    if strange:
        return _unread(f"{', '.join(map(repr, strange[:5]))} is not known here; known are {', '.join(sorted(known))}")
    return Ok(members)


def text_in(members: Mapping[str, Any], name: str) -> Result[str | None, Response]:
    """Give a member that is to be a text, if it is there."""
    value = members.get(name)
    if value is None or isinstance(value, str):
        return Ok(value)
    return _unread(f"{name!r} is to be a text")


def _unread(why: str) -> Err[Response]:
    return Err(problem(422, "Unreadable body", f"the body cannot be taken: {why[:300]}"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = "a member is there twice"
        raise ValueError(msg)
    return found


def _constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _depth(text: str) -> int:
    """Give how deep brackets nest, those in texts aside, without reading further than too deep."""
    depth = deepest = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            escaped, quoted = character == "\\" and not escaped, escaped or character != '"'
        elif character == '"':
            quoted = True
        elif character in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
            if deepest > DEEPEST:
                return deepest
        elif character in _CLOSING:
            depth -= 1
    return deepest
