from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from typing import cast

import pytest
import pytest_asyncio

from awaitly import Store
from awaitly.testing.rows import T0, approval_row, changes
from awaitly_redis import RedisStore
from awaitly_redis.keys import Keys
from tests.adapters.lanes import History, LaneFacts, applied, placed
from tests.adapters.redis.asking import asked, beside


class TestLanes(LaneFacts):
    """Sixteen shards of one server answer as one."""

    @pytest_asyncio.fixture
    async def store(self, redis_url: str, namespace: str) -> AsyncIterator[Store]:
        """Open a store without rows."""
        async for store in opened(redis_url, namespace):
            yield store


class TestLanesOnACluster(LaneFacts):
    """The same on three masters."""

    @pytest_asyncio.fixture
    async def store(self, redis_cluster_url: str, namespace: str) -> AsyncIterator[Store]:
        """Open a store without rows."""
        async for store in opened(redis_cluster_url, namespace):
            yield store


async def opened(url: str, namespace: str) -> AsyncIterator[Store]:
    """Open a store, and close it."""
    store = RedisStore(url, namespace=namespace)
    await store.open()
    yield store
    await store.close()


async def test_namespaces_share_no_lane(redis_url: str, namespace: str, store: RedisStore) -> None:
    """Lanes of one name in two namespaces have nothing to do with each other."""
    async for other in opened(redis_url, f"{namespace}-other"):
        await applied(store, placed("x", "a", T0), placed("y", "a", ready=True))
        await applied(other, placed("z", "a", T0 + 5))
        assert await store.due(T0 + 9, 10, ["a"]) == ("x", "y")
        assert await other.due(T0 + 9, 10, ["a"]) == ("z",)
        assert [await each.next_due(T0 - 1, ["a"]) for each in (store, other)] == [T0, T0 + 5]


@pytest.mark.parametrize("seed", range(4))
async def test_forgotten_runs_leave_no_trace(redis_url: str, namespace: str, store: RedisStore, seed: int) -> None:
    """After any history of a run, with lanes, times and decisions, not one key of it is left once it is forgotten."""
    history = History(Random(seed))
    await applied(store, *(history.commit() for _ in range(200)))
    await applied(store, *(history.forgotten(run_id) for run_id in tuple(history.runs)))
    async with beside(redis_url) as client:
        keys = cast("list[bytes]", await asked(client, "KEYS", f"*:{namespace}}}?*"))
    assert {key.rpartition(b"}")[2][:1] for key in keys} == {b"w"}, "what is left is of the writer, and goes by itself"


async def test_a_damaged_run_is_in_nobodys_way(redis_url: str, namespace: str, store: RedisStore) -> None:
    """What is kept of one is no row of awaitly's; the others of its lane are named all the same."""
    await applied(store, placed("damaged", "a", ready=True), placed("sound", "a", ready=True))
    await applied(store, placed("timed", "a", T0), changes(approvals=(approval_row("timed", ready=True),)))
    async with beside(redis_url) as client:
        await asked(client, "HSET", Keys(namespace, 16).run(b"damaged"), "r", "theirs")
    assert await store.due(T0, 10, ["a"]) == ("timed", "sound")
    assert await store.due(T0, 10) == ("timed", "damaged", "sound")
