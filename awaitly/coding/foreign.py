"""Values that write and read themselves: pydantic models (which are never imported here) and exceptions."""

from __future__ import annotations

import json
from typing import Any, cast

from awaitly.coding.paths import Refused, segment

__all__ = ["dump_model", "exception_arguments", "is_root_model", "load_model", "make_exception"]


def is_root_model(cls: Any) -> bool:
    """Whether a pydantic model is a RootModel, whose JSON form is that of its one value."""
    return bool(getattr(cls, "__pydantic_root_model__", False))


def dump_model(value: Any) -> Any:
    """The JSON form of a pydantic model, once it is sure to come back equal."""
    plain = value.model_dump(mode="json", by_alias=True, round_trip=True, warnings=False)
    if load_model(type(value), plain) != value:
        raise Refused("the model does not come back equal from its own JSON (does it hold secrets or excluded fields?)")
    return plain


def load_model(cls: Any, plain: Any) -> Any:
    """Make a pydantic model strictly; what pydantic refuses is `Refused` at the place that it names."""
    try:
        return cls.model_validate_json(json.dumps(plain, allow_nan=False), strict=True)
    except ValueError as failure:
        raise _located_by_pydantic(failure) from None


def _located_by_pydantic(failure: Any) -> Exception:
    """The first of pydantic's errors, with its place and without the input, which may be a secret."""
    if not hasattr(failure, "errors"):
        return Refused(f"{type(failure).__name__}: {failure}")
    first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
    return Refused(first["msg"], tuple(segment(each) for each in reversed(first["loc"])))


def exception_arguments(failure: Exception) -> tuple[Any, ...]:
    """The arguments from which an exception can be made again, whole.

    An `OSError` counts its file name among them, as when pickling. What else it holds (attributes set apart from
    its arguments) would be lost, so it is `Refused`; traceback, cause and notes are not part of the value.
    """
    made, args, state = _reduced(failure)
    cls = type(failure)
    if made is not cls:
        raise Refused(f"{cls.__qualname__} is not made from its args alone")
    again = _reduced(make_exception(cls, args))
    if again[1] != args or again[2] != state:
        raise Refused(f"{cls.__qualname__} holds more than its args, and that would be lost")
    return args


def make_exception(cls: type[Exception], args: tuple[Any, ...]) -> Exception:
    """Call the class, and insist on an instance of exactly it."""
    try:
        made = cls(*args)
    except Exception as failure:  # noqa: BLE001  (a user's constructor may raise anything)
        raise Refused(f"{cls.__qualname__} cannot be made from its args: {type(failure).__name__}: {failure}") from None
    if type(made) is not cls:
        raise Refused(f"{cls.__qualname__} made a {type(made).__qualname__} from these args")
    return made


def _reduced(failure: Exception) -> tuple[object, tuple[Any, ...], dict[str, object]]:
    made, args, *rest = cast("tuple[Any, ...]", failure.__reduce__())
    state: dict[str, object] = dict(rest[0]) if rest and rest[0] else {}
    state.pop("__notes__", None)
    return made, args, state
