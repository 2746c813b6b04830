"""`Run`: what a workflow's code holds while it runs."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any, NoReturn, ParamSpec, TypeAlias, TypeGuard, TypeVar, cast, overload

import returns.result

from awaitly.changing import changed
from awaitly.digest import call_digest, digest
from awaitly.errors import UnexpectedError
from awaitly.exceptions import DefinitionError, UnstorableValue
from awaitly.ids import checked_name
from awaitly.replaying.asking import ApprovalStep, GatedStep
from awaitly.replaying.calling import Attempts, Body, body_of, instead, recorded_as, result_of, run_body
from awaitly.replaying.consulting import Consulting
from awaitly.replaying.host import Host
from awaitly.replaying.line import RACING
from awaitly.replaying.pauses import Pauses
from awaitly.replaying.questions import value_of
from awaitly.replaying.replay import PATCHED, Journal, Scope, Spot
from awaitly.replaying.workflow import Workflow
from awaitly.result import Err, Ok, Result
from awaitly.runs.witness import StepWitness
from awaitly.storage.journal import Returned, RunRecord, Step

__all__ = ["Run"]

P = ParamSpec("P")
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)

Perform: TypeAlias = Callable[[], Coroutine[Any, Any, Result[Any, Any]]]


_UNSEEN = nullcontext()
"""What stands around a step's body where nobody observes it."""


