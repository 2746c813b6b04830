"""Clearing away what ended long ago: in batches, past everything that waits, and into an archive where one is given."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from awaitly import (
    Err,
    History,
    MemoryStore,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunStatus,
    StoreUnavailable,
    Workflow,
    workflow,
)
from awaitly import sync as plain_code
from awaitly.storage.store import Move, Page, RunQuery, RunRow
from awaitly.testing import TestClock, raising
from tests.support import Effects, FlowError, SharedStore

ENDED = frozenset({"completed", "failed", "cancelled"})


class Asked(SharedStore):
    """Notes the queries for runs, and the rows that they gave."""

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.queries: list[RunQuery] = []
        self.rows: list[RunRow] = []

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Note the query, then make it."""
        page = await super().page_runs(query)
        self.queries.append(query)
        self.rows += page.items
        return page


def refunding(effects: Effects) -> Workflow[[int], int, FlowError]:
    """Make a workflow: a step, a question, a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, "load")
        approved = await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, approved))

    return refund


async def fill(orchestrator: Orchestrator, refund: Workflow[[int], int, FlowError], ended: int, parked: int) -> None:
    """Make runs that ended, `e0` and so on, and runs that wait, `p0` and so on."""
    for n in range(ended):
        await orchestrator.start(refund(n), run_id=f"e{n}")
        (await orchestrator.approve(f"e{n}", by="ann", resume=refund)).unwrap()
    for n in range(parked):
        await orchestrator.start(refund(n), run_id=f"p{n}")


async def left(orchestrator: Orchestrator) -> set[str]:
    """Name the runs that there are."""
    return {run.run_id for run in (await orchestrator.runs()).items}


# Batches


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
async def test_nothing_but_what_ended_is_looked_at(
    batch: int, each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Every query names the ended statuses and is as long as a batch; what waits is neither listed nor loaded."""
    store, refund = Asked(each_store), refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=5, parked=7)
        clock.advance("2h")
        store.reset()
        assert await orchestrator.cleanup(older_than="1h", batch=batch) == 5
        assert store.commits == {Move.CLEANUP: 5}
        assert dict(store.reads) == {"now": 1, "page_runs": len(store.queries)}
        assert len(store.queries) <= 5 // batch + 1
        assert {frozenset(query.statuses or ()) for query in store.queries} == {ENDED}
        assert {query.limit for query in store.queries} == {batch}
        assert {row.run_id for row in store.rows} == {f"e{n}" for n in range(5)}
        assert await left(orchestrator) == {f"p{n}" for n in range(7)}


