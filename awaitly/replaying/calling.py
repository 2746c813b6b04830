"""Call a step's function: async or plain, with retries and a limit of time, until it has a result worth recording."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
import types
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeGuard, cast
from weakref import WeakKeyDictionary

from returns.result import Failure, Success

from awaitly.changing import quick
from awaitly.codec import Codec, ResultHint, result_hint
from awaitly.errors import UnexpectedError, Unstorable
from awaitly.exceptions import UnstorableValue
from awaitly.replaying.workflow import StepWithOptions, name_of
from awaitly.result import Err, Ok, Result
from awaitly.retry import ONCE, Retry
from awaitly.storage.journal import Failed, Raised, Recorded, Returned
from awaitly.values import frozen

__all__ = [
    "Attempted",
    "Attempts",
    "Body",
    "body_of",
    "cancelled_from_outside",
    "instead",
    "is_result",
    "recorded_as",
    "result_of",
    "run_body",
    "written",
]


@frozen
class Description:
    """What a function's own text says: its name, its annotations, whether it is async."""

    name: str
    hint: ResultHint
    is_async: bool


@quick
@frozen(eq=False)
class Body:
    """A step's function, and how it is to be called."""

    function: Callable[..., Any]
    description: Description
    key: str | None = None
    retry: Retry = ONCE
    timeout: float | None = None
    at_most_once: bool = False

    @property
    def name(self) -> str:
        """The function's name, which the step's key is made of."""
        return self.description.name

    @property
    def hint(self) -> ResultHint:
        """The types of its result."""
        return self.description.hint


_DESCRIBED: WeakKeyDictionary[types.FunctionType, Description] = WeakKeyDictionary()
"""Of plain functions only: these are told apart by identity, and a description holds nothing that they close over."""


def body_of(f: Callable[..., Any], *, gated: bool = False) -> Body:
    """Read a step's function and its options; what is `gated` is called at most once unless it says that it is not."""
    if isinstance(f, StepWithOptions):
        timeout = None if f.timeout is None else f.timeout.total_seconds()
        once = gated and f.retry is ONCE if f.at_most_once is None else f.at_most_once
        return Body(f.function, _description(f.function), f.key, f.retry, timeout, once)
    return Body(f, _description(f), at_most_once=gated)


def instead(body: Body, stand_in: Callable[..., Any]) -> Body:
    """Give a body with another function in its place: its name, types, key, retries and limit stay."""
    is_async = body.description.is_async or inspect.iscoroutinefunction(stand_in)
    description = Description(body.name, body.hint, is_async)
    return Body(stand_in, description, body.key, body.retry, body.timeout, body.at_most_once)


def _description(f: Callable[..., Any]) -> Description:
    if not isinstance(f, types.FunctionType):
        return _describe(f)
    known = _DESCRIBED.get(f)
    if known is None:
        known = _describe(f)
        _DESCRIBED[f] = known
    return known


def _describe(f: Callable[..., Any]) -> Description:
    call = getattr(type(f), "__call__", None)  # noqa: B004  (an async __call__ makes an object an async step)
    is_async = inspect.iscoroutinefunction(f) or (call is not None and inspect.iscoroutinefunction(call))
    return Description(name_of(f), result_hint(f), is_async)


@frozen
class Attempted:
    """What came of a step, after how many attempts.

    `cancelled`: its task was cancelled meanwhile, which is to go on once the result is recorded.
    """

    result: Result[Any, Any]
    attempts: int
    cancelled: bool = False


@frozen(eq=False)
class Attempts:
    """How often a step was tried before, and what is to happen between an attempt that failed and the next one.

    `pause` is given the number of the attempt, from 1, and the time that is to pass; it may raise to call the next off.
    """

    before: int
    pause: Callable[[int, timedelta], Awaitable[None]]


async def _asleep(_: int, length: timedelta) -> None:
    await asyncio.sleep(length.total_seconds())


HERE = Attempts(0, _asleep)
"""Every attempt is made here, one after the other."""


async def run_body(
    body: Body, key: str, args: tuple[object, ...], kwargs: Mapping[str, object], attempts: Attempts = HERE
) -> Attempted:
    """Call the function until it has a result that is not retried. An exception becomes `Err(UnexpectedError)`.

    A thread cannot be cancelled: whoever cancels waits until it has ended, so that it never runs beside its repetition.
    """
    attempt, before = attempts.before, 0 if body.description.is_async else _cancellations()
    while True:
        attempt += 1
        try:
            result = await _once(body, args, kwargs)
        except asyncio.CancelledError as exc:
            if cancelled_from_outside():
                raise
            failure: BaseException | None = exc
        except Exception as exc:  # noqa: BLE001  (no step may lose its run)
            failure = exc
        else:
            if isinstance(result, Success) or not body.retry.after_returning(result.failure(), attempt):
                return Attempted(result, attempt, _held_back(body, before))
            failure = None
        if failure is not None and not body.retry.after_raising(failure, attempt):
            error = UnexpectedError(type(failure).__name__, str(failure), key, attempt)
            return Attempted(Err(error), attempt, _held_back(body, before))
        if _held_back(body, before):
            raise asyncio.CancelledError
        await attempts.pause(attempt, body.retry.wait(attempt))


