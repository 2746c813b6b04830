"""A call that may run at most once: where its process dies in its midst, a person says what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from awaitly import (
    Actor,
    DefinitionError,
    Execution,
    Happened,
    NeedsReview,
    NeverHappened,
    NotApproved,
    NotAuthorised,
    Ok,
    Orchestrator,
    OutcomeKnown,
    Result,
    Retry,
    Run,
    RunStatus,
    UnknownRun,
    Workflow,
    WorkflowChanged,
    gated_step,
    step,
    workflow,
)
from awaitly.approvals.audit import said
from awaitly.storage.store import Move
from awaitly.testing import TestClock
from tests.support import SharedStore, error_of

Call: TypeAlias = Callable[[int], Awaitable[Result[int, str | NotApproved]]]
Pay: TypeAlias = Callable[[int], Awaitable[Result[int, str]]]

ADMIN = Actor("root", roles=["admin"])


class Bank:
    """Pays, and may die, fail or take long meanwhile."""

    def __init__(self) -> None:
        self.paid: list[int] = []
        self.fate: BaseException | None = None
        self.begun = asyncio.Event()
        self.both = asyncio.Event()
        self.hold: asyncio.Event | None = None

    async def pay(self, amount: int) -> Result[int, str]:
        """Pay."""
        self.paid.append(amount)
        self.begun.set()
        if len(self.paid) == 2:
            self.both.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.fate is not None:
            raise self.fate
        return Ok(amount)


@pytest.fixture
def bank() -> Bank:
    """Give a bank."""
    return Bank()


def reason_of(execution: Execution[Any, Any]) -> str:
    """Give why a run was set aside."""
    error = error_of(execution.result)
    assert isinstance(error, NeedsReview)
    return error.reason


def paying(call: Call) -> Workflow[..., int, str | NotApproved]:
    """Give a workflow that makes a call."""

    @workflow
    async def flow(run: Run[str | NotApproved], amount: int) -> Result[int, str | NotApproved]:
        return Ok(await run.step(call, amount))

    return flow


async def died(store: SharedStore, bank: Bank, clock: TestClock, call: Call) -> Orchestrator:
    """Let a process die in the midst of an approved call, and give an orchestrator that comes after its lease."""
    flow = paying(call)
    orchestrator = Orchestrator(store, workflows=[flow])
    async with orchestrator:
        await orchestrator.start(flow(5), run_id="r")
        await orchestrator.approve("r", by="ann")
        bank.fate = SystemExit()
        with pytest.raises(SystemExit):
            await orchestrator.resume("r")
        bank.fate = None
    clock.advance("1m")
    return Orchestrator(store, workflows=[flow])


async def test_a_gated_call_that_may_have_happened_is_not_made_again(
    store: SharedStore, bank: Bank, clock: TestClock
) -> None:
    """The run is set aside, and says what is to be found out; trying it again changes nothing of that."""
    async with await died(store, bank, clock, gated_step(bank.pay)) as orchestrator:
        (execution,) = await orchestrator.recover()
        assert execution.status is RunStatus.NEEDS_REVIEW
        reason = reason_of(execution)
        assert "'pay#2', which may run at most once: find out what came of it" in reason
        again = await orchestrator.retry("r")
        assert reason_of(again) == reason
        assert bank.paid == [5]


async def test_what_a_person_says_came_of_it_counts(store: SharedStore, bank: Bank, clock: TestClock) -> None:
    """The run goes on as if the call had given that, and the ledger keeps who said so."""
    async with await died(store, bank, clock, gated_step(bank.pay)) as orchestrator:
        await orchestrator.recover()
        settled = (await orchestrator.settle("r", Happened(4), by=ADMIN)).unwrap()
        assert settled.status is RunStatus.QUEUED
        assert (await orchestrator.resume("r")).result == Ok(4)
        last = said((await orchestrator.history("r")).unwrap().entries[-1])
        assert (last["event"], last["key"], last["by"], last["reason"]) == ("settled", "pay#2", "root", "it was made")
        assert bank.paid == [5]


async def test_a_call_that_was_never_made_is_made(store: SharedStore, bank: Bank, clock: TestClock) -> None:
    """Once, when the run goes on."""
    async with await died(store, bank, clock, gated_step(bank.pay)) as orchestrator:
        await orchestrator.recover()
        bank.paid.clear()
        (await orchestrator.settle("r", NeverHappened(), by=ADMIN)).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(5)
        assert bank.paid == [5]


@pytest.mark.parametrize("settlement", [Happened(4), NeverHappened()])
async def test_only_an_admin_may_say_it(
    store: SharedStore, bank: Bank, clock: TestClock, settlement: Happened | NeverHappened
) -> None:
    """Nothing changes otherwise."""
    async with await died(store, bank, clock, gated_step(bank.pay)) as orchestrator:
        await orchestrator.recover()
        before = await store.load("r")
        refusal = (await orchestrator.settle("r", settlement, by="ann")).failure()
        assert isinstance(refusal, NotAuthorised)
        assert str(refusal) == "ann may not do this on approval 'pay#2' of run r: it takes the role 'admin'"
        assert (await store.load("r")).run == before.run


async def test_where_nothing_is_in_doubt_there_is_nothing_to_say(
    store: SharedStore, bank: Bank, clock: TestClock
) -> None:
    """Neither of a run that is not set aside, nor a second time, nor of another call, nor of no run."""
    async with await died(store, bank, clock, gated_step(bank.pay)) as orchestrator:
        early = (await orchestrator.settle("r", NeverHappened(), by=ADMIN)).failure()
        assert isinstance(early, OutcomeKnown)
        await orchestrator.recover()
        other = (await orchestrator.settle("r", NeverHappened(), key="other", by=ADMIN)).failure()
        assert other == OutcomeKnown("r", "other", ("pay#2",))
        (await orchestrator.settle("r", Happened(4), by=ADMIN)).unwrap()
        again = (await orchestrator.settle("r", Happened(3), by=ADMIN)).failure()
        assert str(again) == "there is nothing to say of any call of run r: nothing of it is in doubt"
        assert (await orchestrator.settle("x", NeverHappened(), by=ADMIN)).failure() == UnknownRun("x")


def retried(pay: Pay) -> Pay:
    """Say that a second call does no harm."""
    return step(pay, retry=Retry(attempts=2))


def repeatable(pay: Pay) -> Pay:
    """Say so without any retries."""
    return step(pay, at_most_once=False)


@pytest.mark.parametrize("may_repeat", [retried, repeatable])
async def test_a_gated_step_that_may_be_repeated_is(
    store: SharedStore, bank: Bank, clock: TestClock, may_repeat: Callable[[Pay], Pay]
) -> None:
    """Retries say that a second call does no harm, and so does `at_most_once=False`."""
    async with await died(store, bank, clock, gated_step(may_repeat(bank.pay))) as orchestrator:
        (execution,) = await orchestrator.recover()
        assert execution.result == Ok(5)
        assert bank.paid == [5, 5]


async def test_a_plain_step_may_ask_for_it(store: SharedStore, bank: Bank, clock: TestClock) -> None:
    """`step(f, at_most_once=True)` needs no gate."""
    flow = paying(step(bank.pay, at_most_once=True))
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        bank.fate = SystemExit()
        with pytest.raises(SystemExit):
            await orchestrator.start(flow(5), run_id="r")
        clock.advance("1m")
        assert reason_of(await orchestrator.resume("r"))
        assert bank.paid == [5]


def test_retries_and_at_most_once_exclude_each_other(bank: Bank) -> None:
    """That is refused where the step is defined."""
    with pytest.raises(DefinitionError, match="pay cannot be retried and run at most once: choose one"):
        step(bank.pay, retry=Retry(attempts=2), at_most_once=True)


async def test_an_exception_is_an_outcome(store: SharedStore, bank: Bank) -> None:
    """It is recorded, and nobody is asked."""
    flow = paying(step(bank.pay, at_most_once=True))
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        bank.fate = ValueError("no money")
        execution = await orchestrator.start(flow(5), run_id="r")
        assert execution.status is RunStatus.FAILED
        assert "no money" in str(execution.result.failure())


async def test_a_call_that_is_cut_off_by_a_shutdown_is_in_doubt(store: SharedStore, bank: Bank) -> None:
    """Its run is given back, and whoever takes it sets it aside."""
    flow = paying(step(bank.pay, at_most_once=True))
    bank.hold = asyncio.Event()
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        starting = asyncio.create_task(orchestrator.start(flow(5), run_id="r"))
        await bank.begun.wait()
    await starting
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert reason_of(await orchestrator.resume("r"))
        assert bank.paid == [5]


async def test_it_costs_no_commit(store: SharedStore, bank: Bank) -> None:
    """One parks the call, one takes it up, one has its result; and the taking up is on the disk before the call."""
    flow = paying(gated_step(bank.pay))
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        store.reset()
        await orchestrator.start(flow(5), run_id="r")
        assert store.written == 1
        await orchestrator.approve("r", by="ann")
        store.reset()
        assert (await orchestrator.resume("r")).result == Ok(5)
        assert dict(store.commits) == {Move.CLAIM: 1, Move.END: 1}


async def test_other_arguments_in_the_code_are_a_change_and_no_doubt(
    store: SharedStore, bank: Bank, clock: TestClock
) -> None:
    """Nobody is asked about a call that today's code would not make."""
    changed = [5]

    async def pay_it(_: int) -> int:
        return changed[0]

    @workflow
    async def flow(run: Run[str | NotApproved], amount: int) -> Result[int, str | NotApproved]:
        return Ok(await run.step(step(bank.pay, at_most_once=True), await pay_it(amount)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        bank.fate = SystemExit()
        with pytest.raises(SystemExit):
            await orchestrator.start(flow(5), run_id="r")
        changed[0] = 6
        clock.advance("1m")
        assert isinstance(error_of((await orchestrator.resume("r")).result), WorkflowChanged)
        assert bank.paid == [5]


async def test_two_calls_in_doubt_are_settled_one_by_one(store: SharedStore, bank: Bank, clock: TestClock) -> None:
    """The run goes on once the last is."""

    @workflow
    async def flow(run: Run[str | NotApproved]) -> Result[list[int], str | NotApproved]:
        once = step(bank.pay, at_most_once=True)
        both = await run.gather(run.step(once, 1), run.step(once, 2))
        return Ok(list(both))

    bank.hold = asyncio.Event()
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        starting = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await bank.both.wait()
    await starting
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.resume("r")
        unclear = (await orchestrator.settle("r", Happened(1), by=ADMIN)).failure()
        assert isinstance(unclear, OutcomeKnown)
        assert "name one of" in str(unclear)
        first, second = unclear.unknown
        assert (await orchestrator.settle("r", Happened(1), key=first, by=ADMIN)).unwrap().status is (
            RunStatus.NEEDS_REVIEW
        )
        assert (await orchestrator.settle("r", Happened(2), key=second, by=ADMIN)).unwrap().status is RunStatus.QUEUED
        assert (await orchestrator.resume("r")).result == Ok([1, 2])
        assert sorted(bank.paid) == [1, 2]
