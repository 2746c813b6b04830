"""Calls that a server may read otherwise than they were judged: those are not passed on.

A server may take members by their names whatever the case, as programs in Go and .NET do by default, whatever the
letters are made of, as in Swift, or with or without the strokes between words, as protocol buffers do, and the last of
several: then it is not the member that a rule has looked at.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias, cast

__all__ = ["ambiguity"]

_Object: TypeAlias = Mapping[str, Any]
_STRICT = json.JSONEncoder(allow_nan=False)
_PARAMS = ("name", "arguments", "_meta", "inputResponses", "requestState", "task")


def ambiguity(params: _Object, schema: _Object | None) -> str | None:
    """Say what of a call is not plain, by the schema of its arguments if there is one; None where all is."""
    if not isinstance(params.get("name"), str):
        return "its name is no text"
    arguments: Any = params.get("arguments")
    if arguments is not None and not isinstance(arguments, dict):
        return "its arguments are no object"
    try:
        _STRICT.encode(arguments)
    except ValueError:
        return "a number in its arguments is none that JSON can write"
    return _alike(params, _PARAMS, "$") or _within(cast("object", arguments), schema, "$.arguments")


def _within(value: object, schema: Any, path: str) -> str | None:
    """Look at all members of a value; `schema` is what is known of it."""
    known: _Object = cast("_Object", schema) if isinstance(schema, Mapping) else {}
    if isinstance(value, list):
        listed = enumerate(cast("list[object]", value))
        items = ((f"[{index}]", each, known.get("items")) for index, each in listed)
    elif isinstance(value, dict):
        declared: Any = known.get("properties")
        properties: _Object = cast("_Object", declared) if isinstance(declared, Mapping) else {}
        members = cast("dict[str, object]", value)
        if (found := _alike(members, properties, path)) is not None:
            return found
        items = ((f".{name}", each, properties.get(name)) for name, each in members.items())
    else:
        return None
    return next((found for at, each, part in items if (found := _within(each, part, path + at)) is not None), None)


def _alike(members: Iterable[str], known: Collection[str], path: str) -> str | None:
    """Name a member that is called much like another one, or like one that is known."""
    names = {_joined(name): name for name in known}
    others: dict[str, str] = {}
    for name in members:
        if name in known:
            continue
        other = names.get(_joined(name), others.setdefault(_folded(name), name))
        if other != name:
            return f"{path} has a member {name!a}, which some servers take for {other!a}"
    return None


def _folded(name: str) -> str:
    """Give what names have in common that differ in case, or in how their letters are written."""
    cased = unicodedata.normalize("NFKC", name).upper().casefold()
    return unicodedata.normalize("NFKC", cased).replace("i\u0307", "i")


def _joined(name: str) -> str:
    """Give that without what stands between words."""
    return _folded(name).replace("_", "").replace("-", "")
