"""Hooks that turn values into JSON values. Each checks that the value has exactly the type that its hint names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from awaitly.coding.foreign import dump_model, exception_arguments, is_root_model
from awaitly.coding.paths import MAX_DEPTH, Refused, class_of_value, located, mismatch, segment, too_deep
from awaitly.coding.scalars import (
    encode_choice,
    encode_enumeration,
    encode_nothing,
    encode_scalar,
    encode_text,
    plain_json,
)
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
    Nothing,
    Raised,
    Scalar,
    Text,
    runtime_types,
)

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Encoder", "Plan", "plan_fields", "register_encoders"]

Encoder = Callable[[Any, int], Any]
"""`(value, depth) -> JSON value`; raises `Refused`, or what the value's own code raises."""

Hooks = Callable[[object], Encoder]
"""The hook of a hint."""


def register_encoders(converter: Converter, hook: Hooks, shaped: Callable[[Any], Encoder]) -> None:
    """Teach `converter` to unstructure by each shape. `hook` is the hook of a hint, `shaped` the one of a shape."""
    factories: dict[type, Callable[[Any], Encoder]] = {
        Scalar: encode_scalar,
        Text: encode_text,
        Choice: encode_choice,
        Enumeration: encode_enumeration,
        Items: partial(_items, hook),
        Fixed: partial(_fixed, hook),
        Entries: partial(_entries, hook),
        Fields: partial(_fields, hook),
        Keys: partial(_keys, hook),
        Model: _model,
        Raised: _raised,
        Alternatives: partial(_alternatives, shaped),
        Nothing: encode_nothing,
    }
    for shape, factory in factories.items():
        converter.register_unstructure_hook_factory(partial(_is, shape), cast("Any", factory))


def _is(cls: type, shape: object) -> bool:
    return type(shape) is cls


def _enter(cls: Any, name: str, value: object, depth: int) -> None:
    """Check a container, and that there are not too many around it."""
    if type(value) is not cls:
        raise mismatch(name, value)
    if depth >= MAX_DEPTH:
        raise too_deep()


# Containers


def _items(hook: Hooks, shape: Items) -> Encoder:
    cls, item = shape.cls, hook(shape.item)

    def encode(value: Any, depth: int) -> list[Any]:
        _enter(cls, cls.__name__, value, depth)
        plain: list[Any] = []
        try:
            for each in value:
                plain.append(item(each, depth + 1))  # noqa: PERF401  (its length tells where it failed)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, f"[{len(plain)}]") from None
        return plain

    return _ordered(encode) if issubclass(cls, set | frozenset) else encode


def _ordered(encode: Encoder) -> Encoder:
    """Sets have no order, and equal sets shall have equal texts."""

    def encode_sorted(value: Any, depth: int) -> list[Any]:
        return sorted(encode(value, depth), key=json.dumps)

    return encode_sorted


def _fixed(hook: Hooks, shape: Fixed) -> Encoder:
    items = [hook(each) for each in shape.items]

    def encode(value: Any, depth: int) -> list[Any]:
        _enter(tuple, "tuple", value, depth)
        if len(value) != len(items):
            raise Refused(f"expected a tuple of {len(items)}, got {len(value)}")
        plain: list[Any] = []
        try:
            for item, each in zip(items, value, strict=True):
                plain.append(item(each, depth + 1))
        except Exception as failure:  # noqa: BLE001
            raise located(failure, f"[{len(plain)}]") from None
        return plain

    return encode


def _entries(hook: Hooks, shape: Entries) -> Encoder:
    key_hook, item = hook(shape.key), hook(shape.value)
    make = _object if shape.textual else _pairs

    def encode(value: Any, depth: int) -> Any:
        _enter(dict, "dict", value, depth)
        keys = [_key(key_hook, key, depth + 1) for key in value]
        items: list[Any] = []
        try:
            for each in value.values():
                items.append(item(each, depth + 1))  # noqa: PERF401  (its length tells where it failed)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, segment(keys[len(items)])) from None
        return make(zip(keys, items, strict=True))

    return encode


def _object(entries: Iterable[tuple[Any, Any]]) -> Any:
    return dict(entries)


def _pairs(entries: Iterable[tuple[Any, Any]]) -> Any:
    return [[key, item] for key, item in entries]


def _key(key_hook: Encoder, key: object, depth: int) -> Any:
    try:
        return key_hook(key, depth)
    except Exception as failure:  # noqa: BLE001
        reason = located(failure).reason
        raise Refused(f"a key of the dict: {reason}") from None


# Classes

Plan = list[tuple[str, str, Encoder]]


def _fields(hook: Hooks, shape: Fields) -> Encoder:
    cls, tag = shape.cls, shape.tag
    settled = tuple(each for each in shape.fields if getattr(each.attribute, "converter", None) is not None)
    plan: Plan = []

    def encode(value: Any, depth: int) -> dict[str, Any]:
        _enter(cls, cls.__qualname__, value, depth)
        if len(plan) < len(shape.fields):
            plan[:] = plan_fields(hook, shape.fields)
        plain: dict[str, Any] = {"$type": tag}
        key = ""
        try:
            for name, key, item in plan:
                plain[key] = item(getattr(value, name), depth + 1)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, segment(key)) from None
        if settled:
            _check_settled(value, settled)
        return plain

    return encode


