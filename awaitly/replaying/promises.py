"""Promises: values that a workflow awaits and that any process can bring, by an id that can be mailed out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote, unquote

from awaitly.durations import Duration
from awaitly.errors import PromiseRejected, TimedOut
from awaitly.ids import LONGEST_NAME
from awaitly.result import Err, Ok, Result

__all__ = ["Promise", "parts_of_promise", "promise_id"]

T = TypeVar("T")

_LONGEST_KEY = LONGEST_NAME + 20
"""A name, and the number that a second promise of that name gets."""

Kept: TypeAlias = "Callable[[Duration | None], Coroutine[Any, Any, Result[T, PromiseRejected | TimedOut]]]"


def promise_id(run_id: str, key: str) -> str:
    """Give the id by which any process can resolve or reject a promise. It is no secret: it names run and key."""
    return f"{quote(key, safe='', errors='surrogatepass')}@{run_id}"


def parts_of_promise(promise_id: str) -> tuple[str, str]:
    """Give the run's id and the key that a promise's id names. Raises `ValueError` where it is no such text."""
    quoted, _, run_id = promise_id.partition("@")
    key = unquote(quoted)
    if not _is_text(run_id, LONGEST_NAME) or not _is_text(key, _LONGEST_KEY):
        msg = f"no id of a promise: {promise_id[:40]!r}"
        raise ValueError(msg)
    return run_id, key


def _is_text(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()


class Promise(Generic[T]):
    """A value that somebody else brings. Awaiting it gives the value; a rejection ends the workflow.

    `id` is stable over replays: pass it to a step that mails it out. Made by `run.promise`.
    """

    def __init__(self, promise_id: str, kept: Kept[T], ending: Callable[[object], BaseException]) -> None:
        self.id = promise_id
        self._kept = kept
        self._ending = ending
        self._result: Result[T, PromiseRejected | TimedOut] | None = None

    def __repr__(self) -> str:
        return f"Promise({self.id!r})"

    async def result(self, *, timeout: Duration | None = None) -> Result[T, PromiseRejected | TimedOut]:
        """Wait until it is resolved or rejected, or until the time is up, and give that as a value.

        Raises `ValueError` where the timeout is no length of time.
        """
        if self._result is not None:
            return self._result
        result = await self._kept(timeout)
        match result:
            case Err(TimedOut()):
                pass  # it may be kept yet
            case _:
                self._result = result
        return result

    def __await__(self) -> Generator[Any, Any, T]:
        """Give the value, or end the workflow."""
        return self._value().__await__()

    async def _value(self) -> T:
        match await self.result():
            case Ok(value):
                return value
            case Err(error):
                raise self._ending(error)
