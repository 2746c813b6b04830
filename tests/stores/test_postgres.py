from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
import pytest_asyncio

from awaitly.storage.store import Store
from awaitly.testing import TestClock
from awaitly.testing.store_contract import NamespaceContract, Pair, StoreContract, WakingContract, WakingStore
from awaitly.testing.store_machine import check_store
from awaitly_postgres import PostgresStore


@pytest.fixture
def namespace() -> str:
    """Name a namespace that nobody else uses."""
    return uuid4().hex


class TestPostgresStore(StoreContract):
    """The Postgres store keeps the contract."""

    @pytest.fixture
    def clock(self) -> TestClock:
        """Give the clock that the store is made with."""
        return TestClock()

    @pytest_asyncio.fixture
    async def store(self, postgres_url: str, namespace: str, clock: TestClock) -> AsyncIterator[Store]:
        """Open an empty store."""
        store = PostgresStore(postgres_url, namespace=namespace, clock=clock)
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def reopened(
        self, store: Store, postgres_url: str, namespace: str, clock: TestClock
    ) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
        """Close the store, and open the same namespace by another one."""
        another = PostgresStore(postgres_url, namespace=namespace, clock=clock)

        async def again() -> Store:
            await store.close()
            await another.open()
            return another

        yield again
        await another.close()


class TestPostgresWakes(WakingContract):
    """The Postgres store tells of commits."""

    @pytest_asyncio.fixture
    async def store(self, postgres_url: str, namespace: str) -> AsyncIterator[WakingStore]:
        """Open an empty store."""
        store = PostgresStore(postgres_url, namespace=namespace)
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def another(self, postgres_url: str, namespace: str) -> AsyncIterator[WakingStore]:
        """Open the same namespace once more."""
        store = PostgresStore(postgres_url, namespace=namespace)
        await store.open()
        yield store
        await store.close()


class TestPostgresNamespaces(NamespaceContract):
    """The namespaces of a Postgres store are apart."""

    @pytest_asyncio.fixture(params=["b", ":b", "{b}", "/", " "])
    async def pair(self, postgres_url: str, namespace: str, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
        """Open two namespaces of one schema, of which one's name begins with the other's."""
        first = PostgresStore(postgres_url, namespace=namespace)
        second = PostgresStore(postgres_url, namespace=f"{namespace}{request.param}")
        await first.open()
        await second.open()
        yield first, second
        await second.close()
        await first.close()


def test_the_postgres_store_equals_the_model(postgres_url: str) -> None:
    """Over random histories the Postgres store gives the model's answers."""

    async def open_store() -> Store:
        store = PostgresStore(postgres_url, namespace=uuid4().hex)
        await store.open()
        return store

    check_store(open_store)
