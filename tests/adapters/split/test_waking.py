from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from awaitly import Changes, MemoryStore, Move, Store, StoreUnavailable, Wakes, Waking
from awaitly.testing import StoreWrapper
from awaitly.testing.rows import approval_row, run_row
from awaitly_split import SplitStore

DECIDED = Changes(move=Move.DECIDE, approvals=(approval_row("a", ready=True),), wakes=True)
ENDED = Changes(move=Move.END, runs=(run_row("b"),), wakes=True)
BOTH = Changes(move=Move.END, runs=(run_row("c"),), approvals=(approval_row("c"),), wakes=True)


async def opened(approvals: Store, state: Store) -> SplitStore:
    """Join two stores and open them."""
    store = SplitStore(approvals=approvals, state=state)
    await store.open()
    return store


@pytest.mark.parametrize("commit", [DECIDED, ENDED, BOTH], ids=["approvals", "state", "both"])
async def test_a_commit_wakes_whichever_half_it_is_about(commit: Changes) -> None:
    """Who listens to the joined store hears of it."""
    store = await opened(MemoryStore(), MemoryStore())
    async with store.listening() as wakes:
        await store.commit(commit)
        assert await wakes.next(9) == {commit.run_id}
    await store.close()


async def test_a_commit_without_wakes_wakes_nobody() -> None:
    """The wait then ends at its timeout, empty."""
    store = await opened(MemoryStore(), MemoryStore())
    async with store.listening() as wakes:
        await store.commit(Changes(move=Move.STEP, runs=(run_row(),), approvals=(approval_row(),)))
        assert await wakes.next(0.01) == frozenset()
    await store.close()


async def test_what_came_between_two_waits_is_told() -> None:
    """By both stores, at once."""
    store = await opened(MemoryStore(), MemoryStore())
    heard: set[str] = set()
    async with store.listening() as wakes:
        await store.commit(DECIDED)
        await store.commit(ENDED)
        while heard != {"a", "b"}:
            heard |= await wakes.next(9)
    await store.close()


async def test_a_commit_is_whole_when_it_is_told() -> None:
    """Who is woken by a commit on both halves, and looks, finds both."""
    store = await opened(MemoryStore(), MemoryStore())
    async with store.listening() as wakes:
        commit = asyncio.create_task(store.commit(BOTH))
        assert await wakes.next(9) == {"c"}
        found = await store.load("c")
        assert (found.run, found.approvals) == (BOTH.runs[0], BOTH.approvals)
        await commit
    await store.close()


async def test_a_store_that_tells_nothing_is_looked_at() -> None:
    """Where one of the stores has no wake-ups, whoever listens is told to look before the timeout."""
    assert isinstance(MemoryStore(), Waking)
    silent = StoreWrapper(MemoryStore())
    assert not isinstance(silent, Waking)
    store = await opened(silent, MemoryStore())
    async with store.listening() as wakes, asyncio.timeout(9):
        assert await wakes.next(3600) == frozenset()
        await store.commit(ENDED)
        while "b" not in await wakes.next(3600):
            pass
    await store.close()


class Broken(StoreWrapper):
    """A store whose wake-ups fail."""

    def listening(self) -> AbstractAsyncContextManager[Wakes]:
        """Listen in vain."""
        return self._listening()

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[Wakes]:
        yield self

    async def next(self, timeout: float) -> frozenset[str]:
        """Fail."""
        raise StoreUnavailable("nobody answers")


async def test_who_listens_hears_of_a_failure() -> None:
    """An exception of either store is passed on."""
    store = await opened(Broken(MemoryStore()), MemoryStore())
    async with store.listening() as wakes:
        with pytest.raises(StoreUnavailable, match="nobody answers"):
            await wakes.next(9)
    await store.close()


async def test_nothing_goes_on_after_listening() -> None:
    """No task is left behind."""
    store = await opened(MemoryStore(), StoreWrapper(MemoryStore()))
    before = asyncio.all_tasks()
    async with store.listening():
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before
    await store.close()
