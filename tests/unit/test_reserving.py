"""A run that others may have died of is claimed before any of its code runs, and put back where nothing came of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from awaitly import (
    ConflictReason,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunConflict,
    RunStatus,
    StoreUnavailable,
    WorkflowChanged,
    workflow,
)
from awaitly.approvals.audit import AuditEvent
from awaitly.storage.store import Found, Move
from awaitly.testing import TestClock, raising
from tests.support import Effects, FlowError, SharedStore, error_of

LEASE = "30s"


def but_for_the_version(now: Found, was: Found) -> Found:
    """Give what is kept, at a time and a version of the run at which something else was."""
    assert now.run is not None
    assert was.run is not None
    return evolve(now, now=was.now, run=evolve(now.run, version=was.run.version))


class Code:
    """A workflow whose code can be exchanged: what it saw in the store as it began, and what it then does."""

    def __init__(self, store: SharedStore, effects: Effects) -> None:
        self.seen: list[str] = []
        self.begun = asyncio.Event()
        self.change = False
        self.hold: asyncio.Event | None = None
        self.failure: BaseException | None = None

        @workflow
        async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
            row = (await store.load(run.run_id)).run
            self.seen.append("nothing" if row is None else row.status)
            self.begun.set()
            if self.hold is not None:
                await self.hold.wait()
            if self.failure is not None:
                raise self.failure
            if self.change:
                return Ok(await run.step(effects.pay, -1))
            paid = await run.approval("manager", proposes=amount)
            return Ok(await run.step(effects.pay, paid))

        self.workflow = flow


@pytest.fixture
def code(store: SharedStore, effects: Effects) -> Code:
    """Give the workflow."""
    return Code(store, effects)


@pytest.fixture
def orchestrator(store: SharedStore, code: Code) -> Orchestrator:
    """Give an orchestrator that is not open yet."""
    return Orchestrator(store, workflows=[code.workflow], lease=LEASE)


async def decided(orchestrator: Orchestrator, code: Code) -> None:
    """Let a run be parked and decided."""
    await orchestrator.start(code.workflow(5), run_id="r")
    (await orchestrator.approve("r", by="ann")).unwrap()
    code.seen.clear()
    code.begun.clear()


@pytest.mark.parametrize(("late", "seen"), [("30s", "parked"), ("31s", "running")])
async def test_what_could_have_gone_on_for_longer_than_a_lease_is_claimed_first(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock, *, late: str, seen: str
) -> None:
    """That costs one commit more; whatever was decided in time costs what it always did."""
    async with orchestrator:
        await decided(orchestrator, code)
        clock.advance(late)
        store.reset()
        (execution,) = await orchestrator.recover()
        assert execution.result == Ok(5)
        assert code.seen == [seen]
        assert store.written == (3 if seen == "running" else 2)
        assert store.commits[Move.CLAIM] == 1


async def test_an_enqueued_run_is_claimed_first_where_it_is_late(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """From the time on at which it is due, not from that at which it was enqueued."""
    async with orchestrator:
        (await orchestrator.enqueue(code.workflow(5), run_id="a")).unwrap()
        later = clock() + timedelta(seconds=20)
        (await orchestrator.enqueue(code.workflow(5), run_id="b", at=later)).unwrap()
        clock.advance("40s")
        await orchestrator.recover()
        assert code.seen == ["running", "queued"]


async def test_what_a_dead_process_left_is_claimed_first(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """As soon as its lease is over."""
    async with orchestrator:
        await decided(orchestrator, code)
        code.failure = SystemExit()
        clock.advance("1m")
        with pytest.raises(SystemExit):
            await orchestrator.resume("r")
        assert await orchestrator.recover() != ()  # it is in the hands of whoever died
        assert len(code.seen) == 1
        code.failure = None
        clock.advance("30s")
        assert (await orchestrator.resume("r")).result == Ok(5)
        history = (await orchestrator.status("r")).unwrap().run
        assert (code.seen, history.recoveries) == (["running", "running"], 1)


async def test_five_processes_that_die_before_the_first_step_are_enough(
    orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """The run is set aside with the reason, and its decision still counts once it is tried again."""
    async with orchestrator:
        await decided(orchestrator, code)
        code.failure = SystemExit()
        deaths = 0
        while (await orchestrator.status("r")).unwrap().run.status is not RunStatus.NEEDS_REVIEW:
            clock.advance("31s")
            try:
                await orchestrator.resume("r")
            except SystemExit:
                deaths += 1
        assert deaths == 6
        assert "taken over 5 times" in str((await orchestrator.status("r")).unwrap().run.reason)
        code.failure = None
        assert (await orchestrator.retry("r")).result == Ok(5)


@pytest.mark.parametrize("left", [False, True])
async def test_a_late_run_that_has_drifted_is_put_back(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock, *, left: bool
) -> None:
    """It stands as before, parked with its waits or left by a dead process, and goes on with code that fits it."""
    async with orchestrator:
        await decided(orchestrator, code)
        clock.advance("31s")
        if left:
            code.failure = SystemExit()
            with pytest.raises(SystemExit):
                await orchestrator.resume("r")
            code.failure = None
            clock.advance("31s")
        code.change = True
        was = await store.load("r")
        for _ in range(7):
            assert isinstance(error_of((await orchestrator.resume("r")).result), WorkflowChanged)
            clock.advance("31s")
        assert but_for_the_version(await store.load("r"), was) == was
        code.change = False
        assert (await orchestrator.resume("r")).result == Ok(5)


async def test_a_late_run_whose_arguments_no_longer_fit_is_put_back_into_its_queue(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """It has not begun, and is due as before."""

    @workflow(name=code.workflow.name)
    async def other(run: Run[FlowError], words: str) -> Result[str, FlowError]:
        return Ok(f"{run.run_id} {words}")

    async with orchestrator:
        (await orchestrator.enqueue(code.workflow(5), run_id="q")).unwrap()
        clock.advance("31s")
        was = await store.load("q")
        async with Orchestrator(store, workflows=[other], lease=LEASE) as changed:
            assert isinstance(error_of((await changed.resume("q")).result), WorkflowChanged)
        assert but_for_the_version(await store.load("q"), was) == was
        assert (await orchestrator.resume("q")).status is RunStatus.PARKED


async def test_a_version_that_is_not_here_is_not_even_claimed(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """However late the run is."""

    @workflow(name=code.workflow.name, version="2")
    async def other(run: Run[FlowError], amount: int) -> Result[str, FlowError]:
        return Ok(f"{run.run_id} {amount}")

    async with orchestrator:
        await decided(orchestrator, code)
        clock.advance("31s")
        was = (await store.load("r")).run
        async with Orchestrator(store, workflows=[other], lease=LEASE) as changed:
            assert isinstance(error_of((await changed.resume("r")).result), WorkflowChanged)
        assert (await store.load("r")).run == was


async def test_a_worker_claims_what_has_drifted_once(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """It has survived the run's code then, and writes nothing more as often as it looks."""
    async with orchestrator:
        await decided(orchestrator, code)
        code.change = True
        clock.advance("31s")
        store.reset()
        async with orchestrator.working() as worker:
            while len(code.seen) < 4:
                worker.look()
                await asyncio.sleep(0.01)
        assert code.seen[:4] == ["running", "parked", "parked", "parked"]
        assert dict(store.commits) == {Move.CLAIM: 1, Move.RELEASE: 1}


