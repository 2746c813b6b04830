"""A gateway and workers as programs of their own: killed, replaced, scaled up and down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.crews import Crew, check_all, check_delivery, enqueue_all, orchestrator_at, settle_all
from tests.faults.grounds import ground_of
from tests.faults.lengths import times
from tests.faults.orders import Place
from tests.faults.tally import TALLY, Violated

KINDS = ("sqlite", "postgres", "redis")
FEW, MANY = 60, max(60, times(500))
SOON, LONG = 90.0, 600.0
NEVER = 3600.0


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, here: Path) -> Place:
    """Give a place whose store is of each kind that several processes share."""
    return Place.at(here) if request.param == "sqlite" else ground_of(request.param, request)(here)


@pytest.fixture
def crew(shared: Place) -> Iterator[Crew]:
    """Give a crew that has nobody yet; nobody of it is left afterwards."""
    made = Crew(shared, Random(7))
    yield made
    for one in made.members:
        one.kill()
        one.join()


async def live_through(crew: Crew, number: int, patience: float) -> None:
    """Let runs be worked off by one worker, by four, by one, while they are killed."""
    names = [f"r{each}" for each in range(number)]
    async with orchestrator_at(crew.place) as gateway, asyncio.timeout(patience + 60):
        crew.scale(1)
        enqueuing = asyncio.create_task(enqueue_all(gateway, crew.place, names))
        settling = asyncio.create_task(settle_all(gateway, crew.place, names, patience))
        await asyncio.sleep(0.5)
        for size in (4, 1):
            await asyncio.to_thread(crew.scale, size)
            for _ in range(max(3, number // 50)):
                await asyncio.sleep(crew.random.uniform(0.2, 0.8))
                await asyncio.to_thread(crew.kill_one)
        await enqueuing
        await settling
        await asyncio.to_thread(crew.scale, 0)
        await check_all(gateway, crew.place, names)
    TALLY.happened("runs that workers were killed under", number)


async def test_workers_are_killed_and_scaled_under_their_runs(crew: Crew) -> None:
    """Each run completes once, and no recorded step runs again, whoever is killed or told to stop."""
    await live_through(crew, FEW, SOON)


@pytest.mark.slow
async def test_workers_are_killed_and_scaled_under_many_runs(crew: Crew) -> None:
    """The same with five hundred."""
    await live_through(crew, MANY, LONG)


async def test_work_in_another_process_begins_by_push(crew: Crew) -> None:
    """A worker that would look by itself in an hour is told of what is enqueued and kept elsewhere, and keeps times."""
    crew.looks = NEVER
    crew.scale(1)
    async with orchestrator_at(crew.place) as gateway:
        await enqueue_all(gateway, crew.place, ["first"])
        await settle_all(gateway, crew.place, ["first"], SOON)  # by now it listens
        await enqueue_all(gateway, crew.place, ["r"])
        await settle_all(gateway, crew.place, ["r"], SOON)
        await check_all(gateway, crew.place, ["first", "r"])


DELIVERED = (("r", "pack", "r", "1"), ("r", "invoice", "r.1", "2"), ("r", "ship", "r.1.2.paid", "3"))
THANKED = ("r", "thank", "r.1.2.paid.3", "4")


def test_a_step_that_runs_again_after_it_was_recorded_is_noticed() -> None:
    """Also one that got something else than was recorded; a repetition of the step under way is none."""
    check_delivery("r.1.2.paid.3.4", [*DELIVERED, ("r", "ship", "r.1.2.paid", "9"), THANKED])
    for wrong in (("r", "pack", "r", "9"), ("r", "ship", "r.1.8.paid", "9")):
        with TALLY.aside(), pytest.raises(Violated):
            check_delivery("r.1.2.paid.3.4", [*DELIVERED, wrong, THANKED])
    with TALLY.aside(), pytest.raises(Violated):
        check_delivery("r.1.2.paid.3", DELIVERED)
