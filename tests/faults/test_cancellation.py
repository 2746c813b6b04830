from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from awaitly import RunStatus, StoreUnavailable
from awaitly.testing import Failpoints, Pause, TestClock, raising
from awaitly_sqlite import SqliteStore
from tests.faults.indoors import Indoors
from tests.faults.lengths import times
from tests.faults.tally import TALLY, Violated

MOVES = ("start", "step", "park", "decide", "claim", "end", "cancel")


async def cancelled(
    life: Indoors, failpoints: Failpoints, when: Callable[[asyncio.Task[None]], Awaitable[bool]]
) -> bool:
    """Cancel a life as soon as `when` returns; then let others go on. False where the life was over before."""
    task = asyncio.create_task(life.live(failpoints, life.orders(cancels=0.1)))
    if not await when(task):
        await task
        return False
    task.cancel()
    await asyncio.wait([task])
    told = task.cancelled() or any(line["deed"] == ("cancelled",) for line in life.reports.lines)
    TALLY.check("a cancellation goes through", told, (life.seed, life.reports.lines))
    sight = await life.look()
    left = sight.run is not None and sight.run.status is RunStatus.RUNNING
    TALLY.happened("cancelled lives", 1)
    TALLY.happened("of these left to their lease", left)
    await life.survive()
    return True


async def cancelled_after(turns: int, seed: int, planted: str = "") -> bool:
    """Cancel a life after so many turns of the loop."""

    async def when(task: asyncio.Task[None]) -> bool:
        for _ in range(turns):
            await asyncio.sleep(0)
        return not task.done()

    return await cancelled(Indoors(seed, planted=planted), Failpoints(), when)


async def cancelled_at(failpoint: str, hit: int, seed: int, here: Path) -> bool:
    """Cancel a life on SQLite while it is held at a failpoint."""
    failpoints, pause, clock = Failpoints(), Pause(), TestClock()
    failpoints.arm(failpoint, pause, hit)

    async def when(task: asyncio.Task[None]) -> bool:
        reached = asyncio.create_task(pause.reached.wait())
        await asyncio.wait([task, reached], return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        asyncio.get_running_loop().call_later(0.001, pause.released.set)
        return not task.done()

    return await cancelled(Indoors(seed, clock, SqliteStore(here / f"{seed}-{hit}.db", clock=clock)), failpoints, when)


async def at_every_turn(seed: int, planted: str = "") -> None:
    """Cancel a life at each turn of the loop that it has."""
    turns = 0
    while await cancelled_after(turns, seed, planted):
        turns += 1
    assert turns > 10


async def test_a_life_may_be_cancelled_at_every_await() -> None:
    """Wherever the task that runs a workflow is cancelled: what was recorded stays, and others go on with the run."""
    for seed in range(3):
        await at_every_turn(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 3 + times(37)))
async def test_many_lives_may_be_cancelled_at_every_await(seed: int) -> None:
    """The same with more shapes."""
    await at_every_turn(seed)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_life_may_be_cancelled_beside_every_write(move: str, side: str, here: Path) -> None:
    """A task that is cancelled right before or after a commit to SQLite leaves a run that others go on with."""
    for seed in range(2):
        hit = 1
        while await cancelled_at(f"{move}.{side}", hit, seed, here):
            hit += 1


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_second_cancellation_does_not_keep_the_run(side: str) -> None:
    """A task that is cancelled again while it gives its run back leaves a run that others go on with."""
    for seed in range(6):
        failpoints, pause, life = Failpoints(), Pause(), Indoors(seed)
        failpoints.arm(f"release.{side}", pause)
        task = asyncio.create_task(life.live(failpoints, life.orders(body="cancel@2")))
        await pause.reached.wait()
        task.cancel()
        pause.released.set()
        await asyncio.wait([task])
        await life.look()
        await life.survive()


async def test_a_cancellation_stays_one_though_the_store_is_away() -> None:
    """A task that is cancelled ends as cancelled, also where the store fails as it gives its run back."""
    failpoints, life = Failpoints(), Indoors(0)
    failpoints.arm("release.before", raising(StoreUnavailable("nobody answers")))
    task = asyncio.create_task(life.live(failpoints, life.orders(body="cancel@2")))
    await asyncio.wait([task])
    raised = None if task.cancelled() else task.exception()
    TALLY.check("a cancellation goes through", raised is None, raised)
    await life.look()
    await life.survive()


async def test_a_torn_commit_is_noticed() -> None:
    """Where the store makes two commits out of one, a cancellation in between shows it."""
    with TALLY.aside(), pytest.raises(Violated):
        await at_every_turn(0, "commits are torn")
