from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pytest
import returns.result
from attrs import define, field, frozen
from returns.future import FutureResult, future_safe
from returns.result import Failure, Success

from awaitly import (
    Err,
    Ok,
    Orchestrator,
    Result,
    Retry,
    Run,
    UnexpectedError,
    Workflow,
    catching,
    execute,
    step,
    workflow,
)
from awaitly.replaying.calling import body_of, run_body
from tests.support import Effects, FlowError, Refused, SharedStore, error_of


async def asynchronous(n: int) -> Result[int, Refused]:
    """Add one."""
    return Ok(n + 1)


def plain(n: int) -> Result[int, Refused]:
    """Add one."""
    return Ok(n + 1)


async def open_result(n: int) -> returns.result.Result[int, Refused]:
    """Add one, typed by the open base class."""
    return Success(n + 1)


def plain_open_result(n: int) -> returns.result.Result[int, Refused]:
    """Add one, plainly, typed by the open base class."""
    return Success(n + 1)


def future(n: int) -> FutureResult[int, Refused]:
    """Add one, as a future."""
    return FutureResult.from_value(n + 1)


@future_safe
async def safe_future(n: int) -> int:
    """Add one, as a future that catches everything."""
    return n + 1


def increment(n: int) -> int:
    """Add one, without a result."""
    return n + 1


async def two(n: int, m: int) -> Result[int, Refused]:
    """Add two numbers."""
    return Ok(n + m)


class Adder:
    """Adds, in every form a class can."""

    def __init__(self, m: int) -> None:
        self.m = m

    async def method(self, n: int) -> Result[int, Refused]:
        """Add."""
        return Ok(n + self.m)

    def plain_method(self, n: int) -> Result[int, Refused]:
        """Add."""
        return Ok(n + self.m)

    @classmethod
    async def class_method(cls, n: int) -> Result[int, Refused]:
        """Add one."""
        return Ok(n + 1)

    @staticmethod
    async def static_method(n: int) -> Result[int, Refused]:
        """Add one."""
        return Ok(n + 1)

    async def __call__(self, n: int) -> Result[int, Refused]:
        """Add."""
        return Ok(n + self.m)


@frozen
class FrozenAdder:
    """A callable value; what it talks to is no part of its equality."""

    m: int
    mark: list[str] = field(factory=list[str], eq=False)

    async def __call__(self, n: int) -> Result[int, Refused]:
        """Add, and leave a mark."""
        self.mark.append("called")
        return Ok(n + self.m)


@define
class UnhashableAdder:
    """A callable that cannot be hashed."""

    m: int

    async def __call__(self, n: int) -> Result[int, Refused]:
        """Add."""
        return Ok(n + self.m)


@dataclass
class DataAdder:
    """A callable dataclass, which cannot be hashed either."""

    m: int

    def __call__(self, n: int) -> Result[int, Refused]:
        """Add."""
        return Ok(n + self.m)


class SlottedAdder:
    """A callable that cannot be referenced weakly."""

    __slots__ = ("m",)

    def __init__(self, m: int) -> None:
        self.m = m

    def __call__(self, n: int) -> Result[int, Refused]:
        """Add."""
        return Ok(n + self.m)


LAMBDA: Callable[[int], Result[int, Refused]] = lambda n: Ok(n + 1)  # noqa: E731

KINDS: dict[str, Callable[..., Any]] = {
    "async": asynchronous,
    "plain": plain,
    "open result": open_result,
    "plain open result": plain_open_result,
    "future": future,
    "safe future": safe_future,
    "partial": partial(two, 1),
    "partial by keyword": partial(two, m=1),
    "partial of a partial": partial(partial(two), 1),
    "bound method": Adder(1).method,
    "plain bound method": Adder(1).plain_method,
    "class method": Adder.class_method,
    "static method": Adder.static_method,
    "callable object": Adder(1),
    "frozen callable": FrozenAdder(1),
    "unhashable callable": UnhashableAdder(1),
    "callable dataclass": DataAdder(1),
    "slotted callable": SlottedAdder(1),
    "lambda": LAMBDA,
    "with options": step(asynchronous, key="add", timeout="5s"),
    "caught": catching(ValueError)(increment),
}


