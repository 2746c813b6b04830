"""What comes of calls: waiting for it, wherever a call is made, and being told of it by a person."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve, frozen

from awaitly import (
    Actor,
    Allow,
    ApprovalRejected,
    AskPeople,
    Gate,
    Happened,
    NeverHappened,
    Ok,
    Orchestrator,
    OutcomeUnknown,
    PendingApproval,
    Result,
    Ruling,
    TamperedCall,
    Ticket,
    ToolCall,
    UnknownTicket,
    WrongOutcome,
)
from awaitly.testing import TestClock
from tests.support import SharedStore, error_of

ROOT = Actor("root", roles=["admin"])
CALL = ToolCall(tool="pay", arguments={"to": "bob", "amount": 5}, agent="bot")


@frozen
class Receipt:
    """What a payment gives."""

    number: int
    paid: Decimal


class Till:
    """A tool of a gate's own, which dies in its midst."""

    def __init__(self, store: SharedStore) -> None:
        self.gate = Gate(store)
        self.paid: list[str] = []
        self.dies = True
        self.pay = self.gate.tool(self.makes, name="pay")  # type: ignore[call-overload]

    async def makes(self, to: str, amount: int) -> Result[Receipt, str]:
        """Pay."""
        self.paid.append(to)
        if self.dies:
            raise SystemExit
        return Ok(Receipt(1, Decimal(amount)))


async def asked(gate: Gate) -> str:
    """Have people asked about the call, and give the ticket."""
    ticket = (await gate.propose(CALL)).unwrap()
    assert isinstance(ticket, Ticket)
    return ticket.id


async def in_doubt(gate: Gate, clock: TestClock, make: Any = None) -> str:
    """Let a process die in the midst of an approved call, and give its ticket."""
    ticket = await asked(gate)
    (await gate.approve(ticket, by="cy")).unwrap()
    with pytest.raises(SystemExit):
        await gate.execute(ticket, make)
    clock.advance("1m")
    assert error_of(await gate.execute(ticket, make)) == OutcomeUnknown(ticket, "pay")
    return ticket


async def dying(_: Mapping[str, Any]) -> None:
    """Be a tool of somebody else's, of which the process dies."""
    raise SystemExit


# Waiting


