from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from awaitly.exceptions import StoreLocked
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Changes, Conflict
from awaitly.testing.rows import changes, entry_row, run_row, step_row
from awaitly_sqlite import SqliteStore


@contextmanager
def write_lock(path: Path) -> Generator[None]:
    """Hold the file's write lock, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def queued(store: SqliteStore, path: Path, *commits: Changes) -> list[Result[None, Conflict] | BaseException]:
    """Let commits queue up behind another one, so that all of them go into one transaction."""
    with write_lock(path):
        first = asyncio.ensure_future(store.commit(changes(runs=(run_row("first"),))))
        rest = [asyncio.ensure_future(store.commit(commit)) for commit in commits]
        await asyncio.sleep(0)
    assert await first == Ok(None)
    return await asyncio.gather(*rest, return_exceptions=True)


def traced(monkeypatch: pytest.MonkeyPatch, told: Callable[[str], object]) -> None:
    """Tell of each statement of the connections that are opened from now on, before it is executed."""
    connect = sqlite3.connect

    def connected(*given: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*given, **named)
        connection.set_trace_callback(told)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)


def runs(count: int) -> list[Changes]:
    """Make commits of a run each, which do not touch each other."""
    return [changes(runs=(run_row(f"run-{n}"),)) for n in range(count)]


async def test_commits_that_wait_share_a_transaction(store: SqliteStore, path: Path) -> None:
    """A hundred that queue up while one waits for the disk take at most one more."""
    assert await queued(store, path, *runs(100)) == [Ok(None)] * 100
    assert store.commits == 101
    assert store.transactions <= 2


async def test_a_long_queue_takes_several_transactions(store: SqliteStore, path: Path) -> None:
    """One transaction takes at most 256, so that other processes get their turn."""
    assert await queued(store, path, *runs(1000)) == [Ok(None)] * 1000
    assert 4 <= store.transactions <= 6


async def test_commits_one_after_another_take_one_each(store: SqliteStore) -> None:
    """Nothing waits for company."""
    for commit in runs(5):
        assert await store.commit(commit) == Ok(None)
    assert (store.commits, store.transactions) == (5, 5)


async def test_a_conflict_does_not_disturb_its_neighbours(store: SqliteStore, path: Path) -> None:
    """Neither what it did before its condition failed, nor what others do in the same transaction."""
    bad = changes(runs=(run_row("bad"),), steps=(step_row("bad"), step_row("bad")))
    results = await queued(store, path, *runs(2), bad, *runs(5)[2:], evolve(bad, steps=()))
    assert results == [Ok(None)] * 2 + [Err(Conflict("bad", "step 'pay' is already recorded"))] + [Ok(None)] * 4
    found = await store.load("bad")
    assert (found.run, found.steps) == (run_row("bad"), ())


async def test_only_a_refusal_costs_savepoints(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each of them SQLite copies the pages that it changes: commits that all can be are applied without."""
    said: list[str] = []
    traced(monkeypatch, said.append)
    store = SqliteStore(path)
    await store.open()
    assert await asyncio.gather(*map(store.commit, runs(20))) == [Ok(None)] * 20
    assert (store.transactions, "SAVEPOINT job" in said) == (1, False)
    await asyncio.gather(*map(store.commit, runs(21)))
    assert (store.commits, "SAVEPOINT job" in said) == (21, True)
    await store.close()