def calling(f: Callable[..., Any], *args: object) -> Workflow[[], int, FlowError]:
    """Make a workflow of one step and a question after it."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        value: int = await run.step(f, *args)
        await run.approval("manager", proposes=value)
        return Ok(value)

    return flow


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_function_is_a_step(kind: str, store: SharedStore) -> None:
    """Each runs, its value is recorded, and comes back on a replay."""
    flow = calling(KINDS[kind], 1)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(2)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (asynchronous, "asynchronous"),
        (partial(two, 1), "two"),
        (partial(partial(two), 1), "two"),
        (Adder(1).method, "method"),
        (Adder(1), "Adder"),
        (partial(Adder(1), 1), "Adder"),
        (step(asynchronous), "asynchronous"),
        (catching(ValueError)(asynchronous), "asynchronous"),
    ],
)
def test_a_step_is_called_by_its_functions_name(f: Callable[..., Any], name: str) -> None:
    """Wrappers keep the name; an object is called by its class."""
    assert body_of(f).name == name


async def test_equal_callables_are_not_mistaken_for_each_other() -> None:
    """Of two objects that compare equal, the one that is called is the one that runs."""
    one, other = FrozenAdder(1), FrozenAdder(1)
    assert one == other
    for callee in (one, other):
        await run_body(body_of(callee), "k", (1,), {})
    assert (one.mark, other.mark) == (["called"], ["called"])


@pytest.mark.parametrize("kind", ["closure", "partial", "method", "object"])
async def test_a_function_that_was_a_step_is_not_kept_alive(kind: str) -> None:
    """What is known of a function dies with it: a closure made for each run leaks nothing."""

    class Client:
        async def send(self) -> Result[int, Refused]:
            return Ok(1)

        async def __call__(self) -> Result[int, Refused]:
            return Ok(1)

    def made() -> tuple[weakref.ref[Client], Callable[..., Any]]:
        client = Client()

        async def closure() -> Result[int, Refused]:
            return await client.send()

        forms: dict[str, Callable[..., Any]] = {
            "closure": closure,
            "partial": partial(client.send),
            "method": client.send,
            "object": client,
        }
        return weakref.ref(client), forms[kind]

    dead, f = made()
    await run_body(body_of(f), "k", (), {})
    del f
    gc.collect()
    assert dead() is None


async def test_a_plain_step_runs_in_a_thread() -> None:
    """The event loop goes on while a plain function blocks."""
    loop_thread = threading.get_ident()
    blocked, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def blocks() -> Result[int, Refused]:
        loop.call_soon_threadsafe(blocked.set)
        assert go.wait(5)
        return Ok(threading.get_ident())

    running = asyncio.create_task(run_body(body_of(blocks), "k", (), {}))
    await blocked.wait()
    go.set()
    assert (await running).result.unwrap() != loop_thread


async def test_a_step_that_raises_is_an_unexpected_error() -> None:
    """The class, the message, the key and the number of attempts are kept."""

    def breaks() -> Result[int, Refused]:
        raise ValueError("no such thing")

    execution = await execute(calling(breaks)())
    assert execution.result == Err(UnexpectedError("ValueError", "no such thing", "breaks", 1))


@pytest.mark.parametrize("value", [None, 5, "Ok", [Ok(1)], (Ok(1), None), True], ids=repr)
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_step_that_gives_no_result_is_an_unexpected_error(value: object, is_async: bool) -> None:
    """Nothing is inferred from a bare value; the error says what a step gives."""

    async def later() -> Any:
        return value

    def at_once() -> Any:
        return value

    error = error_of((await execute(calling(later if is_async else at_once)())).result)
    assert (error.kind, "where a step gives Ok(...) or Err(...)" in error.message) == ("TypeError", True)


@pytest.mark.parametrize("make", [Ok, Err])
async def test_what_cannot_be_stored_is_an_unexpected_error(make: Callable[[Any], Any], store: SharedStore) -> None:
    """A value or an error that is not what is annotated is refused with its place, at once as on a replay."""

    async def gives() -> Result[list[int], Refused]:
        return cast("Result[list[int], Refused]", make([1, object()]))

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        result = await run.attempt(gives)
        await run.approval("manager", proposes=1)
        return Ok(str(result))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        shown = (await orchestrator.resume("r")).result.unwrap()
    assert "Unstorable" in shown
    assert "'gives'" in shown


async def test_annotations_that_cannot_be_resolved_are_named() -> None:
    """A result class that is not known at run time is the reason that is given."""

    class Local:
        """A class that is not there when annotations are read."""

    async def gives() -> Result[Local, Refused]:
        return Ok(Local())

    error = error_of((await execute(calling(gives)())).result)
    assert error.kind == "Unstorable"
    assert "Local" in error.message


async def test_a_future_that_fails_is_an_error() -> None:
    """The error of a `FutureResult` is the step's; what `future_safe` caught is too."""

    def fails(n: int) -> FutureResult[int, Refused]:
        return FutureResult.from_failure(Refused("no"))

    assert (await execute(calling(fails, 1)())).result == Err(Refused("no"))