async def test_an_archive_loads_only_what_it_keeps(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """One load and one ledger for each run that goes, none for those that wait."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=3, parked=4)
        clock.advance("2h")
        store.reset()
        kept: list[History] = []
        assert await orchestrator.cleanup(older_than="1h", archive=kept.append) == 3
        assert dict(store.reads) == {"now": 1, "page_runs": 1, "load": 3, "entries": 3}


async def test_a_batch_is_at_least_one_run(store: SharedStore) -> None:
    """Anything less could never come to an end."""
    async with Orchestrator(store) as orchestrator:
        with pytest.raises(ValueError, match="limit"):
            await orchestrator.cleanup(older_than="1h", batch=0)


# The archive


async def test_each_history_is_archived_before_its_run_is_deleted(
    each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """An async archive is awaited, and finds the run still there; the history is what `history` gave."""
    refund = refunding(effects)
    kept: list[History] = []
    there: list[bool] = []

    async def keep(history: History) -> None:
        await asyncio.sleep(0)
        there.append((await each_store.load(history.run.run_id)).run is not None)
        kept.append(history)

    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=3, parked=1)
        expected = [(await orchestrator.history(f"e{n}")).unwrap() for n in range(3)]
        clock.advance("2h")
        assert await orchestrator.cleanup(older_than="1h", archive=keep, batch=2) == 3
    assert sorted(kept, key=lambda h: h.run.run_id) == expected
    assert there == [True] * 3


async def test_a_plain_function_archives_too(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """`archive` need not be async."""
    refund = refunding(effects)
    kept: list[History] = []
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=2, parked=0)
        clock.advance("2h")
        assert await orchestrator.cleanup(older_than="1h", archive=kept.append) == 2
    assert {history.run.status for history in kept} == {RunStatus.COMPLETED}
    assert [len(history.entries) for history in kept] == [3, 3]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_run_that_could_not_be_archived_stays(
    is_async: bool, store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """What the archive raises goes on; those before are gone, this one and those after stay, and go the next time."""
    refund = refunding(effects)
    kept: list[str] = []

    def keep(history: History) -> None:
        if history.run.run_id == "e1" and not broken:
            broken.append(True)
            raise OSError("no space left")
        kept.append(history.run.run_id)

    async def keep_later(history: History) -> None:
        keep(history)

    broken: list[bool] = []
    archive = keep_later if is_async else keep
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        for n in range(3):
            await orchestrator.start(refund(n), run_id=f"e{n}")
            (await orchestrator.approve(f"e{n}", by="ann", resume=refund)).unwrap()
            clock.advance("1s")
        clock.advance("2h")
        with pytest.raises(OSError, match="no space"):
            await orchestrator.cleanup(older_than="1h", archive=archive)
        assert await left(orchestrator) == {"e0", "e1"}
        assert await orchestrator.cleanup(older_than="1h", archive=archive) == 2
        assert await left(orchestrator) == set()
    assert kept == ["e2", "e1", "e0"]


async def test_a_run_that_moves_while_it_is_archived_stays(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """A failed run that somebody retries meanwhile is not deleted under them."""
    refund = refunding(effects)
    effects.failing.add("pay")

    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=1, parked=0)
        clock.advance("2h")
        effects.failing.clear()

        async def retry(_: History) -> None:
            assert (await orchestrator.retry("e0")).result == Ok(0)

        assert await orchestrator.cleanup(older_than="1h", archive=retry) == 0
        assert await left(orchestrator) == {"e0"}


async def test_a_run_that_moved_before_it_is_archived_is_left_out(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """A run that was deleted, or went on, after it was listed is given to no archive."""
    refund = refunding(effects)
    kept: list[str] = []
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=2, parked=0)
        clock.advance("2h")

        async def keep(history: History) -> None:
            kept.append(history.run.run_id)
            [other] = {"e0", "e1"} - {history.run.run_id}
            row = (await store.load(other)).run
            assert row is not None
            await store.change_run(evolve(row, version=row.version + 1))

        assert await orchestrator.cleanup(older_than="1h", archive=keep) == 1
    assert len(kept) == 1


async def test_a_damaged_run_is_kept_where_the_others_are_archived(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """What does not decode could not be archived, and is not deleted; without an archive it goes as the others do."""
    refund = refunding(effects)
    kept: list[History] = []
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=2, parked=0)
        found = await store.load("e0")
        assert found.run is not None
        await store.change_step(found.run.version, evolve(found.steps[0], body="[]"))
        clock.advance("2h")
        assert await orchestrator.cleanup(older_than="1h", archive=kept.append) == 1
        assert [history.run.run_id for history in kept] == ["e1"]
        assert "[]" in [step.body for step in (await store.load("e0")).steps]
        assert await orchestrator.cleanup(older_than="1h") == 1
    assert (await store.load("e0")).run is None


async def test_a_deletion_that_fails_leaves_the_run_to_the_next_time(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Archived and not deleted, a run is archived again: at least once, never not at all."""
    refund = refunding(effects)
    kept: list[History] = []
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await fill(orchestrator, refund, ended=1, parked=0)
        clock.advance("2h")
        store.failpoints.arm("cleanup.before", raising(StoreUnavailable("gone")), hit=1)
        with pytest.raises(StoreUnavailable):
            await orchestrator.cleanup(older_than="1h", archive=kept.append)
        assert await orchestrator.cleanup(older_than="1h", archive=kept.append) == 1
    assert [history.run.run_id for history in kept] == ["e0", "e0"]


def test_plain_code_archives(clock: TestClock) -> None:
    """The orchestrator without await takes the same options."""

    @workflow
    async def fails(run: Run[str]) -> Result[int, str]:
        return Err("no")

    kept: list[History] = []
    with plain_code.Orchestrator(MemoryStore(clock=clock), workflows=[fails]) as orchestrator:
        for n in range(3):
            orchestrator.start(fails(), run_id=f"r{n}")
        clock.advance("2h")
        assert orchestrator.cleanup(older_than="1h", archive=kept.append, batch=2) == 3
        assert orchestrator.runs().items == ()
    assert {history.run.run_id for history in kept} == {"r0", "r1", "r2"}
