from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
import pytest_asyncio

from awaitly.storage.store import Store
from awaitly.testing import TestClock
from awaitly.testing.store_contract import NamespaceContract, Pair, StoreContract, WakingContract, WakingStore
from awaitly.testing.store_machine import check_store
from awaitly_redis import RedisStore


def fresh() -> str:
    """Name a namespace that nobody else has."""
    return f"contract-{uuid4().hex}"


class ContractOverRedis(StoreContract):
    """The contract, wherever `url` leads."""

    @pytest.fixture
    def clock(self) -> TestClock:
        """Give the clock that the store is made with."""
        return TestClock()

    @pytest.fixture
    def namespace(self) -> str:
        """Name the namespace."""
        return fresh()

    @pytest_asyncio.fixture
    async def store(self, url: str, namespace: str, clock: TestClock) -> AsyncIterator[Store]:
        """Open an empty store."""
        store = RedisStore(url, namespace=namespace, clock=clock)
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def reopened(
        self, store: Store, url: str, namespace: str, clock: TestClock
    ) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
        """Close the store, and open the same namespace by another one."""
        another = RedisStore(url, namespace=namespace, clock=clock)

        async def again() -> Store:
            await store.close()
            await another.open()
            return another

        yield again
        await another.close()


class TestRedisStore(ContractOverRedis):
    """The Redis store keeps the contract on one server."""

    @pytest.fixture
    def url(self, redis_url: str) -> str:
        """Give the server's address."""
        return redis_url


@pytest.mark.slow
class TestRedisStoreOnACluster(ContractOverRedis):
    """The Redis store keeps the contract on a cluster of three masters."""

    @pytest.fixture
    def url(self, redis_cluster_url: str) -> str:
        """Give the cluster's address."""
        return redis_cluster_url


class WakingOverRedis(WakingContract):
    """The contract for wake-ups, wherever `url` leads."""

    @pytest.fixture
    def namespace(self) -> str:
        """Name the namespace."""
        return fresh()

    @pytest_asyncio.fixture
    async def store(self, url: str, namespace: str) -> AsyncIterator[WakingStore]:
        """Open an empty store."""
        store = RedisStore(url, namespace=namespace)
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def another(self, url: str, namespace: str) -> AsyncIterator[WakingStore]:
        """Open a second store over the same namespace."""
        another = RedisStore(url, namespace=namespace)
        await another.open()
        yield another
        await another.close()


class TestRedisWaking(WakingOverRedis):
    """The Redis store wakes who listens on one server."""

    @pytest.fixture
    def url(self, redis_url: str) -> str:
        """Give the server's address."""
        return redis_url


class TestRedisWakingOnACluster(WakingOverRedis):
    """The Redis store wakes who listens on a cluster, whichever node the run lies on."""

    @pytest.fixture
    def url(self, redis_cluster_url: str) -> str:
        """Give the cluster's address."""
        return redis_cluster_url


ALIKE = {
    "longer": ("{}", "{}b"),
    "colon": ("{}", "{}:b"),
    "brace": ("{}", "{}{{b}}"),
    "closing-brace": ("{}", "}}{}"),
    "case": ("{}a", "{}A"),
    "composed-and-not": ("{}\u00e9", "{}e\u0301"),
}


class TestRedisNamespaces(NamespaceContract):
    """Namespaces on one Redis are apart, however alike their names."""

    @pytest_asyncio.fixture(params=list(ALIKE.values()), ids=list(ALIKE))
    async def pair(self, redis_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
        """Open two stores whose namespaces are alike."""
        mark = fresh()
        async with AsyncExitStack() as stack:
            stores = [RedisStore(redis_url, namespace=name.format(mark)) for name in request.param]
            for store in stores:
                await store.open()
                stack.push_async_callback(store.close)
            yield (stores[0], stores[1])


@pytest.mark.parametrize("server", ["redis_url", pytest.param("redis_cluster_url", marks=pytest.mark.slow)])
def test_the_redis_store_equals_the_model(server: str, request: pytest.FixtureRequest) -> None:
    """Over random histories the Redis store gives the model's answers, on one server and on a cluster."""
    url: str = request.getfixturevalue(server)

    async def open_store() -> Store:
        store = RedisStore(url, namespace=fresh())
        await store.open()
        return store

    check_store(open_store)
