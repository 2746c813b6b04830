"""Results: `Ok`, `Err`, their closed union `Result`, and `catching`.

`Ok` and `Err` are the `Success` and `Failure` of the `returns` package, the very same classes, so that everything
in `returns` works on them. `Result[T, E]` is their *closed union* and not the open base class of `returns`: a `match`
over it narrows, and a forgotten case is a type error.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, Union, overload

from returns.result import Failure as Err
from returns.result import Success as Ok

__all__ = ["Err", "Ok", "Result", "catching"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")
X = TypeVar("X", bound=Exception)
X2 = TypeVar("X2", bound=Exception)
X3 = TypeVar("X3", bound=Exception)

Result = Union[Ok[T], Err[E]]  # noqa: UP007  (a generic alias must be spelled with Union to be subscripted at run time)


class Catching(typing.Generic[X]):
    """The decorator that `catching` returns: it turns the named exceptions into `Err` values."""

    def __init__(self, exceptions: tuple[type[X], ...]) -> None:
        self._exceptions = exceptions

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a coroutine function is the more special case, and stands first
        self, f: Callable[P, Coroutine[Any, Any, T]], /
    ) -> Callable[P, Coroutine[Any, Any, Result[T, X]]]: ...
    @overload
    def __call__(self, f: Callable[P, T], /) -> Callable[P, Result[T, X]]: ...
    def __call__(self, f: Callable[..., Any], /) -> Callable[..., Any]:
        """Wrap `f`; whatever it raises besides the named exceptions still propagates."""
        wrapper = self._around_async(f) if inspect.iscoroutinefunction(f) else self._around_plain(f)
        _annotate_return(wrapper, f, self._exceptions)
        return wrapper

    def _around_async(self, f: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[Result[T, X]]]:
        @functools.wraps(f)
        async def wrapper(*args: object, **kwargs: object) -> Result[T, X]:
            try:
                return Ok(await f(*args, **kwargs))
            except asyncio.CancelledError:
                raise
            except self._exceptions as exc:
                return Err(exc)

        return wrapper

    def _around_plain(self, f: Callable[..., T]) -> Callable[..., Result[T, X]]:
        @functools.wraps(f)
        def wrapper(*args: object, **kwargs: object) -> Result[T, X]:
            try:
                return Ok(f(*args, **kwargs))
            except self._exceptions as exc:
                return Err(exc)

        return wrapper


@overload
def catching(a: type[X], /) -> Catching[X]: ...
@overload
def catching(a: type[X], b: type[X2], /) -> Catching[X | X2]: ...
@overload
def catching(a: type[X], b: type[X2], c: type[X3], /) -> Catching[X | X2 | X3]: ...
@overload
def catching(*exceptions: type[X]) -> Catching[X]: ...
def catching(*exceptions: type[Exception]) -> Catching[Any]:
    """Turn a raising function into one that returns `Result[T, X]`, where `X` is the union of `exceptions`.

    `catching(ValueError, KeyError)(f)` keeps the parameters of `f`. Exceptions that are not named still propagate.
    Raises `TypeError` where no exception class is named.
    """
    if not exceptions:
        msg = "catching() needs at least one exception class, such as catching(ValueError)"
        raise TypeError(msg)
    return Catching(exceptions)


def _annotate_return(
    wrapper: Callable[..., Any], f: Callable[..., Any], exceptions: tuple[type[Exception], ...]
) -> None:
    """Give the wrapper the return annotation that the codec reads, where the one of `f` can be resolved."""
    try:
        hints = typing.get_type_hints(f, include_extras=True)
    except Exception:  # noqa: BLE001  (annotations may be any expression)
        return
    if "return" in hints:
        result: Any = Result  # subscripted at run time, with types that no checker can know
        hints["return"] = result[hints["return"], Union[exceptions]]  # noqa: UP007
        wrapper.__annotations__ = hints
