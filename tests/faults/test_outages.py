from __future__ import annotations

import pytest

from tests.faults.lengths import TRAVELS, times
from tests.faults.outages import Outage
from tests.faults.stores import split
from tests.faults.tally import TALLY, Violated
from tests.faults.travels import WAVE, live_through
from tests.services.plugin import NewPostgres, NewRedis, NewRedisCluster

FEW = 2
MANY = pytest.param(-(-times(TRAVELS) // WAVE), marks=pytest.mark.slow)
WAVES = [FEW, MANY]


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
