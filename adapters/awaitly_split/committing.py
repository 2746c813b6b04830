"""Commits on both halves: an intent in the approvals store, the part in the state store, the part in the other.

1. The approvals store gets an intent, which holds its own part of the commit and keeps others from writing there.
2. The state store takes its part, with a commit record. From then on the commit stands; before, it never was.
3. The approvals store gets its part, and the intent goes.

Only whoever wrote an intent ever takes step 2, and takes it once. Where the intent is left behind, anybody looks for
the commit record: where it is there they take step 3, and where it is not they write one that says "refused", which
keeps step 2 from ever being taken, and then take the intent away.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TypeAlias
from weakref import WeakValueDictionary

from attrs import evolve

from awaitly_split.anchor import Anchor, Intent, anchor_in
from awaitly_split.core import (
    Changes,
    CommitUnknown,
    Conflict,
    Err,
    Found,
    Hold,
    Ok,
    Result,
    Store,
    StoreCorrupt,
    StoreError,
    StoreUnavailable,
)
from awaitly_split.halves import (
    Outcome,
    finish,
    intended,
    objection,
    outcome,
    refusal,
    state_half,
    touches_approvals,
    touches_state,
)

__all__ = ["Committer"]

_SHORTEST, _LONGEST, _GROWTH = 0.001, 0.05, 1.5
"""How long, in seconds, another process's intent is left alone between two looks: there is no event to wait for."""

_Answer: TypeAlias = Result[None, Conflict]


