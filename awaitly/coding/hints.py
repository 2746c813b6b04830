"""Reading annotations: what a function says that it returns and takes."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Never, NewType, TypeVar, Union, cast, final
from weakref import WeakKeyDictionary

from awaitly.coding.bounds import Bounds
from awaitly.coding.paths import Refused, class_of_value
from awaitly.values import frozen

__all__ = ["ANYTHING", "ResultHint", "argument_hints", "bare_hint", "bounds_of", "evaluate", "is_alias", "result_hint"]


@final
class _Anything:
    """The type of `ANYTHING`."""

    def __repr__(self) -> str:
        return "ANYTHING"


ANYTHING: Final = _Anything()
"""The hint for "no annotation": plain JSON values, and the classes of the codec's registry."""


@frozen
class ResultHint:
    """What a step declares: the hints of the value and of the error, `ANYTHING` where it declares none.

    `unresolved` says why an annotation that is there could not be read, for the message of a later `Unstorable`.
    """

    value: object = ANYTHING
    error: object = ANYTHING
    unresolved: str | None = None


def result_hint(f: Callable[..., Any]) -> ResultHint:
    """Read `Result[T, E]`, or any of the ways to say it, from the return annotation of `f`.

    Understood are the closed `Result` of awaitly, `Ok[T]` alone (the error is then `Never`), `Err[E]` alone, the
    `Result`, `IOResult` and `FutureResult` of `returns`, each also inside `Coroutine` or `Awaitable`; on functions,
    methods, partials, callable objects and decorated functions. It never raises.
    """
    function = _function(f)
    if function is None:
        return ResultHint()
    known = _RESULTS.get(function)
    if known is None:
        known = _RESULTS[function] = _read_result(function)
    return known


def argument_hints(f: Callable[..., Any]) -> Mapping[str, object]:
    """Give each parameter of `f` its hint, `ANYTHING` where there is none or it cannot be resolved.

    The hint of `*args` and of `**kwargs` is the one of each single argument. It never raises: where `f` has no
    signature, the mapping is empty.
    """
    function = _function(f)
    try:
        names = tuple(inspect.signature(f).parameters)
    except Exception:  # noqa: BLE001  (whatever a user's callable makes of __signature__)
        return {}
    raw: Mapping[str, object] = _annotations(function) if function is not None else {}
    return {name: _argument_hint(function, raw, name) for name in names}


def bare_hint(hint: object) -> object:
    """Take off what does not change how a value is written: `Annotated`, `NewType`, `Required`, type variables..."""
    while True:
        origin = typing.get_origin(hint)
        if origin is Annotated or getattr(origin, "_name", None) in _QUALIFIERS:
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, NewType):
            hint = hint.__supertype__
        elif isinstance(hint, TypeVar):
            hint = _of_variable(hint)
        elif hint is None:
            return type(None)
        elif hint is typing.LiteralString:
            return str
        else:
            return ANYTHING if hint is Any or hint is object else hint


def bounds_of(hint: object) -> tuple[object, Bounds | None]:
    """Give a hint without what merely names or annotates it, and the bounds among the annotations."""
    bounds: Bounds | None = None
    while True:
        if typing.get_origin(hint) is Annotated:
            hint, *notes = typing.get_args(hint)
            for each in notes:
                if isinstance(each, Bounds):
                    bounds = each if bounds is None else bounds.within(each)
        elif isinstance(hint, NewType):
            hint = hint.__supertype__
        elif is_alias(hint) and typing.get_origin(evaluate(hint)) is Annotated:
            hint = evaluate(hint)
        else:
            return hint, bounds


def evaluate(alias: object) -> object:
    """The value of a `type` alias, with its parameters filled in; raises what evaluating it raises."""
    origin: Any = typing.get_origin(alias) or alias
    names = vars(sys.modules[origin.__module__]) if origin.__module__ in sys.modules else {}
    value = _evaluated(origin.__value__, names, {origin.__name__: origin})
    return substituted(value, dict(zip(origin.__type_params__, typing.get_args(alias), strict=False)))


def is_alias(hint: object) -> bool:
    """Whether `hint` is a `type` alias, with or without parameters."""
    return type(typing.get_origin(hint) or hint).__name__ == "TypeAliasType"


def substituted(hint: object, variables: Mapping[Any, object]) -> object:
    """`hint` with type variables replaced."""
    if isinstance(hint, TypeVar):
        return variables.get(hint, hint)
    parameters = () if isinstance(hint, type) else getattr(hint, "__parameters__", ())
    if not variables or not parameters:
        return hint
    generic: Any = hint
    return generic[tuple(variables.get(each, each) for each in parameters)]


def resolved(function: Callable[..., Any], annotation: object) -> object:
    """Evaluate one annotation of `function`; raises what evaluating it raises, mostly `NameError`."""
    inner = inspect.unwrap(function)
    variables = {each.__name__: each for each in getattr(inner, "__type_params__", ())}
    return _evaluated(annotation, getattr(inner, "__globals__", {}), variables | _closure(inner))


