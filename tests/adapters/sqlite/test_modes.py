"""Using only a file that is there, and looking at one that cannot be written to."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from awaitly.exceptions import NotAStore, SchemaTooOld, StoreReadOnly, StoreUnavailable
from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, RunQuery
from awaitly.testing.rows import approval_row, changes, entry_row, run_row
from awaitly_sqlite import SqliteStore, opening
from awaitly_sqlite.migrating import scripts
from awaitly_sqlite.opening import Mode
from tests.users import may_only_read


def empty(path: Path) -> None:
    """Make an empty file."""
    path.touch()


def content(path: Path) -> bytes:
    """Read a file."""
    return path.read_bytes()


def names(folder: Path) -> list[str]:
    """List a folder."""
    return [file.name for file in folder.iterdir()]


async def opened(path: Path, mode: Mode = "rwc") -> SqliteStore:
    """Open a store."""
    store = SqliteStore(path, mode=mode)
    await store.open()
    return store


async def filled(path: Path) -> SqliteStore:
    """Open a store and put a run that waits into it."""
    store = await opened(path)
    parts = changes(runs=(run_row(),), approvals=(approval_row(),), entries=(entry_row(),))
    assert await store.commit(parts) == Ok(None)
    return store


async def seen(store: SqliteStore) -> list[str]:
    """Read what there is in every way that there is, and give the ids of the runs."""
    assert (await store.load("run")).run == run_row()
    assert (await store.approvals("run")).approvals == (approval_row(),)
    assert await store.entries("run") == (entry_row(),)
    assert (await store.page_approvals(ApprovalQuery())).items == (approval_row(),)
    assert isinstance(await store.due(2**60, 10), tuple)
    return [row.run_id for row in (await store.page_runs(RunQuery())).items]


@pytest.mark.parametrize("mode", ["rw", "ro"])
async def test_a_missing_file_is_not_created(path: Path, mode: Mode) -> None:
    """A path with a typo is no new, empty store."""
    with pytest.raises(StoreUnavailable, match="there is no such file; check the path"):
        await opened(path, mode)
    assert names(path.parent) == []


@pytest.mark.parametrize("mode", ["rw", "ro"])
async def test_an_empty_file_stays_empty(path: Path, mode: Mode) -> None:
    """It may be another program's."""
    empty(path)
    with pytest.raises(StoreUnavailable, match="the file is empty"):
        await opened(path, mode)
    assert content(path) == b""


async def test_a_file_that_is_there_is_used(path: Path) -> None:
    """As without a mode."""
    await (await filled(path)).close()
    store = await opened(path, "rw")
    assert await store.commit(changes(runs=(run_row("other"),))) == Ok(None)
    await store.close()


def test_another_mode_is_refused(path: Path) -> None:
    """Where it is written."""
    wrong: Mode = "w"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    with pytest.raises(ValueError, match="one of rwc, rw, ro, not 'w'"):
        SqliteStore(path, mode=wrong)


async def test_who_looks_sees_what_others_write_and_writes_nothing(path: Path) -> None:
    """While they have the file open: all that they commit, at once."""
    writing = await filled(path)
    looking = await opened(path, "ro")
    assert await seen(looking) == ["run"]
    assert await writing.commit(changes(runs=(run_row("run2"),))) == Ok(None)
    assert sorted(await seen(looking)) == ["run", "run2"]
    with pytest.raises(StoreReadOnly):
        await looking.commit(changes(runs=(run_row("other"),)))
    await looking.close()
    assert sorted(await seen(writing)) == ["run", "run2"]
    await writing.close()


async def test_a_file_at_rest_is_looked_at_without_any_right_to_write(passable: Path) -> None:
    """Nobody has it open, and SQLite cannot make its log there: the file is read as it is, and left as it was."""
    path = passable / "a #?%.db"
    await (await filled(path)).close()
    before = path.read_bytes()
    with may_only_read(passable):
        looking = await opened(path, "ro")
        assert await seen(looking) == ["run"]
        with pytest.raises(StoreReadOnly):
            await looking.commit(changes(runs=(run_row("other"),)))
        await looking.close()
    assert path.read_bytes() == before
    assert names(passable) == [path.name]