def cancelled_from_outside() -> bool:
    """Whether somebody has cancelled the task that runs here: a `CancelledError` may come of its own code as well."""
    return _cancellations() > 0


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _held_back(body: Body, before: int) -> bool:
    """Whether a cancellation had to wait for the end of a thread."""
    return not body.description.is_async and _cancellations() > before


async def _once(body: Body, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Result[Any, Any]:
    if body.timeout is None:
        return await _called(body, args, kwargs, None)
    async with asyncio.timeout(body.timeout) as limit:
        return await _called(body, args, kwargs, limit)


async def _called(
    body: Body, args: tuple[object, ...], kwargs: Mapping[str, object], limit: asyncio.Timeout | None
) -> Result[Any, Any]:
    outcome: Any
    if body.description.is_async:
        outcome = await body.function(*args, **kwargs)
    else:
        before = _cancellations()
        outcome = await _in_thread(functools.partial(body.function, *args, **kwargs), limit)
        if inspect.isawaitable(outcome):
            if _cancellations() > before:
                _let_go(outcome)
                raise asyncio.CancelledError
            outcome = await outcome
    return outcome if is_result(outcome) else _out_of_io(body, outcome)


async def _in_thread(call: Callable[[], object], limit: asyncio.Timeout | None) -> object:
    """Call in a thread, and give what it returns or raises also where the task is cancelled meanwhile.

    Where `limit` has passed, or the thread has not begun, the cancellation goes on at once.
    """
    before, begun = _cancellations(), threading.Lock()  # the lock is its who begins the call, or calls it off

    def begin() -> object:
        if begun.acquire(blocking=False):
            return _kept_in(call)
        raise asyncio.CancelledError

    context = contextvars.copy_context()
    future = asyncio.get_running_loop().run_in_executor(None, context.run, begin)
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            too_late = limit is not None and limit.expired() and _cancellations() <= before + 1
            if too_late or begun.acquire(blocking=False):
                future.cancel()
                raise
    return future.result()


def _kept_in(call: Callable[[], object]) -> object:
    """Call in a thread, out of which no `StopIteration` comes, and where an exit ends the thread alone."""
    try:
        return call()
    except (StopIteration, SystemExit, KeyboardInterrupt) as exc:
        msg = f"the function raised {type(exc).__name__}: {exc}".removesuffix(": ")
        raise RuntimeError(msg) from exc


def _let_go(outcome: object) -> None:
    """Close a coroutine that will not be awaited."""
    if inspect.iscoroutine(outcome):
        outcome.close()


def is_result(outcome: object) -> TypeGuard[Result[Any, Any]]:
    """Whether something is an `Ok` or an `Err`."""
    return isinstance(outcome, _RESULTS)


_RESULTS = (Success, Failure)


def _out_of_io(body: Body, outcome: object) -> Result[Any, Any]:
    """Take the `Result` out of the `IOResult` that awaiting a `FutureResult` gives."""
    if type(outcome).__module__ == "returns.io":
        from returns.unsafe import unsafe_perform_io  # noqa: PLC0415  (only those who use IO pay for its import)

        inner: Any = unsafe_perform_io(cast("Any", outcome))
        if is_result(inner):
            return inner
    msg = f"{body.name} gave {type(outcome).__name__}, where a step gives Ok(...) or Err(...)"
    raise TypeError(msg)


def recorded_as(body: Body, codec: Codec, key: str, attempted: Attempted) -> Recorded:
    """Write a result as what is recorded; one that cannot be kept is recorded as an unexpected error."""
    try:
        return written(attempted.result, body.hint, codec)
    except UnstorableValue as exc:
        return Raised(_cannot_keep(body, key, exc.error, attempted.attempts))


def written(result: Result[Any, Any], hint: ResultHint, codec: Codec) -> Recorded:
    """Write a result by a function's annotations. Raises `UnstorableValue`."""
    match result:
        case Ok(value):
            return Returned(codec.write(value, hint.value))
        case Err(UnexpectedError() as error):
            return Raised(error)
        case Err(error):
            return Failed(codec.write(error, hint.error))


def _cannot_keep(body: Body, key: str, unstorable: Unstorable, attempts: int) -> UnexpectedError:
    hint = body.hint.unresolved
    why = f"{unstorable}; the annotations of {body.name} could not be resolved: {hint}" if hint else str(unstorable)
    return UnexpectedError("Unstorable", why, key, attempts)


def result_of(recorded: Recorded, hint: ResultHint, codec: Codec) -> Result[Any, Any]:
    """Read a recorded result back; raises `ValueError` where it does not decode by these annotations."""
    match recorded:
        case Returned(payload):
            return Ok(codec.read(payload, hint.value))
        case Failed(payload):
            return Err(codec.read(payload, hint.error))
        case Raised(error):
            return Err(error)
        case _:
            msg = f"an approval's decision stands where a step's result was expected: {recorded!r}"
            raise ValueError(msg)
