"""JSON Schemas of shapes."""

from __future__ import annotations

import enum
import itertools
from typing import Any, cast

from awaitly.coding.bounds import keywords_of
from awaitly.coding.encoders import Encoder
from awaitly.coding.foreign import is_root_model
from awaitly.coding.formats import TEXT_FORMATS
from awaitly.coding.hints import ANYTHING, bare_hint, bounds_of, is_alias
from awaitly.coding.nouns import JSON_TYPES
from awaitly.coding.paths import MAX_DEPTH, Refused, located, segment, too_deep
from awaitly.coding.reading import shape_of
from awaitly.coding.scalars import encode_choice
from awaitly.coding.shapes import (
    Alternatives,
    Choice,
    Dress,
    Entries,
    Enumeration,
    Field,
    Fields,
    Fixed,
    Items,
    Keys,
    Member,
    Model,
    Raised,
    Scalar,
    Shape,
    Text,
    Unknown,
    json_kinds,
)

__all__ = ["Describer"]

Schema = dict[str, Any]


class Describer:
    """Describes hints; what contains itself is described once, in `definitions`, and referred to."""

    def __init__(self, registry: tuple[type, ...]) -> None:
        self.definitions: dict[str, Schema] = {}
        self._registry = registry
        self._inside: list[tuple[object, str]] = []
        self._referred: set[str] = set()
        self._models: dict[type, str] = {}

    def describe(self, hint: object) -> Schema:
        """The schema of a hint; raises `Refused`."""
        inner, bounds = bounds_of(hint)
        if bounds is not None:
            schema = self.describe(inner)
            return schema | keywords_of(bounds, schema)
        hint = bare_hint(hint)
        if hint is ANYTHING:
            return {}
        if is_alias(hint):
            return self._named(hint, str(hint), lambda: self._shaped(shape_of(hint, self._registry)))
        return self._shaped(shape_of(hint, self._registry))

    def _named(self, identity: object, name: str, describe: Any) -> Schema:
        """Describe what may contain itself: met again inside, it becomes a reference."""
        for other, key in self._inside:
            if other is identity or other == identity:
                self._referred.add(key)
                return {"$ref": f"#/$defs/{key}"}
        if len(self._inside) >= MAX_DEPTH:
            raise too_deep()
        key = self._free(name)
        self._inside.append((identity, key))
        try:
            schema = cast("Schema", describe())
        finally:
            self._inside.pop()
        if key not in self._referred:
            return schema
        self.definitions[key] = schema
        return {"$ref": f"#/$defs/{key}"}

    def _free(self, name: str) -> str:
        """A name for a definition that needs no escaping in a reference and is not taken."""
        plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in name)
        taken = {*self.definitions, *self._models.values(), *(key for _, key in self._inside)}
        numbered = (f"{plain}_{n}" for n in itertools.count(2))
        return next(key for key in itertools.chain([plain], numbered) if key not in taken)

    # One method for each kind of shape

    def _shaped(self, shape: Shape) -> Schema:
        match shape:
            case Scalar(cls=cls):
                return {"type": JSON_TYPES[cls]}
            case Text(cls=cls):
                return _text(cls)
            case Choice():
                return _choice(shape)
            case Enumeration(cls=cls):
                return _enumeration(cls)
            case Items(cls=cls, item=item):
                unique = {"uniqueItems": True} if issubclass(cls, set | frozenset) else {}
                return {"type": "array", "items": self._at("[0]", item), **unique}
            case Fixed(items=items):
                return _exactly([self._at(f"[{index}]", each) for index, each in enumerate(items)])
            case Alternatives(members=members):
                return {"anyOf": [each for member in members for each in self._member(member)]}
            case _:
                return self._object(shape)

    def _object(self, shape: Shape) -> Schema:
        match shape:
            case Entries():
                return self._entries(shape)
            case Fields(cls=cls, fields=fields, tag=tag):
                return self._named(
                    (cls, tag, fields), tag, lambda: self._fields(cls, fields, {"$type": {"const": tag}})
                )
            case Keys(cls=cls, fields=fields):
                return self._named((cls, fields), cls.__qualname__, lambda: self._fields(cls, fields, {}))
            case Model():
                return self._model(shape)
            case Raised(cls=cls, tag=tag):
                return _closed({"$type": {"const": tag}, "args": {"type": "array"}}, title=cls.__name__)
            case Unknown(reason=reason):
                raise Refused(reason)
            case _:
                return {"not": {}}

    def _at(self, step: str, hint: object) -> Schema:
        try:
            return self.describe(hint)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, step) from None

    def _entries(self, shape: Entries) -> Schema:
        key, value = self.describe(shape.key), self._at(".*", shape.value)
        if not shape.textual:
            return {"type": "array", "items": _exactly([key, value])}
        names = {} if key == {"type": "string"} else {"propertyNames": key}
        return {"type": "object", **names, "additionalProperties": value}

    def _fields(self, cls: Any, fields: tuple[Field, ...], tag: Schema) -> Schema:
        properties = tag | {each.key: self._at(segment(each.key), each.hint) for each in fields}
        return _closed(properties, title=cls.__name__, optional=[each.key for each in fields if not each.required])

    def _model(self, shape: Model) -> Schema:
        """The schema that pydantic gives, with its definitions under names of their own, and with `$type`."""
        prefix = self._models.setdefault(shape.cls, self._free(shape.tag))
        schema = shape.cls.model_json_schema(by_alias=True, ref_template=f"#/$defs/{prefix}.{{model}}")
        for name, each in schema.pop("$defs", {}).items():
            self.definitions[f"{prefix}.{name}"] = each
        tag = {"$type": {"const": shape.tag}}
        if is_root_model(shape.cls):
            return _closed({**tag, "root": schema}, title=shape.cls.__name__)
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].removeprefix("#/$defs/")]
        properties = {**tag, **schema.get("properties", {})}
        return {**schema, "properties": properties, "required": ["$type", *schema.get("required", [])]}

    def _member(self, member: Member) -> list[Schema]:
        schema = self._shaped(member.shape)
        if member.dress is Dress.TAGGED:
            return [schema]
        wrapped = _closed({"$type": {"const": member.tag}, "value": schema})
        if member.dress is Dress.WRAPPED:
            return [wrapped]
        if dict in json_kinds(member.shape) and "$type" in schema.get("properties", {"$type": {}}):
            return [{**schema, "not": {"required": ["$type"]}}, wrapped]
        return [schema]


