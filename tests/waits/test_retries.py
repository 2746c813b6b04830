"""Tries that survive: of steps, on the spot and parked, and of whole runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from awaitly import (
    ApprovalRejected,
    Err,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Result,
    Retry,
    Run,
    RunStatus,
    StoreUnavailable,
    UnexpectedError,
    Waiting,
    WaitKind,
    Workflow,
    step,
    workflow,
)
from awaitly.testing import FailingStore, Failpoints, TestClock, raising
from awaitly_sqlite import SqliteStore
from tests.support import Effects, FlowError, Refused, SharedStore, error_of

HOURLY = Retry(attempts=4, base="1h", cap="2h", jitter=False)


class Flaky:
    """A step that raises so many times before it succeeds."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.tries = 0

    async def call(self) -> Result[int, Refused]:
        """Count, and raise or give the number of the try."""
        self.tries += 1
        if self.tries <= self.failures:
            msg = f"try {self.tries}"
            raise ConnectionError(msg)
        return Ok(self.tries)


def calling(flaky: Flaky, retry: Retry) -> Workflow[[], int, Refused]:
    """Make a workflow with one step that is tried so often."""

    @workflow(name="calling")
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(step(flaky.call, retry=retry)))

    return flow


async def test_a_long_wait_between_tries_parks(clock: TestClock) -> None:
    """`start` gives `Waiting`; at the time the next try follows, with its own number, up to the last."""
    flaky = Flaky(3)
    flow = calling(flaky, HOURLY)
    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        waits = error_of((await orchestrator.start(flow(), run_id="r")).result)
        assert isinstance(waits, Waiting)
        assert (waits.what, waits.until) == (WaitKind.RETRY, clock() + timedelta(hours=1))
        for hours, tries in ((1, 2), (2, 3), (2, 4)):
            assert await orchestrator.recover() == ()
            clock.advance(timedelta(hours=hours))
            await orchestrator.recover()
            assert flaky.tries == tries
        assert (await orchestrator.resume("r", flow)).result == Ok(4)
        (made,) = (await orchestrator.history("r")).unwrap().steps
        assert made.attempts == 4


async def test_a_step_gives_up_after_its_last_try(clock: TestClock) -> None:
    """However many restarts lay in between; the error says how many tries there were."""
    flaky = Flaky(9)
    flow = calling(flaky, HOURLY)
    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for _ in range(6):
            clock.advance("2h")
            await orchestrator.recover()
        error = error_of((await orchestrator.resume("r", flow)).result)
        assert error == UnexpectedError("ConnectionError", "try 4", "call", 4)
    assert flaky.tries == 4


async def test_tries_survive_a_restart(tmp_path: Path, clock: TestClock) -> None:
    """A new orchestrator over the same file goes on with the next number."""
    flaky = Flaky(2)
    flow = calling(flaky, HOURLY)
    for _ in range(4):
        async with Orchestrator(SqliteStore(tmp_path / "runs.db", clock=clock), workflows=[flow]) as orchestrator:
            await orchestrator.start(flow(), run_id="r")
        clock.advance("2h")
    async with Orchestrator(SqliteStore(tmp_path / "runs.db", clock=clock), workflows=[flow]) as orchestrator:
        assert (await orchestrator.resume("r", flow)).result == Ok(3)


@pytest.mark.parametrize("hit", [1, 2, 3])
@pytest.mark.parametrize(
    "failpoint", ["start.after", "step.before", "step.after", "claim.after", "park.before", "end.before"]
)
@pytest.mark.parametrize("base", ["1ms", "1h"])
async def test_tries_survive_a_crash(clock: TestClock, base: str, failpoint: str, hit: int) -> None:
    """On the spot and parked: a try that is known to have failed is not made again: there are no more than allowed."""
    failpoints, flaky = Failpoints(), Flaky(9)
    store = FailingStore(MemoryStore(clock=clock), failpoints)
    flow = calling(flaky, Retry(attempts=3, base=base, jitter=False))
    failpoints.arm(failpoint, raising(StoreUnavailable("a test")), hit)
    crashes = 0
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        for _ in range(9):
            try:
                await orchestrator.start(flow(), run_id="r")
                await orchestrator.recover()
            except StoreUnavailable:
                crashes += 1
            clock.advance("5h")
        error = error_of((await orchestrator.resume("r", flow)).result)
        assert error == UnexpectedError("ConnectionError", f"try {flaky.tries}", "call", 3)
    assert flaky.tries <= 3 + crashes


