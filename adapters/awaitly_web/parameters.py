"""What may stand in a request's query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from attrs import frozen

from awaitly_web.core import Err, Ok, Result, RunStatus
from awaitly_web.moments import length
from awaitly_web.problems import problem
from awaitly_web.values import Request, Response

__all__ = ["AFTER", "LARGEST_PAGE", "LIMIT", "Parameter", "is_plain", "read_parameters", "span", "statuses", "text"]

LARGEST_PAGE = 200
_USUAL_PAGE = 50
_LONGEST = 1_000
_MOST = 50

Reading: TypeAlias = Callable[[Sequence[str]], Any]
"""Reads the values of a parameter, of which there is at least one. Raises `ValueError` that says what is wrong."""


@frozen(kw_only=True)
class Parameter:
    """A parameter of the query: how it is read, and how it is described. `usual` stands for one that is not there."""

    name: str
    about: str
    schema: Mapping[str, Any]
    reading: Reading
    usual: Any = None
    repeatable: bool = False


def is_plain(value: str) -> bool:
    """Whether a text can be, or be part of, any name there is."""
    return len(value) <= _LONGEST and value.isprintable()


def _one(values: Sequence[str]) -> str:
    if len(values) > 1:
        msg = "it is there twice"
        raise ValueError(msg)
    if not is_plain(values[0]):
        msg = f"it is a printable text of at most {_LONGEST} characters"
        raise ValueError(msg)
    return values[0]


def _count(values: Sequence[str]) -> int:
    value = _one(values)
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= LARGEST_PAGE):
        msg = f"it is a number from 1 to {LARGEST_PAGE}"
        raise ValueError(msg)
    return int(value[:9])


def _span(values: Sequence[str]) -> str:
    value = _one(values)
    length(value)
    return value


def text(name: str, about: str) -> Parameter:
    """Make a parameter that is a text."""
    return Parameter(name=name, about=about, schema={"type": "string", "maxLength": _LONGEST}, reading=_one)


def span(name: str, about: str) -> Parameter:
    """Make a parameter that is a length of time, as `24h`."""
    return Parameter(name=name, about=about, schema={"type": "string", "examples": ["24h", "1d12h"]}, reading=_span)


def statuses(name: str, about: str) -> Parameter:
    """Make a parameter that names statuses of runs, and may be there several times."""
    known = [status.value for status in RunStatus]
    schema = {"type": "array", "items": {"type": "string", "enum": known}}

    def reading(values: Sequence[str]) -> list[RunStatus]:
        return [RunStatus(value) for value in values]

    return Parameter(name=name, about=about, schema=schema, reading=reading, repeatable=True)


LIMIT = Parameter(
    name="limit",
    about="How many at most",
    schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": _USUAL_PAGE},
    reading=_count,
    usual=_USUAL_PAGE,
)
AFTER = text("after", "The `after` of the page before")


def read_parameters(request: Request, known: Sequence[Parameter]) -> Result[Mapping[str, Any], Response]:
    """Read a request's query; one that is empty counts as not there, one that is not known is refused."""
    try:
        given = parse_qs(request.query, max_num_fields=_MOST)
    except ValueError:
        return _bad("the query has too many parameters")
    strange = sorted(set(given) - {parameter.name for parameter in known})
    if strange:
        names = ", ".join(sorted(parameter.name for parameter in known)) or "none"
        return _bad(f"{strange[0][:40]!r} is not known here; known are: {names}")
    asked: dict[str, Any] = {}
    for parameter in known:
        values = given.get(parameter.name)
        try:
            asked[parameter.name] = parameter.usual if values is None else parameter.reading(values)
        except ValueError as exc:
            return _bad(f"{parameter.name}: {str(exc)[:200]}")
    return Ok(asked)


def _bad(why: str) -> Err[Response]:
    return Err(problem(422, "Bad parameter", why))
