"""Equal calls that are proposed in several processes at once, and while their ticket is being executed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from awaitly import Changes, Conflict, Gate, Move, Performed, Result, Store, Ticket, ToolCall
from awaitly.testing import StoreWrapper, TestClock
from tests.support import SharedStore, error_of, shared


class Held(StoreWrapper):
    """The store as one process has it, which writes no more than so many times before it is let."""

    def __init__(self, store: Store, writes: int = 0) -> None:
        super().__init__(store)
        self._writes = writes
        self._reached = asyncio.Event()
        self.let = asyncio.Event()

    async def reached(self) -> None:
        """Wait until it is about to write more than it may."""
        async with asyncio.timeout(30):
            await self._reached.wait()

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Wait, and write then."""
        if not self._writes:
            self._reached.set()
            await self.let.wait()
        self._writes = max(0, self._writes - 1)
        return await super().commit(changes)


class Bank:
    """Counts what was paid, and pays when it is let."""

    def __init__(self) -> None:
        self.paid = 0
        self.paying = asyncio.Event()
        self.let = asyncio.Event()
        self.let.set()

    async def make(self, _: Mapping[str, Any]) -> str:
        """Pay."""
        self.paid += 1
        self.paying.set()
        await self.let.wait()
        return f"paid, number {self.paid}"


