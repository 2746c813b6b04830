"""Finds what is public and takes text: by the signatures, as a type checker reads them."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from awaitly import Actor, Rule

ROOT = Path(__file__).parents[2]
ADAPTERS = tuple(folder.name for folder in sorted((ROOT / "adapters").glob("awaitly_*")))
MODULES = ("awaitly", "awaitly.sync", "awaitly.testing", *ADAPTERS)
"""What has an `__all__` that users are told of."""

_CALLED: tuple[Any, ...] = (typing.get_origin(Callable[..., Any]), typing.Literal, type)
_PLAIN: tuple[Any, ...] = (str, bytes, os.PathLike, Path)
_NAMED = (Actor, Rule)
"""Whoever acts is a text wherever a verb takes one: `by="ann"`."""
_WRITTEN = re.compile(r"\b(str|bytes|Duration|By|Grant)\b")
_UNIONS = (typing.Union, types.UnionType)


def takes_text(hint: object) -> bool:
    """Whether a text, or bytes, can be what an annotation asks for, or a part of it."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return takes_text(typing.get_args(hint)[0])
    if origin in _CALLED:
        return False
    parts = typing.get_args(hint)
    if is_union(hint):
        return any(map(takes_text, parts))
    if origin is not None:
        return origin in _PLAIN or (issubclass(origin, Iterable) and any(map(takes_text, parts)))
    return any(hint is kind for kind in _PLAIN)


def is_union(hint: object) -> bool:
    """Whether an annotation is one of several."""
    return typing.get_origin(hint) in _UNIONS


def signature_of(function: Callable[..., Any]) -> Mapping[str, object]:
    """Give the parameters of a function, or of what makes a class, by name, with their annotations."""
    made: Any = function.__init__ if inspect.isclass(function) else function
    try:
        hints = typing.get_type_hints(made, include_extras=True)
    except (NameError, TypeError):  # (a name that only type checkers know)
        hints = {name: _as_written(hint) for name, hint in made.__annotations__.items()}
    return {name: hints.get(name, Any) for name in inspect.signature(function).parameters}


def _as_written(hint: object) -> object:
    return str if _WRITTEN.search(str(hint)) else object


def texts_of(function: Callable[..., Any]) -> Mapping[str, object]:
    """Give the parameters that take text, with their annotations."""
    return {name: hint for name, hint in signature_of(function).items() if takes_text(hint)}


def callables(exported: Mapping[str, object]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give the functions, the classes and their public methods of what a module exports, by their names."""
    for name, value in exported.items():
        if inspect.isclass(value):
            yield name, value
            yield from ((f"{name}.{each}", method) for each, method in _methods(value))
        elif callable(value) and not _is_of_types(value):
            yield name, value


def _is_of_types(value: object) -> bool:
    return isinstance(value, TypeVar) or typing.get_origin(value) is not None


def _methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, value in inspect.getmembers(kind, inspect.isroutine):
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("awaitly"):
            yield name, value


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give all that users may call, by its full name."""
    for module in MODULES:
        found = importlib.import_module(module)
        exported = {name: getattr(found, name) for name in found.__all__}
        yield from ((f"{module}.{name}", value) for name, value in callables(exported))


def taking_text(found: Iterable[tuple[str, Callable[..., Any]]]) -> Mapping[str, Callable[..., Any]]:
    """Give those of them that take text."""
    return {name: value for name, value in found if _asks_for_text(value)}


def _asks_for_text(function: Callable[..., Any]) -> bool:
    if inspect.isclass(function) and issubclass(function, BaseException) and "__init__" not in vars(function):
        return False  # (an exception of Python's own form)
    return bool(texts_of(function))
