"""Runs that are seen through while their store is away, or full, again and again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from random import Random

from awaitly import Orchestrator
from tests.faults.inspecting import check_sight, sight_of
from tests.faults.journeys import AWAY, STOPS, Journal, Traveller, check_journey, journey
from tests.faults.outages import Outage, Strikes
from tests.faults.planting import planted
from tests.faults.stores import impatient, store_at
from tests.faults.tally import TALLY

__all__ = ["WAVE", "live_through"]

LEASE = "0.5s"
WAVE = 30
PATIENCE = 60.0


async def recover_for_ever(orchestrator: Orchestrator) -> None:
    """Go on with whatever is due, as a process beside the others does."""
    while True:
        try:
            await orchestrator.recover()
        except AWAY:
            TALLY.happened("recoveries that met an outage")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def orchestrators(address: str, journal: Journal, plant: str) -> AsyncGenerator[list[Orchestrator]]:
    """Open four orchestrators, each with a store of its own; every other one tells of an outage at once."""
    async with AsyncExitStack() as stack:
        stores = [planted(plant, store_at(where)) for where in (impatient(address), address) * 2]
        made = [Orchestrator(store, workflows=[journey(journal)], lease=LEASE) for store in stores]
        yield [await stack.enter_async_context(one) for one in made]


@asynccontextmanager
async def struck(strikes: Strikes) -> AsyncGenerator[None]:
    """Let the servers be struck meanwhile; they are there at the end."""
    striking = asyncio.create_task(strikes.go_on())
    try:
        yield
    finally:
        strikes.enough = True
        await striking


async def travel_all(traveller: Traveller, waves: int, aside: Orchestrator) -> dict[str, str]:
    """Let waves of runs go on through outages, and give their values."""
    travels: dict[str, asyncio.Task[str]] = {}
    async with asyncio.timeout(PATIENCE * waves), asyncio.TaskGroup() as group:
        recovering = group.create_task(recover_for_ever(aside))
        for wave, number in product(range(waves), range(WAVE)):
            run_id = f"r{wave}-{number}"
            traveller.journal.stops[run_id] = [*STOPS, ""][number % (len(STOPS) + 1)]
            travels[run_id] = group.create_task(traveller.travel(run_id, leaves=number % 4 == 0))
            if number == WAVE - 1:
                await traveller.journal.strikes.over()
        traveller.journal.strikes.enough = True
        await asyncio.wait(travels.values())
        recovering.cancel()
    return {run_id: travel.result() for run_id, travel in travels.items()}


async def live_through(address: str, waves: int, *outages: Outage, plant: str = "") -> Journal:
    """Let runs go on through outages, and check what came of each."""
    journal = Journal(Strikes(outages, Random(7)))
    async with orchestrators(address, journal, plant) as (executing, recovering, *deciding), struck(journal.strikes):
        values = await travel_all(Traveller(journal, executing, deciding), waves, recovering)
    for run_id, value in values.items():
        check_journey(journal, run_id, value)
        check_sight(await sight_of(store_at(address), run_id, Counter()), 0)
    TALLY.happened("runs that went on through outages", len(values))
    TALLY.happened("calls that met an outage", journal.told.total())
    return journal