def _evaluated(annotation: object, names: dict[str, Any], local_names: dict[str, Any]) -> object:
    def carrier() -> None: ...

    carrier.__annotations__ = {"return": annotation}
    return typing.get_type_hints(carrier, names, local_names, include_extras=True)["return"]


_QUALIFIERS = {"Required", "NotRequired", "ReadOnly", "Final", "ClassVar"}
_BOTH, _VALUE, _ERROR = (0, 1), (0,), (1,)
_RETURNS: dict[tuple[str, str], tuple[int, ...]] = {
    ("returns.result", "Result"): _BOTH,
    ("returns.result", "Success"): _VALUE,
    ("returns.result", "Failure"): _ERROR,
    ("returns.io", "IOResult"): _BOTH,
    ("returns.io", "IOSuccess"): _VALUE,
    ("returns.io", "IOFailure"): _ERROR,
    ("returns.future", "FutureResult"): _BOTH,
}
_RESULTS: WeakKeyDictionary[Callable[..., Any], ResultHint] = WeakKeyDictionary()
_MOST_WRAPPERS = 100


def _function(f: object) -> Callable[..., Any] | None:
    """The function whose annotations count for `f`."""
    for _ in range(_MOST_WRAPPERS):
        cls = class_of_value(f)
        if cls is types.FunctionType:
            return cast("Callable[..., Any]", f)
        if issubclass(cls, type) or not callable(f):
            return None
        f = _inner(f, cls)
    return None


def _inner(f: Any, cls: Any) -> object:
    """What a partial, a method or a callable object speaks through."""
    if issubclass(cls, functools.partial):
        return f.func
    if cls is types.MethodType:
        return f.__func__
    wrapped = inspect.getattr_static(f, "__wrapped__", None)
    return wrapped if callable(wrapped) else inspect.getattr_static(cls, "__call__", None)


def _annotations(function: Callable[..., Any]) -> Mapping[str, object]:
    try:
        return function.__annotations__
    except Exception:  # noqa: BLE001  (where they are evaluated lazily, they raise here)
        return {}


def _closure(function: Callable[..., Any]) -> dict[str, object]:
    """The names that `function` closes over, so that many local classes are found."""
    code = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None) or ()
    found: dict[str, object] = {}
    for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def _of_variable(variable: TypeVar) -> object:
    if variable.__constraints__:
        return Union[variable.__constraints__]  # noqa: UP007  (made at run time)
    return ANYTHING if variable.__bound__ is None else variable.__bound__


def _bare_or_bounded(hint: object) -> object:
    try:
        return bare_hint(hint) if bounds_of(hint)[1] is None else hint
    except Refused:  # bounds that contradict each other; whoever writes a value by this hint is told
        return hint


def _argument_hint(function: Callable[..., Any] | None, raw: Mapping[str, object], name: str) -> object:
    if function is None or name not in raw:
        return ANYTHING
    try:
        return _bare_or_bounded(resolved(function, raw[name]))
    except Exception:  # noqa: BLE001  (an annotation may be any expression)
        return ANYTHING


def _read_result(function: Callable[..., Any]) -> ResultHint:
    try:
        raw = function.__annotations__
        return _result_of(resolved(function, raw["return"])) if "return" in raw else ResultHint()
    except Exception as failure:  # noqa: BLE001  (an annotation may be any expression)
        name = getattr(function, "__qualname__", repr(function)).rpartition(".")[2]
        return ResultHint(unresolved=f"the annotations of {name} could not be resolved: {failure}")


def _result_of(hint: object) -> ResultHint:
    sides: tuple[list[object], list[object]] = ([], [])
    if not _collect(hint, sides):
        return ResultHint()
    return ResultHint(value=_joined(sides[0]), error=_joined(sides[1]))


def _collect(hint: object, sides: tuple[list[object], list[object]]) -> bool:
    """Put the values and the errors of `hint` into `sides`; `False` where something in it is no result."""
    hint = bare_hint(evaluate(hint) if is_alias(hint) else hint)
    origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return all(_collect(each, sides) for each in args)
    place = _place(origin)
    if place is None and _is_awaitable(origin):
        return bool(args) and _collect(args[-1], sides)
    for index, side in enumerate(place or ()):
        sides[side].append(_bare_or_bounded(args[index]) if index < len(args) else ANYTHING)
    return place is not None


def _is_awaitable(origin: object) -> bool:
    return isinstance(origin, type) and issubclass(origin, collections.abc.Awaitable)


def _place(origin: object) -> tuple[int, ...] | None:
    """Which sides the parameters of a class of `returns` fill, found by name so that nothing is imported for it."""
    return _RETURNS.get((getattr(origin, "__module__", ""), getattr(origin, "__qualname__", "")))


def _joined(hints: list[object]) -> object:
    if any(each is ANYTHING for each in hints):
        return ANYTHING
    return Union[tuple(hints)] if hints else Never  # noqa: UP007  (made at run time)
