from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from awaitly import NotApproved, Ok, Orchestrator, Result, Run, RunStatus, StoreUnavailable, workflow
from awaitly.journal import RunRecord, Step
from awaitly.replay import Entered, Journal
from awaitly.signals import FencedOut
from awaitly_sqlite import SqliteStore


class Slow:
    """A recorder whose writes end when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.written = 0

    async def record(self, steps: Sequence[Step], entered: Entered | None = None) -> None:
        """Write, in the end."""
        self.begun.set()
        await self.end
        self.written += 1

    async def launch(self, child: RunRecord) -> RunRecord | None:
        """Begin nothing."""
        return child


def _journal(recorder: Slow) -> Journal:
    return Journal("run", (), (), recorder, prompt=True)


async def test_who_is_cancelled_during_a_write_hears_of_it_once_it_is_made() -> None:
    """The write is neither cut off nor made twice, and the cancellation goes through."""
    slow = Slow()
    journal = _journal(slow)
    settling = asyncio.create_task(journal.settle())
    await slow.begun.wait()
    settling.cancel()
    settling.cancel()
    await asyncio.sleep(0)
    assert not settling.done()
    slow.end.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert (slow.written, journal.begun) == (1, True)
    await journal.settle()
    assert slow.written == 1


async def test_those_who_wait_for_the_write_of_another_are_cancelled_at_once() -> None:
    """Only the task that writes waits for the end of the write."""
    slow = Slow()
    journal = _journal(slow)
    settling = [asyncio.create_task(journal.settle()) for _ in range(2)]
    await slow.begun.wait()
    await asyncio.sleep(0)
    settling[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling[1]
    slow.end.set_result(None)
    await settling[0]
    assert slow.written == 1


@pytest.mark.parametrize("failure", [FencedOut("run"), StoreUnavailable("gone"), KeyError("a bug")])
async def test_a_write_that_fails_is_raised_to_all_who_wait_for_it(failure: Exception) -> None:
    """Whatever it failed with, the task that writes and those that wait for it get it."""
    slow = Slow()
    journal = _journal(slow)
    settling = [asyncio.create_task(journal.settle()) for _ in range(3)]
    await slow.begun.wait()
    await asyncio.sleep(0)
    slow.end.set_exception(failure)
    assert await asyncio.gather(*settling, return_exceptions=True) == [failure] * 3


async def test_a_cancellation_at_any_turn_of_the_loop_leaves_a_run_to_go_on_with(tmp_path: Path) -> None:
    """What was recorded stays, no body runs twice but the one that was under way, and nobody waits for a lease."""
    began: list[tuple[str, int]] = []
    ended: list[tuple[str, int]] = []

    async def tick(run_id: str, number: int) -> Result[int, NotApproved]:
        began.append((run_id, number))
        await asyncio.sleep(0)
        ended.append((run_id, number))
        return Ok(number + 1)

    @workflow
    async def counting(run: Run[NotApproved]) -> Result[int, NotApproved]:
        number = 0
        while number < 4:
            number = await run.step(tick, run.run_id, number)
        return Ok(number)

    turns, reached = 0, True
    async with Orchestrator(SqliteStore(tmp_path / "a.db"), workflows=[counting]) as orchestrator:
        while reached:
            turns += 1
            run_id = f"run-{turns}"
            starting = asyncio.create_task(orchestrator.start(counting(), run_id=run_id))
            for _ in range(turns):
                await asyncio.sleep(0)
            starting.cancel()
            await asyncio.wait([starting])
            execution = await orchestrator.start(counting(), run_id=run_id)
            assert (execution.status, execution.result) == (RunStatus.COMPLETED, Ok(4)), turns
            assert sorted(n for r, n in ended if r == run_id) == [0, 1, 2, 3], turns
            assert len([n for r, n in began if r == run_id]) <= 5, turns
            reached = starting.cancelled()
    assert turns > 15


async def test_a_cancelled_branch_does_not_disturb_the_others(tmp_path: Path) -> None:
    """A branch that is cancelled while it writes for all leaves the others with what is known of the store."""

    async def tick(number: int) -> Result[int, NotApproved]:
        await asyncio.sleep(0)
        return Ok(number)

    @workflow
    async def branching(run: Run[NotApproved], turns: int) -> Result[int, NotApproved]:
        async def counts(first: int) -> int:
            return sum([await run.step(tick, first + n) for n in range(3)])

        cancelled, left = asyncio.create_task(counts(0)), asyncio.create_task(counts(10))
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        return Ok(await left)

    async with Orchestrator(SqliteStore(tmp_path / "a.db"), workflows=[branching]) as orchestrator:
        for turns in range(40):
            assert (await orchestrator.start(branching(turns))).result == Ok(33), turns
