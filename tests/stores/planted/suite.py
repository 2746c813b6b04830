"""The contract over every planted bug, a class each; `test_contract_bites.py` runs it and wants to see it fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ClassVar

import pytest
import pytest_asyncio

from awaitly.memory import MemoryStore
from awaitly.store import Store
from awaitly.testing import TestClock
from awaitly.testing.store_contract import StoreContract
from tests.stores.planted.bug import Bug
from tests.stores.planted.in_commits import COMMIT_BUGS
from tests.stores.planted.in_pages import PAGE_BUGS
from tests.stores.planted.in_reads import READ_BUGS

BUGS: dict[str, Bug] = {**COMMIT_BUGS, **READ_BUGS, **PAGE_BUGS}


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


def class_name(name: str) -> str:
    """Give the name of a bug's class."""
    return "Test" + "".join(word.capitalize() for word in name.replace("-", " ").split())


globals().update({class_name(name): type(class_name(name), (Planted,), {"bug": bug}) for name, bug in BUGS.items()})
