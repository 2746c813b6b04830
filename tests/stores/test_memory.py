from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Store
from awaitly.testing import CountingStore, FailingStore, Failpoints, TestClock
from awaitly.testing.store_contract import NamespaceContract, Pair, StoreContract, WakingContract, WakingStore
from awaitly.working.dispatch import Due, dispatching


class TestMemoryStore(StoreContract):
    """The reference store keeps the contract."""

    @pytest.fixture
    def clock(self) -> TestClock:
        """Give the clock that the store is made with."""
        return TestClock()

    @pytest_asyncio.fixture
    async def store(self, clock: TestClock) -> AsyncIterator[Store]:
        """Open an empty store."""
        store = self.made(MemoryStore(clock=clock))
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    def reopened(self, store: Store) -> Callable[[], Awaitable[Store]]:
        """Close the store and open it again: as long as the object lives, so do its rows."""

        async def again() -> Store:
            await store.close()
            await store.open()
            return store

        return again

    def made(self, store: Store) -> Store:
        """Give the store under test; wrappers override this."""
        return store


class TestWrappedStore(TestMemoryStore):
    """Counting, failpoints that are not armed, and dispatching change nothing, one around the other."""

    def made(self, store: Store) -> Store:
        """Wrap the store in each."""
        return dispatching(CountingStore(FailingStore(store, Failpoints())), Nowhere())


class Nowhere:
    """Loses all work."""

    async def dispatch(self, work: Due) -> None:
        """Lose it."""


class TestMemoryWaking(WakingContract):
    """The reference store tells of commits within its process."""

    @pytest_asyncio.fixture
    async def store(self) -> AsyncIterator[WakingStore]:
        """Open an empty store."""
        store = MemoryStore()
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    def another(self, store: WakingStore) -> WakingStore:
        """Give the same: its rows are in no other."""
        return store


class TestMemoryApart(NamespaceContract):
    """Two reference stores have nothing in common, as two namespaces have."""

    @pytest_asyncio.fixture
    async def pair(self) -> AsyncIterator[Pair]:
        """Open two empty stores."""
        first, second = MemoryStore(), MemoryStore()
        await first.open()
        await second.open()
        yield first, second
        await first.close()
        await second.close()
