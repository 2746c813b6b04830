"""The contract over planted bugs, a class each with what catches it; `test_contract_bites.py` wants to see it fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Store
from awaitly.testing import TestClock
from awaitly.testing.store_contract import NamespaceContract, Pair, StoreContract, WakingContract, WakingStore
from tests.stores.planted.bug import Bug
from tests.stores.planted.in_audiences import AUDIENCE_BUGS
from tests.stores.planted.in_commits import COMMIT_BUGS
from tests.stores.planted.in_lanes import LANE_BUGS
from tests.stores.planted.in_namespaces import NAMESPACE_BUGS, NamespaceBug
from tests.stores.planted.in_notices import NOTICE_BUGS
from tests.stores.planted.in_pages import PAGE_BUGS
from tests.stores.planted.in_reads import READ_BUGS
from tests.stores.planted.in_redactions import REDACTION_BUGS
from tests.stores.planted.in_waking import WAKING_BUGS, WakingBug

BUGS: dict[str, Bug] = {
    **COMMIT_BUGS,
    **REDACTION_BUGS,
    **READ_BUGS,
    **LANE_BUGS,
    **PAGE_BUGS,
    **AUDIENCE_BUGS,
    **NOTICE_BUGS,
}
CAUGHT_BY = {name: bug.caught_by for bugs in (BUGS, WAKING_BUGS, NAMESPACE_BUGS) for name, bug in bugs.items()}
"""The tests that must fail for each bug, of whichever contract."""


class Planted(StoreContract):
    """The contract over a store with a bug."""

    bug: ClassVar[Bug]

    @pytest.fixture
    def clock(self) -> TestClock:
        """Give the clock that the store is made with."""
        return TestClock()

    @pytest_asyncio.fixture
    async def store(self, clock: TestClock) -> AsyncIterator[Store]:
        """Open an empty store with the bug in it."""
        store = self.bug.planted(MemoryStore(clock=clock))
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    def reopened(self, store: Store) -> Callable[[], Awaitable[Store]]:
        """Close the store and open it again."""

        async def again() -> Store:
            await store.close()
            await store.open()
            return store

        return again


class PlantedWaking(WakingContract):
    """The contract of telling, over two stores with a bug that share one memory."""

    bug: ClassVar[WakingBug]
    patience = 0.3

    @pytest_asyncio.fixture
    async def memory(self) -> AsyncIterator[MemoryStore]:
        """Open an empty store."""
        memory = MemoryStore()
        await memory.open()
        yield memory
        await memory.close()

    @pytest.fixture
    def store(self, memory: MemoryStore) -> WakingStore:
        """Give the one."""
        return self.bug.plant(memory)

    @pytest.fixture
    def another(self, memory: MemoryStore) -> WakingStore:
        """Give the other."""
        return self.bug.plant(memory)


class PlantedNamespaces(NamespaceContract):
    """The contract of namespaces, over a pair that is not quite apart."""

    bug: ClassVar[NamespaceBug]
    patience = 0.3

    @pytest_asyncio.fixture
    async def pair(self) -> AsyncIterator[Pair]:
        """Open two empty stores."""
        first, second = MemoryStore(), MemoryStore()
        await first.open()
        await second.open()
        yield self.bug.plant(first, second)
        await first.close()
        await second.close()


def class_name(name: str) -> str:
    """Give the name of a bug's class."""
    return "Test" + "".join(word.capitalize() for word in name.replace("-", " ").split())


def classes(base: type, bugs: dict[str, Any]) -> dict[str, type]:
    """Make a class for each bug, with the tests that must fail alone: to collect all others takes longest."""
    facts = [name for name in dir(base) if name.startswith("test_")]
    return {
        class_name(name): type(
            class_name(name), (base,), {"bug": bug, **{fact: None for fact in facts if fact not in bug.caught_by}}
        )
        for name, bug in bugs.items()
    }


globals().update(classes(Planted, BUGS))
globals().update(classes(PlantedWaking, {**WAKING_BUGS}))
globals().update(classes(PlantedNamespaces, {**NAMESPACE_BUGS}))
