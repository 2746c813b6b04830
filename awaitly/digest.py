"""One text for each value, and digests over it: what an approval binds, and what a replay compares.

`canonical` needs no annotations, so that it works on any arguments: it looks at the values alone. Values of different
types never share a text (`1`, `1.0`, `"1"`, `Decimal("1")`, `True`), equal dicts and sets do, in whatever order they
were filled. What the codec gives back has the text of what it was given. Classes are known by their `__qualname__`,
as in the codec, so that a class may move to another module.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import attrs

from awaitly.coding.foreign import dump_model
from awaitly.coding.paths import MAX_DEPTH, Refused, class_of_value, located, segment, too_deep
from awaitly.coding.texts import writer
from awaitly.errors import Unstorable
from awaitly.exceptions import UnstorableValue
from awaitly.result import Err, Ok, Result

__all__ = ["arguments_digest", "call_digest", "canonical", "digest"]

_VERSION = "v1:"
_text = writer(
    json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False)
)


def digest(*parts: str) -> str:
    """Give `v1:` and the sha256, in hex, of the parts, each with its length in front, so that no two lists collide."""
    hashed = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:%b" % (len(raw), raw))
    return _VERSION + hashed.hexdigest()


def canonical(value: object) -> str:
    """Give the one JSON text of a value.

    Raises `UnstorableValue` (a `TypeError` that carries an `Unstorable`) for what has none: functions, sockets,
    generators, NaN, values that contain themselves.
    """
    try:
        return _text(_form(value, 0))
    except Exception as failure:
        raise UnstorableValue(_unstorable(failure)) from failure


def arguments_digest(name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Result[str, Unstorable]:
    """Digest a call. `Unstorable` names the argument, such as `$.args[0].lines[2]`. It never raises."""
    try:
        return Ok(call_digest(name, args, kwargs))
    except UnstorableValue as exc:
        return Err(exc.error)


def call_digest(name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> str:
    """Give what `arguments_digest` gives, or raise `UnstorableValue`: the short way, which each step takes."""
    try:
        return digest(name, _arguments(args), _keywords(kwargs) if kwargs else "{}")
    except Exception as failure:
        raise UnstorableValue(_unstorable(failure)) from failure


def _unstorable(failure: Exception) -> Unstorable:
    refused = located(failure)
    return Unstorable(refused.path, refused.reason)


def _arguments(args: tuple[object, ...]) -> str:
    texts: list[str] = []
    try:
        for each in args:
            texts.append(_one(each))  # noqa: PERF401  (its length tells where it failed)
    except Exception as failure:  # noqa: BLE001
        raise _within(failure, f"[{len(texts)}]", ".args") from None
    return "[" + ",".join(texts) + "]"


def _keywords(kwargs: Mapping[str, object]) -> str:
    texts: list[str] = []
    for key in sorted(kwargs):
        try:
            texts.append(f"{_text(key)}:{_one(kwargs[key])}")
        except Exception as failure:  # noqa: BLE001
            raise _within(failure, segment(key), ".kwargs") from None
    return "{" + ",".join(texts) + "}"


def _within(failure: Exception, *steps: str) -> Refused:
    refused = located(failure)
    refused.trail.extend(steps)
    return refused


def _one(value: object) -> str:
    """The text of one argument, at once where it is an everyday scalar."""
    shortcut = _SHORTCUTS.get(type(value))
    return shortcut(value) if shortcut is not None else _text(_form(value, 0))


_SHORTCUTS: dict[type, Callable[[Any], str]] = {
    str: _text,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
    int: lambda value: int.__repr__(value) if value.bit_length() <= _SURELY_SHORT else _text(_integer(value, 0)),
    Decimal: lambda value: f'{{"$decimal":"{_decimal_text(value)}"}}',
}


# The form of a value: JSON, with everything that JSON has no kind for as an object of one key that starts with `$`


def _form(value: object, depth: int) -> Any:
    cls = class_of_value(value)
    known = _FORMS.get(cls)
    if known is not None:
        return known(value, depth)
    if depth >= MAX_DEPTH:
        raise too_deep()
    if issubclass(cls, enum.Enum):
        return _member(value, cls.__qualname__, depth)
    fields = _fields(value)
    if fields is not None:
        return {"$type": cls.__qualname__, "fields": _named(value, fields, depth)}
    if hasattr(cls, "__pydantic_validator__"):
        return _model(value, depth)
    if issubclass(cls, Exception):
        return {"$type": cls.__qualname__, "args": _listed(cast("Exception", value).args, depth)}
    raise Refused(f"a {cls.__qualname__} has no content that could be compared later; pass the data it stands for")


def _member(value: Any, name: str, depth: int) -> Any:
    """An enum's member by its name; a flag with bits without a name has none, and stands by its value."""
    return {"$enum": [name, _form(value.value if value.name is None else value.name, depth + 1)]}