async def test_the_next_try_and_an_approval_wait_side_by_side(clock: TestClock) -> None:
    """Deciding the approval does not hasten the try, and the try does not ask again."""
    flaky = Flaky(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[tuple[int, int], FlowError]:
        a, b = await run.gather(run.step(step(flaky.call, retry=HOURLY)), run.approval("manager", proposes=5))
        return Ok((a, b))

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert [p.key for p in execution.pending] == ["manager"]
        execution = (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        assert (execution.status, flaky.tries) == (RunStatus.PARKED, 1)
        clock.advance("1h")
        assert [e.result for e in await orchestrator.recover()] == [Ok((2, 5))]


async def test_a_try_that_runs_out_of_time_counts(clock: TestClock) -> None:
    """As one that raised `TimeoutError`."""
    tries: list[int] = []

    async def slow() -> Result[int, Refused]:
        tries.append(1)
        await asyncio.Event().wait()
        return Ok(1)

    @workflow
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(step(slow, timeout="1ms", retry=Retry(attempts=2, base="1h", jitter=False))))

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).status is RunStatus.PARKED
        clock.advance("1h")
        await orchestrator.recover()
        error = error_of((await orchestrator.resume("r", flow)).result)
        assert (error.kind, error.attempts, len(tries)) == ("TimeoutError", 2, 2)


async def test_errors_that_are_not_named_are_not_tried_again(clock: TestClock) -> None:
    """`on` names exceptions and returned errors; the rest ends the step at once."""
    flaky = Flaky(1)

    @workflow
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(step(flaky.call, retry=Retry(attempts=3, base="1h", on=KeyError))))

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        assert error_of((await orchestrator.start(flow())).result).kind == "ConnectionError"


# Runs as a whole


async def test_a_run_is_tried_again_with_what_it_recorded(clock: TestClock, effects: Effects) -> None:
    """Its steps and approvals are kept, but for the step that ended it; how often it was tried is in its record."""

    @workflow(retry=Retry(attempts=3, base="1h", jitter=False, on=Refused))
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(effects.do, "once")
        await run.approval("manager", proposes=1)
        return Ok(await run.step(effects.do, "flaky"))

    effects.failing.add("flaky")
    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        execution = (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        waits = error_of(execution.result)
        assert (type(waits), execution.status) == (Waiting, RunStatus.QUEUED)
        assert isinstance(error_of((await orchestrator.resume("r")).result), Waiting)
        clock.advance("1h")
        await orchestrator.recover()
        assert (await orchestrator.status("r")).unwrap().run.attempts == 3
        effects.failing.clear()
        clock.advance("2h")
        assert [e.result for e in await orchestrator.recover()] == [Ok("flaky")]
    assert effects.done == ["once", "flaky", "flaky", "flaky"]


async def test_a_run_gives_up_with_its_last_error(clock: TestClock, effects: Effects) -> None:
    """And is failed; a retry by hand begins to count anew."""

    @workflow(retry=Retry(attempts=2, base="1h", jitter=False, on=Refused))
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(await run.step(effects.do, "flaky"))

    effects.failing.add("flaky")
    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        clock.advance("1h")
        await orchestrator.recover()
        assert (await orchestrator.resume("r", flow)).result == Err(Refused("flaky"))
        assert (await orchestrator.retry("r")).status is RunStatus.QUEUED
        clock.advance("1h")
        await orchestrator.recover()
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.FAILED
    assert effects.done == ["flaky"] * 4


@pytest.mark.parametrize(("on", "status"), [(None, RunStatus.FAILED), (ApprovalRejected, RunStatus.QUEUED)])
async def test_a_rejection_is_no_reason_to_try_again(clock: TestClock, on: type | None, status: RunStatus) -> None:
    """Unless the workflow says so in as many words."""

    @workflow(retry=Retry(attempts=3, base="1h", on=on))
    async def flow(run: Run[NotApproved]) -> Result[int, NotApproved]:
        return Ok(await run.approval("manager", proposes=1))

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        execution = (await orchestrator.reject("r", by="ann", resume=flow)).unwrap()
        assert execution.status is status


async def test_what_a_run_raises_is_tried_again(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """Without `on`: exceptions of its steps and of its own code, and nothing that it returns."""

    @workflow(retry=Retry(attempts=3, base="1h", jitter=False))
    async def flow(run: Run[FlowError], how: str) -> Result[str, FlowError]:
        tries = effects.done.count(how)
        await run.attempt(effects.do, f"{how} {tries}" if how == "drift" else how)
        effects.done.append(how)
        if how == "raises" and tries < 2:
            raise ConnectionError(how)
        return Err(Refused(how)) if how == "returns" else Ok(how)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow("returns"), run_id="e")).result == Err(Refused("returns"))
        assert (await orchestrator.start(flow("raises"), run_id="r")).status is RunStatus.QUEUED
        clock.advance("61m")
        assert [e.result for e in await orchestrator.recover()] == [Ok("raises")]


def test_waits_stay_within_their_bounds() -> None:
    """Between zero and the bound with jitter, the bound itself without, and never above the cap."""
    drawn, exact = Retry(base="1s", cap="10s"), Retry(base="1s", cap="10s", jitter=False)
    for attempt in range(1, 200):
        bound = min(2.0 ** (attempt - 1), 10.0)
        assert exact.wait(attempt).total_seconds() == bound
        assert 0 <= drawn.wait(attempt).total_seconds() <= bound
    assert len({drawn.wait(9) for _ in range(20)}) > 1
