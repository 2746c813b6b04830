"""Schemas that an older release left, with rows in them, and programs of that release that are still at work."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly.exceptions import SchemaTooOld
from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, ApprovalRow, RunQuery, RunRow
from awaitly.testing.rows import T0, approval_row, changes, notice_row, run_row
from awaitly_postgres import PostgresStore, migrating
from awaitly_postgres.encoding import encoded
from awaitly_postgres.scripts import Script, migration_scripts

Admin = psycopg.AsyncConnection[TupleRow]

ROWS = (
    run_row("a", due_at=T0),
    run_row("b", due_at=T0 + 5),
    run_row("c"),
    approval_row("c", ready=True),
    approval_row("gate"),
)


class OldWriter:
    """Commits as a program does that was started when runs had no lanes, and approvals no audiences."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin
        self._count = 0

    async def write(self, row: RunRow | ApprovalRow) -> None:
        """Write one row; it must be taken."""
        commit = changes(runs=(row,)) if isinstance(row, RunRow) else changes(approvals=(row,))
        members = json.loads(encoded(commit))
        members.pop("l", None)
        for fields in (*members.get("n", ()), *members.get("a", ())):
            fields.pop("m", None)
            fields.pop("g", None)
        self._count += 1
        told = await self._admin.execute(
            "SELECT awaitly.commit_batch(id, 'none', 1, %s, '1s', true, %s) FROM awaitly.namespaces",
            (self._count, json.dumps([members])),
        )
        assert await told.fetchone() == (None,)


@pytest.fixture
async def admin(postgres_database: str) -> AsyncIterator[Admin]:
    """Yield a connection to the test's own database."""
    async with await psycopg.AsyncConnection.connect(postgres_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def old(postgres_database: str, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> OldWriter:
    """Make a schema as it was before lanes, with rows in it."""
    scripts = migration_scripts("awaitly")[:3]

    def older(schema: str) -> tuple[Script, ...]:
        assert schema == "awaitly"
        return scripts

    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migration_scripts", older)
        await PostgresStore(postgres_database).migrate()
    await admin.execute("INSERT INTO awaitly.namespaces (name) VALUES ('default')")
    writer = OldWriter(admin)
    for row in ROWS:
        await writer.write(row)
    return writer


@pytest.fixture
async def store(postgres_database: str, old: OldWriter) -> AsyncIterator[PostgresStore]:
    """Yield a store that was opened on the old schema."""
    del old  # it is there
    store = PostgresStore(postgres_database)
    await store.open()
    yield store
    await store.close()


@pytest.mark.usefixtures("old")
async def test_a_schema_without_lanes_lacks_a_migration(postgres_database: str) -> None:
    """Opening says so where it may not change it; `migrate` applies what is missing alone, and once."""
    store = PostgresStore(postgres_database, migrate=False)
    with pytest.raises(SchemaTooOld, match="lacks 0004_lanes, 0005_audiences, 0006_notices; run"):
        await store.open()
    assert await store.migrate() == ("0004_lanes", "0005_audiences", "0006_notices")
    assert await store.migrate() == ()


async def test_runs_from_before_lanes_stand_in_the_nameless_one(store: PostgresStore) -> None:
    """They are as they were, and due there."""
    assert [(await store.load(name)).run for name in "abc"] == [row for row in ROWS if isinstance(row, RunRow)]
    assert (await store.page_runs(RunQuery(limit=1))).items == (run_row("c"),)
    assert await store.due(T0, 9, ("x", "")) == await store.due(T0, 9) == ("a", "c")
    assert await store.next_due(T0, ("",)) == T0 + 5
    assert await store.due(T0, 9, ("x",)) == ()


async def test_a_run_from_before_lanes_moves_into_one(store: PostgresStore) -> None:
    """With its next version, as any other; what only numbered its id takes a run in too."""
    for row in (run_row("a", 2, lane="x", due_at=T0), run_row("gate", lane="x", due_at=T0 + 1)):
        assert await store.commit(changes(runs=(row,))) == Ok(None)
        assert (await store.load(row.run_id)).run == row
    assert await store.due(T0 + 1, 9, ("x",)) == ("a", "gate")


async def test_who_knows_no_lanes_leaves_a_run_in_its_own(store: PostgresStore, old: OldWriter) -> None:
    """A program that was started before the migration goes on; what it begins stands in the nameless lane."""
    assert await store.commit(changes(runs=(run_row("a", 2, lane="x"),))) == Ok(None)
    await old.write(run_row("a", 3, due_at=T0))
    await old.write(run_row("new", due_at=T0))
    assert (await store.load("a")).run == run_row("a", 3, lane="x", due_at=T0)
    assert await store.due(T0, 9, ("x",)) == ("a",)
    assert await store.due(T0, 9, ("",)) == ("new", "c")


FOR_ANN = ApprovalQuery(audience=("ann",))


async def test_approvals_from_before_audiences_wait_for_nobody_yet(store: PostgresStore) -> None:
    """They are listed as before, and found by their audience from when they are written again."""
    row = approval_row("gate", version=2, audience=("ann", "bob"))
    assert (await store.page_approvals(ApprovalQuery())).items == (approval_row("c", ready=True), approval_row("gate"))
    assert (await store.page_approvals(FOR_ANN)).items == ()
    assert await store.commit(changes(approvals=(row,))) == Ok(None)
    assert (await store.page_approvals(FOR_ANN)).items == (row,)


@pytest.mark.parametrize("audience", [("ann",), ("ann", "bob")], ids=["one", "two"])
async def test_who_knows_no_audiences_leaves_an_approval_its_own(
    store: PostgresStore, old: OldWriter, audience: tuple[str, ...]
) -> None:
    """A program that was started before the migration goes on: what it writes waits for the same until it is closed."""
    other = approval_row("x", deadline=T0 + 5, audience=("ann",))
    row = approval_row("w", deadline=T0, audience=audience)
    for each in (other, row):
        assert await store.commit(changes(approvals=(each,))) == Ok(None)
    later = approval_row("w", version=2, deadline=T0 + 9)
    await old.write(later)
    assert (await store.page_approvals(FOR_ANN)).items == (other, later)
    await old.write(approval_row("w", version=3, open=False))
    await old.write(approval_row("new"))
    assert (await store.page_approvals(FOR_ANN)).items == (other,)
    await old.write(approval_row("w", version=4))
    assert (await store.page_approvals(FOR_ANN)).items == (other,)


async def test_what_was_kept_before_notices_can_be_told_of(store: PostgresStore, old: OldWriter) -> None:
    """Nobody was told of it yet; a program that was started before goes on beside one that tells."""
    assert await store.notices("gate") == ()
    notice = notice_row("gate")
    assert await store.commit(changes(notices=(notice,))) == Ok(None)
    await old.write(approval_row("gate", version=2, open=False))
    assert await store.due_notices(T0, 10, "mail") == await store.notices("gate") == (notice,)