def _fields(value: object) -> Iterable[str] | None:
    """The names of the fields of an attrs class, a dataclass or a NamedTuple."""
    cls = class_of_value(value)
    if attrs.has(cls):
        return [each.name for each in attrs.fields(cls)]
    if dataclasses.is_dataclass(cls):
        return [each.name for each in dataclasses.fields(cls)]
    names: Iterable[str] | None = getattr(cls, "_fields", None)
    return names if issubclass(cls, tuple) else None


def _named(value: object, names: Iterable[str], depth: int) -> dict[str, Any]:
    forms: dict[str, Any] = {}
    for name in names:
        try:
            forms[name] = _form(getattr(value, name), depth + 1)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, segment(name)) from None
    return forms


def _model(value: Any, depth: int) -> Any:
    """A pydantic model by its fields; one that holds classes of pydantic's own, by the JSON that it comes back from."""
    cls = class_of_value(value)
    extra = cast("dict[str, object]", value.__pydantic_extra__ or {})
    try:
        return {"$type": cls.__qualname__, "fields": _named(value, (*cls.model_fields, *extra), depth)}
    except Refused as refused:
        try:
            return {"$type": cls.__qualname__, "json": _form(dump_model(value), depth + 1)}
        except Exception:  # noqa: BLE001
            raise refused from None


def _listed(values: Iterable[object], depth: int) -> list[Any]:
    if depth >= MAX_DEPTH:
        raise too_deep()
    forms: list[Any] = []
    try:
        for each in values:
            forms.append(_form(each, depth + 1))  # noqa: PERF401  (its length tells where it failed)
    except Exception as failure:  # noqa: BLE001
        raise located(failure, f"[{len(forms)}]") from None
    return forms


def _mapped(value: dict[Any, Any], depth: int) -> Any:
    if depth >= MAX_DEPTH:
        raise too_deep()
    entries: list[tuple[Any, Any]] = []
    for key, each in value.items():
        try:
            entries.append((key, _form(each, depth + 1)))
        except Exception as failure:  # noqa: BLE001
            raise located(failure, segment(key)) from None
    if all(type(key) is str and key[:1] != "$" for key in value):
        return dict(entries)
    return {"$dict": sorted(([_form(key, depth + 1), each] for key, each in entries), key=_text)}


def _integer(value: int, _depth: int) -> Any:
    return value if value.bit_length() <= _SURELY_SHORT else {"$int": hex(value)}


_SURELY_SHORT = 2000
"""So many bits every Python converts to decimal text, whatever limit is set."""


def _float(value: float, _depth: int) -> float:
    if value - value != 0.0:
        raise Refused("a float must be finite, and this is NaN or Infinity")
    return value


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise Refused("a Decimal must be finite, and this is NaN or Infinity")
    return str(value)


def _as_is(value: object, _depth: int) -> Any:
    return value


_FORMS: dict[type, Callable[[Any, int], Any]] = {
    type(None): _as_is,
    bool: _as_is,
    int: _integer,
    float: _float,
    str: _as_is,
    Decimal: lambda value, _: {"$decimal": _decimal_text(value)},
    bytes: lambda value, _: {"$bytes": base64.b64encode(value).decode("ascii")},
    datetime: lambda value, _: {"$datetime": value.isoformat()},
    date: lambda value, _: {"$date": value.isoformat()},
    time: lambda value, _: {"$time": value.isoformat()},
    timedelta: lambda value, _: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    UUID: lambda value, _: {"$uuid": str(value)},
    list: _listed,
    tuple: lambda value, depth: {"$tuple": _listed(value, depth)},
    set: lambda value, depth: {"$set": sorted(_listed(value, depth), key=_text)},
    frozenset: lambda value, depth: {"$frozenset": sorted(_listed(value, depth), key=_text)},
    dict: _mapped,
}
"""By exact class: a subclass may hold more than its base knows of."""
