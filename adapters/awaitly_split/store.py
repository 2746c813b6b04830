"""`SplitStore`: approvals, their ledger and notices in one store, runs and steps in another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from attrs import evolve

from awaitly_split.committing import Committer
from awaitly_split.core import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Duration,
    Entry,
    Found,
    NoticeQuery,
    NoticeRow,
    Page,
    Result,
    RunQuery,
    RunRow,
    Store,
    Wakes,
    as_timedelta,
)
from awaitly_split.halves import joined
from awaitly_split.sweeping import Sweep
from awaitly_split.waking import listening

__all__ = ["DEFAULT_GRACE", "SplitStore"]

DEFAULT_GRACE = "5s"


class SplitStore:
    """Joins two stores: `approvals` keeps approvals, their ledger and notices, `state` keeps runs and steps.

    What is about one half is one commit to that store. What is about both is committed as a whole all the same, also
    where the process dies in between: whoever comes next finishes it, or undoes it. `grace` is how long others leave a
    commit on both halves to the process that began it. The approvals store's clock is the clock.

    Neither store may be used past this one. It opens both and closes both.
    Raises `ValueError` for one store twice, and where `grace` is no length of time.
    """

    def __init__(self, *, approvals: Store, state: Store, grace: Duration = DEFAULT_GRACE) -> None:
        if approvals is state:
            raise ValueError("a SplitStore joins two stores: for one store use it as it is")
        self._approvals = approvals
        self._state = state
        self._committer = Committer(approvals, state, as_timedelta(grace))
        self._opened: AsyncExitStack | None = None

    def __repr__(self) -> str:
        return f"SplitStore(approvals={self._approvals!r}, state={self._state!r})"

    async def open(self) -> None:
        """Open both stores, or none; an open store stays as it is."""
        if self._opened is not None:
            return
        async with AsyncExitStack() as stack:
            for store in (self._approvals, self._state):
                await store.open()
                stack.push_async_callback(store.close)
            self._opened = stack.pop_all()

    async def close(self) -> None:
        """Finish the commits that are under way and close both stores, as far as `open` has opened them."""
        opened, self._opened = self._opened, None
        if opened is not None:
            async with opened:
                await self._committer.drain()

    async def now(self) -> int:
        """Read the approvals store's clock."""
        return await self._approvals.now()

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run, as of one moment: that at which the state store was read.

        It ends what another process left half done.
        """
        while True:
            before = await self._approvals.load(run_id)
            state = await self._state.load(run_id)
            after = await self._approvals.load(run_id)
            if before.run == after.run and not await self._committer.settle(after, state, run_id):
                return joined(after, state)

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head."""
        return evolve(await self._current(run_id), run=None, steps=())

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order."""
        await self._current(run_id)
        return await self._approvals.entries(run_id)

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs. Raises `ValueError` for an `after` that no page gave."""
        return await self._state.page_runs(query)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals. Raises `ValueError` for an `after` that no page gave.

        Without a `run_id`, what a commit that is under way asks or answers may be listed some milliseconds late.
        """
        if query.run_id is not None:
            await self._current(query.run_id)
        return await self._approvals.page_approvals(query)

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run, by key."""
        await self._current(run_id)
        return await self._approvals.notices(run_id)

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read at most `limit` notices of a channel that are to be sent at `now` (microseconds), by `due_at`.

        What a commit that is under way tells may be read some milliseconds late.
        """
        return await self._approvals.due_notices(now, limit, channel)

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give the earliest `due_at` after `now` (microseconds) of a channel's notices."""
        return await self._approvals.next_notice(now, channel)

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up. Raises `ValueError` for an `after` that no page gave."""
        if query.run_id is not None:
            await self._current(query.run_id)
        return await self._approvals.page_notices(query)

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name at most `limit` runs to look at: first those whose time has come, then those with a decision alone.

        With `lanes` one lane after the other. It ends what other processes left half done.
        """
        return await Sweep(self._approvals, self._state, self.load, now, limit).due(lanes)

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the earliest `due_at` after `now` of any run, or of any run of these lanes."""
        return await self._state.next_due(now, lanes)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none, in both stores. Raises a `StoreError`.

        Where the awaiting task is cancelled the commit may still happen, as a whole.
        """
        return await self._committer.commit(changes)

    def listening(self) -> AbstractAsyncContextManager[Wakes]:
        """Hear of commits with `wakes` to either store; where a store tells nothing, be told to look now and then."""
        return listening(self._approvals, self._state)

    async def _current(self, run_id: str) -> Found:
        """Read the approvals half when all that is committed is written there."""
        while True:
            found = await self._approvals.load(run_id)
            if found.run is None or found.run.due_at is None:
                return found
            if not await self._committer.settle(found, await self._state.load(run_id), run_id):
                return found
