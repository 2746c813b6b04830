from __future__ import annotations

from hypothesis import settings

from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Store
from awaitly.testing import CountingStore, FailingStore, Failpoints
from awaitly.testing.store_machine import check_store, machine_settings


async def open_memory_store() -> Store:
    """Give an empty store."""
    store = MemoryStore()
    await store.open()
    return store


async def open_wrapped_store() -> Store:
    """Give an empty store within both wrappers."""
    return CountingStore(FailingStore(await open_memory_store(), Failpoints()))


def test_the_memory_store_equals_the_model() -> None:
    """Over random histories the reference store and the model, written apart, give the same answers."""
    check_store(open_memory_store)


def test_a_wrapped_store_equals_the_model() -> None:
    """Wrappers hand on every question and every answer."""
    check_store(open_wrapped_store, settings(machine_settings(), max_examples=25))
