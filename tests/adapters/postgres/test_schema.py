"""The schema: how it comes to be, however often and by whomever, and what is not touched."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly.exceptions import NotAStore, SchemaTooNew, SchemaTooOld, StoreError
from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, NoticeQuery, RunQuery
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly_postgres import PostgresStore

Admin = psycopg.AsyncConnection[TupleRow]

ROOT = Path(__file__).parents[3]
NAMES = ("0001_tables", "0002_commit", "0003_joined_lock", "0004_lanes", "0005_audiences", "0006_notices")
STRANGE = (
    'we"ird',
    "a b",
    "Upper",
    "select",
    "dollar$body$",
    "$$",
    "per%cent %s",
    "{body}{schema}",
    "semi;--",
    "it's",
    "\u00e9\U0001f600",
    "x" * 63,
)


@pytest.fixture
async def fresh(postgres_database: str) -> AsyncIterator[Admin]:
    """Yield a connection to the test's own, empty database."""
    async with await psycopg.AsyncConnection.connect(postgres_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def master(own_database: str) -> AsyncIterator[Admin]:
    """Yield a connection to the server of the test's own."""
    async with await psycopg.AsyncConnection.connect(own_database, autocommit=True) as connection:
        yield connection


async def tables(admin: Admin, schema: str = "awaitly") -> set[str]:
    """Name the tables of a schema."""
    rows = await admin.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = %s", (schema,))
    return {name for (name,) in await rows.fetchall()}


async def shape(admin: Admin, schema: str = "awaitly") -> list[TupleRow]:
    """Describe all columns, indexes and functions of a schema."""
    rows = await admin.execute(
        """
        SELECT c.relname::text, a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = to_regnamespace(%(schema)s) AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = %(schema)s
        UNION ALL SELECT proname::text, md5(replace(prosrc, %(schema)s, ''))
        FROM pg_proc WHERE pronamespace = to_regnamespace(%(schema)s)
        ORDER BY 1, 2""",
        {"schema": schema},
    )
    return await rows.fetchall()


async def used(store: PostgresStore) -> None:
    """Use every statement of a store once."""
    commit = changes(
        runs=(run_row(due_at=T0),),
        steps=(step_row(),),
        approvals=(approval_row(deadline=T0),),
        notices=(notice_row(dead=True),),
        entries=(entry_row(),),
    )
    assert await store.commit(commit) == Ok(None)
    assert (await store.load("run")).run == run_row(due_at=T0)
    assert (await store.approvals("run")).head == entry_row()
    assert await store.entries("run") == (entry_row(),)
    assert await store.due(T0, 1) == await store.due(T0, 1, ("",)) == ("run",)
    assert await store.next_due(T0 - 1) == await store.next_due(T0 - 1, ("",)) == T0
    for runs in (RunQuery(), RunQuery(prefix="r"), RunQuery(updated_before=T0 + 1)):
        assert len((await store.page_runs(runs)).items) == 1
    for query in (ApprovalQuery(), ApprovalQuery(prefix="r"), ApprovalQuery(deadline_before=T0 + 1)):
        assert len((await store.page_approvals(query)).items) == 1
    assert len((await store.page_approvals(ApprovalQuery(run_id="run"))).items) == 1
    assert await store.notices("run") == await store.due_notices(T0, 1, "mail") == (notice_row(dead=True),)
    assert await store.next_notice(T0 - 1, "mail") == T0
    for given_up in (NoticeQuery(), NoticeQuery(run_id="run"), NoticeQuery(channel="mail")):
        assert len((await store.page_notices(given_up)).items) == 1
    assert await store.now() > 0


async def test_migrate_names_what_it_applied(postgres_database: str, fresh: Admin) -> None:
    """The first time all, the second time nothing; the store need not be open."""
    store = PostgresStore(postgres_database)
    assert await store.migrate() == NAMES
    assert await store.migrate() == ()
    rows = await fresh.execute("SELECT number, name FROM awaitly.migrations ORDER BY number")
    assert await rows.fetchall() == list(enumerate(NAMES, 1))


async def test_printed_migrations_do_the_same(postgres_database: str, fresh: Admin) -> None:
    """Whoever runs them by hand gets the schema that `migrate` makes."""
    by_hand, by_itself = (PostgresStore(postgres_database, schema=name) for name in ("by_hand", "by_itself"))
    await fresh.execute(by_hand.migrations().encode())
    await by_itself.migrate()
    shapes = [str(await shape(fresh, name)).replace(name, "") for name in ("by_hand", "by_itself")]
    assert "approvals" in shapes[0]
    assert shapes[0] == shapes[1]
    assert by_hand.schema() == by_hand.migrations()
    assert await by_hand.migrate() == ()
    await by_hand.open()
    await used(by_hand)
    await by_hand.close()


@pytest.mark.parametrize("schema", STRANGE)
async def test_a_schema_may_have_any_name(postgres_database: str, fresh: Admin, schema: str) -> None:
    """It is quoted wherever it stands; nothing is made beside it."""
    store = PostgresStore(postgres_database, schema=schema)
    await store.open()
    await used(store)
    async with store.listening() as wakes, fresh.transaction():
        assert await store.joined(fresh).commit(changes(runs=(run_row("other"),))) == Ok(None)
        assert await wakes.next(0) == frozenset()
    await store.close()
    assert "runs" in await tables(fresh, schema)
    assert await tables(fresh, "public") == set()


MIGRATORS = 8


async def test_eight_processes_migrate_at_once(postgres_database: str, fresh: Admin) -> None:
    """Each ends well, and each migration was applied by one of them."""
    command = [sys.executable, "-m", "tests.adapters.postgres.children", "migrate", postgres_database, "awaitly"]
    children = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(MIGRATORS)
    ]
    answers = await asyncio.gather(*(child.communicate(b"\n") for child in children))
    assert [child.returncode for child in children] == [0] * MIGRATORS
    assert sum(int(out) for out, _ in answers) == len(NAMES)
    await used_and_closed(postgres_database)


