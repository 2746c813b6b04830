"""Carrying runs by a fleet that is there already: each piece of work that comes due is handed to its queue.

The store stays the truth, and a dispatch is a hint: one that is lost costs time, until `recover()` finds the run, and
one that comes twice costs a look. So no dispatch comes before its commit stands, and none can undo it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Protocol

from awaitly.durations import from_micros
from awaitly.exceptions import StoreError
from awaitly.result import Ok, Result
from awaitly.runs.wrapping import StoreWrapper
from awaitly.statuses import RunStatus
from awaitly.storage.lanes import queue_of
from awaitly.storage.store import Changes, Clocked, Conflict, Described, Joining, Migrating, Move, RunRow, Store, Waking
from awaitly.values import frozen

__all__ = ["Dispatcher", "Due", "dispatching"]

_log = logging.getLogger("awaitly")

_PATIENCE = 5.0
"""Seconds after which a dispatcher is not waited for any longer."""
_ABILITIES = {
    Clocked: ("clock_now",),
    Described: ("schema",),
    Joining: ("joined",),
    Migrating: ("migrate", "migrations"),
    Waking: ("listening",),
}
"""What a store may be able to do besides: it goes past the wrapper as it is."""
_STILL = frozenset({RunStatus.RUNNING.value, RunStatus.NEEDS_REVIEW.value})
"""Where nothing is to be resumed: somebody executes the run, or only a person moves it."""
_PARKED = RunStatus.PARKED.value


@frozen
class Due:
    """A run that `Orchestrator.resume` is to go on with, not before `at`; `queue` is the one that it stands in."""

    run_id: str
    at: datetime
    queue: str


class Dispatcher(Protocol):
    """Hands work to a fleet: puts it into a queue of the fleet's, and comes back at once."""

    async def dispatch(self, work: Due) -> None:
        """Hand one piece of work over. What this raises is logged, and the work left to `recover()`."""
        ...


class _DispatchingStore(StoreWrapper):
    """Dispatches what a commit makes due, once it stands."""

    def __init__(self, store: Store, dispatcher: Dispatcher) -> None:
        super().__init__(store)
        self._dispatcher = dispatcher
        for ability, names in _ABILITIES.items():
            if isinstance(store, ability):
                for name in names:
                    setattr(self, name, getattr(store, name))

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, then dispatch. A store that cannot say whether the commit stands has it dispatched by nobody."""
        committed = await super().commit(changes)
        if isinstance(committed, Ok):
            for work in await self._due_after(changes):
                await self._dispatch(work)
        return committed

    async def _due_after(self, changes: Changes) -> list[Due]:
        """Give what a commit has made due."""
        moved = changes.runs if changes.move is not Move.SIGNAL else ()  # which leaves the run to the time that it has
        due = [_due(row, row.due_at) for row in moved if row.due_at is not None and not _rests(row)]
        if not _may_be_ready(changes):
            return due
        try:
            found = await self._store.load(changes.run_id)
        except StoreError:
            _log.exception("run %s may be due, and was not dispatched", changes.run_id)
            return due
        if found.run is not None and not _rests(found.run) and any(row.ready for row in found.approvals):
            due.append(_due(found.run, found.now))
        return due

    async def _dispatch(self, work: Due) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._dispatcher.dispatch(work)
        except (Exception, asyncio.CancelledError) as exc:
            if isinstance(exc, asyncio.CancelledError) and _is_cancelled():
                raise
            _log.exception("run %s was not dispatched", work.run_id)


def _may_be_ready(changes: Changes) -> bool:
    """Whether a decision or message is to be taken up: one came now, or came while the run executed that now parks."""
    parks = changes.move is not Move.SIGNAL and any(row.status == _PARKED for row in changes.runs)
    return parks or any(row.ready for row in changes.approvals)


def _rests(row: RunRow) -> bool:
    return row.status in _STILL


def _due(row: RunRow, at: int) -> Due:
    return Due(row.run_id, from_micros(at), queue_of(row.lane))


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def dispatching(store: Store, dispatcher: Dispatcher) -> Store:
    """Give a store that dispatches what its commits make due; what it can do besides, it still can.

    What is committed by `Joining.joined` is not dispatched: nobody knows when the caller's transaction stands.
    """
    return _DispatchingStore(store, dispatcher)
