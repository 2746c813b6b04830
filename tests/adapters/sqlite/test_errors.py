# ruff: noqa: ASYNC221, ASYNC240  (files and processes are what these tests are about)

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from awaitly.exceptions import (
    NotAStore,
    StoreCorrupt,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreUnavailable,
)
from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, Changes, RunQuery
from awaitly.testing.rows import changes, run_row, step_row
from awaitly_sqlite import SqliteStore, connecting
from tests.users import another_user


async def made(path: Path, *commits: Changes) -> None:
    """Leave a store that is closed."""
    store = SqliteStore(path)
    await store.open()
    for commit in commits:
        assert await store.commit(commit) == Ok(None)
    await store.close()


async def test_a_lock_held_for_too_long(path: Path) -> None:
    """The message says what to do; reads go on; the next commit succeeds once the lock is gone."""
    store = SqliteStore(path, busy_timeout="30ms")
    await store.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="busy_timeout") as locked:
            await store.commit(changes(runs=(run_row(),)))
        assert isinstance(locked.value.__cause__, sqlite3.OperationalError)
        assert (await store.load("run")).run is None
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    await store.close()


async def test_a_lock_that_is_released_in_time(path: Path, store: SqliteStore) -> None:
    """The commit waits for it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(store.commit(changes(runs=(run_row(),))))
        await store.entries("run")
        assert not waiting.done()
        other.execute("ROLLBACK")
    assert await waiting == Ok(None)


async def test_a_locked_file_does_not_open(path: Path) -> None:
    """Where another process keeps it for itself alone."""
    await made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("COMMIT")
        with pytest.raises(StoreLocked):
            await SqliteStore(path, busy_timeout="30ms").open()


@pytest.mark.parametrize("part", ["file", "directory"])
async def test_a_read_only_store(passable: Path, part: str) -> None:
    """The file or its directory may not be written: it does not open, for it could not work."""
    path = passable / "awaitly.db"
    await made(path)
    with another_user(passable):
        (path if part == "file" else passable).chmod(0o444 if part == "file" else 0o555)
        with pytest.raises(StoreReadOnly, match="may not write to"):
            await SqliteStore(path).open()
        passable.chmod(0o755)


async def test_a_file_that_becomes_read_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits say so, reads go on."""
    await made(path, changes(runs=(run_row(),)))
    settings = connecting.SETTINGS
    monkeypatch.setattr(connecting, "SETTINGS", (*settings, "PRAGMA query_only = ON"))
    store = SqliteStore(path)
    await store.open()
    with pytest.raises(StoreReadOnly, match="make the file and its directory writable"):
        await store.commit(changes(runs=(run_row("other"),)))
    assert (await store.load("run")).run == run_row()
    await store.close()


@pytest.mark.parametrize("mode", [0o000, 0o555])
async def test_a_directory_that_may_not_be_used(passable: Path, mode: int) -> None:
    """A new store cannot be made there, and the message says so."""
    with another_user(passable):
        passable.chmod(mode)
        with pytest.raises(StoreUnavailable, match=r"may not (enter|write to) its directory"):
            await SqliteStore(passable / "awaitly.db").open()
        passable.chmod(0o755)


async def test_a_file_that_may_not_be_read(passable: Path) -> None:
    """It is there, and another user's."""
    path = passable / "awaitly.db"
    await made(path)
    with another_user(passable):
        path.chmod(0o200)
        with pytest.raises(StoreUnavailable, match="may not read it"):
            await SqliteStore(path).open()


async def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    """It is not made on the quiet: a typing error would look like an empty store."""
    with pytest.raises(StoreUnavailable, match="directory does not exist"):
        await SqliteStore(tmp_path / "none" / "awaitly.db").open()


async def test_a_directory_in_place_of_a_file(tmp_path: Path) -> None:
    """The message says that it is one."""
    with pytest.raises(StoreUnavailable, match="is a directory"):
        await SqliteStore(tmp_path).open()


async def until_full(store: SqliteStore) -> int:
    """Commit until the store refuses; give how many commits it took."""
    count = 0
    with pytest.raises(StoreFull, match="free some"):  # noqa: PT012  (which of them is refused is not known)
        while count < 2000:
            commit = changes(runs=(run_row(f"run-{count}", body="b" * 3000),), steps=(step_row(f"run-{count}"),))
            assert await store.commit(commit) == Ok(None)
            count += 1
    return count