def _text(cls: type) -> Schema:
    text = TEXT_FORMATS[cls]
    more = {"contentEncoding": "base64"} if cls is bytes else {"format": text.name} if text.name else {}
    return {"type": "string", "pattern": f"^(?:{text.pattern})$", **more, "description": text.noun}


def _choice(shape: Choice) -> Schema:
    write: Encoder = encode_choice(shape)
    kind = next(iter(json_kinds(shape)))
    return {"type": JSON_TYPES[kind], "enum": [write(each, 0) for each in shape.values]}


def _enumeration(cls: type[enum.Enum]) -> Schema:
    names = {"enum": list(cls.__members__)}
    if issubclass(cls, enum.Flag):
        return {"type": "array", "title": cls.__name__, "items": names, "uniqueItems": True}
    return {"type": "string", "title": cls.__name__, **names}


def _exactly(items: list[Schema]) -> Schema:
    places = {"prefixItems": items} if items else {}
    return {"type": "array", **places, "items": False, "minItems": len(items), "maxItems": len(items)}


def _closed(properties: Schema, *, title: str | None = None, optional: list[str] | None = None) -> Schema:
    required = [each for each in properties if each not in (optional or ())]
    named = {"title": title} if title else {}
    return {**named, "type": "object", "properties": properties, "required": required, "additionalProperties": False}
