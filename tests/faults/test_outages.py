from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from random import Random

import pytest

from awaitly import CommitUnknown, Orchestrator, StoreUnavailable
from tests.faults.inspecting import check_sight, sight_of
from tests.faults.journeys import STOPS, Journal, Traveller, check_journey, journey
from tests.faults.outages import Outage, Strikes
from tests.faults.planting import planted
from tests.faults.stores import impatient, split, store_at
from tests.faults.tally import TALLY, Violated
from tests.services.plugin import NewPostgres, NewRedis, NewRedisCluster

LEASE = "0.5s"
WAVE = 30
PATIENCE = 60.0


async def recover_for_ever(orchestrator: Orchestrator) -> None:
    """Go on with whatever is due, as a process beside the others does."""
    while True:
        try:
            await orchestrator.recover()
        except (StoreUnavailable, CommitUnknown):
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


async def live_through(address: str, waves: int, *outages: Outage, plant: str = "") -> None:
    """Let runs go on through outages, and check what came of each."""
    journal = Journal(Strikes(outages, Random(7)))
    async with orchestrators(address, journal, plant) as (executing, recovering, *deciding), struck(journal.strikes):
        values = await travel_all(Traveller(journal, executing, deciding), waves, recovering)
    for run_id, value in values.items():
        check_journey(journal, run_id, value)
        check_sight(await sight_of(store_at(address), run_id, Counter()), 0)
    TALLY.happened("runs that went on through outages", len(values))
    TALLY.happened("calls that met an outage", journal.told.total())


MANY = pytest.param(-(-1000 // WAVE), marks=pytest.mark.slow)
WAVES = [2, MANY]


@pytest.mark.parametrize("waves", WAVES)
async def test_restarts_of_postgres_lose_nothing(waves: int, new_postgres: NewPostgres) -> None:
    """Postgres is restarted without tidying up, again and again: runs lose nothing, and go on without a hand."""
    server = new_postgres()
    await live_through(f"{server.url}?application_name=outages", waves, Outage(server.crash, server.start))


@pytest.mark.parametrize("waves", WAVES)
async def test_kills_of_redis_lose_nothing(waves: int, new_redis: NewRedis) -> None:
    """Redis is killed and started, again and again: runs lose nothing, and go on without a hand."""
    server = new_redis()
    await live_through(server.url, waves, Outage(server.kill, server.start))


@pytest.mark.parametrize("waves", [MANY])
async def test_kills_of_a_cluster_lose_nothing(waves: int, new_redis_cluster: NewRedisCluster) -> None:
    """The nodes of a Redis Cluster are killed and started in turn: runs lose nothing, and go on without a hand."""
    cluster = new_redis_cluster()
    await live_through(cluster.url, waves, *(Outage(node.kill, node.start) for node in cluster.nodes))


@pytest.mark.parametrize("waves", WAVES)
async def test_outages_of_either_half_lose_nothing(waves: int, new_postgres: NewPostgres, new_redis: NewRedis) -> None:
    """Approvals are in Redis and runs in Postgres, which are away in turn: runs lose nothing, and go on."""
    approvals, state = new_redis(), new_postgres()
    both = Outage(approvals.kill, approvals.start), Outage(state.crash, state.start)
    await live_through(split(approvals.url, f"{state.url}?application_name=outages"), waves, *both)


async def test_outages_show_a_store_that_forgets(new_redis: NewRedis) -> None:
    """Where the store forgets steps that it said were written, runs that meet an outage are set aside."""
    server = new_redis()
    with TALLY.aside(), pytest.raises(ExceptionGroup) as raised:
        await live_through(server.url, 1, Outage(server.kill, server.start), plant="steps are forgotten")
    assert raised.group_contains(Violated, match="NEEDS_REVIEW")
