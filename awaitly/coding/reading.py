"""From a hint to its shape: unions are made flat, and each member gets the dress that tells it from the others."""

from __future__ import annotations

import collections.abc
import types
import typing
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, Never, NoReturn, Union

import attrs

from awaitly.coding.classes import class_reader
from awaitly.coding.formats import TEXT_FORMATS
from awaitly.coding.hints import ANYTHING, bare_hint, bounds_of, evaluate, is_alias
from awaitly.coding.paths import Refused, class_of_value
from awaitly.coding.shapes import (
    SCALARS,
    Alternatives,
    Choice,
    Dress,
    Entries,
    Fields,
    Fixed,
    Items,
    Member,
    Model,
    Nothing,
    Raised,
    Scalar,
    Shape,
    Text,
    Unknown,
    json_kinds,
)

__all__ = ["shape_of", "spelled"]

_CONTAINERS = (list, set, frozenset, tuple, dict)
_ABSTRACT: dict[object, tuple[Any, ...]] = {
    collections.abc.Sequence: (list, tuple),
    collections.abc.MutableSequence: (list,),
    collections.abc.Collection: (list, tuple, set, frozenset),
    collections.abc.Iterable: (list, tuple, set, frozenset),
    collections.abc.Set: (set, frozenset),
    collections.abc.MutableSet: (set,),
    collections.abc.Mapping: (dict,),
    collections.abc.MutableMapping: (dict,),
}


def shape_of(hint: object, registry: tuple[type, ...] = ()) -> Shape:
    """Read a hint. `registry` is what may stand where the hint is `ANYTHING`, or a base class of it.

    Raises `Refused` where a union or the fields of a class rule the hint out; an unsupported hint is an `Unknown`.
    """
    members = _members(hint, registry)
    if not members:
        return Nothing()
    if len(members) == 1:
        return _single(members[0], registry)
    return _alternatives(members, registry)


# Members of a union


def _members(hint: object, registry: tuple[type, ...]) -> list[object]:
    """The hints that a hint is a union of: flat, without duplicates, without a Literal that another member covers."""
    found: list[object] = []
    for each in _flat(hint, registry, ()):
        if not any(_same(each, other) for other in found):
            found.append(each)
    return [each for each in found if not (_is_literal(each) and type(typing.get_args(each)[0]) in found)]


def _same(one: object, other: object) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


def _is_literal(hint: object) -> bool:
    return typing.get_origin(hint) is Literal


def _flat(hint: object, registry: tuple[type, ...], inside: tuple[object, ...]) -> Iterator[object]:
    hint = bare_hint(hint)
    if is_alias(hint):
        if not any(each is hint for each in inside):
            yield from _flat(evaluate(hint), registry, (*inside, hint))
        return
    origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (Union, types.UnionType):
        for each in args:
            if bounds_of(each)[1] is not None:  # which member a value is meant to be cannot hang on its size
                raise Refused("Bounds cannot stand on a member of a union; put the number into a class of its own")
            yield from _flat(each, registry, inside)
    elif hint is ANYTHING:
        yield from (*SCALARS, list[Any], dict[str, Any], *registry)
    elif _is_literal(hint):
        yield from _by_type(args)
    elif origin in _ABSTRACT:
        yield from _concrete(origin, args)
    elif hint is not Never and hint is not NoReturn:
        yield from _with_registered(hint, origin, registry)


def _by_type(values: tuple[object, ...]) -> Iterator[object]:
    groups: dict[type, list[object]] = {}
    for value in values:
        groups.setdefault(type(value), []).append(value)
    for cls, group in groups.items():
        yield cls if cls is type(None) else Literal[tuple(group)]


def _concrete(origin: object, args: tuple[Any, ...]) -> Iterator[object]:
    for cls in _ABSTRACT[origin]:
        if cls is tuple and args:
            yield types.GenericAlias(tuple, (args[0], ...))
        else:
            yield types.GenericAlias(cls, args) if args else cls


def _with_registered(hint: object, origin: Any, registry: tuple[type, ...]) -> Iterator[object]:
    """A class and the registered subclasses of it; a base class that is no value itself stands for those alone."""
    closed = not isinstance(origin, type) or origin in (*SCALARS, *_CONTAINERS) or origin in TEXT_FORMATS
    below = [] if closed else [each for each in registry if each is not origin and issubclass(each, origin)]
    if not below or class_reader(origin) is not None:
        yield hint
    yield from below


# Dress


