from __future__ import annotations

import asyncio

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly.exceptions import StoreLocked, StoreUnavailable
from awaitly.result import Err, Ok
from awaitly.storage.store import ApprovalQuery, Joining, RunQuery
from awaitly.testing.rows import T0, approval_row, changes, entry_row, run_row, step_row
from awaitly_postgres import PostgresStore, Settings

Admin = psycopg.AsyncConnection[TupleRow]


async def test_a_postgres_store_is_joining(store: PostgresStore) -> None:
    """The capability is there for the type checkers and at run time."""
    joining: Joining = store
    assert isinstance(joining, Joining)


async def test_what_is_committed_in_a_transaction_stands_with_it(store: PostgresStore, admin: Admin) -> None:
    """Within it is seen at once, by everybody else only once the transaction is committed, and with all else in it."""
    await admin.execute("CREATE TABLE IF NOT EXISTS orders (id int)")
    async with admin.transaction():
        await admin.execute("INSERT INTO orders VALUES (1)")
        joined = store.joined(admin)
        assert await joined.commit(changes(runs=(run_row(),), steps=(step_row(),))) == Ok(None)
        assert (await joined.load("run")).run == run_row()
        assert (await store.load("run")).run is None
    assert (await store.load("run")).steps == (step_row(),)


async def test_what_is_rolled_back_never_was(store: PostgresStore, admin: Admin) -> None:
    """The store has nothing of it."""
    async with admin.transaction(force_rollback=True):
        assert await store.joined(admin).commit(changes(runs=(run_row(),))) == Ok(None)
    assert (await store.load("run")).run is None
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)


async def test_a_conflict_leaves_the_transaction_in_good_order(store: PostgresStore, admin: Admin) -> None:
    """It is an answer: nothing of the refused commit is applied, all else of the transaction stands."""
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    async with admin.transaction():
        joined = store.joined(admin)
        assert await joined.commit(changes(approvals=(approval_row(),))) == Ok(None)
        result = await joined.commit(changes(entries=(entry_row(),), forgotten=(), approvals=(approval_row(),)))
        assert isinstance(result, Err)
        assert "already exists" in result.failure().what
        assert await joined.commit(changes(steps=(step_row(),))) == Ok(None)
    found = await store.load("run")
    assert (found.approvals, found.steps, found.head) == ((approval_row(),), (step_row(),), None)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("part", ["run", "step"])
async def test_what_a_snapshot_cannot_see_is_a_conflict(
    store: PostgresStore, admin: Admin, level: str, part: str
) -> None:
    """A transaction that reads as of its beginning is not ended by what others wrote since; it hears of a conflict."""
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    late = changes(runs=(run_row(version=2),)) if part == "run" else changes(steps=(step_row(),))
    async with admin.transaction():
        await admin.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
        joined = store.joined(admin)
        assert (await joined.load("run")).run == run_row()
        assert await store.commit(late) == Ok(None)
        result = await joined.commit(late)
        assert isinstance(result, Err)
        assert await joined.commit(changes(runs=(run_row("other"),))) == Ok(None)
    assert (await store.load("other")).run == run_row("other")


async def usual(connection: Admin) -> object:
    """Give a connection's own `lock_timeout`."""
    row = await (await connection.execute("SHOW lock_timeout")).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(("lock_wait", "own"), [("200ms", "0"), ("200ms", "1min"), ("1h", "200ms")])
