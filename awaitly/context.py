"""`Run`: what a workflow's code holds while it runs."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import random
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Generic, NoReturn, ParamSpec, TypeAlias, TypeGuard, TypeVar, cast, overload

import returns.result

from awaitly.approval import Outcome
from awaitly.asking import OPEN, ApprovalStep, Ask, GatedStep
from awaitly.calling import Body, body_of, recorded_as, result_of, run_body
from awaitly.changing import changed
from awaitly.digest import arguments_digest, digest
from awaitly.errors import NotApproved, UnexpectedError
from awaitly.journal import Returned, RunRecord, Step
from awaitly.policy import Policy
from awaitly.questions import Question, Questions, value_of
from awaitly.replay import Journal, Scope, Spot
from awaitly.result import Err, Ok, Result
from awaitly.signals import Drifted, Ended, Parked, Signal, parking_in, strongest
from awaitly.workflow import Workflow

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

_SCOPE: contextvars.ContextVar[Scope] = contextvars.ContextVar("awaitly_scope")
_WAITS: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("awaitly_waits", default=None)
"""The line that waits for people: tasks that it opens from then on inherit this, those that it opened before do not."""


class Run(Generic[E_contra]):
    """A workflow's hold on its own run. `E_contra` is the union of the errors that the workflow declares.

    Every call is recorded under a key and comes back from the record on a replay. Nothing here may be called after the
    workflow has returned, or from a thread of its own.
    """

    def __init__(
        self, workflow: Workflow[..., Any, Any], journal: Journal, run: RunRecord, clock: Callable[[], datetime]
    ) -> None:
        self._workflow = workflow
        self._codec = workflow.codec
        self._journal = journal
        self._clock = clock
        self._questions = Questions(workflow, journal, run)
        self._root = Scope("", None, set())

    @contextmanager
    def entered(self) -> Generator[None, None, None]:
        """Make the calling task the workflow's own line of control, for as long as the workflow runs."""
        token, waits = _SCOPE.set(self._root), _WAITS.set(None)
        self._root.owner = asyncio.current_task()
        try:
            yield
        except Exception as exc:
            _raise_parking(self._root, exc)
            raise
        finally:
            _SCOPE.reset(token)
            _WAITS.reset(waits)

    @property
    def run_id(self) -> str:
        """This run's id."""
        return self._journal.run_id

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

    def _called(self, spot: Spot) -> Spot:
        self._journal.called.add(spot.key)
        return spot

    def _arrive(self, scope: Scope, spot: Spot) -> None:
        """Begin what was called and is awaited now, unless the run is over or the line that called it waits."""
        self._journal.called.discard(spot.key)
        self._check_open()
        _check_line(scope)

    async def _perform(
        self, scope: Scope, spot: Spot, body: Body, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, fatal: bool
    ) -> Result[Any, Any]:
        self._arrive(scope, spot)
        match arguments_digest(body.name, args, kwargs):
            case Ok(hashed):
                pass
            case Err(unstorable):
                why = f"{unstorable}; pass plain values, and bind what is no value with functools.partial"
                raise self._ending(UnexpectedError("Unstorable", f"step {body.name}: {why}", spot.key), spot.key)
        step = self._journal.find(spot, hashed)
        if step is not None:
            return self._replayed(spot, step, body)
        self._journal.expect_no_question(spot)
        await self._journal.settle()
        self._check_open()
        started = self._clock()
        with self._journal.bodies:
            attempted = await run_body(body, spot.key, args, kwargs)
            recorded = recorded_as(body, self._codec, spot.key, attempted)
            step = Step(spot.key, spot.place, hashed, recorded, started, self._clock(), attempted.attempts)
            if fatal and not isinstance(recorded, Returned):
                step = changed(step, fatal=True)
            self._journal.add(step)
        if attempted.cancelled:
            raise asyncio.CancelledError
        return attempted.result if isinstance(recorded, Returned) else self._result(recorded, attempted.result)

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

    # Questions

    def approval(
        self: Run[NotApproved],
        key: str,
        *,
        proposes: T,
        summary: str | None = None,
        policy: Policy = OPEN,
        schema: object = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        redact: tuple[str, ...] = (),
    ) -> Coroutine[Any, Any, T]:
        """Ask people, and give the approved or edited value; a rejection or an expiry ends the workflow.

        The run parks until somebody decides. An edit must decode as the type of `proposes`, or as `schema`.
        """
        ask = Ask(
            key,
            proposes=proposes,
            summary=summary,
            policy=policy,
            schema=schema,
            reason=reason,
            metadata=metadata or {},
            redact=redact,
        )
        return self._granted(*self._take(ask))

    def decision(
        self,
        key: str,
        *,
        proposes: T,
        summary: str | None = None,
        policy: Policy = OPEN,
        schema: object = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        redact: tuple[str, ...] = (),
    ) -> Coroutine[Any, Any, Outcome[T]]:
        """Ask people, and give the decision itself: `Approved`, `Edited`, `Rejected` or `Expired`."""
        ask = Ask(
            key,
            proposes=proposes,
            summary=summary,
            policy=policy,
            schema=schema,
            reason=reason,
            metadata=metadata or {},
            redact=redact,
        )
        return self._decided(*self._take(ask))

    @overload
    def approvals(self: Run[NotApproved], a: Ask[T1], /) -> Coroutine[Any, Any, tuple[T1]]: ...
    @overload
    def approvals(self: Run[NotApproved], a: Ask[T1], b: Ask[T2], /) -> Coroutine[Any, Any, tuple[T1, T2]]: ...
    @overload
    def approvals(
        self: Run[NotApproved], a: Ask[T1], b: Ask[T2], c: Ask[T3], /
    ) -> Coroutine[Any, Any, tuple[T1, T2, T3]]: ...
    @overload
    def approvals(self: Run[NotApproved], *asks: Ask[T]) -> Coroutine[Any, Any, tuple[T, ...]]: ...
    def approvals(self: Run[NotApproved], *asks: Ask[Any]) -> Coroutine[Any, Any, tuple[Any, ...]]:
        """Ask several questions at once: the run parks once, on all of them, and gives the values in that order."""
        taken = [self._take(ask) for ask in asks]
        return self._all([self._granted(*each) for each in taken])

    def _take(self, ask: Ask[T]) -> tuple[Scope, Spot, Ask[T]]:
        scope = self._scope()
        return scope, self._called(scope.take_named(ask.key)), ask

    async def _decided(self, scope: Scope, spot: Spot, ask: Ask[T]) -> Outcome[T]:
        self._arrive(scope, spot)
        question = self._questions.of_ask(spot, ask)
        outcome = self._questions.answer(spot, question)
        if outcome is None:
            raise self._park(scope, spot)
        return self._typed(spot, question, outcome)

    def _typed(self, spot: Spot, question: Question, outcome: Outcome[str]) -> Outcome[Any]:
        try:
            return question.outcome(outcome)
        except ValueError as exc:
            raise self._journal.drift(spot, "a decision", f"a type for which {exc}") from exc

    async def _granted(self, scope: Scope, spot: Spot, ask: Ask[T]) -> T:
        granted: Result[T, NotApproved] = value_of(await self._decided(scope, spot, ask), self.run_id, spot.key)
        match granted:
            case Ok(value):
                return value
            case Err(error):
                raise self._ending(error, spot.key)

    def _park(self, scope: Scope, spot: Spot) -> Parked:
        pending = self._questions.pending(spot)
        self._journal.parked[spot.key] = pending
        return _park(scope, Parked((pending,)))

    # Gates and systems of record

    def _begin_gated(
        self, scope: Scope, gate: GatedStep[..., Any, Any], arguments: dict[str, object], *, fatal: bool
    ) -> tuple[Spot, Perform]:
        body = body_of(gate.function)
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
        if outcome is None:
            try:
                outcome = self._questions.observed(spot, step, await step.ask(arguments), self._clock())
            except Exception as exc:  # noqa: BLE001  (a check that fails must not lose the run)
                return Err(UnexpectedError(type(exc).__name__, str(exc), spot.key))
        if outcome is None:
            raise self._park(scope, spot)
        return value_of(self._typed(spot, question, outcome), self.run_id, spot.key)

    # Side by side

    @overload
    def gather(self, branches: Iterable[Awaitable[T]], /) -> Coroutine[Any, Any, tuple[T, ...]]: ...
    @overload
    def gather(self, a: Awaitable[T1], b: Awaitable[T2], /) -> Coroutine[Any, Any, tuple[T1, T2]]: ...
    @overload
    def gather(
        self, a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /
    ) -> Coroutine[Any, Any, tuple[T1, T2, T3]]: ...
    @overload
    def gather(
        self, a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /
    ) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4]]: ...
    @overload
    def gather(
        self, a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], e: Awaitable[T5], /
    ) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4, T5]]: ...
    def gather(self, *branches: Any) -> Coroutine[Any, Any, tuple[Any, ...]]:
        """Run branches side by side and give their values in order; any number of the same kind goes in as one list.

        A failure ends the workflow; the other branches first finish and record the step that they are in. Else, if any
        branch waits for people, the run parks on all that wait, once the others have come to their own end.
        """
        alone: Any = branches[0] if len(branches) == 1 else None
        return self._all(list(branches if alone is None or inspect.isawaitable(alone) else alone))

    def _all(self, branches: list[Any]) -> Coroutine[Any, Any, tuple[Any, ...]]:
        scope = self._scope()
        try:
            self._journal.expect(scope.take("gather"))
        except Drifted:
            _let_go(branches)
            raise
        return self._side_by_side(scope, [(scope.branch(n), branch) for n, branch in enumerate(branches)])

    async def _side_by_side(self, line: Scope, branches: list[tuple[Scope, Awaitable[Any]]]) -> tuple[Any, ...]:
        try:
            _check_line(line)
        except Parked:
            _let_go([branch for _, branch in branches])
            raise
        tasks: list[asyncio.Task[Any]] = []
        for scope, branch in branches:
            context = contextvars.copy_context()
            context.run(_SCOPE.set, scope)
            tasks.append(asyncio.get_running_loop().create_task(_awaited(scope, branch), context=context))
        try:
            if tasks:
                await asyncio.wait(tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        ends = [_exception(task) or scope.parked for (scope, _), task in zip(branches, tasks, strict=True)]
        raised = strongest([end for end in ends if end is not None])
        if raised is not None:
            raise _park(line, raised) if isinstance(raised, Parked) else raised
        return tuple(task.result() for task in tasks)

    # What would differ from replay to replay

    def now(self) -> datetime:
        """Give the time, UTC; a replay gives the same."""
        return self._noted("now", datetime, self._clock)

    def uuid(self) -> uuid.UUID:
        """Give a random UUID; a replay gives the same."""
        return self._noted("uuid", uuid.UUID, uuid.uuid4)

    def random(self) -> float:
        """Give a random number from 0 up to 1; a replay gives the same."""
        return self._noted("random", float, random.random)

    def _noted(self, name: str, kind: type[T], make: Callable[[], T]) -> T:
        spot = self._scope().take(name)
        step = self._journal.find(spot, name)
        if step is not None and isinstance(step.recorded, Returned):
            return cast("T", self._codec.decode(step.recorded.payload, kind).unwrap())
        value, moment = make(), self._clock()
        payload = self._codec.encode(value, kind).unwrap()
        self._journal.add(Step(spot.key, spot.place, name, Returned(payload), moment, moment))
        return value

    # Ends

    def fail(self, error: E_contra) -> NoReturn:
        """End the workflow with an error, from anywhere below it."""
        raise self._ending(error, None)

    def _ending(self, error: object, by: str | None) -> Signal:
        self._journal.close(Ended(error, by))
        return self._journal.closed or Ended(error, by)

    # Where the code stands

    def _scope(self) -> Scope:
        """Give the scope of the task that calls; a task that the workflow opened by itself gets one of its own.

        Raises again what already ended or parked this line of control: no `except` of the user's can undo it.
        """
        task = asyncio.current_task()
        scope = _SCOPE.get()
        if scope.task is None:
            scope.task = task
        if scope.task is not task:
            self._check_open()
            _check_line(scope)
            scope = scope.branch()
            scope.task = task
            _SCOPE.set(scope)
        self._check_open()
        if scope.parked is not None:
            raise _park(scope, scope.parked)
        return scope

    def _check_open(self) -> None:
        """Raise again what ended this execution."""
        if self._journal.closed is not None:
            raise self._journal.closed


def _park(scope: Scope, parked: Parked) -> Parked:
    """Note that a line of control waits; what it opens from now on does not begin."""
    if scope.task is asyncio.current_task():
        _WAITS.set(scope)
    return scope.park(parked)


def _check_line(scope: Scope) -> None:
    """Raise again that a line waits, for itself and for what it opened since: no `except` can undo it."""
    if scope.parked is not None and (scope.task is asyncio.current_task() or _WAITS.get() is scope):
        raise _park(scope, scope.parked)


def _let_go(branches: Iterable[object]) -> None:
    """Close what will not be awaited."""
    for branch in branches:
        if inspect.iscoroutine(branch):
            branch.close()


async def _awaited(scope: Scope, branch: Awaitable[T]) -> T:
    scope.owner = asyncio.current_task()
    try:
        return await branch
    except Exception as exc:
        _raise_parking(scope, exc)
        raise


def _raise_parking(scope: Scope, exc: Exception) -> None:
    """Raise that a line of control waits, where its code made some other exception of that."""
    parked = scope.parked if scope.met else parking_in(exc)
    if parked is not None:
        raise parked from exc


def _exception(task: asyncio.Task[Any]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _is_gated(f: object) -> TypeGuard[GatedStep[..., Any, Any]]:
    return isinstance(f, GatedStep)


def _is_check(f: object) -> TypeGuard[ApprovalStep[..., Any]]:
    return isinstance(f, ApprovalStep)