async def test_a_late_run_is_given_back_as_it_was(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """Where its code is cancelled before its first step; anyone may go on with it at once."""
    async with orchestrator:
        await decided(orchestrator, code)
        clock.advance("31s")
        was, code.hold = await store.load("r"), asyncio.Event()
        resuming = asyncio.create_task(orchestrator.resume("r"))
        await code.begun.wait()
        resuming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await resuming
        assert but_for_the_version(await store.load("r"), was) == was
        code.hold = None
        assert (await orchestrator.resume("r")).result == Ok(5)


async def test_nobody_else_has_a_late_run_meanwhile(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """Not even for a moment, although its decision is not taken up yet."""
    async with orchestrator, Orchestrator(store, workflows=[code.workflow], lease=LEASE) as other:
        await decided(orchestrator, code)
        clock.advance("31s")
        code.hold = asyncio.Event()
        resuming = asyncio.create_task(orchestrator.resume("r"))
        await code.begun.wait()
        conflict = error_of((await other.resume("r")).result)
        assert isinstance(conflict, RunConflict)
        assert conflict.reason is ConflictReason.EXECUTING_ELSEWHERE
        code.hold.set()
        assert (await resuming).result == Ok(5)
        assert code.seen == ["running"]


async def test_a_store_that_is_away_does_not_count_as_a_death(
    store: SharedStore, orchestrator: Orchestrator, code: Code, clock: TestClock
) -> None:
    """The run is put back as soon as the store can be written again, or taken over after its lease."""
    async with orchestrator:
        await decided(orchestrator, code)
        clock.advance("31s")
        was = await store.load("r")
        store.failpoints.arm("step.before", raising(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            await orchestrator.resume("r")
        store.failpoints.disarm("step.before")
        assert but_for_the_version(await store.load("r"), was) == was
        assert (await orchestrator.resume("r")).result == Ok(5)


async def test_a_late_run_is_taken_anew_where_somebody_decides_meanwhile(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """What it was taken with has moved before its first step: it then takes up both decisions, and each once."""
    hold, reached, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @workflow
    async def both(run: Run[FlowError]) -> Result[int, FlowError]:
        if hold.is_set():
            reached.set()
            await go_on.wait()
        answers = await asyncio.gather(run.approval("a", proposes=1), run.approval("b", proposes=2))
        return Ok(await run.step(effects.pay, sum(answers)))

    async with Orchestrator(store, workflows=[both], lease=LEASE) as orchestrator:
        await orchestrator.start(both(), run_id="r")
        (await orchestrator.approve("r", "a", by="ann")).unwrap()
        clock.advance("31s")
        hold.set()
        resuming = asyncio.create_task(orchestrator.resume("r"))
        await reached.wait()
        (await orchestrator.approve("r", "b", by="ann")).unwrap()
        go_on.set()
        assert (await resuming).result == Ok(3)
        entries = (await orchestrator.history("r")).unwrap().entries
    assert effects.done == ["pay 3"]
    assert sum(AuditEvent.CONSUMED.value in entry.body for entry in entries) == 2