async def test_a_lock_is_not_waited_for_without_end(
    url: str, postgres_url: str, namespace: str, admin: Admin, lock_wait: str, own: str
) -> None:
    """After `lock_wait`, or the transaction's own shorter limit, the commit is refused; the transaction goes on."""
    store = PostgresStore(url, namespace=namespace, settings=Settings(lock_wait=lock_wait))
    await store.open()
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    async with await psycopg.AsyncConnection.connect(postgres_url) as other, admin.transaction():
        assert await store.joined(other).commit(changes(runs=(run_row(version=2),))) == Ok(None)
        await admin.execute(f"SET LOCAL lock_timeout = '{own}'".encode())
        joined = store.joined(admin)
        async with asyncio.timeout(20):
            with pytest.raises(StoreLocked, match="in good order"):
                await joined.commit(changes(runs=(run_row(version=2),)))
        assert await usual(admin) == own
        assert await joined.commit(changes(runs=(run_row("free"),))) == Ok(None)
        assert await usual(admin) == own
        await other.rollback()
        assert await joined.commit(changes(runs=(run_row(version=2),))) == Ok(None)
    assert (await store.load("run")).run == run_row(version=2)
    assert (await store.load("free")).run == run_row("free")
    await store.close()


async def test_all_reads_are_those_of_the_transaction(store: PostgresStore, admin: Admin) -> None:
    """Listings and what is due too."""
    async with admin.transaction():
        joined = store.joined(admin)
        commit = changes(runs=(run_row(due_at=T0),), approvals=(approval_row(),), entries=(entry_row(),))
        assert await joined.commit(commit) == Ok(None)
        assert (await joined.page_runs(RunQuery())).items == (run_row(due_at=T0),)
        assert (await joined.page_approvals(ApprovalQuery())).items == (approval_row(),)
        assert await joined.due(T0, 5) == ("run",)
        assert await joined.entries("run") == (entry_row(),)
        assert (await joined.approvals("run")).head == entry_row()
        assert await joined.now() <= await joined.now()
        await joined.open()
        await joined.close()
        assert (await joined.load("run")).run == run_row(due_at=T0)
        assert await store.due(T0, 5) == ()


async def test_a_connection_without_autocommit_begins_by_itself(store: PostgresStore, postgres_url: str) -> None:
    """As psycopg does: the first statement begins the transaction, and the caller ends it."""
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        assert await store.joined(connection).commit(changes(runs=(run_row(),))) == Ok(None)
        assert (await store.load("run")).run is None
        await connection.commit()
        assert (await store.load("run")).run == run_row()


async def test_autocommit_without_a_transaction_is_refused(store: PostgresStore, admin: Admin) -> None:
    """There would be nothing to join: each commit would stand by itself. So it is once the transaction has ended."""
    with pytest.raises(StoreUnavailable, match="in autocommit"):
        store.joined(admin)
    async with admin.transaction():
        joined = store.joined(admin)
    with pytest.raises(StoreUnavailable, match="in autocommit"):
        await joined.commit(changes(runs=(run_row(),)))
    with pytest.raises(StoreUnavailable, match="in autocommit"):
        await joined.load("run")


async def test_a_failed_transaction_says_so(store: PostgresStore, admin: Admin) -> None:
    """What the caller's own statement broke, the caller rolls back."""
    with pytest.raises(psycopg.errors.DivisionByZero):  # noqa: PT012  (two facts about one broken transaction)
        async with admin.transaction():
            joined = store.joined(admin)
            try:
                await admin.execute("SELECT 1 / 0")
            except psycopg.errors.DivisionByZero:
                with pytest.raises(StoreUnavailable, match="roll it back"):
                    await joined.commit(changes(runs=(run_row(),)))
                raise


@pytest.mark.parametrize("other", [None, "connection", object()], ids=["none", "text", "object"])
async def test_only_connections_are_joined(store: PostgresStore, other: object) -> None:
    """Anything else is a mistake of the caller's."""
    with pytest.raises(TypeError, match="AsyncConnection"):
        store.joined(other)


async def test_wake_ups_come_once_the_transaction_stands(store: PostgresStore, admin: Admin) -> None:
    """What was rolled back is not told; what was committed is."""
    async with store.listening() as wakes:
        async with admin.transaction(force_rollback=True):
            await store.joined(admin).commit(changes(runs=(run_row("undone"),), wakes=True))
        async with admin.transaction():
            await store.joined(admin).commit(changes(runs=(run_row("done"),), wakes=True))
        assert await wakes.next(20) == {"done"}
