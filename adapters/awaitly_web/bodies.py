"""Bodies: JSON as strangers send it, read strictly. No duplicate members, no NaN, nothing deeper than 32 levels.

A body is small enough, in size, depth and number of values, to be read and refused before anybody else has to wait.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn, cast

from attrs import Factory, field, frozen

from awaitly_web.core import Actor, Err, Ok, Result, validate
from awaitly_web.problems import problem
from awaitly_web.spoofing import Spoofed, spoofed_in
from awaitly_web.values import Request, Response

__all__ = ["DEEPEST", "MOST_VALUES", "Body", "json_object", "parsed", "read_json", "unreadable"]

DEEPEST = 32
MOST_VALUES = 5_000
_MARKS = 4
"""A value has at most so many marks: its name, its text or two brackets, a comma."""
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")
_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)


def _schema(body: Body) -> Mapping[str, Any]:
    """Describe the object that a body is."""
    described = {"type": "object", "properties": dict(body.members), "additionalProperties": False}
    return {**described, "required": list(body.required)} if body.required else described


def _written(body: Body) -> str:
    """Write a body's schema, as what checks against it takes it."""
    return json.dumps(body.schema)


@frozen
class Body:
    """What a route takes as JSON: an object of these members, each with its JSON Schema, and no others."""

    members: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...] = ()
    schema: Mapping[str, Any] = field(init=False, repr=False, default=Factory(_schema, takes_self=True))
    schema_text: str = field(init=False, repr=False, default=Factory(_written, takes_self=True))

    def read(self, request: Request, actor: Actor) -> Result[Mapping[str, Any], Response | Spoofed]:
        """Read a request's body. That somebody says in it to be somebody else is seen before all else."""
        match json_object(request):
            case Ok(members):
                pass
            case Err(response):
                return Err(response)
        return self.checked(members, actor)

    def checked(self, members: Mapping[str, Any], actor: Actor) -> Result[Mapping[str, Any], Response | Spoofed]:
        """Check what was read."""
        spoofed = spoofed_in(members, self.members, actor)
        if spoofed is not None:
            return Err(spoofed)
        match validate(self.schema_text, dict(members)):
            case Ok(_):
                return Ok(members)
            case Err(misfit):
                return Err(unreadable(misfit.path, misfit.reason))


def unreadable(path: str, why: str) -> Response:
    """Answer that a body cannot be taken: `path` names the offender."""
    return problem(422, "Unreadable body", f"{path}: {why}", path=path)


def json_object(request: Request) -> Result[Mapping[str, Any], Response]:
    """Read a body that is to be a JSON object; none at all is an empty one."""
    if not request.body.strip():
        return Ok({})
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return Err(problem(415, "Not JSON", "send application/json"))
    return parsed(request.body)


def parsed(body: bytes) -> Result[Mapping[str, Any], Response]:
    """Read the bytes of a JSON object."""
    try:
        content = read_json(body.decode("utf-8"))
    except ValueError as exc:
        return _unread(str(exc))
    if not isinstance(content, dict):
        return _unread("it is no object")
    return Ok(cast("dict[str, Any]", content))


def read_json(text: str) -> Any:
    """Read JSON from outside. Raises `ValueError` for what is none, says a thing twice, or is too much of it."""
    too_much = _too_much(text)
    if too_much is not None:
        raise ValueError(too_much)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
    except RecursionError as exc:
        raise ValueError(str(exc)) from exc


def _unread(why: str) -> Err[Response]:
    return Err(unreadable("$", why[:300]))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = "a member is there twice"
        raise ValueError(msg)
    return found


def _constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        msg = "a number is too large"
        raise ValueError(msg)
    return number


def _too_much(text: str) -> str | None:
    """Say why a text is more than is read, by its brackets and commas, those in texts aside; reads no further than so.

    Texts are skipped whole, also one that does not end, so that whatever is sent is gone through once.
    """
    openings = text.count("[") + text.count("{")
    if openings <= DEEPEST and openings + text.count(",") <= MOST_VALUES:
        return None
    depth = values = 0
    for count, found in enumerate(_MARK.finditer(text)):
        mark = found[0]
        if mark in _OPENING:
            depth += 1
            values += 1
        elif mark in _CLOSING:
            depth -= 1
        elif mark == ",":
            values += 1
        if depth > DEEPEST:
            return f"it is nested deeper than {DEEPEST} levels"
        if values > MOST_VALUES or count > _MARKS * MOST_VALUES:
            return f"it has more than {MOST_VALUES:,} values"
    return None
