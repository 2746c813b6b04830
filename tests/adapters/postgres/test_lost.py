"""Connections that are lost: before a commit, after it, and for good."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly.exceptions import CommitUnknown, StoreUnavailable
from awaitly.result import Err, Ok
from awaitly.storage.store import Changes, Conflict
from awaitly.testing.rows import changes, entry_row, run_row, step_row
from awaitly_postgres import PostgresStore, Settings
from tests.services.plugin import NewPostgres, NewProxy
from tests.services.postgres_server import PostgresServer
from tests.services.proxy import Proxy

Admin = psycopg.AsyncConnection[TupleRow]

WHOLE = changes(runs=(run_row("lost"),), steps=(step_row("lost"),), entries=(entry_row("lost"),))


def is_commit(data: bytes) -> bool:
    """Whether a client sends the commit of the run `lost`."""
    return b'"i":"lost"' in data


async def happened(event: threading.Event) -> bool:
    """Wait for what another thread does."""
    return await asyncio.to_thread(event.wait, 20)


@pytest.fixture
def proxy(postgres_url: str, new_proxy: NewProxy) -> Proxy:
    """Put a proxy in front of the database."""
    return new_proxy(urlsplit(postgres_url).port or 5432)


@pytest.fixture
async def far(url: str, namespace: str, proxy: Proxy) -> AsyncIterator[PostgresStore]:
    """Yield an open store behind the proxy."""
    through = url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")
    store = PostgresStore(through, namespace=namespace, settings=Settings(reconnect="20s"))
    await store.open()
    yield store
    await store.close()


async def test_a_commit_whose_answer_is_lost_is_made_once(far: PostgresStore, proxy: Proxy) -> None:
    """It is asked for again, and the answer is that of the first time."""
    lost = proxy.lose_reply(is_commit)
    assert await far.commit(WHOLE) == Ok(None)
    assert await happened(lost)
    found = await far.load("lost")
    assert (found.run, found.steps, found.head) == (run_row("lost"), (step_row("lost"),), entry_row("lost"))


async def test_an_answer_may_be_lost_several_times(far: PostgresStore, proxy: Proxy) -> None:
    """Each time it is asked for again."""
    lost = [proxy.lose_reply(is_commit) for _ in range(3)]
    assert await far.commit(WHOLE) == Ok(None)
    assert all([await happened(event) for event in lost])
    assert await far.commit(WHOLE) != Ok(None)


async def test_a_conflict_whose_answer_is_lost_stays_a_conflict(far: PostgresStore, proxy: Proxy) -> None:
    """In a batch, each commit gets the answer of the first time."""
    await far.commit(changes(runs=(run_row("taken"),)))
    lost = proxy.lose_reply(is_commit)
    first, second, third = await asyncio.gather(
        far.commit(WHOLE), far.commit(changes(runs=(run_row("taken"),))), far.commit(changes(runs=(run_row("z"),)))
    )
    assert await happened(lost)
    assert (first, third) == (Ok(None), Ok(None))
    assert second == Err(Conflict("taken", "the run already exists, at version 1"))
    assert (await far.load("z")).run == run_row("z")


async def test_a_read_whose_answer_is_lost_is_asked_again(far: PostgresStore, proxy: Proxy) -> None:
    """Nobody notices."""
    await far.commit(WHOLE)
    lost = proxy.lose_reply()
    assert (await far.load("lost")).run == run_row("lost")
    assert await happened(lost)


async def test_an_outcome_that_cannot_be_had_is_unknown(
    url: str, namespace: str, proxy: Proxy, store: PostgresStore
) -> None:
    """Where the server cannot be reached again in time, nobody says that the commit failed: here it was made."""
    through = url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")
    far = PostgresStore(through, namespace=namespace, settings=Settings(reconnect="500ms"))
    await far.open()
    lost = proxy.lose_reply(is_commit)
    commit = asyncio.ensure_future(far.commit(WHOLE))
    proxy.reachable = False
    with pytest.raises(CommitUnknown, match="look before you repeat"):
        await commit
    assert await happened(lost)
    assert (await store.load("lost")).run == run_row("lost")
    with pytest.raises(StoreUnavailable):
        await far.commit(changes(runs=(run_row("later"),)))
    proxy.reachable = True
    await far.close()
    await store.commit(changes(runs=(run_row("lost", 2),)))


async def test_a_store_comes_back_after_a_restart(postgres_server: PostgresServer) -> None:
    """Commits and reads that meet the restart wait for it; all that was acknowledged is there."""
    store = PostgresStore(postgres_server.url)
    await store.open()
    done: list[str] = []

    async def work() -> None:
        for n in range(40):
            name = f"run-{n}"
            assert await store.commit(changes(runs=(run_row(name),))) == Ok(None)
            done.append(name)
            assert (await store.load(name)).run == run_row(name)

    working = asyncio.ensure_future(work())
    for _ in range(2):
        await asyncio.to_thread(postgres_server.restart)
    await working
    assert [(await store.load(name)).run for name in done] == [run_row(f"run-{n}") for n in range(40)]
    await store.close()


async def test_connections_that_are_ended_by_the_server_are_replaced(
    store: PostgresStore, admin: Admin, url: str
) -> None:
    """Whatever an administrator ends while commits go on: each is made once."""
    name = url.partition("application_name=")[2]

    async def end_all() -> None:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,)
        )

    for version in range(1, 31):
        commit = asyncio.ensure_future(store.commit(changes(runs=(run_row(version=version),))))
        await asyncio.gather(end_all(), commit)
        assert commit.result() == Ok(None)
    assert (await store.load("run")).run == run_row(version=30)


@pytest.fixture
async def alone(new_postgres: NewPostgres) -> AsyncIterator[tuple[PostgresStore, Admin]]:
    """Give a store on a server whose commits wait for a replica that does not exist, and a connection beside it."""
    server = new_postgres()
    store = PostgresStore(server.url, settings=Settings(reconnect="20s"))
    await store.open()
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as admin:
        await store.commit(changes(runs=(run_row("first"),)))
        await wait_for_replica(admin, "nobody")
        yield store, admin
        await wait_for_replica(admin, "")
        await store.close()


async def wait_for_replica(admin: Admin, name: str) -> None:
    """Set for which replica commits wait, for all sessions; they take it up by themselves."""
    await admin.execute("SET synchronous_commit = local")
    await admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'".encode())
    await admin.execute("SELECT pg_reload_conf()")


async def one_that_waits(admin: Admin) -> int:
    """Give the process of the session that waits for the replica, once there is one."""
    while True:
        rows = await admin.execute("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        if row := await rows.fetchone():
            return int(row[0])
        await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_a_commit_cut_between_its_disk_and_its_replica(alone: tuple[PostgresStore, Admin], how: str) -> None:
    """It stands on the disk when its session is ended: it is asked for again, and acknowledged once a replica has it.

    A cancelled wait looks like success to a client that does not look closely: it is waited for again.
    """
    store, admin = alone
    commit = asyncio.ensure_future(store.commit(WHOLE))
    await admin.execute(f"SELECT {how}(%s)".encode(), (await one_that_waits(admin),))
    again = await one_that_waits(admin)
    assert again
    assert not commit.done()
    await wait_for_replica(admin, "")
    assert await commit == Ok(None)
    assert (await store.load("lost")).steps == (step_row("lost"),)


async def test_an_old_batch_that_arrives_late_is_not_applied(store: PostgresStore, admin: Admin) -> None:
    """A request that was stuck somewhere, after its sender has long gone on, changes nothing."""
    call = "SELECT awaitly.commit_batch(%s, 'c', 7, %s, '1s', true, %s)"
    one, other = '[{"i":"late","x":["a"]}]', '[{"i":"late","t":[{"k":"a","b":""}]}]'
    number = 1_000_000  # a namespace of nobody's
    for seq in (1, 2):
        await admin.execute(call, (number, seq, other if seq == 1 else one))
    with pytest.raises(psycopg.Error, match="after later ones"):
        await admin.execute(call, (number, 0, other))
    rows = await admin.execute(
        "SELECT count(*) FROM awaitly.steps s JOIN awaitly.runs r ON r.number = s.run WHERE r.namespace = %s", (number,)
    )
    assert await rows.fetchone() == (0,)
    await admin.execute("DELETE FROM awaitly.runs WHERE namespace = %s", (number,))


async def test_what_came_of_batches_is_not_kept_for_ever(store: PostgresStore, admin: Admin) -> None:
    """A writer that has made a thousand has notes of its last five hundred at most."""
    for n in range(1000):
        commit: Changes = changes(entries=(entry_row(seq=n + 1),))
        assert await store.commit(commit) == Ok(None)
    rows = await (
        await admin.execute("SELECT max(c) FROM (SELECT count(*) c FROM awaitly.batches GROUP BY writer) n")
    ).fetchone()
    assert rows is not None
    assert 256 <= rows[0] <= 512


async def test_listeners_look_for_themselves_after_a_loss(store: PostgresStore, admin: Admin, url: str) -> None:
    """They get an empty answer at once, for something may have been missed, and then hear again."""
    name = url.partition("application_name=")[2]
    async with store.listening() as wakes:
        waiting = asyncio.ensure_future(wakes.next(20))
        await asyncio.sleep(0)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,)
        )
        async with asyncio.timeout(15):
            assert await waiting == frozenset()
        await store.commit(changes(runs=(run_row(),), wakes=True))
        assert await wakes.next(20) == {"run"}
