# ruff: noqa: ASYNC240  (files and processes are what these tests are about)

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from attrs import evolve

from awaitly.exceptions import NotAStore, SchemaTooNew, SchemaTooOld
from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, Described, RunQuery, RunRow
from awaitly.testing.rows import approval_row, changes, notice_row, run_row
from awaitly_sqlite import SqliteStore
from awaitly_sqlite.migrating import APPLICATION_ID, migrate, scripts

CHILDREN = Path(__file__).with_name("children.py")
STEPS = (
    "CREATE TABLE a (x);",
    "CREATE TABLE b (x);\nINSERT INTO b VALUES ('one; two');\nCREATE TABLE c (x);",
    "DROP TABLE a;",
)


@contextmanager
def raw(path: Path) -> Generator[sqlite3.Connection]:
    """Open the file as any other program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def pragma(connection: sqlite3.Connection, name: str) -> object:
    """Read one setting."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def tables(connection: sqlite3.Connection) -> set[str]:
    """Name the tables."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


async def opened_and_closed(path: Path) -> None:
    """Open a store, which creates or migrates its file."""
    store = SqliteStore(path)
    await store.open()
    await store.close()


async def test_a_new_file_is_marked_as_a_store(path: Path) -> None:
    """By its application id and the version of its schema; it keeps a write-ahead log."""
    await opened_and_closed(path)
    with raw(path) as connection:
        assert pragma(connection, "application_id") == APPLICATION_ID
        assert pragma(connection, "user_version") == len(scripts())
        assert pragma(connection, "journal_mode") == "wal"


async def test_the_schema_is_what_the_file_has(path: Path, store: SqliteStore) -> None:
    """`schema()` is SQL that makes the same tables and indexes."""
    assert isinstance(store, Described)
    with raw(path) as connection, closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(store.schema())
        query = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
        assert connection.execute(query).fetchall() == fresh.execute(query).fetchall()


async def test_a_newer_schema_is_refused(path: Path) -> None:
    """The message says to upgrade, and the file stays as it is."""
    await opened_and_closed(path)
    with raw(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(scripts()) + 1}")
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match="upgrade awaitly"):
        await SqliteStore(path).open()
    assert path.read_bytes() == before


@pytest.mark.parametrize("mark", ["PRAGMA application_id = 7", "CREATE TABLE notes (x)", "PRAGMA user_version = 1"])
async def test_a_file_of_another_program_is_refused(path: Path, mark: str) -> None:
    """Whether it says so or just has content; not a byte of it changes."""
    with raw(path) as connection:
        connection.execute(mark)
    before = path.read_bytes()
    with pytest.raises(NotAStore, match="another program"):
        await SqliteStore(path).open()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"a letter to a friend\n" * 200, b"x", b"\0" * 4096])
async def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    """Not a byte of it changes."""
    path.write_bytes(content)
    with pytest.raises(NotAStore, match="no SQLite database"):
        await SqliteStore(path).open()
    assert path.read_bytes() == content


async def test_an_empty_file_becomes_a_store(path: Path) -> None:
    """That is what SQLite leaves behind where a process dies before its first write."""
    path.touch()
    await opened_and_closed(path)
    with raw(path) as connection:
        assert pragma(connection, "application_id") == APPLICATION_ID


async def test_an_empty_database_becomes_a_store(path: Path) -> None:
    """So does what remains where a process dies between setting the log's mode and its first table."""
    with raw(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    await opened_and_closed(path)
    with raw(path) as connection:
        assert pragma(connection, "application_id") == APPLICATION_ID


@pytest.mark.parametrize("known", range(len(STEPS) + 1))
def test_steps_are_taken_from_where_the_file_stands(path: Path, known: int) -> None:
    """A file of any older version ends at the newest, with each step taken once."""
    with raw(path) as connection:
        migrate(connection, path, 1, STEPS[:known])
        migrate(connection, path, 1, STEPS)
        assert (pragma(connection, "user_version"), tables(connection)) == (3, {"b", "c"})
        assert connection.execute("SELECT x FROM b").fetchall() == [("one; two",)]


def test_a_step_that_fails_leaves_nothing(path: Path) -> None:
    """The file stands at the step before it, and goes on from there once the cause is gone."""
    with raw(path) as connection:
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate(connection, path, 1, (STEPS[0], "CREATE TABLE b (x);\nCREATE TABLE a (x);"))
        assert (pragma(connection, "user_version"), tables(connection)) == (1, {"a"})
        migrate(connection, path, 1, STEPS)
        assert tables(connection) == {"b", "c"}


def test_a_kill_during_a_step_leaves_nothing_of_it(path: Path) -> None:
    """SIGKILL amid the second step: the first one stands, and the next process takes the rest."""
    child = subprocess.run([sys.executable, CHILDREN, "die_migrating", path], check=False)
    assert child.returncode == -signal.SIGKILL
    with raw(path) as connection:
        assert (pragma(connection, "user_version"), tables(connection)) == (1, {"a"})
        migrate(connection, path, 1, STEPS)
        assert tables(connection) == {"b", "c"}


def shape(path: Path) -> list[object]:
    """Give all of a file's schema."""
    with raw(path) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()


@pytest.mark.parametrize("known", range(len(scripts())))
def test_a_kill_before_any_statement_leaves_whole_steps(tmp_path: Path, known: int) -> None:
    """SIGKILL at each of them, from each older version on: the next process takes the rest, to the same schema."""
    command = [sys.executable, str(CHILDREN), "die_at_each_statement", str(tmp_path), str(known)]
    count = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert count > 5 * (len(scripts()) - known)
    *torn, whole = (tmp_path / f"{number}.db" for number in range(1, count + 1))
    came = Counter[object]()
    for path in torn:
        with raw(path) as connection:
            came[pragma(connection, "user_version")] += 1
            connection.execute("PRAGMA synchronous = OFF")
            migrate(connection, path, 1)
        assert shape(path) == shape(whole)
    assert set(came) >= set(range(known, len(scripts())))


MIGRATORS = 8


@pytest.mark.parametrize("known", range(len(scripts())))
def test_many_processes_upgrade_one_file(path: Path, known: int) -> None:
    """Each ends well, from whichever version on, and each step was taken once: it could not be twice."""
    with raw(path) as connection:
        migrate(connection, path, 1, scripts()[:known])
    subprocess.run([sys.executable, CHILDREN, "migrators", path, str(MIGRATORS)], check=True)
    with raw(path) as connection:
        assert pragma(connection, "user_version") == len(scripts())
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_two_migrators_at_once_take_each_step_once(path: Path) -> None:
    """Both arrive at the newest schema, whichever of them was faster."""
    barrier = Barrier(2)

    def migrator() -> None:
        with raw(path) as connection:
            barrier.wait()
            migrate(connection, path, 10, STEPS)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            for migrating in [pool.submit(migrator) for _ in range(2)]:
                migrating.result()
            with raw(path) as connection:
                assert connection.execute("SELECT x FROM b").fetchall() == [("one; two",)]
            path.unlink()


FIRST_ROWS = """
INSERT INTO runs (number, run_id, version, workflow, status, created_at, updated_at, due_at, body)
VALUES (1, 'a', 1, 'refund', 'parked', 10, 11, 20, 'A'), (2, 'b', 3, 'refund', 'done', 12, 13, NULL, 'B'),
(3, 'gate', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO steps VALUES (1, 'pay', '[1]');
INSERT INTO approvals VALUES (2, 'manager', 'b', 1, 'refund', 0, 1, 12, NULL, '{}'),
(3, 'manager', 'gate', 1, 'refund', 1, 0, 12, NULL, '{}');
INSERT INTO entries VALUES (1, 1, zeroblob(32), '{}')"""
"""What a store of version 1 holds: two runs, and an approval without one."""


@pytest.fixture
def first(path: Path) -> Path:
    """Make a file as the first version of the schema had it, with rows in it."""
    with raw(path) as connection:
        migrate(connection, path, 1, scripts()[:1])
        connection.executescript(FIRST_ROWS)
    return path


async def has_all_of_the_first(path: Path) -> None:
    """Open a file of the first version, and find in it what was there, each run in the lane without a name."""
    store = SqliteStore(path)
    await store.open()
    a = RunRow("a", 1, "refund", "parked", 10, 11, 20, "A", lane="")
    b = RunRow("b", 3, "refund", "done", 12, 13, None, "B", lane="")
    assert (await store.page_runs(RunQuery())).items == (b, a)
    assert (await store.load("a")).run == a
    assert [step.key for step in (await store.load("a")).steps] == ["pay"]
    assert [len((await store.load(name)).approvals) for name in ("a", "b", "gate")] == [0, 1, 1]
    assert [len(await store.entries(name)) for name in ("a", "b", "gate")] == [1, 0, 0]
    assert await store.due(20, 10) == await store.due(20, 10, [""]) == ("a", "b")
    assert await store.next_due(19, [""]) == 20
    assert await store.commit(changes(runs=(evolve(a, version=2, lane="fast"),))) == Ok(None)
    assert await store.commit(changes(runs=(run_row("gate", lane="fast", due_at=21),))) == Ok(None)
    assert await store.due(21, 10, ["fast", ""]) == ("a", "gate", "b")
    await store.close()


async def test_rows_of_the_first_version_are_kept(first: Path) -> None:
    """Opening such a file gives its runs a lane, which they can leave."""
    await has_all_of_the_first(first)
    with raw(first) as connection:
        assert pragma(connection, "user_version") == len(scripts())
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_kill_on_the_way_from_the_first_version(first: Path) -> None:
    """SIGKILL at the end of the step: the file is as it was, and the next process takes the step."""
    child = await asyncio.create_subprocess_exec(sys.executable, CHILDREN, "die_upgrading", first)
    assert await child.wait() == -signal.SIGKILL
    with raw(first) as connection:
        assert pragma(connection, "user_version") == 1
        assert "lane" not in [column[1] for column in connection.execute("PRAGMA table_info(runs)")]
    await has_all_of_the_first(first)


async def test_the_first_version_is_not_changed_by_a_look(first: Path) -> None:
    """Who may only look is told to have it opened by somebody who may write; not a byte of it changes."""
    before = first.read_bytes()
    with pytest.raises(SchemaTooOld, match="open it once where it may be written to"):
        await SqliteStore(first, mode="ro").open()
    assert first.read_bytes() == before


SECOND_ROWS = """
INSERT INTO runs (number, run_id) VALUES (1, 'gate');
INSERT INTO approvals (run, run_id, lane, version, workflow, open, ready, asked_at, deadline, body, key) VALUES
(1, 'gate', '', 1, 'refund', 1, 0, 12, 20, '{}', 'manager'),
(1, 'gate', '', 1, 'refund', 1, 0, 13, NULL, '{}', 'cfo')"""
"""Two open approvals, of which a store of version 2 does not say whom they wait for."""


async def test_approvals_of_the_second_version_wait_for_nobody_yet(path: Path) -> None:
    """They are listed as before, and found by their audience from when they are written again."""
    with raw(path) as connection:
        migrate(connection, path, 1, scripts()[:2])
        connection.executescript(SECOND_ROWS)
    store = SqliteStore(path)
    await store.open()
    manager = approval_row("gate", asked_at=12, deadline=20)
    cfo = approval_row("gate", "cfo", asked_at=13)
    assert (await store.page_approvals(ApprovalQuery())).items == (manager, cfo)
    query = ApprovalQuery(audience=("*", "", "ann"))
    assert (await store.page_approvals(query)).items == ()
    new = (evolve(manager, version=2, audience=("ann",)), evolve(cfo, version=2, audience=("bob", "*")))
    assert await store.commit(changes(approvals=new)) == Ok(None)
    assert (await store.page_approvals(query)).items == new
    await store.close()


THIRD_ROWS = """
INSERT INTO runs (number, run_id) VALUES (1, 'gate');
INSERT INTO approvals (run, run_id, lane, version, workflow, open, ready, asked_at, deadline, body, key) VALUES
(1, 'gate', '', 1, 'refund', 1, 0, 12, 20, '{}', 'manager')"""
"""An approval in a store of version 3, which knew no notices."""


async def test_what_the_third_version_kept_can_be_told_of(path: Path) -> None:
    """Nobody was told of it yet; whoever is from now on is told once."""
    with raw(path) as connection:
        migrate(connection, path, 1, scripts()[:3])
        connection.executescript(THIRD_ROWS)
    store = SqliteStore(path)
    await store.open()
    assert await store.notices("gate") == ()
    notice = notice_row("gate", due_at=13)
    decided = approval_row("gate", version=2, asked_at=12, deadline=20, open=False)
    assert await store.commit(changes(approvals=(decided,), notices=(notice,))) == Ok(None)
    assert await store.due_notices(13, 10, "mail") == await store.notices("gate") == (notice,)
    assert (await store.load("gate")).approvals == (decided,)
    await store.close()


async def test_many_stores_upgrade_one_file(first: Path) -> None:
    """The step is taken once, whoever comes first."""
    stores = [SqliteStore(first) for _ in range(MIGRATORS)]
    await asyncio.gather(*(store.open() for store in stores))
    assert [await store.due(20, 10, [""]) for store in stores] == [("a", "b")] * MIGRATORS
    await asyncio.gather(*(store.close() for store in stores))


async def test_many_stores_may_create_one_file(path: Path) -> None:
    """All of them open, and each sees what the others commit."""
    stores = [SqliteStore(path) for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    for n, store in enumerate(stores):
        assert await store.commit(changes(runs=(run_row(f"run-{n}"),))) == Ok(None)
        assert (await stores[0].load(f"run-{n}")).run is not None
    await asyncio.gather(*(store.close() for store in stores))