async def whole_runs(store: SqliteStore) -> int:
    """Count the runs; each must have its step."""
    rows = (await store.page_runs(RunQuery(limit=5000))).items
    assert all([len((await store.load(row.run_id)).steps) == 1 for row in rows])
    return len(rows)


async def test_a_full_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was acknowledged is there and nothing of what was refused; with space again it goes on."""
    await made(path)
    with monkeypatch.context() as limited:
        limited.setattr(connecting, "SETTINGS", (*connecting.SETTINGS, "PRAGMA max_page_count = 100"))
        store = SqliteStore(path)
        await store.open()
        taken = await until_full(store)
        assert await whole_runs(store) == taken
        await store.close()
    await made(path, changes(runs=(run_row(f"run-{taken}"),)))


async def test_a_full_disk(tmp_path: Path) -> None:
    """The same on a real file system of half a megabyte, where the log meets the limit."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting needs root; `test_a_full_file` covers the rest")
    try:
        store = SqliteStore(disk / "awaitly.db")
        await store.open()
        ballast = disk / "ballast"
        taken = await until_full(store)
        assert await whole_runs(store) == taken > 10
        await store.close()
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(b"x" * 600_000)
        with pytest.raises(StoreFull):
            await SqliteStore(disk / "new.db").open()
        ballast.unlink()
        reopened = SqliteStore(disk / "awaitly.db")
        await reopened.open()
        assert await whole_runs(reopened) == taken
        await reopened.close()
    finally:
        subprocess.run(["umount", disk], check=True)


async def test_a_damaged_page(path: Path) -> None:
    """Reads and listings say that the structure is damaged, and what to save first."""
    await made(path, *(changes(runs=(run_row(f"run-{n}", body="b" * 500),)) for n in range(200)))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    store = SqliteStore(path)
    await store.open()
    with pytest.raises(StoreCorrupt, match="restore a backup"):
        await store.load("run-1")
    with pytest.raises(StoreCorrupt):
        await store.page_runs(RunQuery())
    with pytest.raises(StoreCorrupt):
        await store.page_approvals(ApprovalQuery())
    with pytest.raises(StoreCorrupt):
        await store.due(1, 1)
    with pytest.raises(StoreCorrupt):
        await store.commit(changes(runs=(run_row("more"),)))
    await store.close()


@pytest.mark.parametrize("size", [1, 400, 4000, 5000, 3 * 4096])
async def test_a_truncated_file(path: Path, size: int) -> None:
    """Wherever it was cut, some typed error comes, and nothing that looks like an empty store."""
    await made(path, *(changes(runs=(run_row(f"run-{n}", body="b" * 500),)) for n in range(100)))
    os.truncate(path, size)
    store = SqliteStore(path)
    with pytest.raises((StoreCorrupt, NotAStore)):  # noqa: PT012  (opening may still succeed)
        await store.open()
        await store.load("run-1")
    await store.close()


async def test_a_text_that_is_no_unicode(path: Path) -> None:
    """It comes through as a text that is plainly none, for its own record to be set aside; the others are read."""
    await made(path, changes(runs=(run_row(), run_row("other"))))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE runs SET body = CAST(x'ff' AS TEXT) WHERE run_id = 'run'")
    store = SqliteStore(path)
    await store.open()
    damaged = (await store.load("run")).run
    assert damaged is not None
    assert damaged.body == "\udcff"
    assert (await store.load("other")).run == run_row("other")
    await store.close()


async def test_a_table_that_is_gone(path: Path) -> None:
    """Somebody changed the schema by hand."""
    await made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DROP TABLE runs")
    store = SqliteStore(path)
    await store.open()
    with pytest.raises(StoreCorrupt, match="no such table"):
        await store.load("run")
    await store.close()


@pytest.mark.parametrize("fate", ["deleted", "moved", "replaced"])
async def test_a_file_that_is_gone(path: Path, store: SqliteStore, fate: str) -> None:
    """Commits are refused: SQLite would write them into a file that nobody finds again."""
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    path.rename(path.with_name("elsewhere.db"))
    if fate == "replaced":
        path.touch()
    if fate == "deleted":
        path.with_name("elsewhere.db").unlink()
    results = await asyncio.gather(
        *(store.commit(changes(runs=(run_row(f"run-{n}"),))) for n in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert "moved or deleted" in str(results[0])
