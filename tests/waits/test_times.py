"""Sleeping: short on the spot, long in the store, and never begun anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awaitly import (
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunStatus,
    StoreUnavailable,
    Waiting,
    WaitKind,
    execute,
    workflow,
)
from awaitly.testing import FailingStore, Failpoints, TestClock, raising
from awaitly_sqlite import SqliteStore
from tests.support import Effects, FlowError, Refused, SharedStore, error_of


@workflow
async def nap(run: Run[Refused]) -> Result[str, Refused]:
    """Sleep for three days."""
    await run.sleep("3d")
    return Ok("awake")


async def test_a_long_sleep_parks_and_a_short_one_does_not(store: SharedStore) -> None:
    """Up to `inline` it is waited for here; above it the call comes back, and says until when."""

    @workflow
    async def short(run: Run[Refused]) -> Result[str, Refused]:
        await run.sleep("5ms")
        return Ok("awake")

    async with Orchestrator(store, workflows=[nap, short]) as orchestrator:
        assert (await orchestrator.start(short())).result == Ok("awake")
        waits = error_of((await orchestrator.start(nap(), run_id="r")).result)
        assert (type(waits), waits.what) == (Waiting, WaitKind.TIMER)
    async with Orchestrator(store, workflows=[short], inline="1ms") as orchestrator:
        assert (await orchestrator.start(short(), run_id="s")).status is RunStatus.PARKED


async def test_a_restart_does_not_begin_a_sleep_anew(tmp_path: Path, clock: TestClock) -> None:
    """A new orchestrator over the same file wakes the run at the time that was set before."""
    file = tmp_path / "runs.db"
    async with Orchestrator(SqliteStore(file, clock=clock), workflows=[nap]) as orchestrator:
        await orchestrator.start(nap(), run_id="r")
    for _ in range(2):
        clock.advance("1d")
        async with Orchestrator(SqliteStore(file, clock=clock), workflows=[nap]) as orchestrator:
            assert await orchestrator.recover() == ()
            assert (await orchestrator.resume("r")).status is RunStatus.PARKED
    clock.advance("1d")
    async with Orchestrator(SqliteStore(file, clock=clock), workflows=[nap]) as orchestrator:
        assert [e.result for e in await orchestrator.recover()] == [Ok("awake")]


@pytest.mark.parametrize("failpoint", ["", "decide.after", "claim.after", "step.before", "step.after", "park.before"])
async def test_deciding_an_approval_beside_a_sleep_keeps_its_end(clock: TestClock, failpoint: str) -> None:
    """Also where the process dies between taking the run and parking it again."""
    failpoints, effects = Failpoints(), Effects()
    store = FailingStore(MemoryStore(clock=clock), failpoints)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        async def asked() -> str:
            value = await run.approval("manager", proposes=1)
            return await run.step(effects.do, f"after {value}")

        _, text = await run.gather(run.sleep("3d"), asked())
        return Ok(text)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        end = (await orchestrator.status("r")).unwrap().run.due_at
        clock.advance("2d")
        if failpoint:
            failpoints.arm(failpoint, raising(StoreUnavailable("a test")), 1)
        for _ in range(3):
            try:
                await orchestrator.approve("r", by="ann")
                await orchestrator.resume("r")
            except StoreUnavailable:
                clock.advance("31s")
        run = (await orchestrator.status("r")).unwrap().run
        assert run.status is RunStatus.PARKED
        assert run.due_at == end
        clock.advance("25h")
        assert [e.result for e in await orchestrator.recover()] == [Ok("after 1")]
    assert set(effects.done) == {"after 1"}


async def test_sleeping_until_a_moment(clock: TestClock) -> None:
    """One that has passed is over at once; one without a zone is refused."""
    soon = clock() + timedelta(hours=1)

    @workflow
    async def flow(run: Run[NotApproved]) -> Result[str, NotApproved]:
        await run.sleep_until(clock() - timedelta(days=1))
        await run.sleep_until(soon)
        return Ok("awake")

    @workflow
    async def naive(run: Run[NotApproved]) -> Result[str, NotApproved]:
        await run.sleep_until(datetime(2030, 1, 1))  # noqa: DTZ001  (that is the point)
        return Ok("awake")

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow, naive]) as orchestrator:
        waits = error_of((await orchestrator.start(flow(), run_id="r")).result)
        assert waits.until == soon
        clock.advance("1h")
        assert [e.result for e in await orchestrator.recover()] == [Ok("awake")]
        assert error_of((await orchestrator.start(naive())).result).kind == "ValueError"


async def test_a_wait_can_be_forked_and_is_in_the_history(clock: TestClock) -> None:
    """A fork hears signals of its own, also under a key that its original's had."""

    @workflow
    async def flow(run: Run[NotApproved]) -> Result[list[str], NotApproved]:
        return Ok([str(await run.wait_for("go", str)) for _ in range(2)])

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", "a")).unwrap()
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", "b", key="2")).unwrap()
        await orchestrator.recover()
        assert [s.key for s in (await orchestrator.history("r")).unwrap().steps] == ["go", "go#2"]
        fork = await orchestrator.fork("r", before="go#2", new_id="f")
        assert fork.status is RunStatus.PARKED
        (await orchestrator.signal("f", "go", "c")).unwrap()
        assert [e.result for e in await orchestrator.recover()] == [Ok(["<Success: a>", "<Success: c>"])]


async def test_without_a_store_a_long_sleep_is_waited_for_in_the_snapshot() -> None:
    """`execute` says until when, and goes on with the snapshot only then."""
    execution = await execute(nap())
    again = await execute(nap(), snapshot=execution.snapshot)
    assert error_of(again.result) == error_of(execution.result)
