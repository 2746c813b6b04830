"""Hearing of commits: what the contract of waking leaves open, for a file that other processes write to as well."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from awaitly.exceptions import StoreUnavailable
from awaitly.result import Ok
from awaitly.storage.store import Changes, Wakes, Waking
from awaitly.testing.rows import changes, run_row
from awaitly.testing.store_contract.waking import heard
from awaitly_sqlite import SqliteStore, hearing
from tests.adapters.sqlite.test_lifetime import open_files

CHILDREN = Path(__file__).with_name("children.py")
PATIENCE = 20.0
LONG = 3 * PATIENCE


@contextmanager
def foreign(path: Path) -> Generator[sqlite3.Connection]:
    """Open the file as another process would: nothing of what is committed here is told by name."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as connection:
        yield connection


def new(run_id: str, *, wakes: bool = True) -> Changes:
    """Make a commit that inserts a run."""
    return changes(runs=(run_row(run_id),), wakes=wakes)


def write(connection: sqlite3.Connection) -> None:
    """Commit something."""
    connection.execute("INSERT INTO runs (run_id) VALUES (hex(randomblob(8)))")


def timers() -> int:
    """Count what the loop is to do later."""
    scheduled: list[asyncio.TimerHandle] = vars(asyncio.get_running_loop())["_scheduled"]
    return sum(not timer.cancelled() for timer in scheduled)


class Looks:
    """Counts the looks at the file, and lets a test wait for some more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.more = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        look: Any = vars(hearing.Hearing)["_look"]

        def looking(each: hearing.Hearing) -> None:
            look(each)
            self.count += 1
            task = asyncio.get_running_loop().create_task(self._tell())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        monkeypatch.setattr(hearing.Hearing, "_look", looking)

    async def _tell(self) -> None:
        async with self.more:
            self.more.notify_all()

    async def wait(self, count: int) -> None:
        """Wait until the file was looked at so many times more."""
        until = self.count + count
        async with asyncio.timeout(PATIENCE), self.more:
            await self.more.wait_for(lambda: self.count >= until)


@pytest.fixture
async def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Count looks at the file."""
    return Looks(monkeypatch)


@pytest.fixture
async def wakes(store: SqliteStore) -> AsyncIterator[Wakes]:
    """Listen."""
    async with store.listening() as wakes:
        yield wakes


async def first(wakes: Wakes) -> frozenset[str]:
    """Wait for what is told next, in less time than `next` is given."""
    async with asyncio.timeout(PATIENCE):
        return await wakes.next(LONG)


def test_it_can_tell_of_commits(path: Path) -> None:
    """`watching` then listens, and does not look at growing distances."""
    assert isinstance(SqliteStore(path), Waking)


async def test_a_commit_of_another_process_is_noticed(path: Path, wakes: Wakes) -> None:
    """`next` gives nothing, before its time: whoever listens is to look in the store."""
    child = await asyncio.create_subprocess_exec(sys.executable, CHILDREN, "crowd", path, "1", "1")
    assert await child.wait() == 0
    assert await first(wakes) == frozenset()


async def test_who_waits_is_woken_by_another_process(path: Path, wakes: Wakes, looks: Looks) -> None:
    """Each time that something is committed there, whatever it is."""
    with foreign(path) as connection:
        for _ in range(3):
            waiting = asyncio.create_task(first(wakes))
            await looks.wait(2)
            assert not waiting.done()
            write(connection)
            assert await waiting == frozenset()


async def test_what_comes_between_entering_and_asking_is_noticed(path: Path, store: SqliteStore) -> None:
    """From the moment of entering on."""
    with foreign(path) as connection:
        async with store.listening() as wakes:
            write(connection)
            assert await first(wakes) == frozenset()


async def test_own_commits_are_no_news(store: SqliteStore, wakes: Wakes, looks: Looks) -> None:
    """A commit that wakes nobody lets whoever listens sleep on."""
    waiting = asyncio.create_task(first(wakes))
    for n in range(3):
        assert await store.commit(new(f"quiet-{n}", wakes=False)) == Ok(None)
        await looks.wait(2)
    assert not waiting.done()
    assert await store.commit(new("loud")) == Ok(None)
    assert await waiting == {"loud"}


async def test_an_own_commit_hides_no_other(path: Path, store: SqliteStore, wakes: Wakes, looks: Looks) -> None:
    """What another process committed just before is noticed all the same, after the names that are known."""
    with foreign(path) as connection:
        write(connection)
        assert await store.commit(new("mine")) == Ok(None)
        await looks.wait(2)
        assert [await first(wakes), await first(wakes)] == [{"mine"}, frozenset()]


@pytest.mark.usefixtures("slow_disk")
async def test_nothing_is_missed_while_the_writer_is_at_work(path: Path, store: SqliteStore, looks: Looks) -> None:
    """Where the disk is slow the connection that writes may not be looked by; another one is."""
    with foreign(path) as connection:
        async with store.listening() as wakes:
            write(connection)
            commits = [asyncio.ensure_future(store.commit(new(f"{n}", wakes=False))) for n in range(600)]
            assert await first(wakes) == frozenset()
            assert await asyncio.gather(*commits) == [Ok(None)] * 600
            await looks.wait(1)


