from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from awaitly.memory import MemoryStore
from awaitly.store import Store
from awaitly.testing import CountingStore, FailingStore, Failpoints, TestClock
from awaitly.testing.store_contract import StoreContract


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


class TestCountingStore(TestMemoryStore):
    """Counting changes nothing."""

    def made(self, store: Store) -> Store:
        """Wrap the store."""
        return CountingStore(store)


class TestFailingStore(TestMemoryStore):
    """A store whose failpoints are not armed is like any other."""

    def made(self, store: Store) -> Store:
        """Wrap the store."""
        return FailingStore(store, Failpoints())
