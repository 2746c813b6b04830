"""What goes wrong with a server, and what the message says to do about it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import chown
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly.exceptions import (
    StoreCorrupt,
    StoreError,
    StoreForbidden,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnsuitable,
)
from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, RunQuery
from awaitly.testing.rows import changes, run_row, step_row
from awaitly_postgres import PostgresStore, Settings
from awaitly_postgres.connecting import Connection, check_server
from awaitly_postgres.place import Place
from tests.services.ports import HOST, free_port
from tests.services.postgres_server import PostgresServer
from tests.services.processes import unprivileged

Admin = psycopg.AsyncConnection[TupleRow]
SECRET = "s3cret"


def with_option(url: str, setting: str) -> str:
    """Let the sessions of a URL have a setting of the server."""
    return f"{url}{'&' if '?' in url else '?'}options=-c%20{setting.replace('=', '%3D')}"


async def refused(url: str, kind: type[StoreError]) -> str:
    """Open a store, which must be refused, and tell what it says."""
    store = PostgresStore(url, settings=Settings(reconnect="5s"))
    with pytest.raises(kind) as refusal:
        await store.open()
    assert type(refusal.value) is kind
    assert SECRET not in str(refusal.value)
    return str(refusal.value)


async def test_no_server() -> None:
    """Nobody listens on that port: the message names the place and keeps the password."""
    text = await refused(f"postgresql://ann:{SECRET}@{HOST}:{free_port()}/shop", StoreUnavailable)
    assert "no server answers there" in text
    assert f"postgresql://ann@{HOST}" in text


async def test_no_such_host() -> None:
    """Its name is not known."""
    assert "no such host" in await refused(f"postgresql://ann:{SECRET}@nowhere.invalid/shop", StoreUnavailable)


async def test_no_such_database(postgres_url: str) -> None:
    """It is not created on the quiet."""
    assert "create it first" in await refused(f"{postgres_url.partition('?')[0]}_none", StoreUnavailable)


async def test_a_wrong_password(postgres_server: PostgresServer) -> None:
    """Or none, or a user that does not exist: the server does not let them in."""
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as admin:
        await admin.execute("CREATE ROLE ann LOGIN PASSWORD 'another'")
        (postgres_server.folder / "data" / "pg_hba.conf").write_text("host all ann 127.0.0.1/32 scram-sha-256\n")
        await admin.execute("SELECT pg_reload_conf()")
        for who in (f"ann:{SECRET}", "ann", "bob"):
            text = await refused(postgres_server.url.replace("postgres@", f"{who}@"), StoreForbidden)
            assert "check user, password and the server's pg_hba.conf" in text


async def test_a_user_without_rights(postgres_server: PostgresServer) -> None:
    """Whether the schema is still to be made, exists, or is there without its tables: the message names the GRANT."""
    theirs = postgres_server.url.replace("postgres@", "ann@")
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as admin:
        await admin.execute("CREATE ROLE ann LOGIN")
        assert "GRANT CREATE ON DATABASE" in await refused(theirs, StoreForbidden)
        await PostgresStore(postgres_server.url).migrate()
        assert 'GRANT USAGE ON SCHEMA "awaitly"' in await refused(theirs, StoreForbidden)
        await admin.execute('GRANT USAGE ON SCHEMA "awaitly" TO ann')
        assert "GRANT SELECT, INSERT, UPDATE, DELETE" in await refused(theirs, StoreForbidden)
        await admin.execute('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "awaitly" TO ann')
        store = PostgresStore(theirs, migrate=False)
        await store.open()
        assert await store.commit(changes(runs=(run_row(),), steps=(step_row(),))) == Ok(None)
        assert (await store.load("run")).run == run_row()
        await store.close()


async def test_a_server_that_takes_no_writes(url: str, namespace: str, store: PostgresStore) -> None:
    """It can be read; a commit is refused, and says that it is to go to the primary."""
    await store.commit(changes(runs=(run_row(),)))
    reading = PostgresStore(with_option(url, "default_transaction_read_only=on"), namespace=namespace)
    await reading.open()
    assert (await reading.load("run")).run == run_row()
    with pytest.raises(StoreReadOnly, match="connect to the primary"):
        await reading.commit(changes(runs=(run_row(version=2),)))
    await reading.close()


async def test_an_empty_server_that_takes_no_writes(postgres_database: str) -> None:
    """The schema cannot be made there."""
    await refused(with_option(postgres_database, "default_transaction_read_only=on"), StoreReadOnly)


async def test_a_database_in_another_encoding(postgres_server: PostgresServer) -> None:
    """It cannot hold every text."""
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as admin:
        await admin.execute("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1'")
    other = postgres_server.url.removesuffix("/postgres") + "/narrow"
    assert "ENCODING 'UTF8'" in await refused(other, StoreUnsuitable)


def test_a_server_that_is_too_old() -> None:
    """The message names what it takes."""
    connection = cast("Connection", SimpleNamespace(info=SimpleNamespace(server_version=120_022)))
    with pytest.raises(StoreUnsuitable, match="Postgres 13 or newer, and this is 12"):
        check_server(connection, Place("postgresql://h/d", "awaitly", "default"))


async def test_a_statement_that_takes_too_long(url: str, namespace: str, store: PostgresStore, admin: Admin) -> None:
    """Where the server has a limit for that, it is the server's; nothing of the commit was written."""
    limited = PostgresStore(with_option(url, "statement_timeout=50ms"), namespace=namespace)
    await limited.open()
    await store.commit(changes(runs=(run_row(),)))
    async with admin.transaction():
        await admin.execute("SELECT FROM awaitly.runs WHERE run_id = 'run' FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="statement_timeout"):
            await limited.commit(changes(runs=(run_row(version=2),)))
    assert (await store.load("run")).run == run_row()
    await limited.close()


@pytest.mark.parametrize("what", ["TABLE awaitly.steps", "FUNCTION awaitly.add_steps", "SCHEMA awaitly"])
async def test_a_schema_that_was_damaged_by_hand(postgres_database: str, what: str) -> None:
    """The message says that a backup is to be restored."""
    store = PostgresStore(postgres_database)
    await store.open()
    await store.commit(changes(runs=(run_row(),), steps=(step_row(),)))
    async with await psycopg.AsyncConnection.connect(postgres_database, autocommit=True) as admin:
        await admin.execute(f"DROP {what} CASCADE".encode())
    with pytest.raises(StoreCorrupt, match="restore a backup"):
        await store.commit(changes(steps=(step_row(key="next"),)))
    await store.close()


@pytest.fixture
async def small(postgres_server: PostgresServer) -> AsyncIterator[tuple[str, Path]]:
    """Give a database on a disk of some megabytes, and the folder where that is mounted."""
    disk = postgres_server.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(  # noqa: ASYNC221  (takes a moment)
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting needs root")
    try:
        user = unprivileged()
        if user is not None:
            chown(disk, user)
        async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as admin:
            await admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'".encode())
            await admin.execute("CREATE DATABASE small TABLESPACE small")
        yield postgres_server.url.removesuffix("/postgres") + "/small", disk
    finally:
        postgres_server.stop()
        subprocess.run(["umount", disk], check=True)  # noqa: ASYNC221  (as above)


async def test_a_full_disk(small: tuple[str, Path]) -> None:
    """What was acknowledged is there and nothing of what was refused; with space again it goes on."""
    url, disk = small
    store = PostgresStore(url)
    await store.open()
    ballast = disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(b"x" * (32 << 20))
    taken = 0
    body = "".join(map(chr, range(33, 126))) * 30
    with pytest.raises(StoreFull, match="free some"):  # noqa: PT012  (which of them is refused is not known)
        while taken < 3000:
            assert await store.commit(changes(runs=(run_row(f"run-{taken}", body=body),))) == Ok(None)
            taken += 1
    assert len((await store.page_runs(RunQuery(limit=4000))).items) == taken
    await asyncio.to_thread(ballast.unlink)
    assert await store.commit(changes(runs=(run_row(f"run-{taken}", body=body),))) == Ok(None)
    assert (await store.page_approvals(ApprovalQuery())).items == ()
    await store.close()
