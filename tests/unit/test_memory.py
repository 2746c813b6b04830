from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from awaitly.exceptions import StoreUnavailable, UnknownStore
from awaitly.result import Err, Ok
from awaitly.storage.memory import MemoryStore, open_memory
from awaitly.storage.store import Changes, Conflict, Described, Hold, Joining, Migrating, Store, Waking
from awaitly.testing.rows import approval_row, changes, entry_row, notice_row, run_row, step_row


async def opened() -> MemoryStore:
    """Give an open store with one of each kind of row."""
    store = MemoryStore()
    await store.open()
    beside = changes(steps=(step_row(),), approvals=(approval_row(),), notices=(notice_row(),), entries=(entry_row(),))
    rows = evolve(beside, runs=(run_row(),))
    assert await store.commit(rows) == Ok(None)
    return store


def test_it_is_a_store() -> None:
    """The type checkers see that it has all that a store must have."""
    store: Store = MemoryStore()
    assert isinstance(store, MemoryStore)


def test_it_can_tell_of_commits() -> None:
    """Of the abilities that a store may have besides it has this one."""
    store = MemoryStore()
    assert isinstance(store, Waking)
    assert not isinstance(store, Joining | Migrating | Described)


def test_the_url_gives_a_store() -> None:
    """`memory:` gives a new store each time."""
    assert open_memory("memory:") is not open_memory("memory:")


@pytest.mark.parametrize("url", ["memory:x", "memory://", "memory:///a.db", "memory:?a=1", "memory", "", "MEMORY:"])
def test_an_address_in_the_url_is_refused(url: str) -> None:
    """There is nothing that it could mean; the message says what to write."""
    with pytest.raises(UnknownStore, match="write 'memory:'"):
        open_memory(url)


async def test_a_store_that_was_never_opened_is_unavailable() -> None:
    """As one that was closed; the message says what to do."""
    with pytest.raises(StoreUnavailable, match=r"`async with Orchestrator\(store\)` or `await store\.open\(\)`"):
        await MemoryStore().now()


async def test_opening_twice_keeps_the_rows() -> None:
    """The second `open` does nothing."""
    store = await opened()
    await store.open()
    assert (await store.load("run")).run == run_row()


async def test_two_stores_share_nothing() -> None:
    """Each has its own rows."""
    await opened()
    other = MemoryStore()
    await other.open()
    assert (await other.load("run")).run is None


@pytest.mark.parametrize(
    ("commit", "what"),
    [
        (changes(runs=(run_row(),)), "the run already exists, at version 1"),
        (changes(runs=(run_row(version=3),)), "the run is at version 1, not 2"),
        (changes(runs=(run_row("none", 2),)), "the run does not exist"),
        (changes(holds=(Hold("run", 2),)), "the run is at version 1, not 2"),
        (changes(holds=(Hold("none", 1),)), "the run does not exist"),
        (changes(steps=(step_row(),)), "step 'pay' is already recorded"),
        (changes(approvals=(approval_row(),)), "approval 'manager' already exists, at version 1"),
        (changes(approvals=(approval_row(version=3),)), "approval 'manager' is at version 1, not 2"),
        (changes(approvals=(approval_row(key="cfo", version=2),)), "approval 'cfo' does not exist"),
        (changes(notices=(notice_row(),)), "notice '1 mail' already exists, at version 1"),
        (changes(notices=(notice_row(version=3),)), "notice '1 mail' is at version 1, not 2"),
        (changes(notices=(notice_row(key="2 mail", version=2),)), "notice '2 mail' does not exist"),
        (changes(entries=(entry_row(),)), "the ledger already has an entry 1"),
        (changes(redacted=(entry_row(seq=2),)), "the ledger has no entry 2 of this hash"),
        (changes(redacted=(evolve(entry_row(), hash="0"),)), "the ledger has no entry 1 of this hash"),
        (changes(forgotten=(Hold("run", 2),)), "the run is at version 1, not 2"),
        (changes(forgotten=(Hold("none", 1),)), "the run does not exist"),
        (changes(forgotten=(Hold("run", 0),)), "the run already exists, at version 1"),
    ],
)
async def test_a_conflict_says_what_is_in_the_way(commit: Changes, what: str) -> None:
    """In words that name the row, its version and the one that was expected."""
    result = await (await opened()).commit(commit)
    assert isinstance(result, Err)
    conflict = result.failure()
    assert conflict == Conflict(conflict.run_id, what)
    assert conflict.run_id in {"run", "none"}


async def test_the_first_of_several_conflicts_is_named() -> None:
    """In the order of the parts of a commit."""
    both = changes(entries=(entry_row(),), steps=(step_row(),))
    assert await (await opened()).commit(both) == Err(Conflict("run", "step 'pay' is already recorded"))


async def test_a_commit_on_another_threads_loop_is_told() -> None:
    """Who waits may sleep in one event loop while code in another one decides, and is woken at once."""
    store = await opened()
    async with store.listening() as wakes:
        waiting = asyncio.create_task(wakes.next(60))
        await asyncio.sleep(0)
        commit = changes(runs=(run_row("other"),), wakes=True)
        assert await asyncio.to_thread(lambda: asyncio.run(store.commit(commit))) == Ok(None)
        assert await asyncio.wait_for(waiting, 20) == {"other"}


def test_a_listener_whose_loop_is_gone_fails_no_commit() -> None:
    """A commit that stands is not reported as failed because somebody never left `listening`."""
    store, loop = MemoryStore(), asyncio.new_event_loop()
    loop.run_until_complete(store.open())
    listening = store.listening()
    loop.run_until_complete(listening.__aenter__())
    loop.close()
    assert asyncio.run(store.commit(changes(runs=(run_row(),), wakes=True))) == Ok(None)


async def test_what_was_told_is_not_told_again() -> None:
    """Each call of `next` gives what is new since the last."""
    store = await opened()
    async with store.listening() as wakes:
        await store.commit(changes(runs=(run_row("other"),), wakes=True))
        assert await wakes.next(20) == {"other"}
        assert await wakes.next(0) == frozenset()


async def test_closing_leaves_listeners_alone() -> None:
    """Who listens is told of nothing, and goes on once the store is opened again."""
    store = await opened()
    async with store.listening() as wakes:
        await store.close()
        assert await wakes.next(0) == frozenset()
        await store.open()
        await store.commit(changes(runs=(run_row("other"),), wakes=True))
        assert await wakes.next(20) == {"other"}


async def test_every_call_lets_others_run() -> None:
    """So that a race shows in a test as it would with a store behind a socket."""
    store = await opened()
    for call in (store.now(), store.load("run"), store.commit(changes(steps=(step_row(key="next"),)))):
        order: list[str] = []
        asyncio.get_running_loop().call_soon(order.append, "other")
        await call
        order.append("call")
        assert order == ["other", "call"]