async def test_a_refusal_leaves_time_for_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process takes the lock before its neighbours are applied anew, they wait for it as always."""
    store, said, taken = SqliteStore(path), list[str](), list[str]()
    with ExitStack() as stack:

        def told(statement: str) -> None:
            said.append(statement)
            if said[-2:] == ["ROLLBACK", "BEGIN IMMEDIATE"] and not taken:
                taken.append(statement)
                stack.enter_context(write_lock(path))
                loop.call_soon(stack.close)

        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patch:
            traced(patch, told)
            await store.open()
        results = await asyncio.gather(*map(store.commit, (*runs(2), *runs(1))))
    assert taken
    assert [isinstance(each, Ok) for each in results] == [True, True, False]
    await store.close()


async def test_of_contenders_in_one_transaction_the_first_wins(store: SqliteStore, path: Path) -> None:
    """The others hear at which version it left the run."""
    results = await queued(store, path, *[changes(runs=(run_row(),))] * 3)
    lost: Result[None, Conflict] = Err(Conflict("run", "the run already exists, at version 1"))
    assert results == [Ok(None), lost, lost]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (changes(runs=(run_row("bad", body="\ud800"),)), UnicodeEncodeError),
        (changes(runs=(run_row("bad", due_at=2**63),)), OverflowError),
        (changes(runs=(run_row("bad"),), steps=(step_row("bad", body=None),)), sqlite3.IntegrityError),  # type: ignore[arg-type]
    ],
    ids=["text that is no Unicode", "number that is too large", "no text"],
)
async def test_a_value_that_cannot_be_kept_disturbs_nobody(
    store: SqliteStore, path: Path, bad: Changes, error: type[Exception]
) -> None:
    """Its commit raises, for that is a mistake of the caller; the neighbours are applied."""
    before, refused, after = await queued(store, path, runs(2)[0], bad, runs(2)[1])
    assert (before, after) == (Ok(None), Ok(None))
    assert isinstance(refused, error)
    assert (await store.load("bad")).run is None


async def test_a_transaction_that_fails_fails_for_all(path: Path) -> None:
    """Each who waits gets an exception of its own; nothing is written, and the store goes on."""
    store = SqliteStore(path, busy_timeout="50ms")
    await store.open()
    with write_lock(path):
        results = await asyncio.gather(*map(store.commit, runs(20)), return_exceptions=True)
    assert [type(result) for result in results] == [StoreLocked] * 20
    assert len(set(map(id, results))) == 20
    assert [(await store.load(f"run-{n}")).run for n in range(20)] == [None] * 20
    assert await store.commit(runs(1)[0]) == Ok(None)
    await store.close()


@pytest.mark.parametrize("when", ["queued", "taken"])
async def test_a_cancelled_waiter_disturbs_nobody(store: SqliteStore, path: Path, when: str) -> None:
    """Its commit is made as a whole or not at all; its neighbours hear of theirs."""
    whole = changes(runs=(run_row("gone"),), steps=(step_row("gone"),), entries=(entry_row("gone"),))
    with write_lock(path):
        tasks = [asyncio.ensure_future(store.commit(commit)) for commit in (runs(2)[0], whole, runs(2)[1])]
        if when == "taken":
            await asyncio.sleep(0)
        tasks[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
    assert (await tasks[0], await tasks[2]) == (Ok(None), Ok(None))
    found = await store.load("gone")
    assert (found.run is not None, len(found.steps), found.head is not None) in {(True, 1, True), (False, 0, False)}


async def test_what_is_acknowledged_is_read(store: SqliteStore) -> None:
    """A read that begins after a commit's answer sees it, on both ways of reading."""

    async def one(n: int) -> None:
        for version in range(1, 20):
            row = run_row(f"run-{n}", version, updated_at=version)
            assert await store.commit(changes(runs=(row,), entries=(entry_row(f"run-{n}", version),))) == Ok(None)
            assert (await store.load(f"run-{n}")).run == row
            assert len(await store.entries(f"run-{n}")) == version

    await asyncio.gather(*map(one, range(16)))


async def test_one_moment_is_read(store: SqliteStore, path: Path) -> None:
    """A commit by another store between two parts of a `load` shows in all of them or in none."""
    other = SqliteStore(path)
    await other.open()
    stop = asyncio.Event()

    async def write() -> None:
        version = 0
        while not stop.is_set():
            version += 1
            row = changes(runs=(run_row(version=version),), entries=(entry_row(seq=version),))
            assert await other.commit(row) == Ok(None)

    writing = asyncio.ensure_future(write())
    for read in range(300):
        found = await store.load("run")
        assert (found.run.version if found.run else 0) == (found.head.seq if found.head else 0)
        if read % 10 == 0:
            await store.entries("run")  # gives way to the writer
    stop.set()
    await writing
    await other.close()