async def used_and_closed(url: str) -> None:
    """Open a store, use it, close it."""
    store = PostgresStore(url)
    await store.open()
    await used(store)
    await store.close()


# Ends the session that makes the n-th change of the schema, n being what the sequence counts down to.
TRAP = """
CREATE SEQUENCE public.left_to_do MINVALUE 0 MAXVALUE 1000 START {} INCREMENT -1;
CREATE FUNCTION public.trap() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('public.left_to_do') = 0 THEN
        {}
    END IF;
END $$;
CREATE EVENT TRIGGER trap ON ddl_command_end EXECUTE FUNCTION public.trap();
"""
NO_TRAP = "DROP EVENT TRIGGER trap; DROP FUNCTION public.trap; DROP SEQUENCE public.left_to_do"
DEATH = "PERFORM pg_terminate_backend(pg_backend_pid());"
WAIT = "PERFORM pg_advisory_lock(1); PERFORM pg_sleep(600);"


async def test_a_migration_that_dies_at_any_statement_can_be_repeated(own_database: str, master: Admin) -> None:
    """Its statements stand all together or not at all; the next one goes on from there, to the same schema."""
    store = PostgresStore(own_database)
    await store.migrate()
    whole = await shape(master)
    deaths = 0
    for number in range(100):
        await master.execute("DROP SCHEMA awaitly CASCADE")
        await master.execute(TRAP.format(number, DEATH).encode())
        try:
            await store.migrate()
        except StoreError:
            deaths += 1
        else:
            break
        finally:
            await master.execute(NO_TRAP.encode())
        done = await (await master.execute("SELECT to_regclass('awaitly.migrations')::text")).fetchone()
        applied = (
            [] if done == (None,) else await (await master.execute("SELECT name FROM awaitly.migrations")).fetchall()
        )
        assert ("batches" in await tables(master)) == (len(applied) > 0)
        assert len(await store.migrate()) == len(NAMES) - len(applied)
        assert await shape(master) == whole
    assert deaths > 20
    await master.execute("DROP SCHEMA IF EXISTS awaitly CASCADE")


async def in_the_trap(admin: Admin) -> None:
    """Wait until a migration hangs in the trap."""
    while True:
        rows = await admin.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        if await rows.fetchone() != (0,):
            return
        await asyncio.sleep(0)


async def test_a_killed_migration_can_be_repeated(own_database: str, master: Admin) -> None:
    """The server undoes what a process did that was killed within, and lets the next one at it."""
    await master.execute(TRAP.format(9, WAIT).encode())
    command = [sys.executable, "-m", "tests.adapters.postgres.children", "migrate", own_database, "awaitly"]
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(b"\n")
    await in_the_trap(master)
    child.kill()
    await child.communicate()
    await master.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    assert await tables(master) == set()
    await master.execute("DROP EVENT TRIGGER trap")
    await used_and_closed(own_database)


async def test_a_cancelled_migration_can_be_repeated(own_database: str, master: Admin) -> None:
    """Its session is not left hanging, nor is the lock."""
    await master.execute(TRAP.format(9, WAIT).encode())
    migrating = asyncio.ensure_future(PostgresStore(own_database).migrate())
    await in_the_trap(master)
    migrating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await migrating
    await master.execute("DROP EVENT TRIGGER trap")
    assert await tables(master) == set()
    await used_and_closed(own_database)


async def test_an_old_schema_is_left_alone_where_it_is_to_be(postgres_database: str, fresh: Admin) -> None:
    """With `migrate=False` opening names what is missing and the command that adds it; afterwards it opens."""
    store = PostgresStore(postgres_database, migrate=False)
    with pytest.raises(SchemaTooOld, match=f"lacks {', '.join(NAMES)}; run `awaitly migrate URL`"):
        await store.open()
    assert await tables(fresh) == set()
    await store.migrate()
    await store.open()
    await used(store)
    await store.close()


@pytest.mark.parametrize("migrate", [True, False])
async def test_a_newer_schema_is_refused(postgres_database: str, fresh: Admin, migrate: bool) -> None:
    """Whoever would write to it does not know what it means."""
    store = PostgresStore(postgres_database, migrate=migrate)
    await store.migrate()
    await fresh.execute("INSERT INTO awaitly.migrations (number, name) VALUES (99, '0099_later')")
    with pytest.raises(SchemaTooNew, match="its schema is 99, here is 6"):
        await store.open()
    with pytest.raises(SchemaTooNew, match="upgrade awaitly"):
        await store.migrate()


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE awaitly.orders (id int)",
        "CREATE VIEW awaitly.orders AS SELECT 1",
        "CREATE TABLE awaitly.migrations (version text)",
        "CREATE TABLE awaitly.migrations (number text); INSERT INTO awaitly.migrations VALUES ('one')",
    ],
)
async def test_a_schema_of_something_else_is_left_alone(postgres_database: str, fresh: Admin, theirs: str) -> None:
    """Nothing is written to it."""
    await fresh.execute("CREATE SCHEMA awaitly")
    await fresh.execute(theirs.encode())
    before = await shape(fresh)
    with pytest.raises(NotAStore, match="belongs to something else"):
        await PostgresStore(postgres_database).open()
    assert await shape(fresh) == before


async def test_an_empty_schema_is_taken(postgres_database: str, fresh: Admin) -> None:
    """An administrator may have made it, for a user who may not."""
    await fresh.execute("CREATE SCHEMA awaitly")
    await used_and_closed(postgres_database)
