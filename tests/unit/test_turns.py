"""Many who decide on one run and go on with it: they take turns until one has the run, and then hear so at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from awaitly import (
    AlreadyDecided,
    CommitUnknown,
    ConflictReason,
    DurabilityUnknown,
    Err,
    Execution,
    Ok,
    Orchestrator,
    Pending,
    Policy,
    Rejected,
    Result,
    Run,
    RunStatus,
    Workflow,
    WorkflowChanged,
    approval_step,
    workflow,
)
from awaitly.replaying.asking import Check
from awaitly.storage.store import Move
from awaitly.testing import Pause, raising
from awaitly.working import turns
from tests.support import Effects, FlowError, Refused, SharedStore, error_of, waiting

MANY = 200


class Slow:
    """A step that begins, and goes on when it is let."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.times = 0

    async def __call__(self) -> Result[int, Refused]:
        """Count, and wait."""
        self.times += 1
        self.began.set()
        await self.go.wait()
        return Ok(self.times)


def asking(slow: Slow) -> Workflow[[], int, FlowError]:
    """Make a workflow: a question, then a step that takes as long as the test wants."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.approval("manager", proposes=1)
        return Ok(await run.step(slow))

    return flow


def refunding(effects: Effects, policy: Policy | None = None) -> Workflow[[int], int, FlowError]:
    """Make a workflow: a question, then a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        approved = await run.approval("manager", proposes=amount, policy=policy or Policy())
        return Ok(await run.step(effects.pay, approved))

    return refund


# Turns


@pytest.mark.parametrize("people", [1, MANY])
async def test_of_many_that_approve_and_go_on_one_executes_and_each_loads_once(
    people: int, each_store: SharedStore, effects: Effects
) -> None:
    """Two hundred at once, one person or as many: one commit of the decision, one execution, one load for each."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        each_store.reset()
        answers = await asyncio.gather(
            *(orchestrator.approve("r", by=f"p{n % people}", resume=refund) for n in range(MANY))
        )
        assert each_store.commits == {Move.DECIDE: 1, Move.END: 1}
        assert each_store.reads["load"] == MANY
        (await orchestrator.verify("r")).unwrap()
    assert effects.done == ["pay 5"]
    told = Counter(map(said, answers))
    if people == 1:
        assert told["completed"] >= 1
        assert told["completed"] + told["RunConflict"] == MANY
    else:
        assert told == {"completed": 1, "AlreadyDecided": MANY - 1}


def said(answer: Result[Execution[Any, Any], Any]) -> str:
    """Name what somebody was told."""
    match answer:
        case Ok(execution):
            return "completed" if execution.result == Ok(5) else type(error_of(execution.result)).__name__
        case Err(refusal):
            return type(refusal).__name__


async def test_a_quorum_of_many_that_go_on_at_once_counts_every_vote(store: SharedStore, effects: Effects) -> None:
    """Fifty votes are needed and fifty come at once: each is one commit, and the last of them goes on."""
    refund = refunding(effects, Policy(needs=50))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        store.reset()
        answers = await asyncio.gather(*(orchestrator.approve("r", by=f"p{n}", resume=refund) for n in range(50)))
        assert store.commits == {Move.DECIDE: 50, Move.END: 1}
        assert store.reads["load"] == 50
    assert sum(answer.unwrap().result == Ok(5) for answer in answers) == 1
    assert effects.done == ["pay 5"]


async def test_nobody_waits_for_a_run_that_executes(store: SharedStore) -> None:
    """While the step of the first runs, another decision, the same again, and going on are each answered at once."""
    slow = Slow()
    flow = asking(slow)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        first = asyncio.create_task(orchestrator.approve("r", by="ann", resume=flow))
        await slow.began.wait()
        assert isinstance(error_of(await orchestrator.reject("r", by="bob", resume=flow)), AlreadyDecided)
        assert isinstance(error_of(await orchestrator.reject("r", by="bob")), AlreadyDecided)
        assert (await orchestrator.approve("r", by="ann")).unwrap().replayed
        again = (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        assert error_of(again.result).reason is ConflictReason.EXECUTING_ELSEWHERE
        assert not first.done()
        slow.go.set()
        assert (await first).unwrap().result == Ok(1)
    assert slow.times == 1


async def test_a_replay_that_hangs_gives_its_turn_up(store: SharedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system of record that does not answer holds one decider up, and the others only for a short while."""
    monkeypatch.setattr(turns, "LONGEST_TURN", 0.01)
    asked, answers = asyncio.Event(), asyncio.Event()
    hangs: list[bool] = []

    async def check() -> Check[int]:
        if hangs:
            asked.set()
            await answers.wait()
        return Pending()

    record = approval_step("record", check=check)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        approved, _ = await run.gather(run.approval("manager", proposes=1), run.step(record))
        return Ok(approved)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        hangs.append(True)
        first = asyncio.create_task(orchestrator.approve("r", "manager", by="ann", resume=flow))
        await asked.wait()
        assert isinstance((await orchestrator.reject("r", "manager", by="bob")).unwrap().outcome, Rejected)
        assert not first.done()
        answers.set()
        assert isinstance(error_of(await first), AlreadyDecided)


