"""Hooks that turn JSON values back into values: strictly, and into the classes that the hint names and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from awaitly.coding.encoders import Plan, plan_fields
from awaitly.coding.foreign import is_root_model, load_model, make_exception
from awaitly.coding.nouns import JSON_TYPES, NOUNS, unexpected
from awaitly.coding.paths import MAX_DEPTH, Refused, class_of_value, located, segment, too_deep
from awaitly.coding.scalars import (
    decode_choice,
    decode_enumeration,
    decode_nothing,
    decode_scalar,
    decode_text,
    plain_json,
)
from awaitly.coding.shapes import (
    Alternatives,
    Choice,
    Dress,
    Entries,
    Enumeration,
    Fields,
    Fixed,
    Items,
    Keys,
    Model,
    Nothing,
    Raised,
    Scalar,
    Text,
    json_kinds,
)

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Decoder", "register_decoders"]

Decoder = Callable[[Any, int], Any]
"""`(JSON value, depth) -> value`; raises `Refused`, or what the value's own code raises."""

Hooks = Callable[[object], Decoder]
"""The hook of a hint."""


def register_decoders(converter: Converter, hook: Hooks, shaped: Callable[[Any], Decoder]) -> None:
    """Teach `converter` to structure by each shape. `hook` is the hook of a hint, `shaped` the one of a shape."""
    factories: dict[type, Callable[[Any], Decoder]] = {
        Scalar: decode_scalar,
        Text: decode_text,
        Choice: decode_choice,
        Enumeration: decode_enumeration,
        Items: partial(_items, hook),
        Fixed: partial(_fixed, hook),
        Entries: partial(_entries, hook),
        Fields: partial(_fields, hook),
        Keys: partial(_keys, hook),
        Model: _model,
        Raised: _raised,
        Alternatives: partial(_alternatives, shaped),
        Nothing: decode_nothing,
    }
    for shape, factory in factories.items():
        converter.register_structure_hook_factory(partial(_is, shape), cast("Any", factory))


def _is(cls: type, shape: object) -> bool:
    return type(shape) is cls


def _object(what: str, plain: Any, depth: int) -> dict[str, Any]:
    _enter(dict, what, plain, depth)
    return cast("dict[str, Any]", plain)


def _list(what: str, plain: Any, depth: int) -> list[Any]:
    _enter(list, what, plain, depth)
    return cast("list[Any]", plain)


def _enter(kind: Any, what: str, plain: object, depth: int) -> None:
    """Check a container, and that there are not too many around it."""
    if type(plain) is not kind:
        raise unexpected(what, plain)
    if depth >= MAX_DEPTH:
        raise too_deep()


# Containers


def _items(hook: Hooks, shape: Items) -> Decoder:
    cls, item = shape.cls, hook(shape.item)
    unique = issubclass(cls, set | frozenset)

    def decode(plain: Any, depth: int) -> Any:
        _list(f"a list ({cls.__name__})", plain, depth)
        values: list[Any] = []
        try:
            for each in plain:
                values.append(item(each, depth + 1))  # noqa: PERF401  (its length tells where it failed)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, f"[{len(values)}]") from None
        if unique and len(set(values)) < len(values):
            raise Refused(f"the same item stands twice in a {cls.__name__}")
        return values if cls is list else cls(values)

    return decode


def _fixed(hook: Hooks, shape: Fixed) -> Decoder:
    items = [hook(each) for each in shape.items]

    def decode(plain: Any, depth: int) -> tuple[Any, ...]:
        if len(_list("a list (tuple)", plain, depth)) != len(items):
            raise Refused(f"expected a list of {len(items)}, got {len(plain)}")
        values: list[Any] = []
        try:
            for item, each in zip(items, plain, strict=True):
                values.append(item(each, depth + 1))
        except Exception as failure:  # noqa: BLE001
            raise located(failure, f"[{len(values)}]") from None
        return tuple(values)

    return decode


def _entries(hook: Hooks, shape: Entries) -> Decoder:
    key_hook, item = hook(shape.key), hook(shape.value)
    textual = shape.textual

    def decode(plain: Any, depth: int) -> dict[Any, Any]:
        pairs = _object("an object", plain, depth).items() if textual else _pairs(plain, depth)
        entries: dict[Any, Any] = {}
        for count, (key, each) in enumerate(pairs):
            step = segment(key) if textual else f"[{count}]"
            try:
                entries[key_hook(key, depth + 1)] = item(each, depth + 1)
            except Exception as failure:  # noqa: BLE001
                raise located(failure, step) from None
            if len(entries) == count:
                raise Refused("the same key stands twice", (step,))
        return entries

    return decode


def _pairs(plain: Any, depth: int) -> list[Any]:
    for index, pair in enumerate(_list("a list of [key, value] pairs", plain, depth)):
        if class_of_value(pair) is not list or len(pair) != 2:  # noqa: PLR2004
            raise Refused("expected a pair [key, value]", (f"[{index}]",))
    return cast("list[Any]", plain)


# Classes


