"""The verbs with `connection=`: what they write stands once the caller's own transaction does, and not before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from awaitly import (
    AlreadyDecided,
    ApprovalStatus,
    CommitUnknown,
    ConflictReason,
    Decision,
    DurabilityUnknown,
    MemoryStore,
    NotAuthorised,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunStatus,
    Store,
    UnknownRun,
    Workflow,
    workflow,
)
from awaitly.result import Err
from awaitly.storage.store import Changes, Conflict, Joining, Move
from awaitly.testing import CountingStore, TestClock, raising
from tests.support import Effects, FlowError, SharedStore, error_of, waiting


class Transaction:
    """What a caller's connection stands for: commits that are seen inside it, and outside once it is committed."""

    def __init__(self, store: JoiningStore, view: MemoryStore) -> None:
        self.view = view
        self.made: list[Changes] = []
        self._store = store

    async def commit(self) -> Result[None, Conflict]:
        """Make all of it stand, up to what somebody else was quicker with."""
        for changes in self.made:
            done = await self._store.commit(changes)
            if not isinstance(done, Ok):
                return done
        return Ok(None)


class Inside(CountingStore):
    """The store within a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction.view)
        self._transaction = transaction

    async def close(self) -> None:
        """Fail: a joined store is the caller's."""
        raise AssertionError("a joined store is not to be closed")

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit inside, and keep it for the end of the transaction."""
        done = await super().commit(changes)
        if isinstance(done, Ok):
            self._transaction.made.append(changes)
        return done


class JoiningStore(MemoryStore):
    """A memory store that can take part in a `Transaction`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock=clock)
        self._time = clock
        self._all: list[Changes] = []

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, and keep it for the views of transactions to come."""
        done = await super().commit(changes)
        if isinstance(done, Ok):
            self._all.append(changes)
        return done

    async def begin(self) -> Transaction:
        """Begin a transaction: it sees what now stands."""
        view = MemoryStore(clock=self._time)
        await view.open()
        for changes in self._all:
            (await view.commit(changes)).unwrap()
        return Transaction(self, view)

    def joined(self, connection: object) -> Store:
        """Give the store as a part of a transaction. Raises `TypeError` for any other object."""
        if not isinstance(connection, Transaction):
            msg = f"{connection!r} is no Transaction"
            raise TypeError(msg)
        return Inside(connection)


@pytest.fixture
def joining(clock: TestClock) -> JoiningStore:
    """Give a store that can join."""
    return JoiningStore(clock)


def refunding(effects: Effects, policy: Policy | None = None) -> Workflow[[int], int, FlowError]:
    """Make a workflow: a step, a question, a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, "load")
        approved = await run.approval("manager", proposes=amount, policy=policy or Policy())
        return Ok(await run.step(effects.pay, approved))

    return refund


async def decide(orchestrator: Any, verb: str, **options: Any) -> Result[Any, Any]:
    """Decide on run `r`, by one of the verbs."""
    content = (None, 4) if verb == "edit" else ()
    answer: Result[Any, Any] = await getattr(orchestrator, verb)("r", *content, by="ann", **options)
    return answer


VERBS = {
    "approve": ApprovalStatus.APPROVED,
    "edit": ApprovalStatus.EDITED,
    "reject": ApprovalStatus.REJECTED,
}


def test_the_fake_can_join(joining: JoiningStore) -> None:
    """It is `Joining`, and the plain memory store is not."""
    assert isinstance(joining, Joining)
    assert not isinstance(MemoryStore(), Joining)


@pytest.mark.parametrize(("verb", "status"), VERBS.items())
async def test_a_decision_stands_once_the_callers_transaction_does(
    verb: str, status: ApprovalStatus, joining: JoiningStore, effects: Effects
) -> None:
    """Before its commit nobody else sees it; after it the run goes on, and the ledger has the entry."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        transaction = await joining.begin()
        made = (await decide(orchestrator, verb, connection=transaction)).unwrap()
        assert isinstance(made, Decision)
        assert made.status is status
        assert [a.status for a in (await orchestrator.status("r")).unwrap().approvals] == [ApprovalStatus.PENDING]
        assert await orchestrator.recover() == ()
        (await transaction.commit()).unwrap()
        assert [a.status for a in (await orchestrator.status("r")).unwrap().approvals] == [status]
        (await orchestrator.verify("r")).unwrap()
        assert [e.run_id for e in await orchestrator.recover()] == ["r"]
    assert effects.done[1:] == {"approve": ["pay 5"], "edit": ["pay 4"], "reject": []}[verb]


@pytest.mark.parametrize("verb", VERBS)
async def test_a_transaction_that_is_rolled_back_decided_nothing(
    verb: str, joining: JoiningStore, effects: Effects
) -> None:
    """The approval still waits, and somebody else decides."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await decide(orchestrator, verb, connection=await joining.begin())).unwrap()
        assert (await orchestrator.approve("r", by="bob")).unwrap().replayed is False
        assert (await orchestrator.resume("r")).result == Ok(5)


