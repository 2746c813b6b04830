"""Observers: what they are told of a run's life, and that they can neither disturb it nor learn what it is about."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import pytest
from attrs import evolve

from awaitly import (
    ApprovalDecided,
    ApprovalEscalated,
    ApprovalReminded,
    ApprovalStatus,
    Err,
    Escalation,
    Event,
    Leaving,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    PromiseRejected,
    Result,
    Retry,
    Run,
    RunEnqueued,
    RunFinished,
    RunLeft,
    RunParked,
    RunRetried,
    RunSetAside,
    RunSignalled,
    RunStarted,
    RunStatus,
    RunTakenOver,
    StepEnded,
    StepOutcome,
    StepRetried,
    StepStarted,
    StoreUnavailable,
    WaitKind,
    Workflow,
    step,
    workflow,
)
from awaitly.storage.store import StepRow
from awaitly.testing import TestClock, raising
from tests.support import ADMIN, ALICE, BOB, Effects, FlowError, Refused, SharedStore

T = TypeVar("T")
SECRET = "4711-canary"
Error: TypeAlias = FlowError | PromiseRejected


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def forget(self) -> None:
        """Begin anew."""
        self.events.clear()

    @property
    def kinds(self) -> list[type[Event]]:
        """Which events there were."""
        return [type(event) for event in self.events]

    def of(self, kind: type[T]) -> list[T]:
        """Give the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def only(self, kind: type[T]) -> T:
        """Give the one event of a kind; fails where there are others, or none."""
        (event,) = self.of(kind)
        return event


@pytest.fixture
def told() -> Told:
    """Make an observer."""
    return Told()


async def load(order: str) -> Result[str, Refused]:
    """Give something."""
    return Ok(f"{order} {SECRET}")


async def refuse(order: str) -> Result[str, Refused]:
    """Fail with something."""
    return Err(Refused(f"{order} {SECRET}"))


@workflow
async def refund(run: Run[FlowError], order: str) -> Result[str, FlowError]:
    """One step, one question, one step."""
    loaded = await run.step(load, order)
    agreed = await run.approval("manager", proposes=loaded, policy=Policy(expires_in="7d"))
    return Ok(await run.step(load, agreed))


@workflow
async def plain(run: Run[Refused], what: str) -> Result[str, Refused]:
    """One step."""
    return Ok(await run.step(load, what))


@workflow
async def failing(run: Run[Refused]) -> Result[str, Refused]:
    """One step that fails."""
    return Ok(await run.step(refuse, "o1"))