class Run(Consulting[E_contra], Pauses[E_contra]):
    """A workflow's hold on its own run. `E_contra` is the union of the errors that the workflow declares.

    Every call is recorded under a key and comes back from the record on a replay. Nothing here may be called after the
    workflow has returned, or from a thread of its own.
    """

    def __init__(self, workflow: Workflow[..., Any, Any], journal: Journal, run: RunRecord, host: Host) -> None:
        super().__init__(workflow, journal, run, host)

    @property
    def idempotency_key(self) -> str:
        """A text that is the same whenever the step that is called next is tried, in this run and in no other.

        Pass it to a step that talks to a system which can recognise a repeated request.
        """
        return digest(self.run_id, self._scope().next_place())[3:35]

    # Steps

    @overload
    def step(
        self, f: Callable[P, Awaitable[Result[T, E_contra]]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def step(
        self, f: Callable[P, Awaitable[returns.result.Result[T, E_contra]]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def step(
        self, f: Callable[P, Result[T, E_contra]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def step(
        self, f: Callable[P, returns.result.Result[T, E_contra]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]: ...
    def step(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Run `f` once and give its value; where it returns `Err`, the workflow ends with that error.

        The key is taken now, not when the step is awaited. A plain function runs in a thread. An exception ends the
        workflow with `UnexpectedError`, after the retries that `step(f, retry=...)` names.
        """
        spot, perform = self._begin(f, args, kwargs, fatal=True)
        return self._unwrapped(spot, perform)

    @overload
    def attempt(
        self, f: Callable[P, Awaitable[Result[T, E]]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, Result[T, E | UnexpectedError]]: ...
    @overload
    def attempt(
        self, f: Callable[P, Awaitable[returns.result.Result[T, E]]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, Result[T, E | UnexpectedError]]: ...
    @overload
    def attempt(
        self, f: Callable[P, Result[T, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, Result[T, E | UnexpectedError]]: ...
    @overload
    def attempt(
        self, f: Callable[P, returns.result.Result[T, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, Result[T, E | UnexpectedError]]: ...
    def attempt(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Run `f` once, as `step` does, and give its result as it is, to be handled on the spot."""
        return self._begin(f, args, kwargs, fatal=False)[1]()

    def _begin(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, fatal: bool
    ) -> tuple[Spot, Perform]:
        """Take the key of a call, to be performed when it is awaited; `fatal`: a retry of the run runs it again."""
        scope = self._scope()
        if _is_gated(f):
            return self._begin_gated(scope, f, f.signature.named(args, kwargs), fatal=fatal)
        if _is_check(f):
            spot = self._called(scope.take_named(f.key))
            return spot, lambda: self._check(scope, spot, f, args, kwargs)
        body = body_of(f)
        spot = self._called(scope.take(body.name) if body.key is None else scope.take_named(body.key))
        return spot, lambda: self._perform(scope, spot, body, args, kwargs, fatal=fatal)

    async def _unwrapped(self, spot: Spot, perform: Perform) -> Any:
        match await perform():
            case Ok(value):
                return value
            case Err(error):
                raise self._ending(error, spot.key)

    async def _perform(
        self, scope: Scope, spot: Spot, body: Body, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, fatal: bool
    ) -> Result[Any, Any]:
        self._arrive(scope, spot)
        hashed = self._hashed(spot, body, args, kwargs)
        step = self._journal.find(spot, hashed)
        if step is not None:
            return self._replayed(spot, step, body)
        self._journal.expect_no_question(spot)
        if RACING.get() is not None:
            msg = f"{spot.key!r} is a step in a branch of run.race, which is between waits: run it before or after"
            raise DefinitionError(msg)
        attempts = await self._attempts(scope, spot, hashed)
        await self._begun(body, spot, hashed)
        self._check_open()
        seen = None if self._host.witness is None else self._host.witness.step(spot.key, body.name)
        tried = attempts if seen is None else _seen(attempts, seen)
        started = self._host.clock()
        with seen or _UNSEEN, self._journal.bodies, self._host.underway.body(self.run_id, spot.key):
            attempted = await run_body(self._played(body), spot.key, args, kwargs, tried)
            recorded = recorded_as(body, self._codec, spot.key, attempted)
            step = Step(spot.key, spot.place, hashed, recorded, started, self._host.clock(), attempted.attempts)
            if fatal and not isinstance(recorded, Returned):
                step = changed(step, fatal=True)
            self._journal.add(step)
            if seen is not None:
                seen.ended(step, attempted.result)
        if attempted.cancelled:
            raise asyncio.CancelledError
        return attempted.result if isinstance(recorded, Returned) else self._result(recorded, attempted.result)

    def _hashed(self, spot: Spot, body: Body, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        try:
            return call_digest(body.name, args, kwargs)
        except UnstorableValue as exc:
            why = f"{exc.error}; pass plain values, and bind what is no value with functools.partial"
        raise self._ending(UnexpectedError("Unstorable", f"step {body.name}: {why}", spot.key), spot.key)

    def _played(self, body: Body) -> Body:
        """Give the body with who stands in for its function, if anybody does."""
        stand_in = None if self._host.stand_in is None else self._host.stand_in(body.function)
        return body if stand_in is None else instead(body, stand_in)

    @staticmethod
    def _result(recorded: Any, result: Result[Any, Any]) -> Result[Any, Any]:
        """Give what a replay would give: a result that could not be kept is an error from the start."""
        error = getattr(recorded, "error", None)
        return result if error is None else Err(error)

    def _replayed(self, spot: Spot, step: Step, body: Body) -> Result[Any, Any]:
        try:
            return result_of(step.recorded, body.hint, self._codec)
        except ValueError as exc:
            raise self._journal.drift(spot, "a result of another type", f"one that does not decode: {exc}") from exc

    # Gates and systems of record

    def _begin_gated(
        self, scope: Scope, gate: GatedStep[..., Any, Any], arguments: dict[str, object], *, fatal: bool
    ) -> tuple[Spot, Perform]:
        body = body_of(gate.function, gated=True)
        if not gate.asks(arguments):
            spot = self._called(scope.take(body.name))
            return spot, lambda: self._perform(scope, spot, body, (), arguments, fatal=fatal)
        asked = self._called(scope.take_named(gate.key))
        spot = scope.take(body.name)

        def perform(approved: dict[str, object]) -> Coroutine[Any, Any, Result[Any, Any]]:
            return self._perform(scope, spot, body, (), approved, fatal=fatal)

        return spot, lambda: self._gated(scope, asked, gate, arguments, perform)

    async def _gated(
        self,
        scope: Scope,
        asked: Spot,
        gate: GatedStep[..., Any, Any],
        arguments: dict[str, object],
        perform: Callable[[dict[str, object]], Coroutine[Any, Any, Result[Any, Any]]],
    ) -> Result[Any, Any]:
        self._arrive(scope, asked)
        question = self._questions.of_gate(asked, gate, arguments)
        outcome = self._questions.answer(asked, question)
        if outcome is None:
            raise self._park(scope, asked)
        match value_of(self._typed(asked, question, outcome), self.run_id, asked.key):
            case Ok(approved):
                return await perform(approved)
            case Err(error):
                return Err(error)

    async def _check(
        self, scope: Scope, spot: Spot, step: ApprovalStep[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Result[Any, Any]:
        self._arrive(scope, spot)
        arguments = step.signature.named(args, kwargs)
        question = self._questions.of_check(spot, step, arguments)
        outcome = self._questions.answer(spot, question)
        if outcome is None and self._host.asks:
            try:
                stand_in = None if self._host.stand_in is None else self._host.stand_in(step.check)
                answer = await step.ask(arguments, stand_in)
                outcome = self._questions.observed(spot, step, answer, self._host.clock())
            except Exception as exc:  # noqa: BLE001  (a check that fails must not lose the run)
                return Err(UnexpectedError(type(exc).__name__, str(exc), spot.key))
        if outcome is None:
            raise self._park(scope, spot)
        return value_of(self._typed(spot, question, outcome), self.run_id, spot.key)

    # What would differ from replay to replay

    def now(self) -> datetime:
        """Give the time, UTC; a replay gives the same."""
        return self._noted("now", datetime, self._host.clock)

    def uuid(self) -> uuid.UUID:
        """Give a random UUID; a replay gives the same."""
        return self._noted("uuid", uuid.UUID, uuid.uuid4)

    def random(self) -> float:
        """Give a random number from 0 up to 1; a replay gives the same."""
        return self._noted("random", float, random.random)

    def patched(self, name: str) -> bool:
        """Tell whether this run is to do what a change of the code has brought: `if run.patched("fee"): ...`.

        True where the run comes here for the first time, which is recorded; False where it went past this place under
        the code as it was before, for ever. The first answer in a line of control (the workflow, or a branch) counts
        for all of it: a loop that has begun goes on as it began. Once no run is left that is told False, take the call
        and the old branch away; the records of those that were told True do no harm.
        """
        scope = self._scope()
        checked_name("the name of a patch", name)
        if name not in scope.patches:
            scope.patches[name] = self._is_patched(scope, name)
        return scope.patches[name]

    def _is_patched(self, scope: Scope, name: str) -> bool:
        key = f"{scope.path}patched {name}"
        if self._journal.named(key) is not None:
            return True
        if self._journal.went_past(scope.path, scope.calls):
            return False
        moment = self._host.clock()
        self._journal.add(Step(key, f"{scope.next_place()}p {name}", PATCHED, Returned("true"), moment, moment))
        return True

    def _noted(self, name: str, kind: type[T], make: Callable[[], T]) -> T:
        spot = self._scope().take(name)
        step = self._journal.find(spot, name)
        if step is not None and isinstance(step.recorded, Returned):
            return cast("T", self._codec.decode(step.recorded.payload, kind).unwrap())
        value, moment = make(), self._host.clock()
        payload = self._codec.encode(value, kind).unwrap()
        self._journal.add(Step(spot.key, spot.place, name, Returned(payload), moment, moment))
        return value

    # Ends

    def fail(self, error: E_contra) -> NoReturn:
        """End the workflow with an error, from anywhere below it."""
        raise self._ending(error, None)


def _seen(attempts: Attempts, witness: StepWitness) -> Attempts:
    """Give the same attempts, told to the observers."""

    async def pause(attempt: int, length: timedelta) -> None:
        witness.retried(attempt, length.total_seconds())
        await attempts.pause(attempt, length)

    return Attempts(attempts.before, pause)


def _is_gated(f: object) -> TypeGuard[GatedStep[..., Any, Any]]:
    return isinstance(f, GatedStep)


def _is_check(f: object) -> TypeGuard[ApprovalStep[..., Any]]:
    return isinstance(f, ApprovalStep)
