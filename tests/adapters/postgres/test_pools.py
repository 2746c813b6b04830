"""A caller's own pool: used as it is, and left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from awaitly.exceptions import StoreUnavailable
from awaitly.result import Ok
from awaitly.storage.store import RunQuery
from awaitly.testing.rows import changes, run_row
from awaitly_postgres import PostgresStore, Settings


@pytest.fixture
async def pool(url: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    """Give a pool whose connections are as an application may like them: transactions, and rows as dictionaries."""
    async with AsyncConnectionPool(url, min_size=1, max_size=3, open=False, kwargs={"row_factory": dict_row}) as pool:
        yield pool


async def test_a_callers_pool_serves_a_store(pool: AsyncConnectionPool[Any], namespace: str) -> None:
    """For all that a store does; afterwards it is open, and its connections are as they were."""
    store = PostgresStore(pool, namespace=namespace)
    await store.open()
    async with store.listening() as wakes:
        assert await store.commit(changes(runs=(run_row(),), wakes=True)) == Ok(None)
        assert await wakes.next(20) == {"run"}
        assert (await store.load("run")).run == run_row()
        assert (await store.page_runs(RunQuery())).items == (run_row(),)
    await store.close()
    assert not pool.closed
    for _ in range(6):
        async with pool.connection() as connection:
            assert not connection.autocommit
            assert await (await connection.execute("SELECT 1 AS one")).fetchone() == {"one": 1}
    assert await store_rests(pool)


async def store_rests(pool: AsyncConnectionPool[Any]) -> bool:
    """Whether all connections of the pool are back in it."""
    stats = pool.get_stats()
    return stats["pool_available"] == stats["pool_size"]


async def test_two_stores_share_a_pool(pool: AsyncConnectionPool[Any], namespace: str) -> None:
    """As many as there are namespaces."""
    stores = [PostgresStore(pool, namespace=f"{namespace}{n}") for n in range(3)]
    for store in stores:
        await store.open()
    commits = [store.commit(changes(runs=(run_row(),))) for store in stores for _ in range(2)]
    results = await asyncio.gather(*commits)
    assert [results[n : n + 2].count(Ok(None)) for n in range(0, 6, 2)] == [1, 1, 1]
    for store in stores:
        await store.close()


async def test_a_pool_that_is_not_open(url: str) -> None:
    """Its owner is told to open it first."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(url, open=False)
    with pytest.raises(StoreUnavailable, match="opens it first"):
        await PostgresStore(pool).open()


async def test_a_pool_that_was_closed(pool: AsyncConnectionPool[Any], namespace: str) -> None:
    """The store says so."""
    store = PostgresStore(pool, namespace=namespace)
    await store.open()
    await pool.close()
    with pytest.raises(StoreUnavailable, match="the pool is closed"):
        await store.load("run")
    with pytest.raises(StoreUnavailable, match="the pool is closed"):
        await store.commit(changes(runs=(run_row(),)))
    await store.close()


async def test_a_pool_without_a_free_connection(pool: AsyncConnectionPool[Any], namespace: str) -> None:
    """After `reconnect` the store gives up; once there is one again, it goes on."""
    store = PostgresStore(pool, namespace=namespace, settings=Settings(reconnect="200ms"))
    await store.open()
    taken = [await pool.getconn() for _ in range(3)]
    with pytest.raises(StoreUnavailable, match="in use"):
        await store.load("run")
    with pytest.raises(StoreUnavailable, match="in use"):
        await store.commit(changes(runs=(run_row(),)))
    for connection in taken:
        await pool.putconn(connection)
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    await store.close()
