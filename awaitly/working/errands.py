"""What is left to do for other runs once one has ended: its parent hears of it, its children are cancelled.

An ended run stays due until that is done, so a process that dies in between leaves it to the next one.
"""

from __future__ import annotations

from contextlib import suppress

from awaitly.actors import ADMIN, Actor
from awaitly.durations import from_micros
from awaitly.errors import DurabilityUnknown
from awaitly.exceptions import RecordCorrupt, StoreError
from awaitly.observing import NOBODY, Observers
from awaitly.result import Err, Ok
from awaitly.runs import moves
from awaitly.runs.letters import letter_home
from awaitly.runs.salvage import listed, standing
from awaitly.runs.saving import difference, state_in
from awaitly.runs.witness import tell_ended
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import RunRecord, RunState
from awaitly.storage.store import Move, Store
from awaitly.working.looks import Looks
from awaitly.working.mailbox import Mailbox

__all__ = ["Errands"]


class Errands:
    """Runs the errands of ended runs over a store."""

    def __init__(self, store: Store, observers: Observers = NOBODY) -> None:
        self._store = store
        self._observers = observers
        self._mailbox = Mailbox(store, observers)

    async def run(self, state: RunState) -> None:
        """Tell all that are to know of a run's end, and note that they do; nothing where all is done already."""
        if not _has_errands(state.run):
            return
        with suppress(StoreError):  # it stays due
            await self._run_all(state)

    async def _run_all(self, state: RunState) -> None:
        """Run the errands of a run, and of those that are cancelled with it, however deep they stand."""
        ended = [state]
        while ended:
            ended += await self._run(ended.pop())

    async def _run(self, state: RunState) -> list[RunState]:
        """Run the errands of one run; gives those that it cancelled, which have errands too."""
        run = state.run
        cancelled: list[RunState] = []
        if not _has_errands(run):
            return cancelled
        if run.parent is not None:
            match await self._mailbox.post(letter_home(run)):
                case Err(DurabilityUnknown()):
                    return cancelled  # it stays due
                case _:
                    pass  # a parent that is over, or gone, need not know
        for wait in run.awaiting:
            if wait.kind is WaitKind.CHILD and run.status is RunStatus.CANCELLED:
                cancelled += await self._cancel(wait.name, run)
        match moves.told(state, from_micros(await self._store.now())):
            case Ok(moved):
                changes, _ = difference(Move.TELL, state, moved.state, moved.facts, flushed=False)
                await self._store.commit(changes)  # who was quicker has done the same
            case Err(_):
                pass
        return cancelled

    async def reach(self, state: RunState) -> bool:
        """Cancel a run that begins only now, where its parent was cancelled before: whoever did so found none."""
        run = state.run
        if run.begun or run.status.ended or run.parent is None:
            return False
        row = (await self._store.load(run.parent)).run
        if row is None or standing(row) is not RunStatus.CANCELLED:
            return False
        for cancelled in await self._cancel(run.run_id, listed(row)):
            await self._run_all(cancelled)
        return True

    async def _cancel(self, run_id: str, parent: RunRecord) -> list[RunState]:
        """Cancel a child, and give it where that was done here. A run that is another's stays as it is."""
        looks = Looks()
        while True:
            found = looks.again(await self._store.load(run_id))
            if found.run is None:
                return []
            try:
                state = state_in(found, found.run)
            except RecordCorrupt:
                return []
            if state.run.parent != parent.run_id:
                return []
            by = Actor("nobody known") if parent.by is None else parent.by
            reason = f"run {parent.run_id}, of which it is a part, was cancelled"
            match moves.cancel(state, Actor(by.name, by.roles | {ADMIN}), reason, from_micros(found.now)):
                case Ok(moved) if moved.state is not state:
                    changes, after = difference(Move.CANCEL, state, moved.state, moved.facts)
                    if isinstance(await self._store.commit(changes), Ok):
                        tell_ended(self._observers, after.run)
                        return [after]
                case _:
                    return []


def _has_errands(run: RunRecord) -> bool:
    """Whether something is left to do for others: an ended run stays due until they know of its end."""
    return run.due_at is not None and run.status.ended
