"""Frozen values that are cheap to define: attrs classes that share one repr, one equality and one hash.

attrs writes these three methods anew for each class and compiles them when the class is defined, which was a third of
what `import awaitly` took. Here they are written once, and a class only names the fields that they read. A value
compares, hashes and shows as `attrs.frozen` would have it; type checkers see `attrs.frozen` itself.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

__all__ = ["frozen"]

T = TypeVar("T")


def _made(cls: type[T] | None = None, /, *, eq: bool = True, repr: bool = True, **options: Any) -> Any:  # noqa: A002
    """Make a frozen attrs class with the shared methods, or those it has itself, or inherited ones, as attrs would."""

    def make(plain: type[T]) -> Any:
        own = vars(plain).keys()
        made: Any = attrs.frozen(plain, eq=False, repr=False, **options)
        if eq and "__eq__" not in own:
            made.__compared__ = _reading([field.name for field in attrs.fields(made) if field.eq])
            made.__eq__ = _equal
            made.__hash__ = made.__hash__ if "__hash__" in own else _hash
        if repr and "__repr__" not in own:
            made.__repr__ = _shown
        return made

    return make if cls is None else make(cls)


def _reading(names: list[str]) -> Callable[[Any], object]:
    return attrgetter(*names) if names else type  # values without fields are equal wherever their classes are one


def _equal(self: Any, other: Any) -> object:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return bool(self.__compared__(self) == other.__compared__(other))


def _hash(self: Any) -> int:
    return hash((self.__class__, self.__compared__(self)))


@recursive_repr()
def _shown(self: Any) -> str:
    fields = ", ".join(f"{field.name}={_written(self, field)}" for field in attrs.fields(self.__class__) if field.repr)
    return f"{self.__class__.__qualname__.rsplit('>.', 1)[-1]}({fields})"


def _written(value: Any, field: attrs.Attribute[Any]) -> str:
    write = field.repr if callable(field.repr) else repr
    return str(write(getattr(value, field.name, attrs.NOTHING)))


if TYPE_CHECKING:
    from attrs import frozen
else:
    frozen = _made
