from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from awaitly.testing import TestClock
from tests.faults.chimes import CHIMES, asking, check_chimes, chimed, chimes_and_is_killed
from tests.faults.lengths import times
from tests.faults.orders import Place
from tests.faults.processes import KILLED, ended, started
from tests.faults.tally import TALLY, Violated
from tests.faults.verdicts import CLOCK, IN_MEMORY, RHEA, opened, sight

FEW, MANY = 15, times(1_000)


async def test_workers_tell_each_level_and_each_reminder_once() -> None:
    """Whoever decides, asks or answers meanwhile: nothing twice, nothing too late, nothing after the end."""
    came = await chimed(IN_MEMORY, 60)
    assert set(came) >= {"approved", "rejected", "expired", "pending", "cancelled"}


async def test_workers_tell_each_once_over_a_file(place: Place) -> None:
    """The same with connections of their own to a file of SQLite."""
    await chimed(place.store, FEW)


async def test_workers_tell_each_once_wherever_runs_are_kept(elsewhere: Place) -> None:
    """The same on servers and in two stores."""
    await chimed(elsewhere.store, 4)


@pytest.mark.slow
async def test_workers_tell_each_once_each_time() -> None:
    """A thousand rounds in memory."""
    await chimed(IN_MEMORY, MANY, seed=1)


@pytest.mark.slow
async def test_workers_tell_each_once_over_a_file_each_time(place: Place) -> None:
    """A thousand rounds over a file of SQLite."""
    await chimed(place.store, MANY, seed=1)


@pytest.mark.slow
async def test_workers_tell_each_once_wherever_runs_are_kept_each_time(elsewhere: Place) -> None:
    """A thousand rounds on each kind of server, and in two stores."""
    await chimed(elsewhere.store, MANY, seed=1)


async def test_the_rounds_notice_a_store_that_swaps_at_any_version() -> None:
    """Where the store compares nothing, something is told twice, or too late."""
    with TALLY.aside(), pytest.raises(ExceptionGroup) as raised:
        await chimed(IN_MEMORY, 60, plant="versions are ignored")
    assert raised.group_contains(Violated)


async def killed(address: str) -> None:
    """Kill workers beside the commits of chimes, and let others tell what they did not."""
    CLOCK.set(clock := TestClock())
    async with opened(address, [asking], count=1) as (orchestrator,):
        await orchestrator.start(asking(), run_id="r", requested_by=RHEA)
        for before, after in ((1, 3), (3, 5)):
            clock.advance(timedelta(minutes=61))
            for failpoint, count in zip(CHIMES, (before, after), strict=True):
                process = started(chimes_and_is_killed, address, failpoint, clock())
                code = await asyncio.to_thread(ended, process)
                TALLY.check("a worker is killed beside its chime", code == KILLED, failpoint)
                seen = await sight(orchestrator, "r")
                TALLY.check("a chime is kept whole or not at all", len(seen.told) == count, (failpoint, seen.told))
            await orchestrator.resume("r")
            check_chimes(await sight(orchestrator, "r"), clock())


async def test_a_worker_is_killed_beside_a_chime(place: Place) -> None:
    """Before the commit nobody was told, and the next worker does it; after it nobody is told again."""
    await killed(place.store)


async def test_a_worker_is_killed_beside_a_chime_wherever_runs_are_kept(elsewhere: Place) -> None:
    """The same on servers and in two stores."""
    await killed(elsewhere.store)