def _alternatives(hints: list[object], registry: tuple[type, ...]) -> Alternatives:
    shapes = [_single(each, registry) for each in hints]
    claims = Counter(kind for shape in shapes if not _is_tagged(shape) for kind in json_kinds(shape))
    natives = Counter(type(shape) for shape in shapes if _is_native_container(shape))
    return Alternatives(
        tuple(
            _member(
                shape, tag, alone=all(claims[kind] == 1 for kind in json_kinds(shape)), single=natives[type(shape)] == 1
            )
            for shape, tag in zip(shapes, _tags(hints), strict=True)
        )
    )


def _member(shape: Shape, tag: str, *, alone: bool, single: bool) -> Member:
    """`alone`: nothing else is written as this JSON kind; `single`: no other list, or dict, is among the members."""
    if isinstance(shape, Fields | Model | Raised):
        return Member(attrs.evolve(shape, tag=tag), tag, Dress.TAGGED)
    plain = isinstance(shape, Scalar) or (isinstance(shape, Choice) and shape.cls in SCALARS)
    bare = alone or plain or (_is_native_container(shape) and single)
    return Member(shape, tag, Dress.BARE if bare else Dress.WRAPPED)


def _is_tagged(shape: Shape) -> bool:
    return isinstance(shape, Fields | Model | Raised)


def _is_native_container(shape: Shape) -> bool:
    return (isinstance(shape, Items) and shape.cls is list) or (isinstance(shape, Entries) and shape.textual)


def _tags(hints: list[object]) -> list[str]:
    """The shortest spelling of each member that tells it from all others."""
    spellings = [_spellings(each) for each in hints]
    tags = [each[0] for each in spellings]
    for level in range(1, 4):
        shared = {tag for tag, times in Counter(tags).items() if times > 1}
        tags = [options[level] if tag in shared else tag for tag, options in zip(tags, spellings, strict=True)]
    if len(set(tags)) < len(tags):
        twice = next(tag for tag, times in Counter(tags).items() if times > 1)
        raise Refused(f"two members of the union are both spelled {twice}, so a stored value could not be told apart")
    return tags


def _spellings(hint: object) -> list[str]:
    return [spelled(hint, full=full, arguments=arguments) for arguments in (False, True) for full in (False, True)]


def spelled(hint: Any, *, full: bool = False, arguments: bool = False) -> str:
    """A hint as text: `Box`, `shop.models.Box`, `Box[int]` or `shop.models.Box[int]`."""
    origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
    if _is_literal(hint):
        origin = class_of_value(args[0])
    if not isinstance(origin, type):
        return repr(hint)
    name = "None" if origin is type(None) else origin.__qualname__
    prefix = f"{origin.__module__}." if full and origin.__module__ != "builtins" else ""
    inner = ", ".join(_argument(each, literal=_is_literal(hint), full=full) for each in args) if arguments else ""
    return f"{prefix}{name}[{inner}]" if inner else f"{prefix}{name}"


def _argument(argument: Any, *, literal: bool, full: bool) -> str:
    if literal or argument is ...:
        return "..." if argument is ... else repr(argument)
    return spelled(argument, full=full, arguments=True)


# One hint


def _single(hint: Any, registry: tuple[type, ...]) -> Shape:
    origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
    if _is_literal(hint):
        return Choice(class_of_value(args[0]), args)
    if not isinstance(origin, type):
        return Unknown(_unsupported(hint))
    if origin in SCALARS:
        return Scalar(origin)
    if origin in TEXT_FORMATS:
        return Text(origin)
    if origin in _CONTAINERS:
        return _container(hint, origin, args, registry)
    reader = class_reader(origin)
    return Unknown(_unsupported(hint)) if reader is None else reader(origin, args)


def _unsupported(hint: object) -> str:
    name = hint.__qualname__ if isinstance(hint, type) else repr(hint)
    return (
        f"values of {name} are not supported; use plain values, Decimal, datetime, UUID, enums, attrs classes, "
        "dataclasses or pydantic models"
    )


def _container(hint: object, origin: type, args: tuple[Any, ...], registry: tuple[type, ...]) -> Shape:
    if origin is dict:
        key, value = args or (str, ANYTHING)
        return Entries(key, value, textual=json_kinds(shape_of(key, registry)) == frozenset({str}))
    if origin is not tuple:
        return Items(origin, args[0] if args else ANYTHING)
    if hint is tuple or hint is typing.Tuple:  # noqa: UP006  (the bare one is an object of its own)
        return Items(tuple, ANYTHING)
    if len(args) == 2 and args[1] is ...:  # noqa: PLR2004
        return Items(tuple, args[0])
    return Fixed(args)
