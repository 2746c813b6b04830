"""Branches of a workflow: side by side until all are there, or until the first is."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar, overload

from awaitly.digest import digest
from awaitly.replaying.line import FORGOING, RACING, SCOPE, Line, awaited, check_line, failure_of, let_go, park
from awaitly.replaying.replay import Scope, Spot
from awaitly.replaying.signals import Forgone, Parked, Signal, is_forgone, joined, strongest
from awaitly.storage.journal import Returned, Step

__all__ = ["Branching"]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")


class Branching(Line):
    """Runs branches of a workflow."""

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
        try:
            scope = self._scope()
            self._journal.expect(scope.take("gather"))
        except Signal:
            let_go(branches)
            raise
        return self._side_by_side(scope, [(scope.branch(n), branch) for n, branch in enumerate(branches)])

    async def _side_by_side(self, line: Scope, branches: list[tuple[Scope, Awaitable[Any]]]) -> tuple[Any, ...]:
        try:
            check_line(line)
        except Parked:
            let_go([branch for _, branch in branches])
            raise
        self._enter(line, [scope for scope, _ in branches])
        tasks = [_begun(scope, branch) for scope, branch in branches]
        try:
            if tasks:
                await asyncio.wait(tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        ends = [failure_of(task) or scope.parked for (scope, _), task in zip(branches, tasks, strict=True)]
        raised = strongest([end for end in ends if end is not None])
        if raised is not None:
            raise park(line, raised) if isinstance(raised, Parked) else raised
        return tuple(task.result() for task in tasks)

    # The first of several

    @overload
    def race(self, waits: Iterable[Awaitable[T]], /) -> Coroutine[Any, Any, T]: ...
    @overload
    def race(self, a: Awaitable[T1], b: Awaitable[T2], /) -> Coroutine[Any, Any, T1 | T2]: ...
    @overload
    def race(self, a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /) -> Coroutine[Any, Any, T1 | T2 | T3]: ...
    @overload
    def race(
        self, a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /
    ) -> Coroutine[Any, Any, T1 | T2 | T3 | T4]: ...
    def race(self, *waits: Any) -> Coroutine[Any, Any, Any]:
        """Wait for the first of several waits, and give its value: decisions, signals, promises, times, other runs.

        Which one it was is recorded. Where several have come by the time the run goes on, the first that is named here
        wins. What lost is withdrawn: its questions are superseded; a signal that came for it is kept; another run goes
        on. A branch that fails ends the workflow. A step is no wait: `DefinitionError`.
        """
        alone: Any = waits[0] if len(waits) == 1 else None
        branches = list(waits if alone is None or inspect.isawaitable(alone) else alone)
        try:
            scope = self._scope()
        except Signal:
            let_go(branches)
            raise
        spot = self._called(scope.take("race"))
        return self._raced(scope, spot, [(scope.branch(n), branch) for n, branch in enumerate(branches)])

    async def _raced(self, line: Scope, spot: Spot, branches: list[tuple[Scope, Awaitable[Any]]]) -> Any:
        hashed = digest("race", str(len(branches)))
        self._enter(line, [scope for scope, _ in branches])
        try:
            self._arrive(line, spot)
            recorded = self._journal.find(spot, hashed, branches=True)
        except Forgone:
            for scope, branch in branches:
                await self._forgo(scope, branch)
            raise
        except BaseException:
            let_go([branch for _, branch in branches])
            raise
        ended: list[Step] = []
        began = self._host.clock()
        try:
            if recorded is not None and isinstance(recorded.recorded, Returned):
                won = int(recorded.recorded.payload)
                value = await self._run_alone(branches, won, ended)
            else:
                won, value = await self._first(line, branches, ended)
                ended.append(Step(spot.key, spot.place, hashed, Returned(str(won)), began, self._host.clock()))
        finally:
            for step in ended:
                self._add(step)
        self._journal.note_withdrawn()
        self._settle_line(line)
        for number, (scope, _) in enumerate(branches):
            if number != won:
                self._journal.settle_branch(scope)
        return value

    async def _run_alone(self, branches: list[tuple[Scope, Awaitable[Any]]], won: int, ended: list[Step]) -> Any:
        """Go into the branch that is known to have won, and only past the others."""
        for number, (scope, branch) in enumerate(branches):
            if number != won:
                await self._forgo(scope, branch)
        return await _begun(*branches[won], racing=ended)

    async def _first(
        self, line: Scope, branches: list[tuple[Scope, Awaitable[Any]]], ended: list[Step]
    ) -> tuple[int, Any]:
        """Go into one branch after the other until one is through; parks the run on all of them where none is.

        What they record goes into `ended`: that a signal was taken must not be durable before it is known what for.
        """
        waiting: list[Parked] = []
        for number, (scope, branch) in enumerate(branches):
            try:
                value = await _begun(scope, branch, racing=ended)
                _raise_swallowed(scope, line)
            except Parked as parked:
                waiting.append(parked)
                self._settle_line(line)
                continue
            except BaseException:
                let_go([left for _, left in branches[number + 1 :]])
                raise
            for key in [key for one in waiting for key in one.keys]:
                self._journal.withdraw(key)
            for left_scope, left in branches[number + 1 :]:
                await self._forgo(left_scope, left)
            return number, value
        raise park(line, joined(waiting) or Parked(()))

    async def _forgo(self, scope: Scope, branch: Awaitable[Any]) -> None:
        """Go through a branch that lost: its first wait withdraws what it has asked, and ends it."""
        self._journal.withdraw_below(scope.path)
        try:
            await _begun(scope, branch, forgoing=True)
        except BaseException as exc:
            if not is_forgone(exc):
                raise

    def _enter(self, line: Scope, branches: list[Scope]) -> None:
        """Note which branches a line awaits that another line has called, and leave them too where it has lost."""
        here = SCOPE.get(line)
        if here is not line:
            here.inner += branches
        if FORGOING.get():
            for scope in branches:
                self._journal.withdraw_below(scope.path)

    @staticmethod
    def _settle_line(line: Scope) -> None:
        """Let a line go on of which only a branch waits."""
        line.parked, line.met = None, False


def _raise_swallowed(*lines: Scope) -> None:
    """Raise again that a branch waits whose code went on all the same."""
    for line in lines:
        if line.parked is not None:
            raise line.parked


def _begun(
    scope: Scope, branch: Awaitable[T], *, racing: list[Step] | None = None, forgoing: bool = False
) -> asyncio.Task[T]:
    """Begin a branch, as a task of its own that goes on in its own scope."""
    context = contextvars.copy_context()
    context.run(SCOPE.set, scope)
    if racing is not None:
        context.run(RACING.set, racing)
    if forgoing:
        context.run(FORGOING.set, True)  # noqa: FBT003  (a context variable takes its value so)
    return asyncio.get_running_loop().create_task(awaited(scope, branch), context=context)