def _fields(hook: Hooks, shape: Fields) -> Decoder:
    cls, tag = shape.cls, shape.tag
    keys = {"$type": True} | {each.key: each.required for each in shape.fields}
    plan: Plan = []

    def decode(plain: Any, depth: int) -> Any:
        _check_tag(tag, _object(f"an object ({tag})", plain, depth))
        if plain.keys() != keys.keys():
            _check_keys(keys, plain)
        if len(plan) < len(shape.fields):
            plan[:] = plan_fields(hook, shape.fields)
        values: dict[str, Any] = {}
        key = ""
        try:
            for _, key, item in plan:
                values[key] = item(plain[key], depth + 1)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, segment(key)) from None
        return cls(**values)

    return decode


def _check_tag(tag: str, plain: dict[str, Any]) -> None:
    found = plain.get("$type")
    if found != tag:
        what = "missing" if "$type" not in plain else "another type"
        raise Refused(f"{what}; expected {tag}", (segment("$type"),))


def _check_keys(keys: Mapping[str, bool], plain: dict[str, Any]) -> None:
    for key in plain:
        if key not in keys:
            raise Refused("unexpected key", (segment(key),))
    for key, required in keys.items():
        if required and key not in plain:
            raise Refused("missing", (segment(key),))


def _keys(hook: Hooks, shape: Keys) -> Decoder:
    keys = {each.key: each.required for each in shape.fields}
    plan: dict[str, Decoder] = {}

    def decode(plain: Any, depth: int) -> dict[str, Any]:
        _check_keys(keys, _object(f"an object ({shape.cls.__qualname__})", plain, depth))
        if len(plan) < len(keys):
            plan.update({key: item for _, key, item in plan_fields(hook, shape.fields)})
        values: dict[str, Any] = {}
        for key, each in plain.items():
            try:
                values[key] = plan[key](each, depth + 1)
            except Exception as failure:  # noqa: BLE001
                raise located(failure, segment(key)) from None
        return values

    return decode


def _model(shape: Model) -> Decoder:
    cls, tag = shape.cls, shape.tag
    root = is_root_model(cls)

    def decode(plain: Any, depth: int) -> Any:
        _check_tag(tag, _object(f"an object ({tag})", plain, depth))
        fields = plain_json({key: each for key, each in plain.items() if key != "$type"}, depth)
        if not root:
            return load_model(cls, fields)
        _check_keys({"root": True}, fields)
        return load_model(cls, fields["root"])

    return decode


def _raised(shape: Raised) -> Decoder:
    cls, tag = shape.cls, shape.tag

    def decode(plain: Any, depth: int) -> Any:
        _check_tag(tag, _object(f"an object ({tag})", plain, depth))
        _check_keys({"$type": True, "args": True}, plain)
        try:
            args = plain_json(_list("a list", plain["args"], depth), depth)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, ".args") from None
        return make_exception(cls, tuple(args))

    return decode


# Unions


def _alternatives(shaped: Callable[[Any], Decoder], shape: Alternatives) -> Decoder:
    tagged: dict[str, Decoder] = {}
    bare: dict[type, tuple[Decoder, ...]] = {}
    for member in shape.members:
        decode_member = shaped(member.shape)
        kinds = json_kinds(member.shape)
        if member.dress is Dress.TAGGED:
            tagged[member.tag] = decode_member
        elif member.dress is Dress.WRAPPED or dict in kinds:
            tagged[member.tag] = _unwrapping(decode_member)
        if member.dress is Dress.BARE:
            bare |= {kind: (*bare.get(kind, ()), decode_member) for kind in kinds}
    expected = ", ".join([*tagged, *(NOUNS[JSON_TYPES[kind]] for kind in bare)])

    def decode(plain: Any, depth: int) -> Any:
        kind = class_of_value(plain)
        if kind is dict and tagged and "$type" in plain:
            return _by_tag(tagged, plain, depth)
        options = bare.get(kind)
        if options is None:
            raise unexpected(f"one of {expected}", plain)
        return options[0](plain, depth) if len(options) == 1 else _first(options, plain, depth)

    return decode


def _by_tag(tagged: Mapping[str, Decoder], plain: dict[str, Any], depth: int) -> Any:
    tag = plain["$type"]
    found = tagged.get(tag) if type(tag) is str else None
    if found is None:
        raise Refused(f"unknown type; expected one of {', '.join(tagged)}", (segment("$type"),))
    return found(plain, depth)


def _unwrapping(decode: Decoder) -> Decoder:
    def unwrap(plain: Any, depth: int) -> Any:
        _check_keys({"$type": True, "value": True}, plain)
        try:
            return decode(plain["value"], depth)
        except Exception as failure:  # noqa: BLE001
            raise located(failure, ".value") from None

    return unwrap


def _first(options: tuple[Decoder, ...], plain: object, depth: int) -> Any:
    """The first member that takes the value; if none does, the one that got furthest says why."""
    failures: list[Refused] = []
    for option in options:
        try:
            return option(plain, depth)
        except Exception as failure:  # noqa: BLE001
            failures.append(located(failure))
    raise max(failures, key=lambda each: len(each.trail))
