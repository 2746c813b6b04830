from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from awaitly.storage.store import Store
from awaitly.testing import TestClock
from awaitly.testing.store_contract import StoreContract, WakingContract, WakingStore
from awaitly.testing.store_machine import check_store
from awaitly_sqlite import SqliteStore


class TestSqliteStore(StoreContract):
    """The SQLite store keeps the contract."""

    @pytest.fixture
    def clock(self) -> TestClock:
        """Give the clock that the store is made with."""
        return TestClock()

    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path, clock: TestClock) -> AsyncIterator[Store]:
        """Open an empty store."""
        store = SqliteStore(tmp_path / "store.db", clock=clock)
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def reopened(
        self, store: Store, tmp_path: Path, clock: TestClock
    ) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
        """Close the store, and open the same file by another one."""
        another = SqliteStore(tmp_path / "store.db", clock=clock)

        async def again() -> Store:
            await store.close()
            await another.open()
            return another

        yield again
        await another.close()


class TestSqliteWakes(WakingContract):
    """The SQLite store tells of commits, by one store and by another over the same file."""

    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[WakingStore]:
        """Open an empty store."""
        store = SqliteStore(tmp_path / "store.db")
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def another(self, tmp_path: Path, store: WakingStore) -> AsyncIterator[WakingStore]:
        """Open the same file once more."""
        store = SqliteStore(tmp_path / "store.db")
        await store.open()
        yield store
        await store.close()


def test_the_sqlite_store_equals_the_model(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over random histories the SQLite store gives the model's answers."""

    async def open_store() -> Store:
        store = SqliteStore(tmp_path_factory.mktemp("machine") / "store.db")
        await store.open()
        return store

    check_store(open_store)
