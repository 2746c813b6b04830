"""What comes of calls: waiting for it, wherever a call is made, and being told of it by a person."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen

from awaitly import (
    Actor,
    Gate,
    Happened,
    NeverHappened,
    Ok,
    Orchestrator,
    OutcomeUnknown,
    Result,
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