async def test_a_file_that_cannot_be_looked_at_is_news(
    store: SqliteStore, wakes: Wakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listens looks in the store, which says what is wrong; once all is well, silence is silence again."""

    class Broken:
        def execute(self, _: str) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    here = store._opened  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (there is no other way to break it)
    assert here is not None
    with monkeypatch.context() as broken:
        broken.setattr(here.hearing, "_reader", Broken)
        assert [await first(wakes) for _ in range(3)] == [frozenset()] * 3
    assert await store.commit(new("run")) == Ok(None)
    assert "run" in await heard(wakes, "run", patience=PATIENCE)


async def test_a_store_on_another_thread_tells_at_once(path: Path, wakes: Wakes) -> None:
    """By name, to a listener on this loop; a refused commit tells nothing."""

    async def commit() -> None:
        store = SqliteStore(path)
        await store.open()
        for name in ("a", "a", "b"):
            await store.commit(new(name))
        await store.close()

    await asyncio.to_thread(asyncio.run, commit())
    told: set[str] = set()
    while "b" not in told:
        told |= await first(wakes)
    assert told == {"a", "b"}


async def test_another_file_is_not_heard(tmp_path: Path, store: SqliteStore, wakes: Wakes, looks: Looks) -> None:
    """Nor does it make anybody look."""
    other = SqliteStore(tmp_path / "other.db")
    await other.open()
    waiting = asyncio.create_task(first(wakes))
    assert await other.commit(new("theirs")) == Ok(None)
    await looks.wait(2)
    assert not waiting.done()
    assert await store.commit(new("mine")) == Ok(None)
    assert await waiting == {"mine"}
    await other.close()


async def test_another_name_of_the_file_is_heard(tmp_path: Path, path: Path, wakes: Wakes) -> None:
    """It is the same file, whatever path leads to it."""
    (tmp_path / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    other = SqliteStore(tmp_path / "elsewhere" / path.name)
    await other.open()
    assert await other.commit(new("run")) == Ok(None)
    assert "run" in await heard(wakes, "run", patience=PATIENCE)
    await other.close()


async def test_a_commit_of_nothing_wakes_nobody(store: SqliteStore, wakes: Wakes) -> None:
    """It is a mistake of its caller; whoever commits beside it is answered, and told of."""
    mistake, commit = await asyncio.gather(
        store.commit(changes(wakes=True)), store.commit(new("run")), return_exceptions=True
    )
    assert isinstance(mistake, ValueError)
    assert commit == Ok(None)
    assert await first(wakes) == {"run"}


async def test_a_commit_whose_caller_left_is_told(store: SqliteStore, wakes: Wakes) -> None:
    """It stands, whether or not somebody waits for its answer."""
    commit = asyncio.ensure_future(store.commit(new("run")))
    await asyncio.sleep(0)
    commit.cancel()
    assert await first(wakes) == {"run"}


async def test_nothing_goes_on_while_nobody_listens(store: SqliteStore, path: Path) -> None:
    """No timer, no task, no thread and no file more than before; one timer for all that listen."""
    before = timers(), asyncio.all_tasks(), set(threading.enumerate()), sorted(open_files(path))
    async with store.listening():
        async with store.listening():
            assert timers() == before[0] + 1
            assert (set(threading.enumerate()), sorted(open_files(path))) == before[2:]
        assert timers() == before[0] + 1
    assert (timers(), asyncio.all_tasks(), set(threading.enumerate()), sorted(open_files(path))) == before


async def test_a_cancelled_listener_leaves_no_timer(store: SqliteStore) -> None:
    """Whatever it waited for."""
    before, entered = timers(), asyncio.Event()

    async def listen() -> None:
        async with store.listening() as wakes:
            entered.set()
            await wakes.next(LONG)

    task = asyncio.create_task(listen())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert timers() == before


async def test_closing_leaves_no_timer(path: Path) -> None:
    """Who still listens hears of nothing more, also once the store is open again, and leaves in peace."""
    store = SqliteStore(path)
    await store.open()
    before = timers()
    async with store.listening() as wakes:
        await store.close()
        assert timers() == before
        await store.open()
        assert await store.commit(new("run")) == Ok(None)
        assert await wakes.next(0) == frozenset()
        async with store.listening() as again:
            assert await store.commit(new("next")) == Ok(None)
            assert await first(again) == {"next"}
    assert timers() == before
    await store.close()
    with pytest.raises(StoreUnavailable):
        async with store.listening():
            pass


def test_a_listener_whose_loop_is_gone_is_forgotten(path: Path) -> None:
    """A commit that stands is not reported as failed because somebody never left `listening`."""
    loop, room = asyncio.new_event_loop(), hearing.room_of(path)
    ears: set[object] = vars(hearing)["_EARS"]
    with closing(sqlite3.connect(path)) as connection, ExitStack() as stack:

        async def listen() -> None:
            stack.enter_context(hearing.Hearing(room, loop, lambda: connection).listening())

        loop.run_until_complete(listen())
        loop.close()
        assert len(ears) == 1
        hearing.tell(room, "run")
        assert not ears


async def test_a_store_for_looking_hears_of_others(path: Path, store: SqliteStore) -> None:
    """It commits nothing itself."""
    reader = SqliteStore(path, mode="ro")
    await reader.open()
    with foreign(path) as connection:
        async with reader.listening() as wakes:
            write(connection)
            assert await first(wakes) == frozenset()
            assert await store.commit(new("run")) == Ok(None)
            assert "run" in await heard(wakes, "run", patience=PATIENCE)
    await reader.close()