async def test_a_file_in_use_is_looked_at_without_any_right_to_write(passable: Path) -> None:
    """SQLite reads the log that its owner writes."""
    path = passable / "awaitly.db"
    writing = await filled(path)
    with may_only_read(passable):
        looking = await opened(path, "ro")
        assert await seen(looking) == ["run"]
        await looking.close()
    await writing.close()


async def test_a_log_that_nobody_reads_any_more_is_not_ignored(passable: Path) -> None:
    """A process died; what it committed stands in the log alone, so without the log nothing is shown."""
    source, path = passable / "source.db", passable / "awaitly.db"
    writing = await filled(source)
    for end in ("", "-wal"):
        shutil.copy(f"{source}{end}", f"{path}{end}")
    await writing.close()
    with (
        may_only_read(passable),
        pytest.raises(StoreReadOnly, match=r"has a log beside it \(awaitly.db-wal\).*copy both"),
    ):
        await opened(path, "ro")


@pytest.mark.parametrize("mode", ["rwc", "rw"])
async def test_who_may_only_look_is_told_how(passable: Path, mode: Mode) -> None:
    """The mode is named."""
    path = passable / "awaitly.db"
    await (await filled(path)).close()
    with may_only_read(passable), pytest.raises(StoreReadOnly, match="mode=ro, only to look"):
        await opened(path, mode)


async def test_a_file_that_changes_while_it_is_read_is_read_again(
    passable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one state and half of another is never shown."""
    path = passable / "awaitly.db"
    await (await filled(path)).close()
    whole, read = path.read_bytes(), Path.read_bytes
    left = [3]

    def disturbed(file: Path) -> bytes:
        content = read(file)
        if left[0]:
            left[0] -= 1
            file.write_bytes(whole)
        return content

    monkeypatch.setattr(Path, "read_bytes", disturbed)
    monkeypatch.setattr(opening, "connect", _cannot_open)
    looking = await opened(path, "ro")
    assert await seen(looking) == ["run"]
    assert left == [0]
    await looking.close()


async def test_a_file_that_never_rests_is_not_waited_for_without_end(
    passable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so instead."""
    path = passable / "awaitly.db"
    await (await filled(path)).close()
    read = Path.read_bytes

    def disturbed(file: Path) -> bytes:
        content = read(file)
        file.write_bytes(content)
        return content

    monkeypatch.setattr(Path, "read_bytes", disturbed)
    monkeypatch.setattr(opening, "connect", _cannot_open)
    with pytest.raises(StoreUnavailable, match="without a pause"):
        await opened(path, "ro")


def _cannot_open(*_: object, **__: object) -> sqlite3.Connection:
    """Fail as SQLite does where it cannot make its files."""
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    raise error


async def test_what_is_no_store_is_not_looked_at(tmp_path: Path) -> None:
    """Neither another program's database, nor one of an older release, which is not changed by looking."""
    other, old = tmp_path / "other.db", tmp_path / "old.db"
    for path, statements in ((other, ["CREATE TABLE mine (x)"]), (old, ["PRAGMA application_id = 1096237385"])):
        database = sqlite3.connect(path)
        for statement in (*statements, "PRAGMA user_version = 0", "CREATE TABLE IF NOT EXISTS one (x)"):
            database.execute(statement)
        database.close()
    with pytest.raises(NotAStore, match="belongs to another program"):
        await opened(other, "ro")
    with pytest.raises(NotAStore, match="nothing was ever kept"):
        await opened(old, "ro")


async def test_a_store_of_an_older_release_is_left_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says who brings it up to date."""
    known = scripts()
    await (await filled(path)).close()
    monkeypatch.setattr("awaitly_sqlite.migrating.scripts", lambda: (*known, "one more"))
    with pytest.raises(SchemaTooOld, match="open it once where it may be written to"):
        await opened(path, "ro")
