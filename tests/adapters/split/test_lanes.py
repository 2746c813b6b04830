from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from awaitly import Changes, MemoryStore, Move, Store
from awaitly.durations import to_micros
from awaitly.testing import CountingStore, FailingStore, Failpoints, Pause, TestClock
from awaitly.testing.rows import T0, approval_row, changes, entry_row, run_row
from awaitly_redis import RedisStore
from awaitly_split import SplitStore
from tests.adapters.lanes import LaneFacts, applied, placed
from tests.adapters.split.support import Halves


class TestLanesInMemory(LaneFacts):
    """Two memory stores joined answer as one."""

    @pytest_asyncio.fixture
    async def store(self) -> AsyncIterator[Store]:
        """Open a store without rows."""
        async for store in opened(SplitStore(approvals=MemoryStore(), state=MemoryStore())):
            yield store


class TestLanesOnRedis(LaneFacts):
    """So do two namespaces of a Redis."""

    @pytest_asyncio.fixture
    async def store(self, redis_url: str) -> AsyncIterator[Store]:
        """Open a store without rows."""
        name = f"split-{uuid4().hex}"
        approvals, state = (RedisStore(redis_url, namespace=f"{name}-{half}") for half in ("approvals", "state"))
        async for store in opened(SplitStore(approvals=approvals, state=state)):
            yield store


async def opened(store: SplitStore) -> AsyncIterator[Store]:
    """Open a store, and close it."""
    await store.open()
    yield store
    await store.close()


def asking(run_id: str, lane: str) -> Changes:
    """Give a commit on both halves, which begins a run with a decision to take up."""
    return Changes(
        move=Move.PARK,
        runs=(run_row(run_id, lane=lane),),
        approvals=(approval_row(run_id, open=False, ready=True),),
        entries=(entry_row(run_id),),
    )


class Left:
    """Two memory stores in which a process left some commits between their two halves."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.halves = Halves(MemoryStore(clock=self.clock), MemoryStore())
        self._fail, self._tasks = Failpoints(), list[asyncio.Task[object]]()

    async def open(self, *commits: Changes) -> None:
        """Begin each commit, and let it stand still when the state store has taken its part."""
        store = SplitStore(approvals=self.halves.approvals, state=FailingStore(self.halves.state, self._fail))
        await store.open()
        for commit in commits:
            pause = Pause()
            self._fail.arm("park.after", pause)
            self._tasks.append(asyncio.ensure_future(store.commit(commit)))
            await pause.reached.wait()

    async def close(self) -> None:
        """Let the process go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    @property
    def now(self) -> int:
        """The time, in microseconds."""
        return to_micros(self.clock())


async def test_anchors_are_runs_of_no_lane() -> None:
    """What this store keeps for itself of a run is neither due in the lane without a name, nor does it come next."""
    left = Left()
    await left.open(asking("x", "a"))
    other = left.halves.used()
    now = left.now
    assert await left.halves.approvals.next_due(now) is not None
    assert await other.next_due(now) is None
    assert await other.next_due(now, [""]) is None
    left.clock.advance("1m")
    assert await other.due(left.now, 9, [""]) == ()
    assert await other.due(left.now, 9, ["a"]) == ("x",)
    await left.close()


async def test_what_was_left_half_done_takes_its_place() -> None:
    """Within a limit too: a commit that a sweep ends itself does not stand ahead of decisions that come before it."""
    left = Left()
    await left.open(asking("y", "a"), asking("z", "a"))
    left.clock.advance("1m")
    await applied(left.halves.used(), placed("w", "a", ready=True), placed("x", "a", ready=True))
    assert await left.halves.approvals.due(left.now, 2) == ("y", "z")
    assert await left.halves.used().due(left.now, 2, ["a"]) == ("w", "x")
    await left.close()


async def test_the_same_holds_without_lanes() -> None:
    """The first by their ids are named, and not those that were left."""
    left = Left()
    await left.open(asking("y", "a"), asking("z", "b"))
    left.clock.advance("1m")
    await applied(left.halves.used(), placed("w", "a", ready=True), placed("x", "c", ready=True))
    assert await left.halves.used().due(left.now, 2) == ("w", "x")
    assert await left.halves.used().due(left.now, 3) == ("w", "x", "y")
    await left.close()


async def test_many_lanes_take_few_questions() -> None:
    """Of twenty lanes the first is asked about, then the others at once, as far as no decision comes between them."""
    approvals, state = CountingStore(MemoryStore()), CountingStore(MemoryStore())
    store = SplitStore(approvals=approvals, state=state)
    await store.open()
    lanes = [f"lane-{number}" for number in range(20)]
    await applied(store, *(placed(lane, lane, T0) for lane in lanes))
    state.reset()
    assert await store.due(T0, 50, lanes) == tuple(lanes)
    assert state.reads["due"] == 2
    await applied(store, changes(approvals=(approval_row(lanes[9], open=False, ready=True),)))
    state.reset()
    assert await store.due(T0, 50, lanes) == tuple(lanes)
    assert (state.reads["due"], state.reads["load"]) == (3, 1)
    await store.close()
