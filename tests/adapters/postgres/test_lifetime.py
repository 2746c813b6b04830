from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly.exceptions import StoreError, StoreUnavailable
from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, Described, Migrating, Waking
from awaitly.testing.rows import changes, run_row
from awaitly_postgres import PostgresStore, Settings
from tests.adapters.postgres.conftest import until_none, until_waiting

Admin = psycopg.AsyncConnection[TupleRow]


def name_of(url: str) -> str:
    """Give the name under which a store is connected."""
    return url.partition("application_name=")[2]


async def connections(admin: Admin, url: str) -> int:
    """Count the store's connections."""
    rows = await admin.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (name_of(url),))
    row = await rows.fetchone()
    assert row is not None
    return int(row[0])


async def test_what_a_postgres_store_can_do_besides(store: PostgresStore) -> None:
    """The capabilities are there for the type checkers and at run time."""
    waking: Waking = store
    migrating: Migrating = store
    described: Described = store
    assert isinstance(waking, Waking)
    assert isinstance(migrating, Migrating)
    assert isinstance(described, Described)


async def test_closing_leaves_no_connection(url: str, namespace: str, admin: Admin) -> None:
    """Neither of those that worked, nor of the one that listens."""
    store = PostgresStore(url, namespace=namespace)
    await store.open()
    async with store.listening():
        await asyncio.gather(*(store.load("run") for _ in range(20)), store.commit(changes(runs=(run_row(),))))
        assert await connections(admin, url) > 1
        await store.close()
    await asyncio.to_thread(until_none, url.partition("?")[0], name_of(url))


async def test_closing_waits_for_queued_commits(store: PostgresStore) -> None:
    """All of them are made and answered."""
    commits = [asyncio.ensure_future(store.commit(changes(runs=(run_row(f"run-{n}"),)))) for n in range(300)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*commits) == [Ok(None)] * 300


@pytest.mark.parametrize("verb", ["load", "due", "page", "entries"])
async def test_closing_waits_for_reads(store: PostgresStore, admin: Admin, url: str, verb: str) -> None:
    """Those that take several questions too; all are answered, and only then are the connections gone."""
    reads: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "load": lambda: store.load("run"),
        "due": lambda: store.due(1, 1),
        "page": lambda: store.page_approvals(ApprovalQuery(prefix="r")),
        "entries": lambda: store.entries("run"),
    }
    async with admin.transaction():
        await admin.execute("LOCK TABLE awaitly.runs")
        reading = asyncio.ensure_future(reads[verb]())
        await until_waiting(admin, url)
        closing = asyncio.ensure_future(store.close())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not closing.done()
    await closing
    assert reading.done()
    assert reading.exception() is None


async def test_where_all_tasks_are_cancelled_nobody_waits_for_ever(
    store: PostgresStore, url: str, admin: Admin
) -> None:
    """As where a loop ends: not for a commit or load that is under way."""
    before = asyncio.all_tasks()
    async with admin.transaction():
        await admin.execute("LOCK TABLE awaitly.runs")
        load = asyncio.ensure_future(store.load("run"))
        commit = asyncio.ensure_future(store.commit(changes(runs=(run_row(),))))
        await until_waiting(admin, url, 2)
        for task in asyncio.all_tasks() - before - {load, commit}:
            task.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait([load, commit])
    assert load.cancelled()
    assert commit.cancelled()


async def test_a_cancelled_close_still_closes(store: PostgresStore) -> None:
    """It goes on by itself; the store refuses use from the moment it began."""
    commit = asyncio.ensure_future(store.commit(changes(runs=(run_row(),))))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert await commit == Ok(None)
    with pytest.raises(StoreUnavailable):
        await store.load("run")
    await store.open()
    assert (await store.load("run")).run == run_row()


async def test_a_store_that_was_never_opened(url: str) -> None:
    """It says that `open` comes first; closing it is harmless."""
    store = PostgresStore(url)
    with pytest.raises(StoreUnavailable, match="comes first"):
        await store.commit(changes(runs=(run_row(),)))
    with pytest.raises(StoreUnavailable, match="comes first"):
        store.joined(None)
    await store.close()


async def test_opening_twice_is_harmless(store: PostgresStore) -> None:
    """One after the other or at once: it stays one opened store."""
    await store.open()
    await store.close()
    await asyncio.gather(store.open(), store.open())
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
async def test_a_cancelled_open_leaves_no_connection(url: str, namespace: str, turns: int) -> None:
    """Wherever it was, and it can be opened again; the fixture looks for what is left."""
    store = PostgresStore(url, namespace=namespace)
    opening = asyncio.ensure_future(store.open())
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    with suppress(asyncio.CancelledError):
        await opening
    await store.close()
    await store.open()
    await store.close()


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13])
async def test_cancelled_tasks_leave_connections_in_good_order(
    url: str, namespace: str, admin: Admin, turns: int
) -> None:
    """However many readers and listeners are cancelled, the few connections go on serving others."""
    store = PostgresStore(url, namespace=namespace, settings=Settings(pool_size=2))
    await store.open()
    await store.commit(changes(runs=(run_row(),)))

    async def listen() -> None:
        async with store.listening() as wakes:
            await wakes.next(60)

    for _ in range(5):
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(store.load("run")) for _ in range(4)]
        tasks.append(asyncio.ensure_future(listen()))
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await store.load("run")).run == run_row()
    assert await connections(admin, url) <= 2
    await store.close()


def refused(store: PostgresStore) -> str:
    """Use the store on a loop of its own; tell what it says."""

    async def use() -> str:
        try:
            await store.load("run")
        except StoreError as error:
            return str(error)
        return "it worked"

    return asyncio.run(use())


async def test_another_loop_is_refused(store: PostgresStore) -> None:
    """A store belongs to the loop that opened it."""
    assert "opened on another event loop" in await asyncio.to_thread(refused, store)


async def test_no_loop_is_refused(store: PostgresStore) -> None:
    """So is a coroutine that is driven by hand on another thread."""

    def by_hand() -> None:
        store.now().send(None)

    with pytest.raises(StoreUnavailable, match="another event loop"):
        await asyncio.to_thread(by_hand)


def test_a_store_serves_one_loop_after_another(url: str, namespace: str) -> None:
    """Closed on the first, it can be opened on the second."""
    store = PostgresStore(url, namespace=namespace)

    async def once(version: int) -> None:
        await store.open()
        assert await store.commit(changes(runs=(run_row(version=version),))) == Ok(None)
        await store.close()

    for version in (1, 2):
        asyncio.run(once(version))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # forking beside threads is what this is about
async def test_a_forked_child_is_refused(store: PostgresStore) -> None:
    """Two processes cannot share a connection; the parent is undisturbed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.commits  # noqa: B018
        except StoreUnavailable as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert "before this process was forked" in answer.read()
    os.waitpid(child, 0)  # noqa: ASYNC222  (it has answered already)
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)


async def test_the_servers_clock_decides(store: PostgresStore, admin: Admin) -> None:
    """Without a clock of its own the store tells the server's time, to the microsecond."""
    query = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    before = await (await admin.execute(query)).fetchone()
    found = (await store.load("run")).now
    after = await (await admin.execute(query)).fetchone()
    assert before is not None
    assert after is not None
    assert before[0] <= found <= after[0]
