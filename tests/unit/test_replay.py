from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from awaitly import (
    Ask,
    Err,
    NeedsReview,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunStatus,
    StoreUnavailable,
    UnexpectedError,
    Workflow,
    WorkflowChanged,
    step,
    workflow,
)
from awaitly.testing import Pause, raising
from tests.support import Effects, FlowError, Refused, SharedStore, error_of, waiting

Flow: TypeAlias = Workflow[..., Any, Any]


async def one(effects: Effects) -> Result[str, Refused]:
    """Stand in for the function of a step."""
    return await effects.do("one")


# Each pair: the code that recorded a run, and other code of the same name


def recorded_by(effects: Effects) -> Flow:
    """Make the code that records: two steps, a question, a step."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do(f"first {n}")

    async def second() -> Result[str, Refused]:
        return await effects.do("second")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(first, 1)
        await run.step(second)
        await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, amount))

    return flow


def other_order(effects: Effects) -> Flow:
    """Call the two steps the other way round."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(second)
        await run.step(first, 1)
        await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, amount))

    return flow


def other_argument(effects: Effects) -> Flow:
    """Call the first step with another argument."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(first, 2)
        await run.step(second)
        await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, amount))

    return flow


def removed_step(effects: Effects) -> Flow:
    """Leave the first step out."""

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(second)
        await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, amount))

    return flow


def inserted_step(effects: Effects) -> Flow:
    """Put a new step in front."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, "drifted")
        await run.step(first, 1)
        await run.step(second)
        await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, amount))

    return flow


def other_version(effects: Effects) -> Flow:
    """Do the same under another version."""
    return workflow(version="2")(recorded_by(effects).function)


def other_parameter_type(effects: Effects) -> Flow:
    """Take the amount as text."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: str) -> Result[int, FlowError]:
        await run.step(first, 1)
        return Ok(len(amount))

    return flow


def other_parameter_name(effects: Effects) -> Flow:
    """Take the amount under another name."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], total: int) -> Result[int, FlowError]:
        await run.step(first, 1)
        return Ok(total)

    return flow


def other_result_type(effects: Effects) -> Flow:
    """Expect a number where the first step gave text."""

    async def first(n: int) -> Result[int, Refused]:
        await effects.do("drifted")
        return Ok(n)

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(first, 1)
        await run.step(second)
        await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, amount))

    return flow


def other_proposal(effects: Effects) -> Flow:
    """Propose one more than was approved."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(first, 1)
        await run.step(second)
        await run.approval("manager", proposes=amount + 1)
        return Ok(await run.step(effects.pay, amount))

    return flow


def step_for_question(effects: Effects) -> Flow:
    """Have a step of the same key where a question was."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(first, 1)
        await run.step(second)
        await run.step(step(effects.do, key="manager"), "drifted")
        return Ok(await run.step(effects.pay, amount))

    return flow


def question_for_step(effects: Effects) -> Flow:
    """Ask under the key of a step."""

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.approval("first", proposes=amount)
        return Ok(await run.step(effects.pay, amount))

    return flow


