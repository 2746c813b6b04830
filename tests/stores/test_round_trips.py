from __future__ import annotations

import re

import psycopg

from awaitly import NotApproved, Ok, Orchestrator, Result, Run, open_store, workflow
from tests.services.asking import told
from tests.services.plugin import NewPostgres, NewRedis
from tests.services.redis_server import RedisServer


async def add_one(number: int) -> Result[int, NotApproved]:
    """Take a small step."""
    return Ok(number + 1)


async def add_two(number: int) -> Result[int, NotApproved]:
    """Take another one."""
    return Ok(number + 2)


@workflow
async def order(run: Run[NotApproved], number: int) -> Result[int, NotApproved]:
    """Step, step, approval, step."""
    first = await run.step(add_one, number)
    second = await run.step(add_two, first)
    approved = await run.approval("manager", proposes=second)
    return Ok(await run.step(add_one, approved))


async def start(orchestrator: Orchestrator, run_id: str) -> None:
    """Go as far as the approval."""
    assert (await orchestrator.start(order(1), run_id=run_id)).pending


async def decide(orchestrator: Orchestrator, run_id: str) -> None:
    """Go from the decision to the end."""
    execution = (await orchestrator.approve(run_id, by="ann", resume=order)).unwrap()
    assert execution.result == Ok(5)


def statements(url: str) -> dict[str, int]:
    """Count the calls of each statement since the last count, as the server did: reads, and commits."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT sum(calls) FILTER (WHERE query LIKE '%commit_batch%'),"
            " sum(calls) FILTER (WHERE query NOT LIKE '%commit_batch%')"
            " FROM pg_stat_statements WHERE toplevel AND query LIKE '%awaitly%'"
        ).fetchone()
        connection.execute("SELECT pg_stat_statements_reset()")
        writes, reads = found or (0, 0)
        return {"writes": int(writes or 0), "reads": int(reads or 0)}


async def test_round_trips_to_postgres(new_postgres: NewPostgres) -> None:
    """From start to parked with two steps 3 writes; from approval to the end 2 writes and at most 2 reads."""
    server = new_postgres(shared_preload_libraries="pg_stat_statements", **{"pg_stat_statements.track": "top"})
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    async with Orchestrator(open_store(server.url), workflows=[order]) as orchestrator:
        await start(orchestrator, "warm")
        statements(server.url)
        await start(orchestrator, "one")
        assert statements(server.url) == {"writes": 3, "reads": 0}
        await decide(orchestrator, "one")
        found = statements(server.url)
        assert found["writes"] == 2
        assert 1 <= found["reads"] <= 2


def scripts(server: RedisServer) -> int:
    """Count the scripts that the server has run."""
    stats = told(server.port, "INFO", "commandstats")
    return sum(int(re.findall(r"calls=(\d+)", value)[0]) for name, value in stats.items() if "_eval" in name)


async def test_round_trips_to_redis(new_redis: NewRedis) -> None:
    """From start to parked with two steps 3 scripts; from approval to the end 2 that write and at most 2 that read."""
    server = new_redis()
    async with Orchestrator(open_store(server.url), workflows=[order]) as orchestrator:
        await start(orchestrator, "warm")
        await decide(orchestrator, "warm")
        before = scripts(server)
        await start(orchestrator, "one")
        started = scripts(server)
        await decide(orchestrator, "one")
        assert started - before == 3
        assert 3 <= scripts(server) - started <= 4
