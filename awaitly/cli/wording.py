"""Errors as people read them. Programs get them whole: see `plain`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from attrs import fields, has

from awaitly.approvals.veil import Veil, is_list, is_object
from awaitly.codec import Codec
from awaitly.errors import NotApproved
from awaitly.result import Err, Ok
from awaitly.storage.journal import Failed, Raised
from awaitly.visible import shown, visible

__all__ = ["failure", "sentence"]

_CODEC = Codec()


def sentence(error: object) -> str:
    """Give what an error says of itself; where its class has no `__str__`, its name and its fields."""
    names = _field_names(type(error))
    if names is None or type(error).__str__ is not object.__str__:
        return str(error)
    return _told(type(error).__name__, {name: str(getattr(error, name)) for name in names})


def _field_names(kind: Any) -> list[str] | None:
    if has(kind):
        return [each.name for each in fields(kind)]
    return [each.name for each in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else None


def failure(recorded: Failed | Raised, veil: Veil) -> str:
    """Give what a stored error says, on one line that is safe to print: here its class is unknown, unless awaitly's."""
    match recorded:
        case Raised(error):
            return visible(veil.text(str(error)))
        case Failed(payload):
            return _stored(veil.value(payload))


def _stored(value: Any) -> str:
    match _CODEC.revive(value, NotApproved):
        case Ok(error):
            return visible(str(error))
        case Err(_):
            pass
    if not is_object(value) or "$type" not in value:
        return shown(value)
    return _told(visible(str(value["$type"])), {visible(name): shown(each) for name, each in _members(value).items()})


def _members(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the fields of a stored object; an exception has nothing but its arguments."""
    rest = {name: each for name, each in value.items() if name != "$type"}
    args: object = rest.get("args")
    return {str(n): each for n, each in enumerate(args, 1)} if list(rest) == ["args"] and is_list(args) else rest


def _told(name: str, members: Mapping[str, str]) -> str:
    if len(members) == 1:
        return f"{name}: {next(iter(members.values()))}"
    return f"{name} ({'; '.join(f'{each}: {text}' for each, text in members.items())})" if members else name
