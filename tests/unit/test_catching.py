from __future__ import annotations

import asyncio
import contextlib
import typing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awaitly import Err, Ok, Result, catching, execute, workflow
from awaitly.replaying.context import Run
from tests.support import Refused

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForCheckers


def risky(what: str, n: int = 1) -> int:
    """Raise what is asked for."""
    if what == "value":
        raise ValueError(what)
    if what == "key":
        raise KeyError(what)
    if what == "zero":
        raise ZeroDivisionError(what)
    return n


async def risky_later(what: str, n: int = 1) -> int:
    """Raise what is asked for, asynchronously."""
    return risky(what, n)


def test_named_exceptions_become_errors() -> None:
    """What is named is an `Err` of the exception itself; what is returned is an `Ok`."""
    caught = catching(ValueError, KeyError)(risky)
    assert caught("fine", n=3) == Ok(3)
    for what, kind in (("value", ValueError), ("key", KeyError)):
        match caught(what):
            case Err(error):
                assert type(error) is kind
            case Ok(value):
                raise AssertionError(value)


def test_other_exceptions_propagate() -> None:
    """What is not named is a bug and is raised."""
    with pytest.raises(ZeroDivisionError):
        catching(ValueError)(risky)("zero")


async def test_async_functions_are_caught_too() -> None:
    """The wrapper of an async function is async."""
    caught = catching(ValueError)(risky_later)
    assert await caught("fine") == Ok(1)
    assert isinstance((await caught("value")).failure(), ValueError)
    with pytest.raises(ZeroDivisionError):
        await caught("zero")


async def test_a_cancellation_is_never_caught() -> None:
    """A cancelled task stays cancelled, whatever is named."""

    async def hangs() -> int:
        await asyncio.Event().wait()
        return 1

    caught: Any = catching(Exception)(hangs)
    task = asyncio.create_task(caught())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


def test_at_least_one_exception_is_named() -> None:
    """Catching nothing is a mistake."""
    with pytest.raises(TypeError, match="at least one"):
        catching()


def test_the_wrapper_says_what_it_returns() -> None:
    """Its annotations are the function's, with the result type that the codec reads."""
    caught = catching(ValueError, KeyError)(risky)
    hints = typing.get_type_hints(caught)
    assert hints["what"] is str
    expected: Any = Result
    assert hints["return"] == expected[int, ValueError | KeyError]
    assert caught.__name__ == "risky"


def test_annotations_that_cannot_be_resolved_do_not_stop_the_wrapping() -> None:
    """A name that only type checkers know, or a module's attribute that is not there, leaves the wrapper usable."""

    def unknown_name(x: OnlyForCheckers) -> int:
        return 1

    def unknown_attribute(x: int) -> int:
        return 1

    unknown_attribute.__annotations__ = {"x": "typing.NoSuchThing", "return": "int"}
    unknown_syntax: Any = lambda: 1  # noqa: E731
    unknown_syntax.__annotations__ = {"return": "int ["}
    wrap: Any = catching(ValueError)
    assert wrap(unknown_name)(1) == Ok(1)
    assert wrap(unknown_attribute)(1) == Ok(1)
    assert wrap(unknown_syntax)() == Ok(1)


async def test_a_caught_function_is_a_step() -> None:
    """Its value and its exception are recorded by the annotations that the wrapper made."""

    @workflow
    async def flow(run: Run[Refused | ValueError], what: str) -> Result[int, Refused | ValueError]:
        return Ok(await run.step(catching(ValueError)(risky_later), what))

    assert (await execute(flow("fine"))).result == Ok(1)
    failed = (await execute(flow("value"))).result
    assert isinstance(failed.failure(), ValueError)


@given(st.sampled_from([ValueError, KeyError, OSError]), st.sampled_from([ValueError, KeyError, OSError]))
def test_only_what_is_named_is_caught(named: type[Exception], raised: type[Exception]) -> None:
    """Whatever pair of classes: caught if and only if it is an instance of what is named."""

    def f() -> int:
        raise raised

    if issubclass(raised, named):
        assert isinstance(catching(named)(f)().failure(), raised)
    else:
        with pytest.raises(raised):
            catching(named)(f)()
