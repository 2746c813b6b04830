"""Forms made from a JSON Schema: fields for what people can fill in, JSON in a textarea for all else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum, unique
from html import escape
from typing import Any

from attrs import evolve, frozen

from awaitly_web.core import Approval
from awaitly_web.pages.shapes import is_list, is_number, is_object

__all__ = ["Field", "Kind", "edit_form", "with_errors"]

_DEEPEST = 12
_LONG = 80
_ROOM = 60_000
"""Characters of a page that the form has."""
_MARKUP = 600
"""Characters of a page that a field takes besides its text."""
Schema = Mapping[str, Any]


@unique
class Kind(Enum):
    """How a field is drawn, and read."""

    TEXT = "text"
    LONG = "long"
    NUMBER = "number"
    WHOLE = "whole"
    DATE = "date"
    YES_NO = "yes_no"
    CHOICE = "choice"
    GROUP = "group"
    LIST = "list"
    JSON = "json"
    FIXED = "fixed"
    HIDDEN = "hidden"


@frozen
class Field:
    """One field. `name` is its name in the form, `path` its place in the value, `label` what people read.

    `text` is what stands in it, `value` the JSON value that it began with. `choices` are those of a `CHOICE`, each as
    JSON text with words.
    `nullable`: it may be nothing, and `is_null` says that it is. `optional`: the member may be left out, and `absent`
    says that it is. `parts` are those of a group or list, `blank` one more item of a list.
    """

    kind: Kind
    name: str
    path: str
    label: str
    text: str = ""
    value: Any = None
    about: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    nullable: bool = False
    is_null: bool = False
    optional: bool = False
    absent: bool = False
    parts: tuple[Field, ...] = ()
    blank: Field | None = None
    error: str = ""


def edit_form(approval: Approval, value: Any) -> Field | None:
    """Make the form by which an approval is edited, with a value in it; what is redacted is not shown.

    What has too many members for fields is JSON in one; None for what is too long for a page at all.
    """
    whole = _json(Field(Kind.JSON, "v", "$", "Value", value=value))
    if len(escape(whole.text)) > _ROOM:
        return None
    made = _fields(approval, value)
    return made if _size(made) <= _ROOM else whole


def _size(field: Field) -> int:
    """Estimate what a field takes of a page."""
    texts = (field.text, field.label, field.about, *(word for choice in field.choices for word in choice))
    inner = (*field.parts, *(() if field.blank is None else (field.blank,)))
    return _MARKUP + sum(len(escape(text)) for text in texts) + sum(map(_size, inner))


def _fields(approval: Approval, value: Any) -> Field:
    try:
        schema = json.loads(approval.schema)
    except ValueError:
        schema = True
    maker = _Maker(_members(schema).get("$defs", {}), frozenset(approval.redact))
    return maker.field(schema, value, "v", "$", "Value", 0)


def with_errors(field: Field, errors: Mapping[str, str]) -> Field:
    """Write errors, by the paths of what they are about, beside the fields; one of an inner path to what holds it."""
    parts = tuple(with_errors(part, errors) for part in field.parts)
    inner = {path for part in parts for path in _paths(part)}
    own = next(
        (
            text
            for path, text in errors.items()
            if path == field.path or (_is_below(path, field.path) and not any(_covers(each, path) for each in inner))
        ),
        "",
    )
    return evolve(field, parts=parts, error=own or field.error)


def _paths(field: Field) -> set[str]:
    return {field.path, *(path for part in field.parts for path in _paths(part))}


def _covers(path: str, other: str) -> bool:
    return path == other or _is_below(other, path)


def _is_below(path: str, above: str) -> bool:
    return path.startswith((f"{above}.", f"{above}["))


@frozen
class _Maker:
    """Makes fields; `definitions` are those that a schema's references name, `secret` the members not to be shown."""

    definitions: Mapping[str, Any]
    secret: frozenset[str]

    def field(self, given: object, value: Any, name: str, path: str, label: str, depth: int) -> Field:
        schema, nullable = self._plain(given)
        base = Field(Kind.JSON, name, path, label, value=value, about=_about(schema), nullable=nullable)
        if depth > _DEEPEST:
            return _json(base)
        if nullable and value is None:
            inner = self.field(schema, _first(schema), name, path, label, depth + 1)
            return evolve(inner, nullable=True, is_null=True, value=None)
        made = self._of(schema, base, depth)
        return evolve(made, nullable=nullable)

    def _plain(self, given: object) -> tuple[Schema, bool]:
        """Follow references, and take `null` out of a choice of two."""
        schema = _members(given)
        for _ in range(_DEEPEST):
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                break
            schema = _members(self.definitions.get(reference.removeprefix("#/$defs/"), {}))
        options = schema.get("anyOf")
        if is_list(options):
            others = [each for each in options if _members(each).get("type") != "null"]
            if len(others) == 1 and len(others) < len(options):
                return self._plain(others[0])[0], True
        return schema, False

    def _of(self, schema: Schema, base: Field, depth: int) -> Field:
        value, kind = base.value, schema.get("type")
        if "const" in schema:
            return evolve(base, kind=Kind.FIXED, value=schema["const"], text=_shown(schema["const"]))
        if isinstance(schema.get("enum"), list):
            choices = tuple((json.dumps(each), _shown(each)) for each in schema["enum"])
            return evolve(base, kind=Kind.CHOICE, choices=choices, text=json.dumps(value))
        if kind == "boolean" and isinstance(value, bool):
            return evolve(base, kind=Kind.YES_NO, text="yes" if value else "")
        if kind == "integer" and is_number(value):
            return evolve(base, kind=Kind.WHOLE, text=json.dumps(value))
        if kind == "number" and is_number(value):
            return evolve(base, kind=Kind.NUMBER, text=json.dumps(value))
        if kind == "string" and isinstance(value, str):
            return evolve(base, kind=_text_kind(schema, value), text=value)
        if kind == "object" and is_object(value) and "properties" in schema:
            return self._group(schema, base, value, depth)
        if kind == "array" and is_list(value) and is_object(schema.get("items")):
            return self._list(schema["items"], base, value, depth)
        return _json(base)

    def _group(self, schema: Schema, base: Field, value: Mapping[str, Any], depth: int) -> Field:
        properties, required = _members(schema["properties"]), schema.get("required", ())
        if not set(value) <= set(properties):
            return _json(base)
        parts: list[Field] = []
        for number, (member, inner) in enumerate(properties.items()):
            name, path = f"{base.name}.{number}", f"{base.path}.{member}"
            if member in self.secret and member in value:
                parts.append(Field(Kind.HIDDEN, name, path, member, value=value[member]))
                continue
            there = member in value
            begun = value[member] if there else _first(self._plain(inner)[0])
            part = self.field(inner, begun, name, path, member, depth + 1)
            parts.append(evolve(part, optional=member not in required, absent=not there))
        return evolve(base, kind=Kind.GROUP, parts=tuple(parts))

    def _list(self, items: object, base: Field, value: Sequence[Any], depth: int) -> Field:
        parts = tuple(
            self.field(items, each, f"{base.name}.{number}", f"{base.path}[{number}]", str(number + 1), depth + 1)
            for number, each in enumerate(value)
        )
        begun = _first(self._plain(items)[0], self._plain)
        path = f"{base.path}[{len(value)}]"
        blank = self.field(items, begun, f"{base.name}.{len(value)}", path, "One more", depth + 1)
        return evolve(base, kind=Kind.LIST, parts=parts, blank=blank)


def _json(base: Field) -> Field:
    return evolve(base, kind=Kind.JSON, text=json.dumps(base.value, ensure_ascii=False, indent=2))


def _text_kind(schema: Schema, value: str) -> Kind:
    if schema.get("format") == "date":
        return Kind.DATE
    return Kind.LONG if "\n" in value or len(value) > _LONG else Kind.TEXT


def _first(schema: Schema, plain: Any = None, depth: int = 0) -> Any:
    """Give a value to begin a field with."""
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    match schema.get("type"):
        case "string":
            return ""
        case "integer" | "number":
            return 0
        case "boolean":
            return False
        case "array":
            return []
        case "object" if depth < _DEEPEST:
            properties = _members(schema.get("properties", {}))
            return {
                name: _first(plain(inner)[0] if plain else _members(inner), plain, depth + 1)
                for name, inner in properties.items()
            }
        case _:
            return None


def _members(value: object) -> Mapping[str, Any]:
    return value if is_object(value) else {}


def _about(schema: Schema) -> str:
    about = schema.get("description")
    return about if isinstance(about, str) else ""


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
