from __future__ import annotations

import asyncio

import pytest

from awaitly import NotApproved, Ok, Orchestrator, Result, Run, workflow
from awaitly_redis import RedisStore
from tests.support import waiting


@workflow
async def refund(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask one person."""
    return Ok(await run.approval("manager", proposes=amount))


@pytest.mark.parametrize("server", ["redis_url", "redis_cluster_url"])
async def test_a_decision_of_another_process_moves_the_run(
    server: str, namespace: str, request: pytest.FixtureRequest
) -> None:
    """It parks over one store, is decided over a second, and goes on over a third: on one server and on a cluster."""
    url: str = request.getfixturevalue(server)
    async with Orchestrator(RedisStore(url, namespace=namespace), workflows=[refund]) as first:
        assert waiting((await first.start(refund(100), run_id="r", requested_by="rita")).result).run_id == "r"
    async with Orchestrator(RedisStore(url, namespace=namespace)) as second:
        (await second.approve("r", by="ann")).unwrap()
    async with Orchestrator(RedisStore(url, namespace=namespace), workflows=[refund]) as third:
        assert (await third.resume("r")).result == Ok(100)
        assert [run.run_id for run in (await third.runs()).items] == ["r"]


async def test_many_runs_at_once(store: RedisStore) -> None:
    """A hundred runs park, are decided and end, all at the same time."""
    async with Orchestrator(store, workflows=[refund]) as orchestrator:

        async def whole(number: int) -> object:
            run_id = f"run-{number}"
            waiting((await orchestrator.start(refund(number), run_id=run_id, requested_by="rita")).result)
            (await orchestrator.approve(run_id, by="ann")).unwrap()
            return (await orchestrator.resume(run_id)).result

        assert await asyncio.gather(*map(whole, range(100))) == [Ok(number) for number in range(100)]
