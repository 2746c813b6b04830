# ruff: noqa: ASYNC222, ASYNC240  (files and processes are what these tests are about)

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from awaitly.exceptions import NotAStore, StoreError, StoreUnavailable
from awaitly.result import Ok
from awaitly.testing.rows import changes, run_row
from awaitly_sqlite import SqliteStore


def open_files(path: Path) -> list[str]:
    """Name what this process holds open in the store's directory."""
    links = Path("/proc/self/fd")
    if not links.exists():
        pytest.skip("open files are listed on Linux only")
    targets: list[str] = []
    for link in links.iterdir():
        try:
            targets.append(str(link.readlink()))
        except FileNotFoundError:  # the listing's own
            continue
    return [target for target in targets if target.startswith(str(path.parent))]


async def test_closing_lets_go_of_the_file(path: Path) -> None:
    """No handle and no thread stays, and the log is moved into the file."""
    store = SqliteStore(path)
    await store.open()
    await store.commit(changes(runs=(run_row(),)))
    assert open_files(path)
    await store.close()
    assert open_files(path) == []
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert not [thread for thread in threading.enumerate() if thread.name == "awaitly-sqlite-writer"]


async def test_closing_waits_for_queued_commits(path: Path) -> None:
    """All of them are made and answered."""
    store = SqliteStore(path)
    await store.open()
    commits = [asyncio.ensure_future(store.commit(changes(runs=(run_row(f"run-{n}"),)))) for n in range(600)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*commits) == [Ok(None)] * 600


async def test_a_cancelled_close_still_closes(path: Path) -> None:
    """It goes on by itself; the store refuses use from the moment it began."""
    store = SqliteStore(path)
    await store.open()
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
    await store.close()


async def test_a_store_that_was_never_opened(path: Path) -> None:
    """It says that `open` comes first, and makes no file; closing it is harmless."""
    store = SqliteStore(path)
    with pytest.raises(StoreUnavailable, match="comes first"):
        await store.commit(changes())
    await store.close()
    assert not path.exists()


async def test_opening_twice_is_harmless(store: SqliteStore, path: Path) -> None:
    """One after the other or at once: it stays one opened store."""
    files = len(open_files(path))
    await store.open()
    assert len(open_files(path)) == files
    await store.close()
    await asyncio.gather(store.open(), store.open())
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)


async def test_a_refused_open_leaves_no_handle(path: Path) -> None:
    """So the file can be put right, and opened."""
    path.write_text("a letter\n" * 500)
    store = SqliteStore(path)
    with pytest.raises(NotAStore):
        await store.open()
    assert open_files(path) == []
    path.unlink()
    await store.open()
    await store.close()


async def test_a_cancelled_open_leaves_no_handle(path: Path) -> None:
    """What it had opened is closed."""
    store = SqliteStore(path)
    opening = asyncio.ensure_future(store.open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    for thread in threading.enumerate():
        if thread.name.startswith("awaitly-sqlite"):
            thread.join(5)
    assert open_files(path) == []


def refused(store: SqliteStore) -> str:
    """Use the store on a loop of its own; tell what it says."""

    async def use() -> str:
        try:
            await store.load("run")
        except StoreError as error:
            return str(error)
        return "it worked"

    return asyncio.run(use())


async def test_another_loop_is_refused(store: SqliteStore) -> None:
    """A store belongs to the loop that opened it."""
    assert "opened on another event loop" in await asyncio.to_thread(refused, store)


async def test_no_loop_is_refused(store: SqliteStore) -> None:
    """So is a coroutine that is driven by hand on another thread."""

    def by_hand() -> None:
        store.now().send(None)

    with pytest.raises(StoreUnavailable, match="another event loop"):
        await asyncio.to_thread(by_hand)


def test_a_store_serves_one_loop_after_another(path: Path) -> None:
    """Closed on the first, it can be opened on the second."""
    store = SqliteStore(path)

    async def once(version: int) -> None:
        await store.open()
        assert await store.commit(changes(runs=(run_row(version=version),))) == Ok(None)
        await store.close()

    for version in (1, 2):
        asyncio.run(once(version))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # forking beside threads is what this is about
async def test_a_forked_child_is_refused(store: SqliteStore) -> None:
    """SQLite's locks are not inherited; the parent is undisturbed."""
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
    os.waitpid(child, 0)
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)


def test_a_close_that_is_cut_off_leaves_no_thread(path: Path) -> None:
    """As at the end of `asyncio.run`, which cancels whatever still goes on: the threads end, and the log is gone."""

    async def main() -> None:
        store = SqliteStore(path)
        await store.open()
        commits = [asyncio.ensure_future(store.commit(changes(runs=(run_row(f"{number}"),)))) for number in range(50)]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
        assert not closing.done()
        assert commits

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name.startswith("awaitly-sqlite"):
            thread.join(10)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("awaitly-sqlite")]
    assert [each.name for each in path.parent.iterdir()] == [path.name]