def plan_fields(hook: Hooks, fields: tuple[Field, ...]) -> Plan:
    """The hooks of the fields, made when a first value comes, so that a class may contain itself."""
    plan: Plan = []
    for field in fields:
        try:
            plan.append((field.name, field.key, hook(field.hint)))
        except Exception as failure:  # noqa: BLE001
            raise located(failure, segment(field.key)) from None
    return plan


def _check_settled(value: Any, fields: tuple[Field, ...]) -> None:
    """Converters run again when a value is decoded, so they must leave alone what they have made."""
    for field in fields:
        held = getattr(value, field.name)
        try:
            same = _converted(cast("Any", field.attribute), held, value) == held
        except Exception as failure:  # noqa: BLE001
            raise located(failure, segment(field.key)) from None
        if not same:
            raise Refused("its converter would change it again when it is read back", (segment(field.key),))


def _converted(attribute: Any, held: object, instance: object) -> object:
    converter: Any = attribute.converter
    if not hasattr(converter, "takes_self"):
        return converter(held)
    more = [each for each, wanted in ((instance, converter.takes_self), (attribute, converter.takes_field)) if wanted]
    return converter.converter(held, *more)


def _keys(hook: Hooks, shape: Keys) -> Encoder:
    fields: dict[object, Field] = {each.key: each for each in shape.fields}
    plan: dict[str, Encoder] = {}

    def encode(value: Any, depth: int) -> dict[str, Any]:
        _enter(dict, f"{shape.cls.__qualname__} (a dict)", value, depth)
        _check_keys(fields, value)
        if len(plan) < len(fields):
            plan.update({key: item for _, key, item in plan_fields(hook, shape.fields)})
        plain: dict[str, Any] = {}
        for key in value:
            try:
                plain[key] = plan[key](value[key], depth + 1)
            except Exception as failure:  # noqa: BLE001
                raise located(failure, segment(key)) from None
        return plain

    return encode


def _check_keys(fields: Mapping[object, Field], value: Mapping[object, object]) -> None:
    for key in value:
        if key not in fields or type(key) is not str:
            raise Refused("unexpected key", (segment(key),))
    for key, field in fields.items():
        if field.required and key not in value:
            raise Refused("missing", (segment(key),))


def _model(shape: Model) -> Encoder:
    cls, tag = shape.cls, shape.tag

    def encode(value: Any, depth: int) -> dict[str, Any]:
        if type(value) is not cls:
            raise mismatch(cls.__qualname__, value)
        plain = dump_model(value)
        checked = plain_json({"root": plain} if is_root_model(cls) else plain, depth)
        if class_of_value(checked) is not dict or "$type" in checked:
            raise Refused(f"the JSON form of {cls.__qualname__} is not an object, or has a key $type of its own")
        return {"$type": tag, **checked}

    return encode


def _raised(shape: Raised) -> Encoder:
    cls, tag = shape.cls, shape.tag

    def encode(value: Any, depth: int) -> dict[str, Any]:
        _enter(cls, cls.__qualname__, value, depth)
        try:
            return {"$type": tag, "args": plain_json(list(exception_arguments(value)), depth)}
        except Exception as failure:  # noqa: BLE001
            raise located(failure, ".args") from None

    return encode


# Unions


def _alternatives(shaped: Callable[[Any], Encoder], shape: Alternatives) -> Encoder:
    options: dict[type, tuple[Encoder, ...]] = {}
    for member in shape.members:
        encode_member = _dressed(shaped(member.shape), member)
        for cls in runtime_types(member.shape):
            options[cls] = (*options.get(cls, ()), encode_member)
    expected = " | ".join(member.tag for member in shape.members)

    def encode(value: Any, depth: int) -> Any:
        found = options.get(class_of_value(value))
        if found is None:
            raise mismatch(expected, value)
        return found[0](value, depth) if len(found) == 1 else _first(found, value, depth)

    return encode


def _first(options: tuple[Encoder, ...], value: object, depth: int) -> Any:
    """The first member that takes the value; if none does, the one that got furthest says why."""
    failures: list[Refused] = []
    for option in options:
        try:
            return option(value, depth)
        except Exception as failure:  # noqa: BLE001
            failures.append(located(failure))
    raise max(failures, key=lambda each: len(each.trail))


def _dressed(encode: Encoder, member: Member) -> Encoder:
    tag = member.tag

    def wrap(value: Any, depth: int) -> Any:
        return {"$type": tag, "value": encode(value, depth)}

    def escape(value: Any, depth: int) -> Any:
        plain = encode(value, depth)
        return {"$type": tag, "value": plain} if "$type" in plain else plain

    if member.dress is Dress.WRAPPED:
        return wrap
    return escape if member.dress is Dress.BARE and dict in runtime_types(member.shape) else encode
