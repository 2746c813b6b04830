"""Reading the fields of a class: attrs classes, dataclasses, NamedTuples, TypedDicts; and which classes are values."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from awaitly.coding.hints import ANYTHING, substituted
from awaitly.coding.paths import Refused, segment
from awaitly.coding.shapes import Enumeration, Field, Fields, Keys, Model, Raised, Shape

__all__ = ["class_reader"]

Reader = Callable[[Any, tuple[Any, ...]], Shape]


def class_reader(cls: type) -> Reader | None:
    """How to read a class with its type arguments, or `None` where it is not one whose instances are values."""
    for applies, reader in _READERS:
        if applies(cls):
            return reader
    return None


def _is_typed_dict(cls: type) -> bool:
    return type(cls).__name__ == "_TypedDictMeta"


def _is_model(cls: type) -> bool:
    return hasattr(cls, "__pydantic_validator__") and hasattr(cls, "model_json_schema")


def _is_named_tuple(cls: Any) -> bool:
    return hasattr(cls, "_fields") and issubclass(cls, tuple)


def _attrs_class(cls: Any, args: tuple[Any, ...]) -> Fields:
    hints = _class_hints(cls, args)
    fields: list[Field] = []
    for each in attrs.fields(cls):
        _needs_init(cls, each.name, init=each.init)
        hint = hints.get(each.name, ANYTHING if each.type is None else each.type)
        fields.append(Field(each.name, each.alias or each.name, hint, attribute=each))
    return _constructible(cls, fields)


def _dataclass(cls: Any, args: tuple[Any, ...]) -> Fields:
    hints = _class_hints(cls, args)
    for each in dataclasses.fields(cls):
        _needs_init(cls, each.name, init=each.init)
    return _constructible(cls, (Field(each.name, each.name, hints[each.name]) for each in dataclasses.fields(cls)))


def _named_tuple(cls: Any, args: tuple[Any, ...]) -> Fields:
    hints = _class_hints(cls, args)
    return _constructible(cls, (Field(name, name, hints.get(name, ANYTHING)) for name in cls._fields))


def _typed_dict(cls: Any, args: tuple[Any, ...]) -> Keys:
    hints = _class_hints(cls, args)
    return Keys(cls, tuple(Field(name, name, hint, _is_required(cls, name, hint)) for name, hint in hints.items()))


_READERS: tuple[tuple[Callable[[type], bool], Reader], ...] = (
    (lambda cls: issubclass(cls, enum.Enum), lambda cls, _: Enumeration(cls)),
    (_is_typed_dict, _typed_dict),
    (_is_model, lambda cls, _: Model(cls, cls.__qualname__)),
    (attrs.has, _attrs_class),
    (dataclasses.is_dataclass, _dataclass),
    (_is_named_tuple, _named_tuple),
    (lambda cls: issubclass(cls, Exception), lambda cls, _: Raised(cls, cls.__qualname__)),
)


def _constructible(cls: Any, fields: Iterable[Field]) -> Fields:
    """Refuse a class that could be written and not be made again."""
    shape = Fields(cls, tuple(fields), cls.__qualname__)
    try:
        inspect.signature(cls).bind(**dict.fromkeys(each.key for each in shape.fields))
    except (TypeError, ValueError) as failure:
        raise Refused(f"{cls.__qualname__} cannot be made again from its fields: {failure}") from None
    return shape


def _needs_init(cls: type, name: str, *, init: bool) -> None:
    if not init:
        raise Refused(f"{cls.__qualname__}.{name} has init=False, so it could not be set again", (segment(name),))


def _is_required(cls: Any, name: str, hint: object) -> bool:
    """Read the qualifiers from the resolved hint: `__required_keys__` does not see them in text annotations."""
    while typing.get_origin(hint) is not None:
        qualifier: object = getattr(typing.get_origin(hint), "_name", None)
        if qualifier in {"Required", "NotRequired"}:
            return bool(qualifier == "Required")
        if qualifier != "ReadOnly" and typing.get_origin(hint) is not typing.Annotated:
            break
        hint = typing.get_args(hint)[0]
    required: Iterable[str] = cls.__required_keys__
    return name in set(required)


# The hints of a class's fields


def _class_hints(cls: Any, args: tuple[Any, ...]) -> dict[str, Any]:
    """The resolved hints of all fields, each with the type variables of the class that declares it filled in."""
    try:
        hints = _resolved_hints(cls)
        variables = dict(_variables(cls, args))
        return {name: substituted(hint, _of_declaring(cls, name, variables)) for name, hint in hints.items()}
    except Exception as failure:  # noqa: BLE001  (an annotation may be any expression)
        raise Refused(f"the annotations of {cls.__qualname__} could not be resolved: {failure}") from None


def _resolved_hints(cls: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError:  # a class that is local to a function can at least name itself
        return typing.get_type_hints(cls, localns={**vars(cls), cls.__name__: cls}, include_extras=True)


def _of_declaring(cls: Any, name: str, variables: Mapping[type, Mapping[Any, object]]) -> Mapping[Any, object]:
    if _is_typed_dict(cls):  # it keeps the annotations of its bases as its own
        return {variable: hint for each in reversed(tuple(variables.values())) for variable, hint in each.items()}
    lineage: tuple[type, ...] = cls.__mro__
    owner = next((each for each in lineage if name in inspect.get_annotations(each)), cls)
    return variables.get(owner, {})


def _variables(cls: Any, args: tuple[Any, ...]) -> Iterator[tuple[type, Mapping[Any, object]]]:
    """For `cls` and each base of it: what its type variables stand for."""
    variables = dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))
    yield cls, variables
    bases: tuple[Any, ...] = cls.__dict__.get("__orig_bases__", cls.__bases__)
    for base in bases:
        origin: Any = typing.get_origin(base) or base
        if isinstance(origin, type) and origin not in (object, typing.Generic):
            yield from _variables(origin, tuple(substituted(each, variables) for each in typing.get_args(base)))