def removed_question(effects: Effects) -> Flow:
    """Pay without having asked."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    async def second() -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(first, 1)
        await run.step(second)
        return Ok(await run.step(effects.pay, amount))

    return flow


def early_end(effects: Effects) -> Flow:
    """End before coming to the question."""

    async def first(n: int) -> Result[str, Refused]:
        return await effects.do("drifted")

    @workflow
    async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(first, 1)
        return Ok(amount)

    return flow


DRIFTS: list[Callable[[Effects], Flow]] = [
    other_order,
    other_argument,
    removed_step,
    inserted_step,
    other_version,
    other_parameter_type,
    other_parameter_name,
    other_result_type,
    other_proposal,
    step_for_question,
    question_for_step,
    removed_question,
    early_end,
]


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda f: f.__name__)
async def test_other_code_leaves_a_parked_run_whole(
    drift: Callable[[Effects], Flow], each_store: SharedStore, effects: Effects
) -> None:
    """Other code is refused with nothing executed and nothing written; with the old code back the run goes on."""
    old = recorded_by(effects)
    async with Orchestrator(each_store, workflows=[old]) as before:
        waiting((await before.start(old(7), run_id="r")).result)
        (await before.approve("r", by="ann")).unwrap()
    async with Orchestrator(each_store, workflows=[drift(effects)]) as after:
        each_store.reset()
        drifted = await after.resume("r")
        assert isinstance(error_of(drifted.result), WorkflowChanged)
        assert drifted.status is RunStatus.PARKED
        assert each_store.written == 0
        assert effects.done == ["first 1", "second"]
        assert (await after.status("r")).unwrap().run.status is RunStatus.PARKED
    async with Orchestrator(each_store, workflows=[old]) as again:
        assert (await again.resume("r")).result == Ok(7)
    assert effects.done == ["first 1", "second", "pay 7"]


async def test_another_workflow_does_not_take_over_a_run(store: SharedStore, effects: Effects) -> None:
    """Resuming a run by a workflow of another name is drift, even where its steps and arguments would fit."""

    async def pays(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, "first")
        return Ok(await run.step(effects.pay, amount))

    old, another = workflow(name="old")(pays), workflow(name="another")(pays)
    effects.failing.add("pay")
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        await orchestrator.start(old(7), run_id="r")
        effects.failing.clear()
        store.reset()
        assert isinstance(error_of((await orchestrator.retry("r", another)).result), WorkflowChanged)
    assert store.written == 0
    assert effects.done == ["first", "pay 7"]


def asking(effects: Effects, *asks: Ask[int], then: str = "paid") -> Flow:
    """Make a workflow that asks several at once."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.approvals(*asks)
        return Ok(await run.step(effects.do, then))

    return flow


async def test_another_proposal_while_pending_is_drift(store: SharedStore, effects: Effects) -> None:
    """A question that still waits is compared too, when something else wakes its run."""
    old = asking(effects, Ask("legal", proposes=1), Ask("security", proposes=1))
    new = asking(effects, Ask("legal", proposes=1), Ask("security", proposes=2))
    async with Orchestrator(store, workflows=[old]) as before:
        await before.start(old(), run_id="r")
        (await before.approve("r", "legal", by="ann")).unwrap()
        store.reset()
        drifted = await before.resume("r", new)
        assert isinstance(error_of(drifted.result), WorkflowChanged)
        assert drifted.status is RunStatus.PARKED
        assert store.written == 0
        (await before.approve("r", "security", by="ann")).unwrap()
        assert (await before.resume("r")).result == Ok("paid")


async def test_a_question_that_is_dropped_while_pending_is_drift(store: SharedStore, effects: Effects) -> None:
    """Code that no longer asks what a run still waits for does not go on without the answer."""
    old = asking(effects, Ask("legal", proposes=1), Ask("security", proposes=1))
    new = asking(effects, Ask("legal", proposes=1))
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        await orchestrator.start(old(), run_id="r")
        (await orchestrator.approve("r", "legal", by="ann")).unwrap()
        drifted = await orchestrator.resume("r", new)
    assert effects.done == []
    assert isinstance(error_of(drifted.result), WorkflowChanged)


