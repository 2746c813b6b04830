from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from awaitly.result import Ok
from awaitly.storage.store import Store
from awaitly.testing import TestClock
from awaitly.testing.rows import changes, run_row, step_row
from awaitly.testing.store_contract import StoreContract
from awaitly_sqlite import SqliteStore
from awaitly_sqlite.pacing import Pace

QUICK, SLOW = 0.0002, 0.008
"""Seconds for a flush."""


def places(pace: Pace, flush: float, count: int) -> list[bool]:
    """Let a pace choose where to wait, flush by flush; where it waits on the loop, it learns the time."""
    chosen: list[bool] = []
    for _ in range(count):
        chosen.append(pace.waits_here())
        if chosen[-1]:
            pace.took(flush)
    return chosen


def test_a_quick_disk_is_waited_for_on_the_loop() -> None:
    """Every time, from the first on."""
    assert all(places(Pace(), QUICK, 1000))


def test_a_slow_disk_is_soon_waited_for_elsewhere() -> None:
    """A handful of flushes tell."""
    assert sum(places(Pace(), SLOW, 30)) <= 6


def test_one_stall_does_not_make_a_quick_disk_slow() -> None:
    """It counts for no more than twice the limit."""
    pace = Pace()
    places(pace, QUICK, 50)
    pace.took(5.0)
    assert pace.waits_here()


def test_a_slow_disk_is_tried_again_ever_more_rarely() -> None:
    """After 32 flushes elsewhere, then 64, and so on up to 4096."""
    pace = Pace()
    places(pace, SLOW, 30)
    tries = [number for number, here in enumerate(places(pace, SLOW, 40_000)) if here]
    gaps = [later - earlier - 1 for earlier, later in itertools.pairwise(tries)]
    assert gaps[:7] == [64, 128, 256, 512, 1024, 2048, 4096]
    assert set(gaps[6:]) == {4096}


def test_a_disk_that_becomes_quick_again_is_noticed() -> None:
    """At the next try, and from then on it is waited for on the loop."""
    pace = Pace()
    places(pace, SLOW, 30)
    assert all(places(pace, QUICK, 200)[-100:])


@pytest.mark.slow
@pytest.mark.usefixtures("slow_disk")
class TestSqliteStoreOnASlowDisk(StoreContract):
    """The contract holds where every flush is waited for on the writer's thread."""

    @pytest.fixture
    def clock(self) -> TestClock:
        """Give the clock that the store is made with."""
        return TestClock()

    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path, clock: TestClock) -> AsyncIterator[Store]:
        """Open an empty store on what it takes for a slow disk."""
        store = SqliteStore(tmp_path / "store.db", clock=clock)
        await store.open()
        yield store
        await store.close()


async def test_the_log_is_moved_into_the_file(store: SqliteStore, path: Path) -> None:
    """However much is written, the log stays at a few thousand pages of 4 KiB, and all of it can be read."""
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    for number in range(2_000):
        assert await store.commit(changes(steps=(step_row(key=f"{number}", body=f'"{"x" * 4000}"'),))) == Ok(None)
    assert path.with_name(f"{path.name}-wal").stat().st_size < 4_000 * 4_096
    assert len((await store.load("run")).steps) == 2_000


async def test_reads_between_commits_see_them(store: SqliteStore) -> None:
    """Whether the connection that writes is idle or waits for the disk, a read sees what was answered before."""
    await store.commit(changes(runs=(run_row(),)))

    async def write(number: int) -> None:
        await store.commit(changes(steps=(step_row(key=f"{number}"),)))
        assert f"{number}" in {step.key for step in (await store.load("run")).steps}

    await asyncio.gather(*map(write, range(300)))
