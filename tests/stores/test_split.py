from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import settings

from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Store
from awaitly.testing import TestClock
from awaitly.testing.store_contract import StoreContract, WakingContract, WakingStore
from awaitly.testing.store_machine import check_store, machine_settings
from awaitly_postgres import PostgresStore
from awaitly_redis import RedisStore
from awaitly_split import SplitStore
from awaitly_sqlite import SqliteStore
from tests.faults.lengths import LONG

FEW = 15
"""Histories of each pair, where the run is no long one."""
Make: TypeAlias = Callable[[], SplitStore]
"""Makes a store over the same two halves, each time another."""


@pytest.fixture
def clock() -> TestClock:
    """Give the clock of the approvals store where wake-ups are looked at."""
    return TestClock()


@pytest.fixture
def in_memory(clock: TestClock) -> Make:
    """Join two memory stores."""
    approvals, state = MemoryStore(clock=clock), MemoryStore()
    return lambda: SplitStore(approvals=approvals, state=state)


@pytest.fixture
def in_files(tmp_path: Path, clock: TestClock) -> Make:
    """Join two files."""
    return lambda: SplitStore(
        approvals=SqliteStore(tmp_path / "approvals.db", clock=clock), state=SqliteStore(tmp_path / "state.db")
    )


@pytest.fixture
def on_redis_and_postgres(redis_url: str, postgres_url: str, clock: TestClock) -> Make:
    """Join the two servers that are split most often."""
    namespace = f"split-{uuid4().hex}"
    return lambda: SplitStore(
        approvals=RedisStore(redis_url, namespace=namespace, clock=clock),
        state=PostgresStore(postgres_url, namespace=namespace),
    )


@pytest.fixture
def on_postgres_and_a_file(postgres_url: str, tmp_path: Path, clock: TestClock) -> Make:
    """Join a server that many share and a file of one host."""
    namespace = f"split-{uuid4().hex}"
    return lambda: SplitStore(
        approvals=PostgresStore(postgres_url, namespace=namespace, clock=clock),
        state=SqliteStore(tmp_path / "state.db"),
    )


class ContractOverHalves(StoreContract):
    """The contract, over whatever two stores `make` joins."""

    @pytest.fixture
    def clock(self) -> TestClock:
        """Give the clock that the approvals store is made with."""
        return TestClock()

    @pytest_asyncio.fixture
    async def store(self, make: Make) -> AsyncIterator[Store]:
        """Open an empty store."""
        store = make()
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def reopened(self, store: Store, make: Make) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
        """Close the store, and open the same halves by another one."""
        another = make()

        async def again() -> Store:
            await store.close()
            await another.open()
            return another

        yield again
        await another.close()


class TestSplitInMemory(ContractOverHalves):
    """Two memory stores joined keep the contract."""

    @pytest.fixture
    def make(self, in_memory: Make) -> Make:
        """Give the two."""
        return in_memory


@pytest.mark.slow
class TestSplitInFiles(ContractOverHalves):
    """Two SQLite stores joined keep the contract."""

    @pytest.fixture
    def make(self, in_files: Make) -> Make:
        """Give the two."""
        return in_files


@pytest.mark.slow
class TestSplitOnRedisAndPostgres(ContractOverHalves):
    """Approvals on Redis and runs on Postgres keep the contract."""

    @pytest.fixture
    def make(self, on_redis_and_postgres: Make) -> Make:
        """Give the two."""
        return on_redis_and_postgres


@pytest.mark.slow
class TestSplitOnPostgresAndAFile(ContractOverHalves):
    """Approvals on Postgres and runs in a file keep the contract."""

    @pytest.fixture
    def make(self, on_postgres_and_a_file: Make) -> Make:
        """Give the two."""
        return on_postgres_and_a_file


class WakingOverHalves(WakingContract):
    """The contract for wake-ups, over whatever two stores `make` joins."""

    @pytest_asyncio.fixture
    async def opened(self, make: Make) -> AsyncIterator[list[SplitStore]]:
        """Open two stores over the same halves."""
        async with AsyncExitStack() as stack:
            stores = [make(), make()]
            for store in stores:
                await store.open()
                stack.push_async_callback(store.close)
            yield stores

    @pytest.fixture
    def store(self, opened: list[SplitStore]) -> WakingStore:
        """Give the one."""
        return opened[0]

    @pytest.fixture
    def another(self, opened: list[SplitStore]) -> WakingStore:
        """Give the other."""
        return opened[1]


class TestSplitWakesInMemory(WakingOverHalves):
    """Two memory stores joined tell of commits."""

    @pytest.fixture
    def make(self, in_memory: Make) -> Make:
        """Give the two."""
        return in_memory


class TestSplitWakesOnRedisAndPostgres(WakingOverHalves):
    """Redis and Postgres joined tell of commits."""

    @pytest.fixture
    def make(self, on_redis_and_postgres: Make) -> Make:
        """Give the two."""
        return on_redis_and_postgres


@pytest.mark.parametrize("pair", ["in-memory", "in-files", "redis-and-postgres", "postgres-and-a-file"])
def test_a_split_store_equals_the_model(pair: str, request: pytest.FixtureRequest) -> None:
    """Over random histories two stores joined give the model's answers."""
    halves = MAKING[pair](request)

    async def open_store() -> Store:
        approvals, state = halves()
        store = SplitStore(approvals=approvals, state=state)
        await store.open()
        return store

    length = machine_settings()
    check_store(open_store, length if LONG else settings(length, max_examples=FEW))


def in_new_memory(request: pytest.FixtureRequest) -> Callable[[], tuple[Store, Store]]:
    """Give two empty stores in memory."""
    return lambda: (MemoryStore(), MemoryStore())


def in_new_files(request: pytest.FixtureRequest) -> Callable[[], tuple[Store, Store]]:
    """Give two empty files."""
    folders: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")

    def make() -> tuple[Store, Store]:
        here = folders.mktemp("machine")
        return SqliteStore(here / "approvals.db"), SqliteStore(here / "state.db")

    return make


def on_new_redis_and_postgres(request: pytest.FixtureRequest) -> Callable[[], tuple[Store, Store]]:
    """Give new namespaces on both."""
    redis: str = request.getfixturevalue("redis_url")
    postgres: str = request.getfixturevalue("postgres_url")

    def make() -> tuple[Store, Store]:
        namespace = f"split-{uuid4().hex}"
        return RedisStore(redis, namespace=namespace), PostgresStore(postgres, namespace=namespace)

    return make


def on_new_postgres_and_a_file(request: pytest.FixtureRequest) -> Callable[[], tuple[Store, Store]]:
    """Give a new namespace and an empty file."""
    folders: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    postgres: str = request.getfixturevalue("postgres_url")

    def make() -> tuple[Store, Store]:
        file = folders.mktemp("machine") / "state.db"
        return PostgresStore(postgres, namespace=f"split-{uuid4().hex}"), SqliteStore(file)

    return make


MAKING = {
    "in-memory": in_new_memory,
    "in-files": in_new_files,
    "redis-and-postgres": on_new_redis_and_postgres,
    "postgres-and-a-file": on_new_postgres_and_a_file,
}
