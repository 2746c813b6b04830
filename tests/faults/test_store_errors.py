from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    Execution,
    MemoryStore,
    Orchestrator,
    RunStatus,
    Store,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from awaitly.testing import FailingStore, Failpoints, TestClock, raising
from awaitly.testing.rows import changes
from awaitly_sqlite import SqliteStore
from tests.faults.errands import Marks, errand
from tests.faults.indoors import Indoors
from tests.faults.tally import TALLY, Violated

MOVES = ("start", "step", "park", "decide", "claim", "end", "cancel")
TROUBLE: list[tuple[str, StoreError]] = [
    ("before", StoreFull("no space is left")),
    ("before", StoreUnavailable("nobody answers")),
    ("after", StoreUnavailable("the reply was lost")),
]
Making = Callable[[TestClock, Path], Store]


def in_memory(clock: TestClock, here: Path) -> Store:
    """Make a store in memory."""
    return MemoryStore(clock=clock)


def in_a_file(clock: TestClock, here: Path) -> Store:
    """Make a store in a file of its own."""
    return SqliteStore(here / f"{len(list(here.iterdir()))}.db", clock=clock)


async def live_on(life: Indoors, failpoint: str, error: StoreError, hit: int) -> bool:
    """Let the store fail once in a run's life, then let others go on; False where the life has no such hit."""
    failpoints, raised = Failpoints(), False
    failpoints.arm(failpoint, raising(error), hit)
    try:
        await life.live(failpoints, life.orders(cancels=0.5 if failpoint.startswith("cancel") else 0.0))
    except StoreError as exc:
        raised = exc is error
    if failpoints.hits[failpoint] < hit:
        return False
    TALLY.check("the caller gets the store's exception", raised, (failpoint, hit, life.shape))
    await life.look()
    await life.survive()
    return True


@pytest.mark.parametrize("make", [in_memory, in_a_file])
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: f"{trouble[0]}-{type(trouble[1]).__name__}")
async def test_a_store_that_fails_loses_nothing(
    trouble: tuple[str, StoreError], move: str, make: Making, here: Path
) -> None:
    """Whichever write fails, or succeeds without an answer: the caller hears of it, and the run goes on to its end."""
    side, error = trouble
    struck = 0
    for seed in range(2):
        hit = 1
        clock = TestClock()
        while await live_on(Indoors(seed, clock, make(clock, here)), f"{move}.{side}", error, hit):
            hit += 1
            clock = TestClock()
        struck += hit - 1
    TALLY.happened("writes that failed", struck)
    assert struck or move == "cancel"


async def failed_run(store: Store, marks: Marks) -> None:
    """Leave a run `r1` that failed in its second step."""
    marks.spoils = True
    async with Orchestrator(store, workflows=[errand(marks)]) as orchestrator:
        execution: Execution[Any, Any] = await orchestrator.start(errand(marks)("s f s"), run_id="r1")
        assert execution.status is RunStatus.FAILED
    marks.spoils = False


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: f"{trouble[0]}-{type(trouble[1]).__name__}")
async def test_a_retry_that_fails_can_be_made_again(trouble: tuple[str, StoreError]) -> None:
    """Where the store fails while a failed run is retried, it can be retried, or resumed, later: no step is lost."""
    clock, marks, failpoints = TestClock(), Marks(), Failpoints()
    store = FailingStore(MemoryStore(clock=clock), failpoints)
    await failed_run(store, marks)
    failpoints.arm(f"retry.{trouble[0]}", raising(trouble[1]), hit=1)
    async with Orchestrator(store, workflows=[errand(marks)]) as orchestrator:
        with pytest.raises(type(trouble[1])):
            await orchestrator.retry("r1")
        clock.advance("1h")
        await orchestrator.recover()
        execution: Execution[Any, Any] = await orchestrator.retry("r1")
    done = execution.status is RunStatus.COMPLETED
    TALLY.check("a run can be retried after the store failed", done, execution)
    TALLY.check("no recorded step ran again", Counter(marks.left)["s0"] == 1, marks.left)


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: f"{trouble[0]}-{type(trouble[1]).__name__}")
async def test_a_fork_that_fails_leaves_all_or_nothing(trouble: tuple[str, StoreError]) -> None:
    """Where the store fails while a run is forked, the new run is not there, or it can be resumed."""
    clock, marks, failpoints = TestClock(), Marks(), Failpoints()
    store = FailingStore(MemoryStore(clock=clock), failpoints)
    await failed_run(store, marks)
    failpoints.arm(f"fork.{trouble[0]}", raising(trouble[1]), hit=1)
    async with Orchestrator(store, workflows=[errand(marks)]) as orchestrator:
        with pytest.raises(type(trouble[1])):
            await orchestrator.fork("r1", before="risk", new_id="r2")
        clock.advance("1h")
        await orchestrator.recover()
        again: Execution[Any, Any] = await orchestrator.fork("r1", before="risk", new_id="r2")
        execution: Execution[Any, Any] = await orchestrator.resume("r2")
    done = execution.status is RunStatus.COMPLETED
    TALLY.check("a run can be forked after the store failed", done, (again, execution))
    TALLY.check("no recorded step ran again", Counter(marks.left)["s0"] == 1, marks.left)


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: f"{trouble[0]}-{type(trouble[1]).__name__}")
async def test_a_damaged_run_is_set_aside_although_the_store_fails_once(trouble: tuple[str, StoreError]) -> None:
    """Where the store fails while a damaged run is set aside, the caller hears of it, and the next attempt succeeds."""
    marks, failpoints, inner = Marks(), Failpoints(), MemoryStore()
    store = FailingStore(inner, failpoints)
    failpoints.arm(f"review.{trouble[0]}", raising(trouble[1]), hit=1)
    async with Orchestrator(store, workflows=[errand(marks)]) as orchestrator:
        await orchestrator.start(errand(marks)("s a s"), run_id="r1")
        found = await inner.load("r1")
        assert found.run is not None
        damaged = evolve(found.run, version=found.run.version + 1, body="{")
        await inner.commit(changes(runs=(damaged,)))
        with pytest.raises(type(trouble[1])):
            await orchestrator.resume("r1")
        execution: Execution[Any, Any] = await orchestrator.resume("r1")
    aside = execution.status is RunStatus.NEEDS_REVIEW
    TALLY.check("a damaged run is set aside", aside, execution)


async def test_a_torn_commit_is_noticed() -> None:
    """Where the store makes two commits out of one, a failure in between shows it."""
    with TALLY.aside(), pytest.raises(Violated):
        await live_on(Indoors(0, planted="commits are torn"), "park.after", StoreUnavailable("the reply was lost"), 1)