# Time limits


async def test_a_step_that_takes_too_long_raises_a_timeout() -> None:
    """The limit ends an async step with `TimeoutError`, in a run that goes on."""

    async def hangs() -> Result[int, Refused]:
        await asyncio.Event().wait()
        return Ok(1)

    error = error_of((await execute(calling(step(hangs, timeout="1ms"))())).result)
    assert (error.kind, error.where, error.attempts) == ("TimeoutError", "hangs", 1)


async def test_the_limit_is_for_each_attempt() -> None:
    """A step that hangs once and then answers is retried within its own limit."""
    tries: list[int] = []

    async def hangs_once() -> Result[int, Refused]:
        tries.append(1)
        if len(tries) == 1:
            await asyncio.Event().wait()
        return Ok(len(tries))

    limited = step(hangs_once, timeout="5ms", retry=Retry(attempts=2, base="1ms"))
    attempted = await run_body(body_of(limited), "k", (), {})
    assert (attempted.result, attempted.attempts) == (Ok(2), 2)


async def test_the_late_result_of_a_plain_step_is_dropped() -> None:
    """A thread cannot be stopped: the step is over at its limit, and what the thread gives later counts for nothing."""
    go, over = threading.Event(), threading.Event()

    def blocks() -> Result[int, Refused]:
        assert go.wait(5)
        over.set()
        return Ok(1)

    attempted = await run_body(body_of(step(blocks, timeout="5ms")), "k", (), {})
    go.set()
    assert error_of(attempted.result).kind == "TimeoutError"
    assert await asyncio.to_thread(over.wait, 5)


async def test_a_timeout_of_the_steps_own_is_its_own() -> None:
    """A step may use `asyncio.timeout` within; it raises like anything else."""

    async def own() -> Result[int, Refused]:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()
        return Ok(1)

    error = error_of((await execute(calling(own)())).result)
    assert error.kind == "TimeoutError"


@pytest.mark.parametrize("limit", ["0s", "-1s", "soon", ""])
def test_a_limit_is_a_length_of_time(limit: str) -> None:
    """What is no duration is refused where the step is made."""
    with pytest.raises(ValueError, match="duration"):
        step(asynchronous, timeout=limit)


@pytest.mark.parametrize("key", ["", " a", "a\n", "x" * 201])
def test_a_key_follows_the_rule_for_names(key: str) -> None:
    """A step's key is checked where the step is made."""
    with pytest.raises(TypeError, match="key"):
        step(asynchronous, key=key)


async def test_a_step_with_options_is_still_its_function() -> None:
    """Called outside a run it is just the function."""
    assert await step(asynchronous, key="k", retry=Retry())(1) == Ok(2)


# Retries


