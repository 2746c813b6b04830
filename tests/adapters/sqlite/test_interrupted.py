from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from awaitly.exceptions import CommitUnknown, StoreUnavailable
from awaitly.result import Ok
from awaitly.testing.rows import changes, run_row, step_row
from awaitly_sqlite import SqliteStore
from awaitly_sqlite.applying import apply
from awaitly_sqlite.writer import Writer


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give a loop of the test's own, which a Ctrl-C may break."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_ctrl_c_amid_a_transaction_leaves_nothing_half_done(
    path: Path, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is rolled back and its waiter told; nobody reads what it had written, others may write, and closing ends."""
    store = SqliteStore(path)
    loop.run_until_complete(store.open())
    loop.run_until_complete(store.commit(changes(runs=(run_row(),))))

    def apply_and_stop(*given: Any) -> None:
        apply(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr("awaitly_sqlite.writer.apply", apply_and_stop)
    commit = loop.create_task(store.commit(changes(steps=(step_row(),))))
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(commit)
    monkeypatch.undo()
    with pytest.raises(StoreUnavailable, match="interrupted before it was written"):
        loop.run_until_complete(commit)
    assert loop.run_until_complete(store.load("run")).steps == ()
    with sqlite3.connect(path, timeout=0, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    other.close()
    assert loop.run_until_complete(store.commit(changes(steps=(step_row(),)))) == Ok(None)
    loop.run_until_complete(store.close())


@pytest.mark.usefixtures("slow_disk")
def test_ctrl_c_once_the_other_thread_has_it_changes_nothing(
    path: Path, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction goes on there, and its waiter hears that it stands; what is committed next has its turn."""
    store = SqliteStore(path)
    loop.run_until_complete(store.open())
    hand_over = Writer._hand_over  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (where the key is pressed)

    def hand_over_and_stop(writer: Writer, work: Callable[[], None]) -> None:
        hand_over(writer, work)
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "_hand_over", hand_over_and_stop)
    commit = loop.create_task(store.commit(changes(runs=(run_row(),))))
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(commit)
    monkeypatch.setattr(Writer, "_hand_over", hand_over)
    assert loop.run_until_complete(commit) == Ok(None)
    assert loop.run_until_complete(store.commit(changes(steps=(step_row(),)))) == Ok(None)
    assert loop.run_until_complete(store.load("run")).steps == (step_row(),)
    loop.run_until_complete(store.close())


class FailingDisk:
    """A cursor whose COMMIT is answered by an I/O error."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        if statement == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self._cursor.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


async def test_a_disk_that_fails_in_a_commit_leaves_it_unknown(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was being written may be found there after a crash, so it is not told as not written."""
    opened = store._opened  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (there is no other way to its disk)
    assert opened is not None
    failing = FailingDisk(opened.writer._db)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (as above)
    monkeypatch.setattr(opened.writer, "_db", failing)
    async with store.listening() as wakes:
        with pytest.raises(CommitUnknown, match="look before you repeat it"):
            await store.commit(changes(runs=(run_row(),), wakes=True))
        assert await wakes.next(20) == {"run"}, "whoever listens is to look whether it was written"
    monkeypatch.undo()
    assert (await store.load("run")).run is None


async def test_the_log_stays_short_beside_short_jobs(store: SqliteStore, path: Path) -> None:
    """However few commits each of them makes, and although the file never rests."""
    await store.commit(changes(runs=(run_row(),)))
    for job in range(40):
        short = SqliteStore(path)
        await short.open()
        for number in range(20):
            await short.commit(changes(steps=(step_row(key=f"{job}-{number}", body=f'"{"x" * 4000}"'),)))
        await short.close()
    assert path.with_name(f"{path.name}-wal").stat().st_size < 4_000 * 4_096


async def test_large_bodies_do_not_let_the_log_grow(store: SqliteStore, path: Path) -> None:
    """A commit of a megabyte counts as what it is."""
    await store.commit(changes(runs=(run_row(),)))
    for number in range(60):
        await store.commit(changes(steps=(step_row(key=f"{number}", body=f'"{"x" * 1_000_000}"'),)))
    assert path.with_name(f"{path.name}-wal").stat().st_size < 16_000_000


async def test_looking_leaves_nothing_beside_the_file(path: Path) -> None:
    """A log of the looker's own would keep the file's owner from writing."""
    owner = SqliteStore(path)
    await owner.open()
    await owner.commit(changes(runs=(run_row(),)))
    await owner.close()
    looking = SqliteStore(path, mode="ro")
    await looking.open()
    assert (await looking.load("run")).run is not None
    await looking.close()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
