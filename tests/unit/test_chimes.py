"""Reminders, levels of ladders and deadlines of parked runs, while others decide, ask, answer and execute."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from attrs import evolve

from awaitly import (
    ApprovalStatus,
    Escalation,
    MemoryStore,
    Move,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunStatus,
    Workflow,
    said,
    workflow,
)
from awaitly.approvals.ladder import next_time
from awaitly.durations import from_micros
from awaitly.storage.records import approval_of, row_of_approval
from awaitly.testing import Pause, TestClock
from tests.support import ADMIN, ALICE, BOB, Effects, FlowError, SharedStore

STANDING_STILL = Policy(expires_in="1h", questions_stop_clock=True)
LADDER = Policy(
    approvers=["bob"],
    expires_in="8h",
    remind_every="1h",
    escalations=[Escalation("2h", ["carol"]), Escalation("4h", ["dora"])],
)


def asking(policy: Policy) -> Workflow[[], str, NotApproved]:
    """Make a workflow that asks once."""

    @workflow
    async def asking(run: Run[NotApproved]) -> Result[str, NotApproved]:
        return Ok(await run.approval("ok", proposes="x", policy=policy))

    return asking


HALTING, CLIMBING = asking(STANDING_STILL), asking(LADDER)


async def noted(orchestrator: Orchestrator, run_id: str = "r") -> Counter[str]:
    """Count what the ledger says, the levels by their reasons."""
    entries = [said(entry) for entry in await orchestrator.ledger(run_id)]
    return Counter(each.get("reason", "") if each["event"] == "escalated" else each["event"] for each in entries)


async def times(store: SharedStore, run_id: str = "r") -> tuple[datetime | None, datetime | None]:
    """Give when a run is to be looked at, and when the first of its approvals is."""
    found = await store.load(run_id)
    assert found.run is not None
    due = [time for row in found.approvals if (time := next_time(approval_of(row))) is not None]
    return None if found.run.due_at is None else from_micros(found.run.due_at), min(due, default=None)


async def asked_something(store: SharedStore, clock: TestClock, orchestrator: Orchestrator) -> None:
    """Park a run, have its requester asked, and let the hour of its deadline pass."""
    await orchestrator.start(HALTING(), run_id="r", requested_by=ALICE)
    (await orchestrator.inquire("r", text="why?", by=BOB)).unwrap()
    clock.advance("1h")


async def test_an_answer_is_noticed_that_comes_while_the_run_is_put_off(store: SharedStore, clock: TestClock) -> None:
    """A worker that found time standing still, and would look at the run no more, looks again: it expires in time."""
    async with Orchestrator(store, workflows=[HALTING]) as orchestrator:
        await asked_something(store, clock, orchestrator)
        held = Pause()
        store.failpoints.arm("remind.before", held, hit=1)
        worker = asyncio.create_task(orchestrator.resume("r"))
        await held.reached.wait()
        (await orchestrator.answer("r", text="so", by=ALICE)).unwrap()
        held.released.set()
        await worker
        due, first = await times(store)
        assert due is not None
        assert due == first
        clock.set(due)
        await orchestrator.working().run(once=True)
        assert (await orchestrator.status("r")).unwrap().approvals[0].status is ApprovalStatus.EXPIRED


async def test_a_run_that_was_put_off_is_told_of_an_answer(store: SharedStore, clock: TestClock) -> None:
    """An answer that was on its way while a worker found that time stands still has the run looked at again in time."""
    async with Orchestrator(store, workflows=[HALTING]) as orchestrator:
        await asked_something(store, clock, orchestrator)
        held = Pause()
        store.failpoints.arm("decide.before", held, hit=1)
        answer = asyncio.create_task(orchestrator.answer("r", text="so", by=ALICE))
        await held.reached.wait()
        await orchestrator.resume("r")
        assert await times(store) == (None, None)
        held.released.set()
        (await answer).unwrap()
        due, first = await times(store)
        assert due is not None
        assert due == first


async def test_a_run_that_executes_parks_as_an_answer_says_that_comes_meanwhile(
    store: SharedStore, clock: TestClock
) -> None:
    """While a branch executes, the clock of the question that another branch waits for goes on: the run is told."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> Result[str, FlowError]:
        begun.set()
        await ended.wait()
        return Ok("done")

    async def later(run: Run[FlowError]) -> str:
        await run.sleep("29m")
        return await run.step(work)

    @workflow
    async def branching(run: Run[FlowError]) -> Result[str, FlowError]:
        first, second = await run.gather(run.approval("ok", proposes="x", policy=STANDING_STILL), later(run))
        return Ok(first + second)

    async with Orchestrator(store, workflows=[branching]) as orchestrator:
        await orchestrator.start(branching(), run_id="r", requested_by=ALICE)
        (await orchestrator.inquire("r", text="why?", by=BOB)).unwrap()
        clock.advance("30m")
        executing = asyncio.create_task(orchestrator.resume("r"))
        await begun.wait()
        (await orchestrator.answer("r", text="so", by=ALICE)).unwrap()
        ended.set()
        await executing
        due, first = await times(store)
        assert due is not None
        assert due == first


