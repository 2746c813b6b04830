"""One executor's hold on one run: from the commit that takes the run to the one that parks or ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from awaitly.changing import changed
from awaitly.durations import from_micros, to_micros
from awaitly.errors import Interruption, NeedsReview
from awaitly.exceptions import RecordCorrupt, StoreError
from awaitly.observing import NOBODY, Observers
from awaitly.replaying.execution import Doubtful, Ending, Fenced, Later, Misfit, Waits, settled
from awaitly.replaying.replay import Entered
from awaitly.replaying.signals import FencedOut
from awaitly.result import Err, Ok, Result
from awaitly.runs import moves
from awaitly.runs.moves import Moved
from awaitly.runs.saving import approvals_in, difference, state_in
from awaitly.runs.witness import tell_enqueued
from awaitly.statuses import RunStatus
from awaitly.storage.journal import Lease, RunRecord, RunState, Step
from awaitly.storage.records import head_of, row_of_run, row_of_step
from awaitly.storage.store import Changes, Hold, Move, Store
from awaitly.working.looks import Looks

__all__ = ["Tenure"]

_MOVES: Mapping[type, Move] = {Waits: Move.PARK, Later: Move.RELEASE, Doubtful: Move.REVIEW}
"""The moves by which an execution comes to its end, if not `END`."""


class Tenure:
    """Takes a run, records its steps, and parks or ends it, each in one commit and only while the run is this one's.

    Nothing is written before the first body is about to run, or the run parks or ends: a replay that finds that the
    code has changed, or that somebody else was quicker, leaves the store as it was. Where others may have died of the
    run, `reserve` writes first who has it, and no more: what comes to nothing is put back.
    """

    def __init__(
        self,
        store: Store,
        move: Move,
        before: RunState | None,
        taken: Moved,
        lease: timedelta,
        on_claim: Callable[[], None] | None = None,
        observers: Observers = NOBODY,
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._on_claim = on_claim
        self._on_progress = on_progress
        self._observers = observers
        self._move = move
        self._lease = lease
        self._before = before
        self._state = taken.state
        self._facts = taken.facts
        self.claimed = False
        self.fenced = False
        self._reserved: RunRecord | None = None
        self._saving = False
        self._left = False

    @property
    def state(self) -> RunState:
        """The run as it is stored, or as it would be where nothing was written yet."""
        return self._before or self._state

    @property
    def stored(self) -> bool:
        """Whether the store has the run at all: one that starts is not there before its first commit."""
        return self._before is not None

    @property
    def _holding(self) -> bool:
        """Whether the run is taken and not yet parked, ended or given back: only then is there a lease to renew."""
        return self._taken and not self._left

    @property
    def _taken(self) -> bool:
        """Whether it stands in the store who has the run."""
        return self.claimed or self._reserved is not None

    @property
    def _next_move(self) -> Move:
        """The move of a commit in the midst of the run: the first is the one that takes it."""
        return Move.STEP if self._taken else self._move

    @property
    def run_id(self) -> str:
        """The run that is held."""
        return self._state.run.run_id

    async def reserve(self) -> None:
        """Write who has the run, before any of its code: if this process dies of it, that counts. Raises `FencedOut`.

        What it is to take up is left for the commit with which it goes on, as always.
        """
        if self._before is None:
            return
        run = self._state.run
        if not await self._is_kept(Changes(move=Move.CLAIM, runs=(row_of_run(run),), flushed=False)):
            raise FencedOut(self.run_id)
        self._reserved, self._before = self._before.run, self._before.but(run=run)
        if self._on_claim is not None:
            self._on_claim()

    async def relinquish(self) -> None:
        """Put a run back that was only reserved, where the store, and not the run, was in the way."""
        self._left = True
        with suppress(FencedOut, StoreError):  # the lease ends by itself
            await self._put_back()

    async def _put_back(self, *, wakes: bool = False) -> None:
        """Let the run stand as before it was reserved. Raises `FencedOut`."""
        before, self._reserved = self._reserved, None
        if before is None or self._before is None:
            return
        match moves.put_back(self._before, before, await self._now()):
            case Ok(moved):
                row = row_of_run(moved.state.run)
                if await self._is_kept(Changes(move=Move.RELEASE, runs=(row,), wakes=wakes, flushed=False)):
                    self._before = moved.state
                    return
            case Err(_):
                pass
        raise FencedOut(self.run_id)

    async def record(self, steps: Sequence[Step], entered: Entered | None = None) -> None:
        """Make steps durable, and take the run first where that is still to do. Raises `FencedOut`.

        Taking a run need not wait for the disk: a power cut that undoes it ends the executor too, and whoever then
        finds the run as it was repeats at most the one step that was under way.
        """
        self._state = self._state.but(steps=(*self._state.steps, *steps))
        await self._record(steps, entered)
        if steps and self._on_progress is not None:
            self._on_progress()

    async def _record(self, steps: Sequence[Step], entered: Entered | None) -> None:
        if entered is not None:
            await self._note(entered)
            return
        if not self.claimed or self._before is None:
            await self._save(self._next_move, Moved(self._state), flushed=bool(steps) or self._move is Move.DECIDE)
            return
        run = self._before.run
        rows = tuple(row_of_step(run.run_id, step) for step in steps)
        await self._commit(Changes(move=Move.STEP, holds=(Hold(run.run_id, run.version),), steps=rows))
        self._before = self._before.but(steps=self._state.steps)

    async def _note(self, entered: Entered) -> None:
        """Write what the run is to remember while it executes, again where an approval moved meanwhile."""
        move = self._next_move
        while True:
            now = await self._now()
            lease = Lease(self._state.run.lease.holder if self._state.run.lease else "", now + self._lease)
            match moves.note(self._state, entered.awaiting, entered.withdrawn, lease, now):
                case Ok(noted) if await self._saved(move, noted):
                    return
                case Ok(_):
                    continue
                case Err(_):
                    raise FencedOut(self.run_id)

    async def launch(self, child: RunRecord) -> RunRecord | None:
        """Have another run begin, or one that failed be tried again; gives the one of its id, None if unreadable."""
        now = await self._now()
        child = changed(child, created_at=now, updated_at=now, due_at=now)
        launching = Changes(move=Move.ENQUEUE, runs=(row_of_run(child),), wakes=True)
        if isinstance(await self._store.commit(launching), Ok):
            tell_enqueued(self._observers, child)
            return child
        looks = Looks()
        while True:
            found = looks.again(await self._store.load(child.run_id))
            try:
                there = None if found.run is None else state_in(found, found.run)
            except RecordCorrupt:
                return None
            if there is None or not _is_to_be_tried_again(there.run, child):
                return None if there is None else there.run
            match moves.retry(there, now):
                case Ok(moved) if await self._relaunched(there, moved):
                    tell_enqueued(self._observers, moved.state.run)
                    return moved.state.run
                case _:
                    continue

    async def _relaunched(self, before: RunState, moved: Moved) -> bool:
        changes, _ = difference(Move.RETRY, before, moved.state, moved.facts)
        return isinstance(await self._store.commit(changes), Ok)

    async def renew(self) -> None:
        """Put the end of the lease off. Sets `fenced` where the run is no longer this executor's."""
        if not self._holding or self.fenced or self._saving:  # what is being saved renews it as well
            return
        until = await self._now() + self._lease
        if not self._holding or self._saving:  # parked or ended meanwhile: its `due_at` is no longer a lease
            return
        hold = Hold(self.run_id, self._state.run.version, to_micros(until))
        refused = isinstance(await self._store.commit(Changes(move=Move.RENEW, holds=(hold,), flushed=False)), Err)
        if self._reserved is not None and not refused:
            self._extend(until)
        if refused and not self._saving and hold.version == self._state.run.version:
            self.fenced = True

    def _extend(self, until: datetime) -> None:
        """Note the lease that was renewed before the commit that is to write the run anew."""
        run = self._state.run
        if run.lease is not None:
            self._state = self._state.but(run=changed(run, lease=Lease(run.lease.holder, until), due_at=until))

    async def finish(self, ending: Ending, unsaved: Sequence[Step]) -> Result[RunState, Interruption]:
        """Park or end the run, with the steps that are still to be written. Raises `FencedOut`.

        Gives the run as it then stands, or why it was left as it was.
        """
        self._left = True
        if isinstance(ending, Fenced):
            raise FencedOut(self.run_id)
        self._state = self._state.but(steps=(*self._state.steps, *unsaved))
        if self._before is not None and not self.claimed and self._waits_as_before(ending):
            await self._put_back()
            return Ok(self._before)
        while True:
            match settled(self._state, ending, await self._now()):
                case Ok(moved):
                    move = _MOVES.get(type(ending), Move.END)
                    if await self._saved(move, moved):
                        return Ok(self._state)
                case Err(interruption):
                    return await self._leave(ending, interruption)

    async def give_up(self) -> RunState:
        """Save a run that is not to be executed: the move that was to take it has set it aside."""
        await self._save(Move.REVIEW, Moved(self._state))
        return self._state

    async def release(self, unsaved: Sequence[Step]) -> None:
        """Give the run back unfinished, with what it recorded; nothing to do where it was never taken."""
        self._left = True
        self._state = self._state.but(steps=(*self._state.steps, *unsaved))
        if not self.claimed:
            await self._put_back(wakes=True)
            return
        match moves.release(self._state, await self._now()):
            case Ok(moved):
                await self._save(Move.RELEASE, moved)
            case Err(_):
                pass

    def _waits_as_before(self, ending: Ending) -> bool:
        """Whether the run only found that it still waits for what it waited for."""
        before = self._before
        if before is None:
            return False
        run = self._reserved or before.run
        return (
            run.status is RunStatus.PARKED
            and isinstance(ending, Waits)
            and not ending.asked
            and ending.keys == run.waits
            and set(ending.awaiting) == set(run.awaiting)
            and len(self._state.steps) == len(before.steps)
            and self._state.approvals == before.approvals
            and self._state.messages == before.messages
        )

    async def _leave(self, ending: Ending, interruption: Interruption) -> Result[RunState, Interruption]:
        """Leave the run as it was; if steps of the changed code have already run, set it aside for a person."""
        if self.claimed and isinstance(ending, Misfit):
            match moves.review(self._state, str(interruption), await self._now()):
                case Ok(moved):
                    await self._save(Move.REVIEW, moved)
                    return Err(NeedsReview(self.run_id, str(interruption)))
                case Err(_):
                    pass
        if not self.claimed:
            await self._put_back()
        return Err(interruption)

    async def _save(self, move: Move, moved: Moved, *, flushed: bool = True) -> None:
        if not await self._saved(move, moved, flushed=flushed):
            raise FencedOut(self.run_id)

    async def _saved(self, move: Move, moved: Moved, *, flushed: bool = True) -> bool:
        """Commit a move. False: an approval of the run has moved meanwhile, and the move is to be made again."""
        facts = (*self._facts, *moved.facts)
        changes, after = difference(move, self._before, moved.state, facts, flushed=flushed)
        if await self._is_kept(changes):
            self._before = self._state = after
            self._facts = ()
            if not self._taken and self._on_claim is not None:
                self._on_claim()
            self.claimed, self._reserved = True, None
            return True
        await self._refresh()
        return False

    async def _is_kept(self, changes: Changes) -> bool:
        """Commit, and let no renewal be mistaken meanwhile: the version that it would name is just being replaced."""
        self._saving = True
        try:
            return isinstance(await self._store.commit(changes), Ok)
        finally:
            self._saving = False

    async def _refresh(self) -> None:
        """Look again after a conflict: only approvals, and the ledger, may have moved under a run that is held."""
        await self._put_back()  # what it is to take up has moved, so it is to be taken anew
        found = await self._store.load(self.run_id)
        held = self._before
        if not self.claimed or held is None or found.run is None or found.run.version != held.run.version:
            raise FencedOut(self.run_id)
        approvals, head = approvals_in(found), head_of(found.head)
        if head == held.head:
            raise FencedOut(self.run_id)
        self._before = held.but(approvals=approvals, head=head)
        self._state = self._state.but(approvals=approvals, head=head)

    async def _commit(self, changes: Changes) -> None:
        if not isinstance(await self._store.commit(changes), Ok):
            raise FencedOut(self.run_id)

    async def _now(self) -> datetime:
        return from_micros(await self._store.now())


def _is_to_be_tried_again(there: RunRecord, child: RunRecord) -> bool:
    """Whether a child failed in an earlier try of its parent, which has heard of it."""
    own = (there.digest, there.parent) == (child.digest, child.parent)
    return own and there.status is RunStatus.FAILED and there.due_at is None