class Committer:
    """Commits to two stores, and settles what others left half done.

    `grace` is how long an intent is left to whoever wrote it. Whatever its length nothing is lost or done twice: one
    that is too short only makes a slow committer begin again.
    """

    def __init__(self, approvals: Store, state: Store, grace: timedelta) -> None:
        self._approvals = approvals
        self._state = state
        self._grace = grace
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._under_way: set[asyncio.Task[_Answer]] = set()

    async def commit(self, changes: Changes) -> _Answer:
        """Commit to the half that it is about, or to both; once begun it goes on, whether or not its caller does."""
        if not touches_approvals(changes):
            return await self._state.commit(changes)
        work = asyncio.create_task(self._in_turn(changes))
        self._under_way.add(work)
        work.add_done_callback(self._done)
        return await asyncio.shield(work)

    async def drain(self) -> None:
        """Wait for the commits that are under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def settle(self, anchored: Found, state: Found, run_id: str) -> bool:
        """End an intent where it is known, or time to see to it, what becomes of it; False where nothing was to do."""
        anchor = anchor_in(anchored, run_id)
        if anchor.intent is None:
            return False
        return await self._settle(anchor, anchor.intent, state, anchored.now, late=_is_late(anchor, anchored))

    def _done(self, work: asyncio.Task[_Answer]) -> None:
        self._under_way.discard(work)
        if not work.cancelled():
            work.exception()  # so that it counts as seen where the caller was cancelled

    async def _in_turn(self, changes: Changes) -> _Answer:
        """Try until it is taken or refused; within this process those who write about one run take turns."""
        run_id = changes.run_id
        turn = self._turns.get(run_id) or self._turns.setdefault(run_id, asyncio.Lock())
        async with turn:
            while True:
                anchored = await self._settled(run_id)
                answer = await self._tried(anchored, anchor_in(anchored, run_id), changes)
                if answer is not None:
                    return answer

    async def _settled(self, run_id: str, *, late: bool = False) -> Found:
        """Read the approvals half as soon as no intent is in the way; see to that at once where it is `late`."""
        clock = asyncio.get_running_loop().time
        pause, end = _SHORTEST, clock() + self._grace.total_seconds()
        while True:
            anchored = await self._approvals.load(run_id)
            anchor = anchor_in(anchored, run_id)
            if anchor.intent is None:
                return anchored
            late = late or _is_late(anchor, anchored) or clock() >= end
            state = await self._state.load(run_id)
            if not await self._settle(anchor, anchor.intent, state, anchored.now, late=late):
                await asyncio.sleep(pause)
                pause = min(pause * _GROWTH, _LONGEST)

    async def _settle(self, anchor: Anchor, intent: Intent, state: Found, now: int, *, late: bool) -> bool:
        match outcome(intent, state):
            case Outcome.TAKEN:
                await self._swap(anchor, finish(anchor, intent, now))
            case Outcome.REFUSED:
                await self._swap(anchor, _released(anchor, intent, now))
            case Outcome.OPEN if late:
                await self._state.commit(refusal(intent, state, anchor.run_id))  # taken or not: the next look tells
            case Outcome.OPEN:
                return False
        return True

    async def _swap(self, anchor: Anchor, changes: Changes) -> None:
        """End an intent, unless somebody else was quicker."""
        if isinstance(await self._approvals.commit(changes), Err) and not await self._moved(anchor):
            msg = (
                f"the approvals of run {anchor.run_id!r} were changed past SplitStore, so a commit cannot be ended: "
                "let nothing else write to the approvals store, and restore the run from a backup"
            )
            raise StoreCorrupt(msg)

    async def _moved(self, anchor: Anchor) -> bool:
        found = await self._approvals.load(anchor.run_id)
        return anchor_in(found, anchor.run_id).version != anchor.version

    # One attempt: None where somebody else came in between, and all is to be looked at again

    async def _tried(self, anchored: Found, anchor: Anchor, changes: Changes) -> _Answer | None:
        if not touches_state(changes):
            return await self._swapped(anchor, evolve(changes, runs=(anchor.swapped(anchor.last).row(anchored.now),)))
        conflict = await self._objection(anchored, changes)
        if conflict is not None:
            return Err(conflict)
        if changes.forgotten:
            return await self._forgotten(anchored, anchor, changes)
        return await self._on_both(anchored, anchor, changes, intended(changes))

    async def _swapped(self, anchor: Anchor, changes: Changes) -> _Answer | None:
        answer = await self._approvals.commit(changes)
        return None if isinstance(answer, Err) and await self._moved(anchor) else answer

    async def _objection(self, anchored: Found, changes: Changes) -> Conflict | None:
        """Judge the part for the approvals store before anything is written: later it can be refused no more."""
        run_id, last = changes.run_id, 0 if anchored.head is None else anchored.head.seq
        known = any(entry.seq <= last for entry in (*changes.entries, *changes.redacted))
        entries = await self._approvals.entries(run_id) if known else ()
        notices = await self._approvals.notices(run_id) if changes.notices and anchored.run is not None else ()
        return objection(anchored, notices, entries, changes)

    async def _forgotten(self, anchored: Found, anchor: Anchor, changes: Changes) -> _Answer | None:
        """Forget a run, or what stands under an id without one."""
        run_id, version = changes.run_id, changes.forgotten[-1].version
        run = (await self._state.load(run_id)).run
        if run is not None:
            return await self._on_both(anchored, anchor, changes, intended(changes, run.created_at))
        if version:
            return Err(Conflict(run_id, "the run does not exist"))
        refused = await self._state.commit(evolve(changes, approvals=(), notices=(), entries=(), redacted=()))
        if isinstance(refused, Err):
            return refused
        forgotten = (Hold(run_id, anchor.version),)
        return await self._swapped(anchor, Changes(move=changes.move, forgotten=forgotten, wakes=changes.wakes))

    async def _on_both(self, anchored: Found, anchor: Anchor, changes: Changes, intent: Intent) -> _Answer | None:
        until = anchored.now + self._grace // timedelta(microseconds=1)
        anchor = anchor.intending(intent, until)
        if not await self._announced(anchor, intent, anchored.now):
            return None
        try:
            answer = await self._state.commit(state_half(changes, intent.token, anchor.last))
        except StoreError:
            with suppress(StoreError):
                await self._settled(changes.run_id, late=True)  # the commit record tells, and bars what is on its way
            raise
        if isinstance(answer, Ok):
            await self._finished(anchor, intent, anchored.now)
            return answer
        was_late = outcome(intent, await self._state.load(changes.run_id)) is Outcome.REFUSED
        await self._withdrawn(anchor, intent, anchored.now)
        return None if was_late else answer

    async def _announced(self, anchor: Anchor, intent: Intent, now: int) -> bool:
        try:
            return isinstance(await self._approvals.commit(Changes(move=intent.move, runs=(anchor.row(now),))), Ok)
        except CommitUnknown as exc:
            msg = f"nothing was committed for run {anchor.run_id!r}, and it can be tried again: {exc}"
            raise StoreUnavailable(msg) from exc

    async def _finished(self, anchor: Anchor, intent: Intent, now: int) -> None:
        """Write the part for the approvals store."""
        try:
            await self._swap(anchor, finish(anchor, intent, now))
        except StoreError as exc:
            msg = (
                f"run {anchor.run_id!r} was committed to the state store; its approvals follow as soon as somebody "
                f"reads the run while the approvals store can be written: {exc}"
            )
            raise CommitUnknown(msg) from exc

    async def _withdrawn(self, anchor: Anchor, intent: Intent, now: int) -> None:
        """Take an intent away whose part in the state store was refused; others do so where this fails."""
        with suppress(StoreError):
            await self._approvals.commit(_released(anchor, intent, now))


def _is_late(anchor: Anchor, anchored: Found) -> bool:
    return anchored.now >= (anchor.until or 0)


def _released(anchor: Anchor, intent: Intent, now: int) -> Changes:
    return Changes(move=intent.move, runs=(anchor.swapped(anchor.last).row(now),))