async def test_an_answer_by_which_something_is_due_soon_wakes_workers(clock: TestClock) -> None:
    """A deadline less than five seconds off is told: nobody would look in time."""
    store = MemoryStore(clock=clock)
    async with Orchestrator(store, workflows=[HALTING]) as orchestrator:
        await orchestrator.start(HALTING(), run_id="r", requested_by=ALICE)
        clock.advance("59m58s")
        (await orchestrator.inquire("r", text="why?", by=BOB)).unwrap()
        clock.advance("1h")
        await orchestrator.resume("r")
        async with store.listening() as wakes:
            (await orchestrator.answer("r", text="so", by=ALICE)).unwrap()
            assert await wakes.next(0.01) == {"r"}


async def test_a_level_that_comes_while_the_run_executes_is_told_once_it_parks(
    store: SharedStore, clock: TestClock
) -> None:
    """Nobody moves the approvals of a run that executes; what came meanwhile is due as soon as it has parked."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> Result[str, FlowError]:
        begun.set()
        await ended.wait()
        return Ok("done")

    async def later(run: Run[FlowError]) -> str:
        await run.sleep("29m")
        return await run.step(work)

    @workflow
    async def branching(run: Run[FlowError]) -> Result[str, FlowError]:
        first, second = await run.gather(run.approval("ok", proposes="x", policy=LADDER), later(run))
        return Ok(first + second)

    async with Orchestrator(store, workflows=[branching], lease="12h") as orchestrator:
        await orchestrator.start(branching(), run_id="r", requested_by=ALICE)
        clock.advance("30m")
        executing = asyncio.create_task(orchestrator.resume("r"))
        await begun.wait()
        clock.advance("100m")
        await orchestrator.resume("r")
        assert await noted(orchestrator) == {"asked": 1}
        ended.set()
        await executing
        due, first = await times(store)
        assert due is not None
        assert due == first
        assert due < clock()
        await orchestrator.resume("r")
        assert await noted(orchestrator) == {"asked": 1, "level 1": 1, "reminded": 1}


async def ends_as(ends: str, store: SharedStore, orchestrator: Orchestrator) -> None:
    """Have a run set aside, cancelled or fail, whose approval `go` is decided while `ok` waits."""
    if ends == "cancelled":
        (await orchestrator.cancel("r", by=ADMIN)).unwrap()
        return
    (await orchestrator.approve("r", "go", by=BOB)).unwrap()
    if ends == "needs_review":
        (row,) = [row for row in (await store.approvals("r")).approvals if row.key == "go"]
        tampered = evolve(approval_of(row), proposal='"something else"', version=row.version + 1)
        await store.change_approval(row_of_approval(tampered))
    await orchestrator.resume("r")


@pytest.mark.parametrize("ends", ["needs_review", "cancelled", "failed"])
async def test_a_run_that_does_not_wait_chimes_no_more(
    store: SharedStore, clock: TestClock, effects: Effects, ends: str
) -> None:
    """Nobody is reminded of what a run asked that was set aside, was cancelled or has failed."""
    effects.failing.add("b")

    async def stepped(run: Run[FlowError]) -> str:
        return await run.step(effects.do, await run.approval("go", proposes="b"))

    @workflow
    async def branching(run: Run[FlowError]) -> Result[str, FlowError]:
        first, second = await run.gather(run.approval("ok", proposes="x", policy=LADDER), stepped(run))
        return Ok(first + second)

    async with Orchestrator(store, workflows=[branching]) as orchestrator:
        await orchestrator.start(branching(), run_id="r", requested_by=ALICE)
        await ends_as(ends, store, orchestrator)
        before = await noted(orchestrator)
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus(ends)
        clock.advance("5h")
        await orchestrator.resume("r")
        await orchestrator.working().run(once=True)
        assert await noted(orchestrator) == before
        assert not before["reminded"]


async def test_a_retried_run_begins_its_ladder_anew(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """What a failure had superseded is asked again, and its clock starts then; the levels come once more."""
    effects.failing.add("b")

    async def stepped(run: Run[FlowError]) -> str:
        await run.sleep("179m")
        return await run.step(effects.do, "b")

    @workflow
    async def branching(run: Run[FlowError]) -> Result[str, FlowError]:
        first, second = await run.gather(run.approval("ok", proposes="x", policy=LADDER), stepped(run))
        return Ok(first + second)

    async with Orchestrator(store, workflows=[branching]) as orchestrator:
        await orchestrator.start(branching(), run_id="r", requested_by=ALICE)
        clock.advance("3h")
        assert (await orchestrator.resume("r")).status is RunStatus.FAILED
        assert await noted(orchestrator) == {"asked": 1, "level 1": 1, "reminded": 1, "superseded": 1}
        effects.failing.clear()
        await orchestrator.retry("r")
        due, first = await times(store)
        assert due == first == clock() + timedelta(hours=1)
        clock.advance("2h")
        await orchestrator.resume("r")
        assert (await noted(orchestrator))["level 1"] == 2


async def test_a_fork_has_a_clock_of_its_own(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """What a fork asks was asked when it forked, and its levels are told beside those of the other run."""

    @workflow
    async def stepping(run: Run[FlowError]) -> Result[str, FlowError]:
        first = await run.step(effects.do, "a")
        await run.step(effects.do, "b")
        return Ok(await run.approval("ok", proposes=first, policy=LADDER))

    async with Orchestrator(store, workflows=[stepping]) as orchestrator:
        await orchestrator.start(stepping(), run_id="r", requested_by=ALICE)
        clock.advance("90m")
        assert (await orchestrator.fork("r", before="do#2", new_id="f")).pending
        clock.advance("30m")
        await orchestrator.working().run(once=True)
        assert await noted(orchestrator) == {"asked": 1, "level 1": 1, "reminded": 1}
        assert await noted(orchestrator, "f") == {"asked": 1}
        due, first = await times(store, "f")
        assert due == first == clock() + timedelta(minutes=30)


async def test_a_decision_that_stands_is_taken_up_without_a_commit_before(store: SharedStore, clock: TestClock) -> None:
    """Where nobody is to be told anything more, a time that has passed meanwhile costs nothing."""
    async with Orchestrator(store, workflows=[CLIMBING]) as orchestrator:
        await orchestrator.start(CLIMBING(), run_id="r", requested_by=ALICE)
        clock.advance("59m55s")
        (await orchestrator.approve("r", by=BOB)).unwrap()
        clock.advance("10s")
        store.reset()
        assert (await orchestrator.resume("r")).status is RunStatus.COMPLETED
        assert store.commits == {Move.END: 1}


async def test_nobody_is_reminded_again_for_the_time_that_stood_still(store: SharedStore, clock: TestClock) -> None:
    """An answer has reminders come later by as long as it took; none comes twice for it."""
    hourly = asking(Policy(remind_every="1h", questions_stop_clock=True))
    async with Orchestrator(store, workflows=[hourly]) as orchestrator:
        await orchestrator.start(hourly(), run_id="r", requested_by=ALICE)
        clock.advance("2h5m")
        await orchestrator.resume("r")
        (await orchestrator.inquire("r", text="why?", by=BOB)).unwrap()
        clock.advance("100m")
        (await orchestrator.answer("r", text="so", by=ALICE)).unwrap()
        await orchestrator.resume("r")
        assert (await noted(orchestrator))["reminded"] == 1
        due, _ = await times(store)
        assert due == clock() + timedelta(minutes=55)
        clock.advance("55m")
        await orchestrator.resume("r")
        assert (await noted(orchestrator))["reminded"] == 2


class Hurrying(TestClock):
    """Goes on by a minute whenever it is read: whatever is done takes longer than that."""

    def __call__(self) -> datetime:
        """Give a time, each a minute after the last."""
        self.advance("1m")
        return super().__call__()


async def test_reminders_that_come_faster_than_they_are_written_hold_nothing_up() -> None:
    """Given a reminder each second, and a store that is slower, when the run is resumed, then that comes to an end."""
    hasty = asking(Policy(remind_every="1s"))
    async with Orchestrator(MemoryStore(clock=Hurrying()), workflows=[hasty]) as orchestrator:
        await orchestrator.start(hasty(), run_id="r", requested_by=ALICE)
        async with asyncio.timeout(10):
            assert (await orchestrator.resume("r")).status is RunStatus.PARKED
        assert await noted(orchestrator) == {"asked": 1, "reminded": 1}