async def test_a_decider_that_is_cancelled_gives_its_turn_up(store: SharedStore, effects: Effects) -> None:
    """Cancelled in its turn, or while it waits for it: the next has its turn, and what was written stands."""
    refund = refunding(effects)
    pause = Pause()
    store.failpoints.arm("decide.before", pause, hit=1)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        first = asyncio.create_task(orchestrator.approve("r", by="ann", resume=refund))
        await pause.reached.wait()
        second = asyncio.create_task(orchestrator.approve("r", by="bob", resume=refund))
        third = asyncio.create_task(orchestrator.approve("r", by="cyd", resume=refund))
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        pause.released.set()
        await asyncio.gather(first, second, return_exceptions=True)
        assert (first.cancelled(), second.cancelled()) == (True, True)
        assert error_of(await third).by == "ann"
        assert effects.done == []
        assert (await orchestrator.resume("r")).result == Ok(5)


# What the caller is given


@pytest.mark.parametrize("version", ["2", "1"])
async def test_a_decision_that_stands_is_no_longer_shown_as_pending(
    version: str, each_store: SharedStore, effects: Effects
) -> None:
    """Given a run whose code has changed, when it is approved to go on, then its execution shows what now is."""
    refund = refunding(effects)

    async def changed(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        return Ok(await run.step(effects.pay, amount))

    new = workflow(name="refund", version=version)(changed)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        execution = (await orchestrator.approve("r", by="ann", resume=new)).unwrap()
        assert isinstance(error_of(execution.result), WorkflowChanged)
        assert execution.pending == ()
        assert execution.snapshot == (await orchestrator.wait("r", timeout="1ms")).snapshot
    assert effects.done == []


async def test_a_vote_is_in_the_execution_that_it_gives(store: SharedStore, effects: Effects) -> None:
    """After the first of two votes the execution's snapshot is that of the run as it is stored."""
    refund = refunding(effects, Policy(needs=2))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        execution = (await orchestrator.approve("r", by="ann", resume=refund)).unwrap()
        waiting(execution.result)
        assert execution.snapshot == (await orchestrator.wait("r", timeout="1ms")).snapshot


# Commits of which nobody knows


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("going_on", [False, True])
async def test_a_decision_of_which_nobody_knows_is_decided_again(
    going_on: bool, side: str, each_store: SharedStore, effects: Effects
) -> None:
    """Given a commit whose answer was lost, then `DurabilityUnknown`; decided again, it stands once."""
    refund = refunding(effects)
    each_store.failpoints.arm(f"decide.{side}", raising(CommitUnknown("the connection was lost")), hit=1)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        unsure = error_of(await orchestrator.approve("r", by="ann", resume=refund if going_on else None))
        assert unsure == DurabilityUnknown("r", "the connection was lost")
        again = (await orchestrator.approve("r", by="ann")).unwrap()
        assert again.replayed is (side == "after")
        assert len(await each_store.entries("r")) == (3 if going_on and side == "after" else 2)
        (await orchestrator.verify("r")).unwrap()
    assert effects.done == []


async def test_an_end_of_which_nobody_knows_is_no_doubt_about_the_decision(
    store: SharedStore, effects: Effects
) -> None:
    """Given a decision that was written, when the answer to the run's last commit is lost, then that is raised."""
    refund = refunding(effects)
    store.failpoints.arm("end.after", raising(CommitUnknown("the connection was lost")), hit=1)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        with pytest.raises(CommitUnknown):
            await orchestrator.approve("r", by="ann", resume=refund)
        execution = await orchestrator.resume("r")
        assert (execution.status, execution.result) == (RunStatus.COMPLETED, Ok(5))