@pytest.fixture
def clock() -> TestClock:
    """Give the store's clock."""
    return TestClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> AsyncIterator[SharedStore]:
    """Open a store."""
    async with shared(request.param, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def bank() -> Bank:
    """Give a bank."""
    return Bank()


@pytest.fixture
async def gate(store: SharedStore) -> AsyncIterator[Gate]:
    """Give the gate of one process."""
    async with Gate(store) as opened:
        yield opened


def said(call_id: str | None) -> ToolCall:
    """Give one of several equal calls of a conversation."""
    return ToolCall(tool="pay", arguments={"to": "bob"}, call_id=call_id, conversation="thread", agent="bot")


async def ticket_of(gate: Gate, call_id: str | None) -> str:
    """Propose a call, and give its ticket."""
    ticket = (await gate.propose(said(call_id))).unwrap()
    assert isinstance(ticket, Ticket)
    return ticket.id


async def made(gate: Gate, bank: Bank, call_id: str | None) -> str:
    """Have a call made from its proposal to its end, and give its ticket."""
    ticket = await ticket_of(gate, call_id)
    (await gate.approve(ticket, by="cy")).unwrap()
    (await gate.execute(ticket, bank.make)).unwrap()
    return ticket


async def at_once(store: Store, *call_ids: str | None) -> list[str]:
    """Propose calls in a process each, all of which have looked before any of them writes; gives their tickets."""
    async with AsyncExitStack() as stack:
        stores = [Held(store) for _ in call_ids]
        gates = [await stack.enter_async_context(Gate(each)) for each in stores]
        proposing = [asyncio.create_task(ticket_of(*each)) for each in zip(gates, call_ids, strict=True)]
        for each in stores:
            await each.reached()
        for each in stores:
            each.let.set()
        return await asyncio.gather(*proposing)


@pytest.mark.parametrize("call_ids", [("1", "2", "3"), (None, None), ("1", None), ("1", "1")])
@pytest.mark.parametrize("before", [0, 1, 2])
async def test_equal_calls_that_come_at_once_to_several_processes_are_one_ticket(
    store: SharedStore, gate: Gate, bank: Bank, call_ids: tuple[str | None, ...], before: int
) -> None:
    """The first of a conversation, and one that comes after others were made; and each finds it again."""
    earlier = [await made(gate, bank, f"earlier {number}") for number in range(before)]
    (ticket,) = set(await at_once(store, *call_ids))
    assert ticket not in earlier
    assert {await ticket_of(gate, call_id) for call_id in call_ids} == {ticket}
    assert len((await gate.pending()).items) == 1


@pytest.mark.parametrize("before", [0, 1])
async def test_a_call_has_one_ticket_whoever_proposes_it_while_an_equal_one_ends(
    store: SharedStore, gate: Gate, bank: Bank, before: int
) -> None:
    """One process has seen the equal call's ticket go on, and the other one its end: both get the same in the end."""
    for number in range(before):
        await made(gate, bank, f"earlier {number}")
    first = await ticket_of(gate, "1")
    (await gate.approve(first, by="cy")).unwrap()
    slow = Held(store)
    async with Gate(slow) as slower:
        proposing = asyncio.create_task(ticket_of(slower, "2"))
        await slow.reached()
        (await gate.execute(first, bank.make)).unwrap()
        second = await ticket_of(gate, "2")
        slow.let.set()
        assert await proposing == second != first
    assert [each.id for each in (await gate.pending()).items] == [second]
    assert await ticket_of(gate, "1") == first


async def test_a_call_that_comes_while_an_equal_one_is_made_is_answered_by_that(
    store: SharedStore, gate: Gate, bank: Bank
) -> None:
    """In another process; it is not made a second time, and nobody is asked about it. The next one is another call."""
    bank.let.clear()
    first = await ticket_of(gate, "1")
    (await gate.approve(first, by="cy")).unwrap()
    executing = asyncio.create_task(gate.execute(first, bank.make))
    await bank.paying.wait()
    async with Gate(store) as other:
        assert await ticket_of(other, "2") == first
        assert "elsewhere" in str(error_of(await other.perform(said("2"), bank.make)))
        bank.let.set()
        assert (await executing).unwrap().value == "paid, number 1"
        again: Performed = (await other.perform(said("2"), bank.make)).unwrap()
        assert (again.value, again.replayed, again.ticket) == ("paid, number 1", True, first)
        assert await ticket_of(other, "3") != first
    assert bank.paid == 1


async def test_what_a_ticket_comes_to_while_a_call_is_folded_into_it_is_the_calls_answer(
    store: SharedStore, gate: Gate, bank: Bank
) -> None:
    """It was seen to go on, and ends before that is written: the call is neither lost nor made again."""
    first = await ticket_of(gate, "1")
    slow = Held(store)
    async with Gate(slow) as slower:
        performing = asyncio.create_task(slower.perform(said("2"), bank.make))
        await slow.reached()
        (await gate.approve(first, by="cy")).unwrap()
        (await gate.execute(first, bank.make)).unwrap()
        slow.let.set()
        answer = (await performing).unwrap()
    assert (answer.value, answer.replayed) == ("paid, number 1", True)
    assert (await gate.perform(said("2"), bank.make)).unwrap() == answer
    assert (bank.paid, (await gate.pending()).items) == (1, ())


async def test_a_call_of_a_conversation_is_asked_about_in_one_commit_and_made_in_two(
    store: SharedStore, gate: Gate, bank: Bank
) -> None:
    """A later one that is equal says first, in one that no disk is waited for, which ticket is to be its own."""
    store.reset()
    await made(gate, bank, "1")
    assert dict(store.commits) == {Move.PARK: 1, Move.DECIDE: 1, Move.CLAIM: 1, Move.END: 1}
    store.reset()
    await ticket_of(gate, "2")
    assert dict(store.commits) == {Move.ENQUEUE: 1, Move.PARK: 1}


async def test_each_call_keeps_its_ticket_however_many_equal_ones_follow(gate: Gate, bank: Bank) -> None:
    """The first, whose ticket alone says whose it is, as well as the others."""
    tickets = [await made(gate, bank, str(number)) for number in range(4)]
    assert len(set(tickets)) == 4
    assert [await ticket_of(gate, str(number)) for number in range(4)] == tickets


async def test_a_process_that_dies_before_it_asks_leaves_the_call_to_be_asked_about(
    store: SharedStore, gate: Gate, bank: Bank
) -> None:
    """Under the ticket that it had said, unless another call has that by then."""
    await made(gate, bank, "1")
    for rival in (False, True):
        slow = Held(store, writes=1)
        async with Gate(slow) as dying:
            proposing = asyncio.create_task(ticket_of(dying, f"dying {rival}"))
            await slow.reached()
            proposing.cancel()
            await asyncio.wait({proposing})
        expected = await ticket_of(gate, "rival") if rival else None
        ticket = await ticket_of(gate, f"dying {rival}")
        assert expected in (None, ticket)
        (await gate.approve(ticket, by="cy")).unwrap()
        (await gate.execute(ticket, bank.make)).unwrap()
    assert bank.paid == 3


async def test_a_clock_that_is_put_back_brings_no_old_answer(
    store: SharedStore, clock: TestClock, gate: Gate, bank: Bank
) -> None:
    """The newest ticket by the clock is not the last then."""
    early = clock()
    clock.advance("1h")
    tickets = [await made(gate, bank, None)]
    clock.set(early)
    tickets += [await made(gate, bank, None) for _ in range(3)]
    assert len(set(tickets)) == 4
    assert bank.paid == 4