def failing(times: int, failure: object) -> tuple[Callable[[], Any], list[int]]:
    """Make a step that raises or returns `failure` so often, and then succeeds; and the list of its tries."""
    tries: list[int] = []

    async def flaky() -> Result[int, Any]:
        tries.append(1)
        if len(tries) > times:
            return Ok(len(tries))
        if isinstance(failure, Exception):
            raise failure
        return Err(failure)

    return flaky, tries


@pytest.mark.parametrize("times", [0, 1, 4, 5, 9])
async def test_attempts_count_the_first_try(times: int) -> None:
    """Five attempts are the first try and four retries."""
    flaky, tries = failing(times, ConnectionError("down"))
    retry = Retry(attempts=5, base="1ms", cap="1ms")
    attempted = await run_body(body_of(step(flaky, retry=retry)), "k", (), {})
    assert len(tries) == attempted.attempts == min(times + 1, 5)
    if times < 5:
        assert attempted.result == Ok(times + 1)
    else:
        assert attempted.result == Err(UnexpectedError("ConnectionError", "down", "k", 5))


async def test_only_named_exceptions_are_retried() -> None:
    """`on` names exception classes; others end the step at once."""
    retry = Retry(attempts=3, base="1ms", on=(ConnectionError,))
    for failure, expected in ((ConnectionResetError(), 3), (ValueError(), 1)):
        flaky, tries = failing(9, failure)
        await run_body(body_of(step(flaky, retry=retry)), "k", (), {})
        assert len(tries) == expected


async def test_named_errors_are_retried_too() -> None:
    """`on` may name the classes of returned errors; the last error is the step's result."""
    retry = Retry(attempts=3, base="1ms", on=(Refused,))
    flaky, tries = failing(9, Refused("busy"))
    attempted = await run_body(body_of(step(flaky, retry=retry)), "k", (), {})
    assert (attempted.result, attempted.attempts, len(tries)) == (Err(Refused("busy")), 3, 3)


async def test_by_default_nothing_that_is_returned_is_retried() -> None:
    """A returned error is an answer, also where it is an exception that was caught."""
    for failure in (Refused("no"), Failure):
        flaky, tries = failing(9, failure)
        await run_body(body_of(step(flaky, retry=Retry(base="1ms"))), "k", (), {})
        assert len(tries) == 1
    again: list[int] = []

    def raises() -> int:
        again.append(1)
        raise ValueError

    caught = catching(ValueError)(raises)
    attempted = await run_body(body_of(step(caught, retry=Retry(attempts=3, base="1ms"))), "k", (), {})
    assert isinstance(error_of(attempted.result), ValueError)
    assert len(again) == 1


async def test_the_attempts_of_a_step_are_recorded(store: SharedStore) -> None:
    """How often a step was tried stands in its record."""
    flaky, _ = failing(2, ConnectionError())
    flow = calling(step(flaky, retry=Retry(base="1ms", cap="1ms")))
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        [recorded] = (await orchestrator.history("r")).unwrap().steps
    assert recorded.attempts == 3


async def test_a_cancellation_from_outside_is_not_retried() -> None:
    """Cancelling the caller stops the step, whatever its retries say."""
    began = asyncio.Event()
    tries: list[int] = []

    async def hangs() -> Result[int, Refused]:
        tries.append(1)
        began.set()
        await asyncio.Event().wait()
        return Ok(1)

    running = asyncio.create_task(run_body(body_of(step(hangs, retry=Retry(base="1ms"))), "k", (), {}))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(tries) == 1


async def test_a_step_that_cancels_itself_is_an_unexpected_error() -> None:
    """A `CancelledError` that nobody asked for is a failure of the step, not of its run."""

    async def cancels() -> Result[int, Refused]:
        raise asyncio.CancelledError

    error = error_of((await execute(calling(cancels)())).result)
    assert error.kind == "CancelledError"


async def test_an_effect_runs_once_per_attempt(effects: Effects) -> None:
    """Without options a step that fails is tried once."""
    effects.failing.add("x")
    attempted = await run_body(body_of(effects.do), "k", ("x",), {})
    assert (attempted.result, attempted.attempts) == (Err(Refused("x")), 1)
    assert effects.done == ["x"]