async def test_ending_without_coming_past_a_question_that_waits_is_drift(store: SharedStore, effects: Effects) -> None:
    """Code that ends before it comes to a question which still waits does not complete the run without the answer."""

    def made(*keys: str) -> Flow:
        @workflow
        async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
            return Ok(sum(await asyncio.gather(*(run.approval(key, proposes=1) for key in keys))))

        return flow

    old, new = made("legal", "security"), made("legal")
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        assert len((await orchestrator.start(old(), run_id="r")).pending) == 2
        (await orchestrator.approve("r", "legal", by="ann")).unwrap()
        drifted = await orchestrator.resume("r", new)
        assert isinstance(error_of(drifted.result), WorkflowChanged)
        assert drifted.status is RunStatus.PARKED
        (await orchestrator.approve("r", "security", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(2)


@pytest.mark.parametrize("new_call", ["question", "step", "timer"])
async def test_a_new_call_in_the_place_of_branches_is_drift(
    new_call: str, store: SharedStore, effects: Effects
) -> None:
    """What the branches did is not done again under new keys once the new call is over."""

    def made(*, changed: bool) -> Flow:
        async def branch(run: Run[FlowError], key: str) -> int:
            await run.step(effects.pay, 5)
            return await run.approval(key, proposes=1)

        @workflow
        async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
            match new_call if changed else "":
                case "question":
                    await run.approval("first", proposes=1)
                case "step":
                    await run.step(effects.pay, 7)
                case "timer":
                    await run.sleep("10d")
                case _:
                    pass
            return Ok(sum(await run.gather(branch(run, "legal"), branch(run, "security"))))

        return flow

    old, new = made(changed=False), made(changed=True)
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        await orchestrator.start(old(), run_id="r")
        (await orchestrator.approve("r", "legal", by="ann")).unwrap()
        drifted = await orchestrator.resume("r", new)
        assert isinstance(error_of(drifted.result), WorkflowChanged)
        (await orchestrator.approve("r", "security", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(2)
    assert effects.done == ["pay 5", "pay 5"]


async def test_drift_after_a_new_body_sets_the_run_aside(store: SharedStore, effects: Effects) -> None:
    """Where changed code already executed something, the run needs review instead of going on."""

    async def branch(run: Run[FlowError], name: str) -> str:
        return await run.step(effects.do, name)

    def made(proposal: int, *branches: str) -> Flow:
        @workflow
        async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
            await run.gather([branch(run, name) for name in branches])
            return Ok(await run.approval("manager", proposes=proposal))

        return flow

    old, new = made(1, "a", "b"), made(2, "a", "b", "c")
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        await orchestrator.start(old(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        execution = await orchestrator.resume("r", new)
        assert isinstance(error_of(execution.result), NeedsReview)
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.NEEDS_REVIEW
    assert effects.done == ["a", "b", "c"]


# Side by side


def overtaking(effects: Effects, gates: dict[str, asyncio.Event]) -> Flow:
    """Make a workflow of two branches, each of two steps; an event holds the first step of each."""

    async def held(name: str) -> Result[str, Refused]:
        await gates[name].wait()
        done = await effects.do(f"{name}1")
        for other in gates.values():
            other.set()
        return done

    async def branch(run: Run[FlowError], name: str) -> str:
        value = await run.step(held, name)
        return value + await run.step(effects.do, f"{name}2")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b = await run.gather(branch(run, "a"), branch(run, "b"))
        await run.approval("manager", proposes=1)
        return Ok(a + b)

    return flow


@pytest.mark.parametrize("quick", ["a", "b"])
async def test_branches_that_overtake_each_other_keep_their_keys(
    quick: str, store: SharedStore, effects: Effects
) -> None:
    """Whichever branch is quicker, the recorded keys are the same, and a replay reruns nothing."""
    gates = {"a": asyncio.Event(), "b": asyncio.Event()}
    gates[quick].set()
    flow = overtaking(effects, gates)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        waiting((await orchestrator.start(flow(), run_id="r")).result)
        assert effects.done[0] == f"{quick}1"
        done = list(effects.done)
        keys = {(s.key, s.place) for s in (await orchestrator.history("r")).unwrap().steps}
        assert keys == {("0.0/held", "0.0/0"), ("0.0/do", "0.0/1"), ("0.1/held", "0.1/0"), ("0.1/do", "0.1/1")}
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("a1a2b1b2")
    assert effects.done == done


async def test_a_waiting_branch_lets_the_others_finish(store: SharedStore, effects: Effects) -> None:
    """One branch waits for a person while the other comes to its own end; the resume reruns neither."""

    async def two_steps(run: Run[FlowError]) -> str:
        return await run.step(effects.do, "x") + await run.step(effects.do, "y")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        amount, text = await run.gather(run.approval("manager", proposes=3), two_steps(run))
        return Ok(f"{amount}{text}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).key == "manager"
        assert effects.done == ["x", "y"]
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("3xy")
    assert effects.done == ["x", "y"]


async def test_a_failure_beats_parking(store: SharedStore, effects: Effects) -> None:
    """Where one branch fails and another waits, the run fails, and nothing is asked."""
    effects.failing.add("x")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        amount, _ = await run.gather(run.approval("manager", proposes=3), run.step(effects.do, "x"))
        return Ok(amount)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert execution.result == Err(Refused("x"))
        assert execution.status is RunStatus.FAILED
        assert (await orchestrator.pending()).items == ()


async def test_after_a_failure_other_branches_finish_only_the_step_they_are_in(
    store: SharedStore, effects: Effects
) -> None:
    """A branch whose sibling failed records the step that it is in, and begins no other."""
    began, failed = asyncio.Event(), asyncio.Event()

    async def quick() -> Result[str, Refused]:
        await began.wait()
        return Err(Refused("x"))

    async def slow() -> Result[str, Refused]:
        began.set()
        await failed.wait()
        return await effects.do("slow")

    async def fails(run: Run[FlowError]) -> str:
        try:
            return await run.step(quick)
        finally:
            failed.set()

    async def goes_on(run: Run[FlowError]) -> str:
        await run.step(slow)
        return await run.step(effects.do, "never")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b = await run.gather(fails(run), goes_on(run))
        return Ok(a + b)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).result == Err(Refused("x"))
        keys = {s.key for s in (await orchestrator.history("r")).unwrap().steps}
    assert keys == {"0.0/quick", "0.1/slow"}
    assert effects.done == ["slow"]


async def test_the_first_of_two_failures_ends_the_run(store: SharedStore, effects: Effects) -> None:
    """Where two branches fail, one after the other, the run ends with the error that came first."""
    effects.failing |= {"early", "late"}
    failed = asyncio.Event()

    async def early() -> Result[str, Refused]:
        done = await effects.do("early")
        asyncio.get_running_loop().call_later(0.01, failed.set)
        return done

    async def late() -> Result[str, Refused]:
        await failed.wait()
        return await effects.do("late")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b = await run.gather(run.step(early), run.step(late))
        return Ok(a + b)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).result == Err(Refused("early"))


@pytest.mark.parametrize("order", [("legal", "security"), ("security", "legal")])
@pytest.mark.parametrize("stepwise", [False, True])
async def test_parallel_questions_are_answered_in_any_order(
    order: tuple[str, str], stepwise: bool, each_store: SharedStore, effects: Effects
) -> None:
    """Both are parked in one commit; whichever is answered first, each gets its own answer and none is asked again."""
    flow = asking(effects, Ask("legal", proposes=1), Ask("security", proposes=2))
    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert each_store.written == 1
        assert {p.key for p in execution.pending} == {"legal", "security"}
        for key in order:
            (await orchestrator.approve("r", key, by="ann")).unwrap()
            if stepwise and key == order[0]:
                assert waiting((await orchestrator.resume("r")).result).key == order[1]
                assert [p.key for p in (await orchestrator.pending()).items] == [order[1]]
        assert (await orchestrator.resume("r")).result == Ok("paid")
        events = [e.body for e in (await orchestrator.history("r")).unwrap().entries]
    assert sum('"asked"' in body for body in events) == 2
    assert effects.done == ["paid"]


async def test_parallel_values_stay_with_their_questions(store: SharedStore, effects: Effects) -> None:
    """The values come back in the order asked, each as its own question was answered."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b = await run.approvals(Ask("legal", proposes=1), Ask("security", proposes="x"))
        return Ok(f"{a}{b}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.edit("r", "security", "y", by="ann")).unwrap()
        (await orchestrator.edit("r", "legal", 5, by="bob")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("5y")


async def test_a_decision_that_comes_while_the_run_executes_is_kept(each_store: SharedStore, effects: Effects) -> None:
    """A question answered while another branch is in a step is taken up next; nothing is lost or rerun."""
    began, go = asyncio.Event(), asyncio.Event()

    async def slow() -> Result[str, Refused]:
        began.set()
        await go.wait()
        return await effects.do("slow")

    async def after_legal(run: Run[FlowError]) -> str:
        await run.approval("legal", proposes=1)
        return await run.step(slow)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        text, amount = await run.gather(after_legal(run), run.approval("security", proposes=2))
        return Ok(f"{text}{amount}")

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", "legal", by="ann")).unwrap()
        resumed = asyncio.create_task(orchestrator.resume("r"))
        await began.wait()
        (await orchestrator.approve("r", "security", by="ann")).unwrap()
        go.set()
        execution = await resumed
        assert execution.status is RunStatus.PARKED
        assert [e.result for e in await orchestrator.recover()] == [Ok("slow2")]
        (await orchestrator.verify("r")).unwrap()
    assert effects.done == ["slow"]


async def test_two_branches_cannot_share_a_question(store: SharedStore, effects: Effects) -> None:
    """A key that two branches use at the same time is an error of the workflow, not one question for both."""

    async def branch(run: Run[FlowError]) -> int:
        return await run.approval("manager", proposes=1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        a, b = await run.gather(branch(run), branch(run))
        return Ok(a + b)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        error = error_of((await orchestrator.start(flow(), run_id="r")).result)
    assert error.kind == "DefinitionError"
    assert "'manager'" in error.message


async def test_a_chosen_key_that_a_branch_took_is_not_taken_again(store: SharedStore, effects: Effects) -> None:
    """A key chosen twice, in a branch and after it, is an error that says so, or two keys."""

    async def branch(run: Run[FlowError]) -> str:
        return await run.step(step(effects.do, key="pay"), "inside")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.gather([branch(run)])
        return Ok(await run.step(step(effects.do, key="pay"), "outside"))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
    match execution.result:
        case Ok(_):
            assert effects.done == ["inside", "outside"]
        case Err(error):
            assert "twice" in str(error)
            assert effects.done == ["inside"]


async def test_a_chosen_key_that_looks_numbered_is_not_mistaken(store: SharedStore, effects: Effects) -> None:
    """A user's key such as `do#2` does not collide with the number that a later call gets."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a = await run.step(step(effects.do, key="do#2"), "a")
        b = await run.step(effects.do, "b")
        return Ok(a + b + await run.step(effects.do, "c"))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
    match execution.result:
        case Ok(value):
            assert value == "abc"
        case Err(error):
            assert "do#2" in str(error)


# When results become durable


async def test_a_result_is_durable_before_the_next_body_begins(each_store: SharedStore, effects: Effects) -> None:
    """Inside the second body the store already has the result of the first."""
    seen: list[tuple[str, ...]] = []

    async def look() -> Result[int, Refused]:
        seen.append(tuple(row.key for row in (await each_store.load("r")).steps))
        return Ok(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        for _ in range(3):
            await run.step(look)
        return Ok(1)

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).result == Ok(1)
    assert seen == [(), ("look",), ("look", "look#2")]


async def test_a_result_is_written_at_once_where_the_workflow_awaits_something_else(
    store: SharedStore, effects: Effects
) -> None:
    """A workflow that does not go straight on to a step finds its last result written while it waits."""
    pause = Pause()
    store.failpoints.arm("step.after", pause)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        value = await run.step(effects.do, "x")
        await pause.reached.wait()
        rows = (await store.load("r")).steps
        pause.released.set()
        return Ok(f"{value} {[row.key for row in rows]}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        started = await asyncio.wait_for(orchestrator.start(flow(), run_id="r"), 5)
    assert started.result == Ok("x ['do']")


async def test_a_result_that_comes_during_a_write_is_written_at_once_too(store: SharedStore, effects: Effects) -> None:
    """Two branches end their steps in turn and then wait: the second result does not wait for a next step."""
    pause = Pause()
    store.failpoints.arm("step.before", pause, hit=1)
    began, both = asyncio.Event(), asyncio.Event()

    class Watching(SharedStore):
        async def commit(self, changes: Any) -> Any:
            result = await super().commit(changes)
            if len((await self.load("r")).steps) == 2:
                both.set()
            return result

    async def first() -> Result[str, Refused]:
        await began.wait()
        return await effects.do("first")

    async def second() -> Result[str, Refused]:
        began.set()
        await pause.reached.wait()
        asyncio.get_running_loop().call_later(0.02, pause.released.set)
        return await effects.do("second")

    async def waits(run: Run[FlowError], which: str) -> str:
        value = await run.step(first if which == "first" else second)
        await asyncio.wait_for(both.wait(), 2)
        return value

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b = await run.gather(waits(run, "first"), waits(run, "second"))
        return Ok(a + b)

    async with Orchestrator(Watching(store), workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).result == Ok("firstsecond")


async def test_a_step_that_outlives_a_parked_workflow_is_not_run_twice(store: SharedStore, effects: Effects) -> None:
    """With plain `asyncio.gather`, a step still under way when its sibling parks is not begun again by a resume."""
    began, go = asyncio.Event(), asyncio.Event()

    async def slow() -> Result[str, Refused]:
        await effects.do("slow begins")
        began.set()
        await go.wait()
        return Ok("slow")

    async def asks(run: Run[FlowError]) -> int:
        await began.wait()
        return await run.approval("manager", proposes=1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        text, amount = await asyncio.gather(run.step(slow), asks(run))
        return Ok(f"{text}{amount}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await began.wait()
        done, _ = await asyncio.wait([started], timeout=0.1)
        if done:  # parked while the step is under way: then the decision can come, and the resume
            (await orchestrator.approve("r", by="ann")).unwrap()
            resumed = asyncio.create_task(orchestrator.resume("r"))
            await asyncio.wait([resumed], timeout=0.1)
            go.set()
            await resumed
        else:
            go.set()
            waiting((await started).result)
            (await orchestrator.approve("r", by="ann")).unwrap()
            assert (await orchestrator.resume("r")).result == Ok("slow1")
    assert effects.done == ["slow begins"]


async def test_a_write_that_fails_behind_the_workflow_is_raised(store: SharedStore, effects: Effects) -> None:
    """A broken store is never swallowed by the workflow's own `except`: the caller gets the exception."""
    store.failpoints.arm("step.before", raising(StoreUnavailable("gone")))

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.step(effects.do, "x")
        try:
            await run.step(effects.do, "y")
        except Exception:  # noqa: BLE001
            return Ok(0)
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        with pytest.raises(StoreUnavailable, match="gone"):
            await orchestrator.start(flow(), run_id="r")
    assert effects.done == ["x"]


async def test_branches_that_end_while_others_are_written_lose_nothing(each_store: SharedStore) -> None:
    """Many steps side by side, ending at any moment, each come to stand in the record once."""

    async def work(n: int) -> Result[int, Refused]:
        for _ in range(n % 7):
            await asyncio.sleep(0)
        return Ok(n)

    @workflow
    async def flow(run: Run[FlowError], seed: int) -> Result[int, FlowError]:
        return Ok(sum(await run.gather([run.step(work, seed * n) for n in range(6)])))

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        for seed in range(60):
            execution = await orchestrator.start(flow(seed), run_id=f"r{seed}")
            assert execution.result == Ok(15 * seed)


async def test_a_key_that_a_branch_chose_is_not_given_to_another_call(each_store: SharedStore) -> None:
    """A step at the root whose function is called as a branch's approval goes on under a key of its own."""

    async def review(x: int) -> Result[int, Refused]:
        return Ok(x)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        async def branch() -> int:
            return await run.approval("review", proposes=7)

        (approved,) = await run.gather([branch()])
        return Ok(await run.step(review, 1) + approved)

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        assert (await orchestrator.approve("r", by="ann", resume=flow)).unwrap().result == Ok(8)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_approval_that_is_not_awaited_does_not_count_as_given(store: SharedStore, effects: Effects) -> None:
    """A workflow that forgets an `await` fails and says so; it does not end as if somebody had agreed."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        _ = run.approval("manager", proposes=1)
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        error = error_of((await orchestrator.start(flow(), run_id="r")).result)
    assert isinstance(error, UnexpectedError)
    assert "never awaited" in error.message
