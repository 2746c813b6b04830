"""The doctor: what it says of runs that were parked by code as it was, under code as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from attrs import evolve, frozen

from awaitly import (
    Approved,
    Diagnosis,
    Err,
    MemoryStore,
    Ok,
    Orchestrator,
    Pending,
    Result,
    Retry,
    Run,
    UnknownWorkflow,
    Verdict,
    Workflow,
    WorkflowChanged,
    approval_step,
    workflow,
)
from awaitly.replaying.asking import Check
from awaitly.storage.store import Changes, Move
from awaitly.testing import CountingStore, TestClock
from awaitly.verbs.doctor import Doctor
from awaitly.working.executor import Executor
from tests.support import ALICE, Effects, FlowError, SharedStore, error_of

Flow: TypeAlias = Workflow[..., Any, Any]
Code: TypeAlias = Callable[..., Awaitable[Result[Any, FlowError]]]


async def load(n: int) -> Result[int, Any]:
    """Give a number back."""
    return Ok(n)


async def check(n: int) -> Result[int, Any]:
    """Give a number back."""
    return Ok(n)


def flow(code: Code, **options: Any) -> Flow:
    """Make code of the one name."""
    return workflow(name="flow", **options)(code)


async def before(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Load twice, side by side, then once; ask; sleep."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    c = await run.step(load, a + b)
    await run.approval("manager", proposes=c)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def twice(run: Run[FlowError], n: int) -> int:
    """Load, and check what came."""
    return await run.step(check, await run.step(load, n))


async def diagnosed(store: SharedStore | MemoryStore, *codes: Flow, **options: Any) -> dict[str, Diagnosis]:
    """Ask the doctor about all runs under some code, and see that nothing is written."""
    counting = CountingStore(store)
    async with Orchestrator(counting, workflows=codes) as orchestrator:
        found = {each.run_id: each async for each in orchestrator.doctor(**options)}
    assert not counting.commits
    return found


async def verdicts(store: SharedStore, *codes: Flow) -> dict[str, Verdict]:
    """Name the verdicts on all runs."""
    return {run_id: each.verdict for run_id, each in (await diagnosed(store, *codes)).items()}


async def parked(store: SharedStore, clock: TestClock, code: Flow) -> None:
    """Park a run on its question, one that is decided, one on its timer, and one whose time has come."""
    async with Orchestrator(store, workflows=[code]) as orchestrator:
        for run_id in ("slept", "sleeps", "decided", "asks"):
            await orchestrator.start(code(7), run_id=run_id)
            if run_id != "asks":
                (await orchestrator.approve(run_id, by="ann")).unwrap()
            if run_id in ("slept", "sleeps"):
                await orchestrator.resume(run_id)
            if run_id == "slept":
                clock.advance("4d")


ALL = ("asks", "decided", "sleeps", "slept")


async def test_unchanged_code_fits(each_store: SharedStore, clock: TestClock) -> None:
    """Whatever the runs wait for, and whether it has come."""
    await parked(each_store, clock, flow(before))
    assert await verdicts(each_store, flow(before)) == dict.fromkeys(ALL, Verdict.FITS)


# Changed code: the name of the change, the code, and what is found in the run that asks


async def other_proposal(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Ask the same with another content."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    c = await run.step(load, a + b)
    await run.approval("manager", proposes=c + 1)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def other_question(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Ask somebody else."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    c = await run.step(load, a + b)
    await run.approval("director", proposes=c)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def no_question(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Ask nobody, and end."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    return Ok(n + await run.step(load, a + b))


async def step_first(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Do something before asking."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    c = await run.step(load, a + b)
    await run.step(check, c)
    await run.approval("manager", proposes=c)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def step_instead(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Do something in place of the branches."""
    await run.step(check, n)
    c = await run.step(load, 3)
    await run.approval("manager", proposes=c)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def question_instead(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Ask in place of the branches."""
    await run.approval("somebody", proposes=n)
    return Ok(await run.step(check, n))


async def other_arguments(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Load something else."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    c = 1 + await run.step(load, a + b - 1)
    await run.approval("manager", proposes=c)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def step_removed(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Leave a step out."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    await run.approval("manager", proposes=a + b)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def branches_turned(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Name the branches the other way round."""
    a, b = await run.gather(twice(run, 2), twice(run, 1))
    c = await run.step(load, a + b)
    await run.approval("manager", proposes=c)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def branch_removed(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Leave a branch out."""
    await run.gather([twice(run, 1)])
    c = await run.step(load, 3)
    await run.approval("manager", proposes=c)
    await run.sleep("3d")
    return Ok(await run.step(check, n))


async def fails_early(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Raise before asking."""
    a, b = await run.gather(twice(run, 1), twice(run, 2))
    c = await run.step(load, a + b)
    raise ValueError(c)


async def other_parameters(run: Run[FlowError], order: str) -> Result[int, FlowError]:
    """Take something else."""
    return Ok(len(order))


@pytest.mark.parametrize(
    ("code", "key", "found"),
    [
        (other_proposal, "manager", "a different one"),
        (other_question, "director", "'director' in its place"),
        (no_question, "manager", "nothing there"),
        (step_first, "check", "'check' in its place"),
        (step_instead, "0.0/load", "'check' in its place"),
        (question_instead, "0.0/load", "'somebody' in its place"),
        (other_arguments, "load", "different ones"),
        (step_removed, "manager", "'manager' in its place"),
        (branches_turned, "0.0/load", "different ones"),
        (branch_removed, "0.1/load", "nothing there"),
        (fails_early, "manager", "ValueError: 3"),
        (other_parameters, "flow", "a signature"),
    ],
)
async def test_each_drift_is_found(code: Code, key: str, found: str, store: SharedStore, clock: TestClock) -> None:
    """In a run that only waits too, before anybody has decided; the diagnosis says where, and what was expected."""
    await parked(store, clock, flow(before))
    said = await diagnosed(store, flow(code))
    assert {run_id: each.verdict for run_id, each in said.items()} == dict.fromkeys(ALL, Verdict.DRIFTED)
    change = said["asks"].change
    assert change is not None
    assert change.key == key, change
    assert found in change.found, change
    assert change.found in said["asks"].detail


async def test_a_workflow_by_another_name_is_unknown(store: SharedStore, clock: TestClock) -> None:
    """The runs of the old name are nobody's."""
    await parked(store, clock, flow(before))
    said = await diagnosed(store, workflow(name="flood")(before))
    assert {each.verdict for each in said.values()} == {Verdict.UNKNOWN_WORKFLOW}
    assert "'flow'" in said["asks"].detail


async def test_a_version_without_its_predecessor_leaves_runs_behind(store: SharedStore, clock: TestClock) -> None:
    """They fit again where the old version is kept beside the new."""
    await parked(store, clock, flow(before))
    new = flow(no_question, version="2")
    said = await diagnosed(store, new)
    assert {each.verdict for each in said.values()} == {Verdict.UNKNOWN_VERSION}
    assert said["asks"].detail == "the version '1' of 'flow' is not there, only '2'"
    assert await verdicts(store, flow(before), new) == dict.fromkeys(ALL, Verdict.FITS)


async def test_what_stands_behind_the_wait_is_free(store: SharedStore, clock: TestClock) -> None:
    """Another step behind the question fits a run that asks or is decided, and none that went past it."""

    async def behind(run: Run[FlowError], n: int) -> Result[int, FlowError]:
        a, b = await run.gather(twice(run, 1), twice(run, 2))
        await run.approval("manager", proposes=await run.step(load, a + b))
        return Ok(await run.step(check, n))

    await parked(store, clock, flow(before))
    expected = {"asks": Verdict.FITS, "decided": Verdict.FITS, "sleeps": Verdict.DRIFTED, "slept": Verdict.DRIFTED}
    assert await verdicts(store, flow(behind)) == expected


Waiting: TypeAlias = Callable[[Run[Any]], Awaitable[Any]]
WAITS: dict[str, Waiting] = {
    "timer": lambda run: run.sleep("1d"),
    "signal": lambda run: run.wait_for("go", int),
    "other signal": lambda run: run.wait_for("come", int),
    "promise": lambda run: run.promise("go", int),
    "question": lambda run: run.decision("go", proposes=1),
    "child": lambda run: run.child(flow(before)(1)),
    "race": lambda run: run.race(run.wait_for("go", int), run.sleep("1d")),
    "larger race": lambda run: run.race(run.wait_for("go", int), run.sleep("1d"), run.wait_for("stop", int)),
    "step": lambda run: run.step(load, 1),
}


@pytest.mark.parametrize("now", WAITS)
@pytest.mark.parametrize("then", [name for name in WAITS if name != "step"])
async def test_waiting_for_something_else_is_drift(then: str, now: str, store: SharedStore) -> None:
    """Each kind of wait fits itself alone, but that it may go into a race, and a race may grow: neither moves it."""

    def waiting(kind: str) -> Flow:
        async def code(run: Run[Any]) -> Result[Any, Any]:
            await run.step(load, 0)
            await WAITS[kind](run)
            return Ok(None)

        return flow(code)

    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(waiting(then)(), run_id="r")
    fits = then == now or (then in ("signal", "race") and now in ("race", "larger race"))
    assert (await verdicts(store, waiting(now)))["r"] is (Verdict.FITS if fits else Verdict.DRIFTED)


@frozen
class Price:
    """What a step gives."""

    amount: int


@frozen
class PriceToday:
    """The same class as it is today."""

    amount: int
    currency: str


PriceToday.__name__ = PriceToday.__qualname__ = "Price"


async def test_a_result_that_does_not_decode_is_drift(store: SharedStore) -> None:
    """A class that was recorded has a field more."""

    async def price() -> Result[Price, Any]:
        return Ok(Price(5))

    async def price_today() -> Result[PriceToday, Any]:
        return Ok(PriceToday(5, "EUR"))

    price_today.__name__ = "price"

    def pricing(made: Callable[[], Awaitable[Result[Any, Any]]]) -> Flow:
        async def code(run: Run[Any]) -> Result[Any, Any]:
            await run.step(made)
            await run.sleep("1d")
            return Ok(None)

        return flow(code)

    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(pricing(price)(), run_id="r")
    assert (await verdicts(store, pricing(price)))["r"] is Verdict.FITS
    said = (await diagnosed(store, pricing(price_today)))["r"]
    assert said.verdict is Verdict.DRIFTED
    assert "does not decode" in said.detail


# What the doctor leaves alone


async def test_no_body_runs_and_nobody_is_asked(store: SharedStore, effects: Effects, clock: TestClock) -> None:
    """Neither a step, nor a system of record, nor another run; the time does not pass."""
    asked: list[str] = []

    def answer() -> Check[int]:
        asked.append("")
        return Pending() if len(asked) == 1 else Approved(1, ALICE, clock())

    record = approval_step("record", check=answer, schema=int)

    async def code(run: Run[Any]) -> Result[Any, Any]:
        await run.step(record)
        await run.step(effects.do, "step")
        await run.child(flow(before)(1))
        return Ok(run.now())

    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(flow(code)(), run_id="r")
    assert await verdicts(store, flow(code)) == {"r": Verdict.FITS}
    assert (effects.done, asked) == ([], [""])
    async with Orchestrator(store, workflows=[flow(code)]) as orchestrator:
        await orchestrator.resume("r")
        assert effects.done == ["step"]
    assert (await verdicts(store, flow(code)))["r"] is Verdict.FITS
    assert effects.done == ["step"]


async def test_runs_that_are_over_or_execute_elsewhere_are_left_out(store: SharedStore, clock: TestClock) -> None:
    """The latter until its lease is over; one that is to be tried again is looked at."""

    async def failing(_: Run[Any]) -> Result[Any, Any]:
        return Err("so")

    again = workflow(name="again", retry=Retry(on=(str,)))(failing)
    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(flow(failing)(), run_id="over")
        await orchestrator.start(again(), run_id="queued")
        await orchestrator.start(flow(before)(1), run_id="runs")
    row = (await store.load("runs")).run
    assert row is not None
    body = row.body.replace('{"code"', f'{{"lease":["somebody",{row.updated_at}],"code"', 1)
    leased = evolve(row, status="running", version=row.version + 1, due_at=await store.now() + 1_000_000, body=body)
    await store.change_run(leased)
    assert set(await verdicts(store, flow(before), again)) == {"queued"}
    clock.advance("1m")
    assert set(await verdicts(store, flow(before), again)) == {"queued", "runs"}


async def test_what_has_not_begun_is_looked_at_as_far_as_it_goes(store: SharedStore, clock: TestClock) -> None:
    """Its workflow and version are to be there, and to take its arguments; nothing of its code runs."""
    ran: list[str] = []

    async def one(run: Run[Any], n: int) -> Result[Any, Any]:
        ran.append(f"{run.run_id} {n}")
        return Ok(n)

    async def two(run: Run[Any], n: str) -> Result[Any, Any]:
        ran.append(f"{run.run_id} {n}")
        return Ok(n)

    async with Orchestrator(store) as orchestrator:
        await orchestrator.enqueue(flow(one)(1), run_id="queued")
        await orchestrator.schedule("nightly", "0 3 * * *", flow(one)(1))
    subjects = "queued", "schedule:nightly"
    assert await verdicts(store, flow(one)) == dict.fromkeys(subjects, Verdict.FITS)
    assert await verdicts(store, flow(two)) == dict.fromkeys(subjects, Verdict.DRIFTED)
    assert await verdicts(store, flow(one, version="2")) == dict.fromkeys(subjects, Verdict.UNKNOWN_VERSION)
    said = await diagnosed(store, workflow(name="other")(one))
    assert {each.verdict for each in said.values()} == {Verdict.UNKNOWN_WORKFLOW}
    assert str(said["schedule:nightly"]) == ("schedule nightly of flow: unknown workflow: no workflow is called 'flow'")
    clock.advance("2m")
    overdue = {run_id: each.overdue for run_id, each in (await diagnosed(store, flow(one))).items()}
    assert overdue == {"queued": timedelta(minutes=2), "schedule:nightly": None}
    assert ran == []


async def test_a_schedule_that_has_ended_is_left_out(store: SharedStore) -> None:
    """Nothing comes of it any more."""
    async with Orchestrator(store) as orchestrator:
        await orchestrator.schedule("nightly", "0 3 * * *", flow(before)(1))
        (await orchestrator.unschedule("nightly")).unwrap()
    assert await verdicts(store, flow(before)) == {}


async def test_a_name_of_neither_a_workflow_nor_a_run_is_refused(store: SharedStore) -> None:
    """It is misspelt; that of a workflow without runs is not, nor that of runs whose workflow is gone."""
    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(flow(before)(1), run_id="r")
    with pytest.raises(UnknownWorkflow, match=r"no workflow is called 'flaw'.*'flow'") as refused:
        await diagnosed(store, flow(before), workflow="flaw")
    assert refused.value.workflow == "flaw"
    assert await diagnosed(store, workflow(name="other")(before), workflow="other") == {}
    gone = await diagnosed(store, workflow(name="other")(before), workflow="flow")
    assert gone["r"].verdict is Verdict.UNKNOWN_WORKFLOW


async def test_one_workflow_or_what_began_lately(store: SharedStore, clock: TestClock) -> None:
    """The rest is not looked at."""
    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(flow(before)(1), run_id="old")
        clock.advance("2d")
        await orchestrator.start(flow(before)(1), run_id="new")
        await orchestrator.start(workflow(name="other")(before)(1), run_id="other")
    assert set(await diagnosed(store, flow(before), workflow="flow")) == {"old", "new"}
    assert set(await diagnosed(store, flow(before), since="1d")) == {"new", "other"}
    assert set(await diagnosed(store, flow(before), workflow="flow", since="1d")) == {"new"}


async def test_all_pages_are_looked_at(store: SharedStore) -> None:
    """However many runs are parked, each is named once, the newest first."""
    async with Orchestrator(store, workflows=[flow(before)]) as orchestrator:
        for number in range(450):
            await orchestrator.start(flow(before)(1), run_id=f"r{number:03}")
        said = [each.run_id async for each in orchestrator.doctor()]
    assert said == [f"r{number:03}" for number in reversed(range(450))]


# What else is said


async def test_a_run_that_cannot_be_read_or_was_set_aside_is_named(store: SharedStore, clock: TestClock) -> None:
    """With what is wrong with it; neither keeps the doctor from the others."""
    await parked(store, clock, flow(before))
    found = await store.load("asks")
    await store.change_step(found.run.version if found.run else 0, evolve(found.steps[0], body="{}"))
    row = (await store.load("sleeps")).run
    assert row is not None
    aside = evolve(row, status="needs_review", version=row.version + 1, due_at=None)
    await store.commit(Changes(move=Move.REVIEW, runs=(aside,)))
    said = await diagnosed(store, flow(before))
    assert said["asks"].verdict is Verdict.DAMAGED
    assert said["asks"].detail.startswith("step ")
    assert said["sleeps"].verdict is Verdict.NEEDS_REVIEW
    assert said["decided"].verdict is said["slept"].verdict is Verdict.FITS


async def test_what_could_go_on_and_does_not_is_overdue(store: SharedStore, clock: TestClock) -> None:
    """Decided, or past its time, or told something, for longer than the grace."""

    async def listening(run: Run[Any]) -> Result[Any, Any]:
        return Ok(await run.wait_for("go", int))

    listen = workflow(name="listen")(listening)
    await parked(store, clock, flow(before))
    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(listen(), run_id="told")
        await orchestrator.start(listen(), run_id="listens")
        (await orchestrator.signal("told", "go", 1)).unwrap()
    clock.advance("1h")
    said = await diagnosed(store, flow(before), listen)
    assert {run_id for run_id, each in said.items() if each.overdue} == {"decided", "slept", "told"}
    assert said["told"].overdue == timedelta(hours=1)
    later = await diagnosed(store, flow(before), listen, grace="2h")
    assert {run_id for run_id, each in later.items() if each.overdue} == {"slept"}


async def test_a_workflow_that_waits_for_something_of_its_own_is_left(store: SharedStore) -> None:
    """It is said to have stalled, and the others are looked at."""

    async def waiting(run: Run[Any]) -> Result[Any, Any]:
        await asyncio.Event().wait()
        return Ok(await run.approval("manager", proposes=1))

    async def asking(run: Run[Any]) -> Result[Any, Any]:
        return Ok(await run.approval("manager", proposes=1))

    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(flow(asking)(), run_id="r")
    doctor = Doctor(store, Executor(store, [flow(waiting)], timedelta(seconds=30)), timedelta(0), patience=0.01)
    assert [each.verdict async for each in doctor.look(None, None)] == [Verdict.STALLED]


async def test_branches_are_checked_although_another_would_begin_something(store: SharedStore) -> None:
    """The branch that goes on waits, and what another recorded is still compared."""

    def gathering(second: int) -> Flow:
        async def asking(run: Run[Any]) -> None:
            await run.approval("manager", proposes=1)
            await run.step(load, 1)

        async def sleeping(run: Run[Any]) -> None:
            await run.step(check, second)
            await run.sleep("1d")

        async def code(run: Run[Any]) -> Result[Any, Any]:
            await run.gather(asking(run), sleeping(run))
            return Ok(None)

        return flow(code)

    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(gathering(2)(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
    assert (await verdicts(store, gathering(2)))["r"] is Verdict.FITS
    assert (await verdicts(store, gathering(3)))["r"] is Verdict.DRIFTED


async def test_a_question_that_stands_at_another_call_is_drift(store: SharedStore) -> None:
    """A promise made before it counts as a call, although nothing of it is recorded yet."""

    def asking(*, promise: bool) -> Flow:
        async def code(run: Run[Any]) -> Result[int, Any]:
            if promise:
                run.promise("signed", int)
            return Ok(await run.approval("manager", proposes=1))

        return flow(code)

    async with Orchestrator(store, workflows=[asking(promise=False)]) as orchestrator:
        await orchestrator.start(asking(promise=False)(), run_id="r")
    new = asking(promise=True)
    assert await verdicts(store, new) == {"r": Verdict.DRIFTED}
    async with Orchestrator(store, workflows=[new]) as orchestrator:
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert isinstance(error_of((await orchestrator.resume("r")).result), WorkflowChanged)


async def test_no_argument_is_told(store: SharedStore) -> None:
    """Where the parameters changed, the words name them and not what the run was started with: workers log them."""

    async def old(run: Run[FlowError], token: str) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=len(token)))

    async def new(run: Run[FlowError], key: str) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=len(key)))

    async with Orchestrator(store, workflows=[flow(old)]) as orchestrator:
        await orchestrator.start(flow(old)("canary"), run_id="r")
    detail = (await diagnosed(store, flow(new)))["r"].detail
    assert "the arguments are key, not token" in detail
    assert "canary" not in detail
