from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly_postgres import PostgresStore
from tests.services.plugin import NewPostgres


def until_none(url: str, name: str) -> None:
    """Wait until nobody is connected under this name: a server takes a moment to notice. Fails after some seconds."""
    end = time.monotonic() + 10
    with psycopg.connect(url, autocommit=True) as connection:
        while left := connection.execute(
            "SELECT pid, state, query FROM pg_stat_activity WHERE application_name = %s", (name,)
        ).fetchall():
            assert time.monotonic() < end, f"connections were left open: {left}"
            time.sleep(0.01)


async def until_waiting(admin: psycopg.AsyncConnection[TupleRow], url: str, count: int = 1) -> None:
    """Wait until so many of the store's connections wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while await (await admin.execute(query, (url.partition("application_name=")[2],))).fetchone() != (count,):
            await admin.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)")


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    """Give a database's address under a name of the test's own; no connection under it may be left."""
    name = f"test-{uuid4().hex}"
    yield f"{postgres_url}{'&' if '?' in postgres_url else '?'}application_name={name}"
    until_none(postgres_url, name)


@pytest.fixture
def own_database(new_postgres: NewPostgres) -> str:
    """Give a database on a server of the test's own, where it may do what only administrators may."""
    return new_postgres(fsync="off", full_page_writes="off").url


@pytest.fixture
def namespace() -> str:
    """Name a namespace that nobody else uses."""
    return uuid4().hex


@pytest.fixture
async def store(url: str, namespace: str) -> AsyncIterator[PostgresStore]:
    """Yield an open store without rows."""
    store = PostgresStore(url, namespace=namespace)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def admin(postgres_url: str) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
    """Yield a connection beside the store's."""
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        yield connection