async def test_a_call_of_somebody_elses_tool_is_waited_for(store: SharedStore) -> None:
    """Whoever knows no code of the tool waits for another process all the same, and then gets what the call gave."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def make(_: Mapping[str, Any]) -> str:
        begun.set()
        await go.wait()
        return "paid"

    async with Gate(store) as here, Gate(store) as there:
        ticket = await asked(here)
        (await here.approve(ticket, by="cy")).unwrap()
        making = asyncio.create_task(there.execute(ticket, make))
        await begun.wait()
        assert await here.wait(ticket, timeout="1ms") == Ok(False)
        waiting = asyncio.create_task(here.wait(ticket, timeout="60s"))
        go.set()
        assert await waiting == Ok(True)
        (await making).unwrap()
        assert (await here.execute(ticket, dying)).unwrap().value == "paid"
        assert error_of(await here.wait("call:none")) == UnknownTicket("call:none")


async def test_a_call_in_doubt_is_not_waited_for(store: SharedStore, clock: TestClock) -> None:
    """Nothing but a person moves it."""
    async with Gate(store) as gate:
        ticket = await in_doubt(gate, clock, dying)
        assert await gate.wait(ticket) == Ok(True)


# Being told


@pytest.mark.parametrize(
    "said", [Receipt(7, Decimal("5.00")), {"$type": "Receipt", "number": 7, "paid": "5.00"}], ids=["value", "json"]
)
async def test_a_value_of_the_tools_type_is_what_the_call_gave(
    store: SharedStore, clock: TestClock, said: object
) -> None:
    """However it is said, the caller gets it as from the tool; the call is not made again."""
    till = Till(store)
    async with till.gate:
        ticket = await in_doubt(till.gate, clock)
        (await till.gate.orchestrator.settle(ticket, Happened(said), by=ROOT)).unwrap()
        till.dies = False
        assert (await till.gate.execute(ticket)).unwrap().value == Receipt(7, Decimal("5.00"))
    assert till.paid == ["bob"]


@pytest.mark.parametrize("said", ["paid, says the bank", None, {"number": 7}, Decimal(5)])
async def test_a_value_that_the_tool_cannot_give_is_refused_when_it_is_said(
    store: SharedStore, clock: TestClock, said: object
) -> None:
    """With the type that is wanted; the call stays in doubt, and can be settled."""
    till = Till(store)
    async with till.gate:
        ticket = await in_doubt(till.gate, clock)
        refusal = (await till.gate.orchestrator.settle(ticket, Happened(said), by=ROOT)).failure()
        assert isinstance(refusal, WrongOutcome)
        assert refusal.wanted == "Receipt"
        assert f"the call of run {ticket} gives Receipt, and this is none" in str(refusal)
        assert error_of(await till.gate.execute(ticket)) == OutcomeUnknown(ticket, "pay")
        till.dies = False
        (await till.gate.orchestrator.settle(ticket, NeverHappened(), by=ROOT)).unwrap()
        assert (await till.gate.execute(ticket)).unwrap().value == Receipt(1, Decimal(5))


@pytest.mark.parametrize(
    "said", [Receipt(7, Decimal(5)), (1, 2), {1: "a"}, datetime(2026, 1, 1, tzinfo=UTC), float("inf")]
)
async def test_of_a_tool_that_is_not_known_json_alone_is_taken(
    store: SharedStore, clock: TestClock, said: object
) -> None:
    """By an orchestrator without a gate too, as the command line has it."""
    async with Gate(store) as gate:
        ticket = await in_doubt(gate, clock, dying)
        for orchestrator in (gate.orchestrator, Orchestrator(store)):
            refusal = (await orchestrator.settle(ticket, Happened(said), by=ROOT)).failure()
            assert isinstance(refusal, WrongOutcome)
            assert refusal.wanted == "plain JSON"
        (await Orchestrator(store).settle(ticket, Happened({"paid": [5, None]}), by=ROOT)).unwrap()
        assert (await gate.execute(ticket, dying)).unwrap().value == {"paid": [5, None]}


# Being asked about once


@pytest.mark.parametrize("conversation", [None, "thread"])
async def test_what_people_have_answered_stays_so_when_the_rules_allow_it(
    store: SharedStore, conversation: str | None
) -> None:
    """What was rejected is not made, what was made is not made again; another call with another id is allowed."""
    made: list[Any] = []
    allowed = False

    def rule(_: str, __: Mapping[str, Any]) -> Ruling:
        return Allow() if allowed else AskPeople()

    async def make(arguments: Mapping[str, Any]) -> str:
        made.append(arguments["amount"])
        return "paid"

    def call(amount: int, call_id: str) -> ToolCall:
        return evolve(CALL, arguments={"amount": amount}, call_id=call_id, conversation=conversation)

    async with Gate(store, rules=[rule]) as gate:
        for amount, call_id in ((1, "rejected"), (2, "made"), (3, "waits")):
            assert isinstance(error_of(await gate.perform(call(amount, call_id), make)), PendingApproval)
        one, two, _ = (each.id for each in (await gate.pending()).items)
        (await gate.reject(one, "no", by="cy")).unwrap()
        (await gate.approve(two, by="cy")).unwrap()
        (await gate.perform(call(2, "made"), make)).unwrap()
        allowed = True
        assert isinstance(error_of(await gate.perform(call(1, "rejected"), make)), ApprovalRejected)
        assert (await gate.perform(call(2, "made"), make)).unwrap().replayed
        assert made == [2]
        for amount, call_id in ((3, "waits"), (1, "another"), (2, "another")):
            assert (await gate.perform(call(amount, call_id), make)).unwrap().ticket is None
    assert made == [2, 3, 1, 2]


async def test_a_changed_session_gets_no_more_of_an_equal_calls_ticket_than_that_call_got(store: SharedStore) -> None:
    """It is told what the same agent was told in the same conversation; nothing is made, and no other's is told."""
    made: list[Any] = []

    async def make(arguments: Mapping[str, Any]) -> str:
        made.append(arguments)
        return f"paid {len(made)}"

    first, second = (evolve(CALL, call_id=each, conversation="thread") for each in ("1", "2"))
    async with Gate(store) as gate:
        tickets = list[str]()
        for each in (first, second):
            ticket = (await gate.propose(each)).unwrap()
            assert isinstance(ticket, Ticket)
            (await gate.approve(ticket.id, by="cy")).unwrap()
            (await gate.execute(ticket.id, make, call=each)).unwrap()
            tickets.append(ticket.id)
        assert (await gate.execute(tickets[1], make, call=first)).unwrap().value == "paid 2"
        for other in (evolve(first, conversation="other"), evolve(first, agent="eve"), evolve(first, arguments={})):
            assert isinstance(error_of(await gate.execute(tickets[1], make, call=other)), TamperedCall)
    assert len(made) == 2