async def test_a_life_is_told_from_its_start_to_its_end(store: SharedStore, clock: TestClock, told: Told) -> None:
    """Each execution begins and ends; the decision says who made it, and how long it waited for them."""
    asked = clock()
    async with Orchestrator(store, workflows=[refund], observers=[told]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        assert told.kinds == [RunStarted, StepStarted, StepEnded, RunParked]
        parked = told.only(RunParked)
        assert (parked.approvals, parked.awaiting, parked.until) == (("manager",), (), asked + timedelta(days=7))
        clock.advance("2h")
        (await orchestrator.approve("r", "manager", by="ann")).unwrap()
        await orchestrator.resume("r")
    assert told.kinds[4:] == [ApprovalDecided, RunStarted, StepStarted, StepEnded, RunFinished]
    assert [started.resumed for started in told.of(RunStarted)] == [False, True]
    decided = told.only(ApprovalDecided)
    assert (decided.key, decided.status, decided.by) == ("manager", ApprovalStatus.APPROVED, "ann")
    assert decided.waited == 7200
    over = told.only(RunFinished)
    assert (over.status, over.age) == (RunStatus.COMPLETED, 7200)
    assert [(s.key, s.name) for s in told.of(StepEnded)] == [("load", "load"), ("load#2", "load")]


async def test_executions_of_a_run_have_numbers_of_their_own(store: SharedStore, told: Told) -> None:
    """All events of one execution carry its number, and no other execution's do."""
    async with Orchestrator(store, workflows=[refund], observers=[told]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        first = {e.execution for e in told.of(RunStarted) + told.of(StepEnded) + told.of(RunParked)}
        told.forget()
        (await orchestrator.approve("r", by="ann", resume=refund)).unwrap()
        second = {e.execution for e in told.of(RunStarted) + told.of(StepEnded) + told.of(RunFinished)}
    assert len(first) == len(second) == 1
    assert first != second


async def test_a_decision_that_goes_on_at_once_is_told_before_the_run_goes_on(store: SharedStore, told: Told) -> None:
    """It stands in the same commit as the claim, and is told once."""
    async with Orchestrator(store, workflows=[refund], observers=[told]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        told.forget()
        (await orchestrator.edit("r", None, "other", by="ann", resume=refund)).unwrap()
    assert told.kinds == [ApprovalDecided, RunStarted, StepStarted, StepEnded, RunFinished]


async def test_what_changes_nothing_is_not_told(store: SharedStore, told: Told) -> None:
    """A decision again, a refused one, a run that still waits, an id that is there, one that is over."""
    async with Orchestrator(store, workflows=[refund], observers=[told]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        told.forget()
        await orchestrator.resume("r")
        await orchestrator.start(refund("o1"), run_id="r")
        await orchestrator.start(refund("o2"), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert isinstance(await orchestrator.reject("r", by="bob"), Err)
        assert told.kinds == [ApprovalDecided]
        await orchestrator.resume("r")
        told.forget()
        await orchestrator.resume("r")
        await orchestrator.start(refund("o1"), run_id="r")
    assert told.events == []


async def test_a_vote_that_decides_nothing_yet_is_no_decision(store: SharedStore, told: Told) -> None:
    """Only the vote that decides is told."""

    @workflow
    async def two(run: Run[NotApproved]) -> Result[int, NotApproved]:
        return Ok(await run.approval("both", proposes=1, policy=Policy(needs=2)))

    async with Orchestrator(store, workflows=[two], observers=[told]) as orchestrator:
        await orchestrator.start(two(), run_id="r")
        (await orchestrator.approve("r", by=ALICE)).unwrap()
        assert told.of(ApprovalDecided) == []
        (await orchestrator.approve("r", by=BOB)).unwrap()
    assert told.only(ApprovalDecided).by == "bob"


async def test_a_deadline_that_passed_is_told_when_its_run_hears_of_it(
    store: SharedStore, clock: TestClock, told: Told
) -> None:
    """The clock is then who decided."""
    async with Orchestrator(store, workflows=[refund], observers=[told]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        clock.advance("8d")
        await orchestrator.recover()
    decided = told.only(ApprovalDecided)
    assert (decided.status, decided.by) == (ApprovalStatus.EXPIRED, "system:timeout")
    assert told.only(RunFinished).status is RunStatus.FAILED


async def test_how_a_step_came_out(store: SharedStore, told: Told) -> None:
    """Its outcome, how often it was tried, and the name of its error."""

    async def bug() -> Result[str, Refused]:
        raise KeyError(SECRET)

    @workflow
    async def all_of_them(run: Run[Refused]) -> Result[str, Refused]:
        await run.attempt(load, "a")
        await run.attempt(refuse, "b")
        await run.attempt(step(bug, retry=Retry(attempts=2, base="1ms")))
        return Ok("done")

    async with Orchestrator(store, workflows=[all_of_them], observers=[told]) as orchestrator:
        await orchestrator.start(all_of_them())
    assert [(e.outcome, e.attempts, e.error) for e in told.of(StepEnded)] == [
        (StepOutcome.OK, 1, None),
        (StepOutcome.ERR, 1, "Refused"),
        (StepOutcome.RAISED, 2, "KeyError"),
    ]
    assert (told.only(StepRetried).name, told.only(StepRetried).attempt) == ("bug", 1)


async def test_a_step_whose_next_attempt_is_far_off(store: SharedStore, clock: TestClock, told: Told) -> None:
    """It is interrupted, its run parks on it, and the attempts of earlier executions count."""
    effects: list[int] = []

    async def flaky() -> Result[int, Refused]:
        effects.append(1)
        return Ok(1) if len(effects) > 1 else Err(Refused("not yet"))

    @workflow
    async def patient(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(step(flaky, retry=Retry(attempts=3, base="1h", jitter=False, on=[Refused]))))

    async with Orchestrator(store, workflows=[patient], observers=[told]) as orchestrator:
        await orchestrator.start(patient(), run_id="r")
        assert told.kinds == [RunStarted, StepStarted, StepRetried, StepEnded, RunParked]
        assert told.only(StepEnded).outcome is StepOutcome.INTERRUPTED
        assert told.only(StepRetried).pause == 3600
        assert told.only(RunParked).awaiting == ((WaitKind.RETRY, "flaky"),)
        told.forget()
        clock.advance("61m")
        await orchestrator.recover()
    assert told.kinds == [RunStarted, StepStarted, StepEnded, RunFinished]
    assert (told.only(StepEnded).outcome, told.only(StepEnded).attempts) == (StepOutcome.OK, 2)


async def test_a_workflow_that_is_tried_again(store: SharedStore, clock: TestClock, told: Told) -> None:
    """The execution ends with the attempt that failed and the time of the next."""
    effects = Effects()
    effects.failing.add("pay")

    @workflow(retry=Retry(attempts=2, base="1h", jitter=False, on=[Refused]))
    async def again(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(effects.pay, 5))

    async with Orchestrator(store, workflows=[again], observers=[told]) as orchestrator:
        await orchestrator.start(again(), run_id="r")
        retried = told.only(RunRetried)
        assert (retried.attempt, retried.at) == (1, clock() + timedelta(hours=1))
        clock.advance("1h")
        effects.failing.clear()
        await orchestrator.recover()
    assert told.kinds[-1] is RunFinished
    assert told.only(RunFinished).status is RunStatus.COMPLETED


async def test_signals_and_children(store: SharedStore, clock: TestClock, told: Told) -> None:
    """What a run was told, and the run that it had begun: by names alone."""

    @workflow
    async def parent(run: Run[Any]) -> Result[str, Any]:
        (await run.wait_for("go", str)).unwrap()
        return Ok(await run.child(plain(SECRET), queue="small"))

    async with Orchestrator(store, workflows=[parent, plain], observers=[told]) as orchestrator:
        await orchestrator.start(parent(), run_id="r")
        assert told.only(RunParked).awaiting == ((WaitKind.SIGNAL, "go"),)
        (await orchestrator.signal("r", "go", SECRET, by="ann")).unwrap()
        (await orchestrator.signal("r", "go", SECRET, by="ann")).unwrap()
        signalled = told.only(RunSignalled)
        assert (signalled.kind, signalled.name, signalled.by) == (WaitKind.SIGNAL, "go", "ann")
        await orchestrator.recover()
        enqueued = told.only(RunEnqueued)
        assert (enqueued.run_id, enqueued.queue, enqueued.parent) == ("r.plain", "small", "r")
        clock.advance("1s")
        await orchestrator.recover()
    assert [(e.run_id, e.status) for e in told.of(RunFinished)] == [
        ("r.plain", RunStatus.COMPLETED),
        ("r", RunStatus.COMPLETED),
    ]
    assert [s.kind for s in told.of(RunSignalled)] == [WaitKind.SIGNAL, WaitKind.CHILD]


async def test_a_run_that_is_enqueued_and_begun(store: SharedStore, clock: TestClock, told: Told) -> None:
    """It is told once that it is in its queue; its first execution is not one that goes on."""
    async with Orchestrator(store, workflows=[plain], observers=[told]) as orchestrator:
        for _ in range(2):
            (await orchestrator.enqueue(plain("x"), run_id="r", queue="slow", at=clock() + timedelta(1))).unwrap()
        enqueued = told.only(RunEnqueued)
        assert (enqueued.queue, enqueued.at, enqueued.parent) == ("slow", clock() + timedelta(1), None)
        clock.advance("1d")
        await orchestrator.recover()
    assert not told.only(RunStarted).resumed
    assert told.only(RunFinished).age == 86400


async def test_a_run_that_is_put_back_into_its_queue(store: SharedStore, told: Told) -> None:
    """It is told as any other that is in a queue."""
    async with Orchestrator(store, workflows=[failing], observers=[told]) as orchestrator:
        await orchestrator.start(failing(), run_id="r")
        told.forget()
        (await orchestrator.requeue("r")).unwrap()
    assert told.kinds == [RunEnqueued]


async def test_a_run_that_comes_of_a_schedule(store: SharedStore, clock: TestClock, told: Told) -> None:
    """It is told as any other that is in a queue."""
    async with Orchestrator(store, workflows=[plain], observers=[told]) as orchestrator:
        await orchestrator.schedule("nightly", "0 3 * * *", plain("x"), timezone="UTC")
        clock.advance("1d")
        await orchestrator.recover()
    assert told.kinds == [RunEnqueued, RunStarted, StepStarted, StepEnded, RunFinished]
    assert told.only(RunEnqueued).run_id == told.only(RunFinished).run_id


async def test_ending_a_run_from_outside(store: SharedStore, told: Told) -> None:
    """No execution ended, and its children end with it."""

    @workflow
    async def parent(run: Run[Any]) -> Result[str, Any]:
        return Ok(await run.child(refund("o1")))

    async with Orchestrator(store, workflows=[parent, refund], observers=[told]) as orchestrator:
        await orchestrator.start(parent(), run_id="r")
        told.forget()
        (await orchestrator.cancel("r", by=ADMIN)).unwrap()
    assert [(e.run_id, e.status, e.execution) for e in told.of(RunFinished)] == [
        ("r", RunStatus.CANCELLED, None),
        ("r.refund", RunStatus.CANCELLED, None),
    ]


async def test_a_run_that_is_cancelled_while_it_executes(store: SharedStore, told: Told) -> None:
    """Its end is told once, by whoever cancelled it; its execution has lost it."""
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> Result[int, Refused]:
        began.set()
        await go_on.wait()
        return Ok(1)

    @workflow
    async def long(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(slow) + await run.step(slow))

    async with Orchestrator(store, workflows=[long], observers=[told]) as orchestrator:
        executing = asyncio.create_task(orchestrator.start(long(), run_id="r"))
        await began.wait()
        (await orchestrator.cancel("r", by=ADMIN)).unwrap()
        go_on.set()
        await executing
    assert told.kinds == [RunStarted, StepStarted, RunFinished, StepEnded, RunLeft]
    assert told.only(RunLeft).reason is Leaving.TAKEN_AWAY


async def test_closing_gives_back_what_executes(store: SharedStore, told: Told) -> None:
    """The body is interrupted, and the execution is over with the run unfinished."""
    began = asyncio.Event()

    async def endless() -> Result[int, Refused]:
        began.set()
        await asyncio.Event().wait()
        return Ok(1)

    @workflow
    async def long(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(endless))

    async with Orchestrator(store, workflows=[long], observers=[told]) as orchestrator:
        executing = asyncio.create_task(orchestrator.start(long(), run_id="r"))
        await began.wait()
    await executing
    assert told.kinds == [RunStarted, StepStarted, StepEnded, RunLeft]
    assert told.only(StepEnded).outcome is StepOutcome.INTERRUPTED
    assert told.only(RunLeft).reason is Leaving.GIVEN_BACK


async def test_a_store_that_fails_breaks_the_execution_off(store: SharedStore, told: Told) -> None:
    """Nobody knows where the run stands, so nothing is told but that this process has left it."""
    store.failpoints.arm("end.before", raising(StoreUnavailable("down")))
    async with Orchestrator(store, workflows=[plain], observers=[told]) as orchestrator:
        with pytest.raises(StoreUnavailable):
            await orchestrator.start(plain("x"), run_id="r")
        assert told.only(RunLeft).reason is Leaving.BROKEN_OFF
        assert told.kinds[-1] is RunLeft


async def test_a_run_whose_process_died(store: SharedStore, clock: TestClock, told: Told) -> None:
    """Whoever takes it over says so, and how often that has happened; in the end it is set aside unexecuted."""
    store.failpoints.arm("end.before", raising(StoreUnavailable("down")))
    async with Orchestrator(store, workflows=[plain], observers=[told]) as orchestrator:
        for _ in range(20):
            try:
                execution = await orchestrator.start(plain("x"), run_id="r")
            except StoreUnavailable:
                clock.advance("1m")
            else:
                break
        else:
            pytest.fail("it was never set aside")
    assert execution.status is RunStatus.NEEDS_REVIEW
    recoveries = [taken.recoveries for taken in told.of(RunTakenOver)]
    assert recoveries == list(range(1, len(recoveries) + 1))
    assert len(recoveries) > 1
    assert told.only(RunSetAside).execution is None
    assert told.kinds[-1] is RunSetAside


async def test_code_that_changed_is_set_aside_by_the_execution_that_finds_out(store: SharedStore, told: Told) -> None:
    """New steps had run by then, so the run needs a person."""
    asks = ["first", "second"]

    @workflow
    async def changing(run: Run[Any]) -> Result[str, Any]:
        await run.decision("manager", proposes=1)
        await run.step(load, "new")
        if "second" in asks:
            await run.decision("second", proposes=1)
        return Ok("")

    async with Orchestrator(store, workflows=[changing], observers=[told]) as orchestrator:
        await orchestrator.start(changing(), run_id="r")
        await store.change_approval(evolve((await store.load("r")).approvals[0], key="third", version=1))
        asks.clear()
        told.forget()
        execution = (await orchestrator.approve("r", "manager", by="ann", resume=changing)).unwrap()
    assert execution.status is RunStatus.NEEDS_REVIEW
    assert told.kinds == [ApprovalDecided, RunStarted, StepStarted, StepEnded, RunSetAside]
    assert told.only(RunSetAside).execution == told.only(RunStarted).execution


async def test_a_record_that_does_not_decode_sets_its_run_aside(store: SharedStore, told: Told) -> None:
    """It is told once, of no execution."""
    async with Orchestrator(store, workflows=[refund], observers=[told]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        row = (await store.load("r")).run
        assert row is not None
        await store.change_step(row.version, StepRow("r", "load", "{"))
        told.forget()
        (await orchestrator.approve("r", by="ann")).unwrap()
        await orchestrator.recover()
        await orchestrator.recover()
    assert told.kinds == [ApprovalDecided, RunSetAside]


async def _whole_life(store: SharedStore, clock: TestClock, *observers: Any) -> None:
    """Start, retry, park, signal, decide, fail, enqueue, cancel."""

    @workflow
    async def waiting(run: Run[Any], secret: str) -> Result[str, Any]:
        await run.wait_for("go", str, timeout="1h")
        return Ok(secret)

    known: list[Workflow[..., Any, Any]] = [refund, failing, waiting, plain]
    async with Orchestrator(store, workflows=known, observers=observers) as orchestrator:
        await orchestrator.start(refund(SECRET), run_id="a", requested_by="eve")
        (await orchestrator.reject("a", reason=SECRET, by="ann", resume=refund)).unwrap()
        await orchestrator.start(failing(), run_id="b")
        await orchestrator.start(waiting(SECRET), run_id="c")
        (await orchestrator.signal("c", "go", SECRET, by="ann")).unwrap()
        (await orchestrator.enqueue(plain(SECRET), run_id="d")).unwrap()
        await orchestrator.recover()
        await orchestrator.start(refund(SECRET), run_id="e")
        (await orchestrator.edit("e", None, f"{SECRET}!", by="ann", resume=refund)).unwrap()
        await orchestrator.start(refund(SECRET), run_id="f")
        (await orchestrator.cancel("f", reason=SECRET, by=ADMIN)).unwrap()


async def test_no_event_carries_content(store: SharedStore, clock: TestClock, told: Told) -> None:
    """Arguments, values, results, errors, payloads and reasons are in none of them."""
    await _whole_life(store, clock, told)
    assert len(told.events) > 20
    assert SECRET not in repr(told.events)


RAISED: list[Callable[[], BaseException]] = [lambda: ValueError(SECRET), asyncio.CancelledError]


@pytest.mark.parametrize("make", RAISED, ids=["an exception", "a cancellation"])
async def test_an_observer_that_raises_disturbs_nobody(
    store: SharedStore,
    clock: TestClock,
    told: Told,
    make: Callable[[], BaseException],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not the run, nor another observer; each time it raises is in the log of `awaitly`."""

    class Broken:
        def on_event(self, event: Event) -> None:
            raise make()

    await _whole_life(store, clock, Broken(), told)
    rows = {run_id: (await store.load(run_id)).run for run_id in "abcdef"}
    assert [row and row.status for row in rows.values()] == [
        "failed",
        "failed",
        "completed",
        "completed",
        "completed",
        "cancelled",
    ]
    records = [record for record in caplog.records if record.name == "awaitly"]
    assert len(records) == len(told.events)
    assert {record.levelno for record in records} == {logging.ERROR}
    assert "an observer raised at RunStarted of run a" in caplog.text


async def test_observing_costs_the_store_nothing(store: SharedStore, clock: TestClock, told: Told) -> None:
    """With observers the same commits are made, and the same is read, as without."""
    await _whole_life(store, clock)
    inner = MemoryStore(clock=TestClock())
    await inner.open()
    observed = SharedStore(inner)
    await _whole_life(observed, clock, told)
    assert observed.commits == store.commits
    assert observed.reads == store.reads
    assert told.events


async def test_reminders_and_levels_are_told_when_they_are_written(
    store: SharedStore, clock: TestClock, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with whom they go to: by whoever comes first, be it a worker or somebody who decides; and logged."""
    levels = [Escalation("90m", ["bob"]), Escalation("3h", ["carol"])]
    ladder = Policy(approvers=["ann"], remind_every="1h", escalations=levels)

    @workflow
    async def asking(run: Run[NotApproved]) -> Result[str, NotApproved]:
        return Ok(await run.approval("manager", proposes=SECRET, policy=ladder))

    run = {"run_id": "r", "workflow": "asking", "key": "manager"}
    caplog.set_level(logging.INFO, "awaitly.worker")
    async with Orchestrator(store, workflows=[asking], observers=[told]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        told.forget()
        clock.advance("2h")
        store.failpoints.arm("remind.before", raising(StoreUnavailable("away")), hit=1)
        with pytest.raises(StoreUnavailable):
            await orchestrator.resume("r")
        assert told.events == []
        await asyncio.gather(*(orchestrator.resume("r") for _ in range(5)))
        assert told.events == [
            ApprovalEscalated(**run, level=1, nth=1, to=("bob",), waited=7200.0),
            ApprovalReminded(**run, level=1, to=("ann", "bob"), waited=7200.0),
        ]
        told.forget()
        clock.advance("2h")
        (await orchestrator.claim("r", by="carol")).unwrap()
        assert told.events == [ApprovalEscalated(**run, level=2, nth=1, to=("carol",), waited=14400.0)]
        (await orchestrator.approve("r", by="carol")).unwrap()
        assert told.kinds[1:] == [ApprovalDecided]
    lines = [record.message for record in caplog.records if record.name == "awaitly.worker"]
    assert lines == [
        "event=escalated run=r key=manager level=1",
        "event=reminded run=r key=manager level=1",
        "event=escalated run=r key=manager level=2",
    ]