async def test_the_same_transaction_sees_what_it_decided(joining: JoiningStore, effects: Effects) -> None:
    """The same again inside is `replayed`; otherwise it is `AlreadyDecided`."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        transaction = await joining.begin()
        (await orchestrator.approve("r", by="ann", connection=transaction)).unwrap()
        assert (await orchestrator.approve("r", by="ann", connection=transaction)).unwrap().replayed
        refusal = error_of(await orchestrator.reject("r", by="bob", connection=transaction))
        assert isinstance(refusal, AlreadyDecided)
        assert len(transaction.made) == 1


async def test_a_refusal_writes_nothing_into_the_transaction(joining: JoiningStore, effects: Effects) -> None:
    """Policies hold with a connection as without."""
    refund = refunding(effects, Policy(approvers=["bob"]))
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        transaction = await joining.begin()
        refusal = error_of(await orchestrator.approve("r", by="ann", connection=transaction))
        assert isinstance(refusal, NotAuthorised)
        assert transaction.made == []


async def test_a_decision_and_the_way_on_are_in_the_transaction(joining: JoiningStore, effects: Effects) -> None:
    """With `resume=` the run's end is written there too; its steps have run by then."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        transaction = await joining.begin()
        execution = (await orchestrator.approve("r", by="ann", resume=refund, connection=transaction)).unwrap()
        assert execution.result == Ok(5)
        assert [changes.move for changes in transaction.made] == [Move.DECIDE, Move.END]
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.PARKED
        (await transaction.commit()).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(5)
    assert effects.done == ["load", "pay 5"]


async def test_a_start_exists_once_the_callers_transaction_does(joining: JoiningStore, effects: Effects) -> None:
    """The run parks inside, and there is no such run outside before the commit."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        transaction = await joining.begin()
        waiting((await orchestrator.start(refund(5), run_id="r", connection=transaction)).result)
        assert await orchestrator.status("r") == Err(UnknownRun("r"))
        assert (await orchestrator.pending()).items == ()
        (await transaction.commit()).unwrap()
        assert [p.run_id for p in (await orchestrator.pending()).items] == ["r"]
        assert (await orchestrator.approve("r", by="ann", resume=refund)).unwrap().result == Ok(5)
    assert effects.done == ["load", "pay 5"]


async def test_a_start_that_is_rolled_back_leaves_its_id_free(joining: JoiningStore, effects: Effects) -> None:
    """Another start takes the id, with other arguments."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        waiting((await orchestrator.start(refund(5), run_id="r", connection=await joining.begin())).result)
        assert (await orchestrator.start(refund(6), run_id="r")).pending[0].arguments == 6


async def test_a_start_finds_the_run_that_there_is(joining: JoiningStore, effects: Effects) -> None:
    """The same start gives that run, another one `ID_TAKEN`, inside a transaction as outside."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        transaction = await joining.begin()
        waiting((await orchestrator.start(refund(5), run_id="r", connection=transaction)).result)
        other = await orchestrator.start(refund(6), run_id="r", connection=transaction)
        assert error_of(other.result).reason is ConflictReason.ID_TAKEN
        assert transaction.made == []


async def test_a_transaction_that_came_second_does_not_commit(joining: JoiningStore, effects: Effects) -> None:
    """Two transactions that decide on one approval: the store's swap refuses the second as a whole."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        one, other = await joining.begin(), await joining.begin()
        (await orchestrator.approve("r", by="ann", connection=one)).unwrap()
        (await orchestrator.reject("r", by="bob", connection=other)).unwrap()
        (await one.commit()).unwrap()
        assert isinstance(error_of(await other.commit()), Conflict)
        assert error_of(await orchestrator.reject("r", by="bob")).by == "ann"


# What cannot join


async def _start(orchestrator: Orchestrator, refund: Workflow[[int], int, FlowError], connection: object) -> object:
    return await orchestrator.start(refund(5), run_id="other", connection=connection)


async def _approve(orchestrator: Orchestrator, _: Workflow[[int], int, FlowError], connection: object) -> object:
    return await orchestrator.approve("r", by="ann", connection=connection)


async def _edit(orchestrator: Orchestrator, _: Workflow[[int], int, FlowError], connection: object) -> object:
    return await orchestrator.edit("r", None, 4, by="ann", connection=connection)


async def _reject(orchestrator: Orchestrator, _: Workflow[[int], int, FlowError], connection: object) -> object:
    return await orchestrator.reject("r", by="ann", connection=connection)


Call = Callable[[Orchestrator, Workflow[[int], int, FlowError], object], Any]
CALLS: list[Call] = [_start, _approve, _edit, _reject]


@pytest.mark.parametrize("call", CALLS)
async def test_a_store_that_cannot_join_says_so(call: Call, store: SharedStore, effects: Effects) -> None:
    """`TypeError` with the cure, before anything is written or run."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        store.reset()
        with pytest.raises(TypeError, match="cannot take part in a transaction of yours: leave `connection` out"):
            await call(orchestrator, refund, object())
        assert store.written == 0
    assert effects.done == ["load"]


@pytest.mark.parametrize("call", CALLS)
async def test_an_object_that_is_no_connection_is_refused(call: Call, joining: JoiningStore, effects: Effects) -> None:
    """The store's own `TypeError` comes through."""
    refund = refunding(effects)
    async with Orchestrator(joining, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        with pytest.raises(TypeError, match="is no Transaction"):
            await call(orchestrator, refund, object())
    assert effects.done == ["load"]


# Commits of which nobody knows


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("verb", VERBS)
async def test_a_decision_of_which_nobody_knows_may_be_taken_again(
    verb: str, side: str, each_store: SharedStore, effects: Effects
) -> None:
    """`CommitUnknown` is `DurabilityUnknown`; again it is `replayed` if it had been written, and counts once."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        each_store.failpoints.arm(f"decide.{side}", raising(CommitUnknown("no answer")), hit=1)
        assert await decide(orchestrator, verb) == Err(DurabilityUnknown("r", "no answer"))
        assert (await decide(orchestrator, verb)).unwrap().replayed is (side == "after")
        assert len(await each_store.entries("r")) == 2
        (await orchestrator.verify("r")).unwrap()
