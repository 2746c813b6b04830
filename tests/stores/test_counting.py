from __future__ import annotations

import pytest

from awaitly.result import Err, Ok
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import ApprovalQuery, Changes, Hold, Move, RunQuery
from awaitly.testing import CountingStore
from awaitly.testing.rows import approval_row, changes, entry_row, run_row, step_row


async def counting() -> CountingStore:
    """Give an open, empty store."""
    store = CountingStore(MemoryStore())
    await store.open()
    return store


async def test_commits_are_counted_by_move() -> None:
    """Each call is one, whatever it holds."""
    store = await counting()
    for move in (Move.START, Move.STEP, Move.STEP):
        await store.commit(changes(move, dropped=(("run", "pay"),)))
    assert store.commits == {Move.START: 1, Move.STEP: 2}
    assert store.commits.total() == 3


async def test_refused_commits_count() -> None:
    """They go to the store as any other."""
    store = await counting()
    assert await store.commit(changes(Move.START, runs=(run_row(),))) == Ok(None)
    assert isinstance(await store.commit(changes(Move.START, runs=(run_row(),))), Err)
    assert store.commits[Move.START] == 2


@pytest.mark.parametrize(
    ("commit", "named"),
    [
        (changes(Move.PARK, runs=(run_row("a"),), entries=(entry_row("b"),)), r"\(park\) is about 'a', 'b'"),
        (changes(holds=(Hold("a", 1),), steps=(step_row("b"),)), "'a', 'b'"),
        (changes(dropped=(("b", "pay"),), approvals=(approval_row("a"),)), "'a', 'b'"),
        (changes(forgotten=(Hold("a", 1), Hold("b", 0))), "'a', 'b'"),
        (changes(Move.END), r"\(end\) is about none at all"),
    ],
)
async def test_a_commit_about_several_runs_or_none_is_refused(commit: Changes, named: str) -> None:
    """It is a mistake in what makes it: it fails the test, names the runs, and is neither made nor counted."""
    store = await counting()
    with pytest.raises(AssertionError, match=named):
        await store.commit(commit)
    assert store.commits == {}
    assert [(await store.load(run_id)).run for run_id in ("a", "b")] == [None, None]


async def test_reads_are_counted_by_name() -> None:
    """All of them, and no commit among them."""
    store = await counting()
    await store.now()
    await store.load("run")
    await store.load("run")
    await store.approvals("run")
    await store.entries("run")
    await store.page_runs(RunQuery())
    await store.page_approvals(ApprovalQuery())
    await store.due(0, 1)
    await store.next_due(0)
    await store.commit(changes(runs=(run_row(),)))
    names = ("now", "approvals", "entries", "page_runs", "page_approvals", "due", "next_due")
    assert store.reads == {**dict.fromkeys(names, 1), "load": 2}


async def test_opening_and_closing_count_as_nothing() -> None:
    """Neither reads nor commits."""
    store = await counting()
    await store.close()
    assert (store.reads, store.commits) == ({}, {})


async def test_reset_counts_from_zero() -> None:
    """Both counters; the rows stay."""
    store = await counting()
    await store.commit(changes(runs=(run_row(),)))
    await store.load("run")
    store.reset()
    assert (store.reads, store.commits) == ({}, {})
    assert (await store.load("run")).run == run_row()
