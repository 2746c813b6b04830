"""What steps come up with in a simulation, and what they were called with."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from awaitly.approvals.outcomes import Approved, Pending, Rejected
from awaitly.replaying.asking import ApprovalStep, GatedStep
from awaitly.replaying.calling import is_result
from awaitly.replaying.workflow import StepWithOptions, name_of
from awaitly.result import Err, Ok
from awaitly.testing.lives import Life
from awaitly.values import frozen

__all__ = ["CRASH", "Answer", "Call", "Complaints", "Scripts", "Steps"]


@frozen
class Crash:
    """The process dies while the step runs."""


CRASH = Crash()
"""The answer of a step during which the process dies; a function may give it, having done what it does."""

Answer: TypeAlias = Ok[Any] | Err[Any] | Approved[Any] | Rejected | Pending | Exception | Crash | Callable[..., Any]
"""What one call comes to: its result, an exception to raise, a crash, or a function that gets the arguments and gives
one of these."""

Steps: TypeAlias = Mapping[Any, Answer | Sequence[Answer]]
"""The answers of each step's function: one for all calls, or a list with one for each."""


@frozen(init=False, repr=False)
class Call:
    """The arguments of one call of a step's function: by position where they can be, defaults included."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        object.__setattr__(self, "args", args)
        object.__setattr__(self, "kwargs", kwargs)

    def __repr__(self) -> str:
        shown = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"Call({', '.join(shown)})"


class Complaints:
    """What a test is to fail for; the first is raised."""

    def __init__(self) -> None:
        self._first: AssertionError | None = None

    def add(self, complaint: AssertionError) -> AssertionError:
        """Keep a complaint, and give it back."""
        self._first = self._first or complaint
        return complaint

    def check(self) -> None:
        """Raise the first complaint, once."""
        first, self._first = self._first, None
        if first is not None:
            raise first


class Scripts:
    """Stands in for the functions of steps, and keeps what they were called with."""

    def __init__(self, steps: Steps, complaints: Complaints, *, strict: bool) -> None:
        self._answers = [(_bare(f), _checked(f, answers)) for f, answers in steps.items()]
        self._complaints = complaints
        self._strict = strict
        self._calls: list[tuple[Callable[..., Any], Call]] = []

    def calls(self, f: Callable[..., Any]) -> list[Call]:
        """Give the calls of a step's function, attempt by attempt."""
        wanted = _bare(f)
        return [call for called, call in self._calls if _is_same(called, wanted)]

    def stand_in(self, life: Life, f: Callable[..., Any]) -> Callable[..., Any]:
        """Give what is called in place of a function while a process lives."""
        bare = _bare(f)
        answers = next((answers for scripted, answers in self._answers if _is_same(scripted, bare)), None)
        if answers is None and not self._strict:
            return lambda *args, **kwargs: self._really(life, f, args, kwargs)

        async def scripted(*args: Any, **kwargs: Any) -> Any:
            await _live(life)
            self._calls.append((bare, _call(f, args, kwargs)))
            return await self._answered(life, self._next(bare, answers), args, kwargs)

        return scripted

    def _really(self, life: Life, f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        life.check()
        self._calls.append((_bare(f), _call(f, args, kwargs)))
        return f(*args, **kwargs)

    def _next(self, f: Callable[..., Any], answers: Answer | list[Answer] | None) -> Answer:
        match answers:
            case None:
                why = f"{name_of(f)} is not scripted, and the simulation is strict: add it to steps="
            case []:
                count, last = len(self.calls(f)), self.calls(f)[-1]
                why = f"call {count} of {name_of(f)} is not scripted, which has {count - 1} answers: {last!r}"
            case [*_]:
                return answers.pop(0)
            case answer:
                return answer
        raise self._complaints.add(AssertionError(why))

    async def _answered(self, life: Life, answer: Answer, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = answer
        if callable(answer):
            given = await self._called(answer, args, kwargs)
        if isinstance(given, Crash):
            life.die()
            await _live(life)
        if isinstance(given, Exception):
            raise given
        return given

    async def _called(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        try:
            given = f(*args, **kwargs)
            return await given if inspect.isawaitable(given) else given
        except AssertionError as failed:
            raise self._complaints.add(failed)  # noqa: B904  (it is the same)


async def _live(life: Life) -> None:
    """Go on; for ever hang where the process has died, until what is left of it is cleared away."""
    while life.dead:
        await asyncio.Event().wait()


def _bare(f: Any) -> Callable[..., Any]:
    """Give the function of a step, without its options, its gate, and the arguments that are bound already."""
    inner: Any
    match f:
        case StepWithOptions() | GatedStep():
            inner = f.function
        case ApprovalStep():
            inner = f.check
        case functools.partial():
            inner = f.func
        case _:
            bare: Callable[..., Any] = f
            return bare
    return _bare(inner)


def _is_same(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    return one is other or one == other


_ANSWERS = (Approved, Rejected, Pending, Exception, Crash)


def _checked(f: Any, answers: Any) -> Answer | list[Answer]:
    """Refuse what is no answer: a plain value that is no result, or what is for no function. Raises `TypeError`."""
    if not callable(f):
        msg = f"the keys of steps are the functions themselves, not {f!r}"
        raise TypeError(msg)
    if isinstance(answers, list | tuple):
        return [_checked_one(f, answer) for answer in cast("Sequence[Any]", answers)]
    return _checked_one(f, answers)


def _checked_one(f: Callable[..., Any], answer: Any) -> Answer:
    if inspect.isclass(answer) and issubclass(answer, Exception):
        return answer()
    if not (is_result(answer) or isinstance(answer, _ANSWERS) or callable(answer)):
        msg = f"steps[{name_of(_bare(f))}] has {answer!r}, where a step gives Ok(...) or Err(...)"
        raise TypeError(msg)
    return cast("Answer", answer)


def _call(f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
    """Give a call as every way of writing it gives it."""
    try:
        bound = inspect.signature(f).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return Call(*args, **kwargs)
    bound.apply_defaults()
    return Call(*bound.args, **bound.kwargs)
