"""A line of control in a workflow's code: where it stands, whether it waits, and what ended it."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from awaitly.exceptions import DefinitionError
from awaitly.replaying.host import Host
from awaitly.replaying.replay import Journal, Scope, Spot
from awaitly.replaying.signals import Ended, Forgone, Parked, Signal, parking_in
from awaitly.replaying.workflow import Workflow
from awaitly.storage.journal import RunRecord, Step

__all__ = ["FORGOING", "RACING", "SCOPE", "Line", "awaited", "check_line", "failure_of", "let_go", "park"]

T = TypeVar("T")

SCOPE: contextvars.ContextVar[Scope] = contextvars.ContextVar("awaitly_scope")
_WAITS: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("awaitly_waits", default=None)
"""The line that waits for people: tasks that it opens from then on inherit this, those that it opened before do not."""
FORGOING: contextvars.ContextVar[bool] = contextvars.ContextVar("awaitly_forgoing", default=False)
"""Whether this task goes through a branch of a race only to hear that something else came first."""

RACING: contextvars.ContextVar[list[Step] | None] = contextvars.ContextVar("awaitly_racing", default=None)
"""In a branch of a race: what it recorded, to be kept together with which branch won."""


_FROM_NOWHERE = (
    "this is called outside of the workflow's own context: call it in the workflow, in run.gather, or in a task or "
    "thread that inherits the workflow's context variables (contextvars.copy_context())"
)


class Line:
    """What every call of a run's code begins and ends with."""

    def __init__(self, workflow: Workflow[..., Any, Any], journal: Journal, run: RunRecord, host: Host) -> None:
        self._workflow = workflow
        self._codec = workflow.codec
        self._journal = journal
        self._run = run
        self._host = host
        self._root = Scope("", None, {})

    async def through(self, code: Awaitable[T]) -> T:
        """Run the workflow's code to its end, with the calling task as its own line of control."""
        token, waits = SCOPE.set(self._root), _WAITS.set(None)
        self._root.owner = asyncio.current_task()
        try:
            return await code
        except Exception as exc:
            _raise_parking(self._root, exc)
            raise
        finally:
            SCOPE.reset(token)
            _WAITS.reset(waits)

    @property
    def run_id(self) -> str:
        """This run's id."""
        return self._journal.run_id

    # Where the code stands

    def _called(self, spot: Spot) -> Spot:
        self._journal.called.add(spot.key)
        return spot

    def _arrive(self, scope: Scope, spot: Spot) -> None:
        """Begin what was called and is awaited now, unless the run is over or the line that called it waits."""
        self._journal.called.discard(spot.key)
        self._check_open()
        if FORGOING.get():
            self._journal.withdraw(spot.key)
            raise Forgone
        check_line(scope)

    def _scope(self) -> Scope:
        """Give the scope of the task that calls; a task that the workflow opened by itself gets one of its own.

        Raises again what already ended or parked this line of control: no `except` of the user's can undo it.
        """
        task = asyncio.current_task()
        scope = SCOPE.get(None)
        if scope is None:
            raise DefinitionError(_FROM_NOWHERE)
        if scope.task is None:
            scope.task = task
        if scope.task is not task:
            self._check_open()
            check_line(scope)
            scope = scope.branch()
            scope.task = task
            SCOPE.set(scope)
        self._check_open()
        if scope.parked is not None:
            raise park(scope, scope.parked)
        return scope

    def _check_open(self) -> None:
        """Raise again what ended this execution."""
        if self._journal.closed is not None:
            raise self._journal.closed

    def _add(self, step: Step) -> None:
        """Record what came of a call."""
        racing = RACING.get()
        if racing is None:
            self._journal.add(step)
        else:
            racing.append(step)

    # Ends

    def _ending(self, error: object, by: str | None) -> Signal:
        self._journal.close(Ended(error, by))
        return self._journal.closed or Ended(error, by)


def park(scope: Scope, parked: Parked) -> Parked:
    """Note that a line of control waits; what it opens from now on does not begin."""
    if scope.task is asyncio.current_task():
        _WAITS.set(scope)
    return scope.park(parked)


def check_line(scope: Scope) -> None:
    """Raise again that a line waits, for itself and for what it opened since: no `except` can undo it."""
    if scope.parked is not None and (scope.task is asyncio.current_task() or _WAITS.get() is scope):
        raise park(scope, scope.parked)


def let_go(branches: Iterable[object]) -> None:
    """Close what will not be awaited."""
    for branch in branches:
        if inspect.iscoroutine(branch):
            branch.close()


async def awaited(scope: Scope, branch: Awaitable[T]) -> T:
    """Go into a branch, as the task that owns its scope."""
    scope.owner = asyncio.current_task()
    try:
        return await branch
    except (Exception, BaseExceptionGroup) as exc:
        _raise_parking(scope, exc)
        raise


def _raise_parking(scope: Scope, exc: BaseException) -> None:
    """Raise that a line of control waits, where its code made some other exception of that."""
    parked = scope.parked if scope.met else parking_in(exc)
    if parked is not None:
        raise parked from exc


def failure_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Give what a task that is done came to an end by, None where it has a value."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()
