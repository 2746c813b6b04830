"""How a client is told that a call waits: by what it supports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.server import MCPServer

from awaitly import DefinitionError, Gate, MemoryStore, StoreUnavailable
from awaitly_mcp import Answering, GateProxy
from tests.adapters.mcp.support import Inside, client_of, said, ticket_of

PAY = ("pay", {"to": "bob", "amount": 5})
INBOX = "https://approvals.example.com/inbox/"
MODES = ("legacy", "auto")


class Till:
    """A server that pays, its gate, and a person at the address that the client shows."""

    def __init__(self) -> None:
        self.paid: list[str] = []
        self.gate = Gate(MemoryStore())
        self.shown: list[str] = []
        self.action = "accept"
        self.approves = True

    async def pay(self, to: str, amount: int) -> str:
        """Pay."""
        self.paid.append(f"{to} {amount}")
        return f"paid {amount} to {to}"

    async def show(self, _: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        """Be the client that shows its user an address, and the user who goes there."""
        assert isinstance(params, types.ElicitRequestURLParams)
        self.shown.append(params.url)
        (pending,) = (await self.gate.pending()).items
        if self.approves:
            (await self.gate.approve(pending.id, by="ann")).unwrap()
        return types.ElicitResult.model_validate({"action": self.action})

    @asynccontextmanager
    async def client(self, mode: str, answering: Answering, **options: Any) -> AsyncGenerator[Client]:
        """Give a client of a proxy before the server."""
        server = MCPServer("till")
        server.add_tool(self.pay, structured_output=False)
        async with (
            self.gate,
            client_of(GateProxy(self.gate, Inside(server), answering=answering), mode, **options) as it,
        ):
            yield it


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_that_shows_addresses_is_sent_to_the_inbox(mode: str) -> None:
    """Its user decides there, and the very same call gives the result."""
    till = Till()
    answering = Answering(inbox_url=INBOX, wait=None)
    async with till.client(mode, answering, elicitation_callback=till.show) as client:
        assert said(await client.call_tool(*PAY)) == "paid 5 to bob"
    (url,) = till.shown
    assert url.startswith("https://approvals.example.com/inbox/runs/call%3A")
    assert url.endswith("/approvals/pay")
    assert till.paid == ["bob 5"]


async def test_the_newest_clients_are_sent_there_at_once_and_whoever_will_not_go_is_not_waited_for() -> None:
    """An answer that is put off, by an hour here, is put off for those alone who may be deciding."""
    till = Till()
    till.action, till.approves = "decline", False
    answering = Answering(inbox_url=INBOX, wait="1h")
    async with till.client("auto", answering, elicitation_callback=till.show) as client:
        with anyio.fail_after(60):
            assert ticket_of(await client.call_tool(*PAY))
    assert len(till.shown) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_user_who_does_not_go_there_is_no_decision(mode: str, action: str) -> None:
    """The call waits on, and the client is told so in words."""
    till = Till()
    till.action, till.approves = action, False
    answering = Answering(inbox_url=INBOX, wait=None)
    async with till.client(mode, answering, elicitation_callback=till.show) as client:
        waits = await client.call_tool(*PAY)
        assert "waits for a person's approval" in said(waits)
        assert f"People decide at {till.shown[0]}." in said(waits)
        assert len((await till.gate.pending()).items) == 1
    assert till.paid == []


async def test_a_client_that_accepts_without_anybody_deciding_gets_nothing_called() -> None:
    """To have looked at an address approves nothing."""
    till = Till()
    till.approves = False
    answering = Answering(inbox_url=INBOX, wait=None)
    async with till.client("auto", answering, elicitation_callback=till.show) as client:
        assert ticket_of(await client.call_tool(*PAY))
    assert len(till.shown) == 1
    assert till.paid == []


async def test_a_client_without_addresses_comes_back_a_few_times_and_is_told_in_words_before_it_gives_up() -> None:
    """The official one gives up after ten times, with an error; it never comes to that."""
    till = Till()
    async with till.client("auto", Answering(wait="1ms")) as client:
        assert "waits for a person's approval" in said(await client.call_tool(*PAY))


async def test_an_approval_while_the_answer_is_put_off_gives_the_result_at_once() -> None:
    """Nobody has to ask again."""
    till = Till()
    async with till.client("legacy", Answering(wait="60s")) as client:
        calling = asyncio.create_task(client.call_tool(*PAY))
        while not (pending := (await till.gate.pending()).items):  # noqa: ASYNC110  (nothing tells of it)
            await asyncio.sleep(0)
        (await till.gate.approve(pending[0].id, by="ann")).unwrap()
        assert said(await calling) == "paid 5 to bob"


async def test_a_state_that_was_made_up_gets_nothing_called() -> None:
    """Neither one of no ticket, nor that of another call, nor of a ticket that another proxy has asked for."""
    till = Till()
    async with till.client("auto", Answering(wait=None)) as client:
        ticket = ticket_of(await client.call_tool(*PAY))
        (await till.gate.approve(ticket, by="ann")).unwrap()
        other = {"to": "mallory", "amount": 5}
        session = client.session
        none = await session.call_tool("pay", other, request_state="awaitly 1 call:none", allow_input_required=True)
        assert "no ticket" in said(none)
        mixed = await session.call_tool("pay", other, request_state=f"awaitly 1 {ticket}", allow_input_required=True)
        assert "is not the one that ticket" in said(mixed)
        assert till.paid == []
        server = MCPServer("another")
        server.add_tool(till.pay, structured_output=False)
        stranger = GateProxy(till.gate, Inside(server, name="another"), answering=Answering(wait=None))
        async with client_of(stranger, "auto") as elsewhere:
            assert "no ticket" in said(await elsewhere.call_tool("awaitly_ticket", {"id": ticket}))
        assert till.paid == []
        assert said(await session.call_tool("pay", PAY[1], request_state=f"awaitly 1 {ticket}")) == "paid 5 to bob"
        assert said(await session.call_tool("pay", PAY[1], request_state=f"awaitly 1 {ticket}")) == "paid 5 to bob"
    assert till.paid == ["bob 5"]


async def test_a_rule_that_fails_asks_and_a_store_that_fails_refuses() -> None:
    """Whatever raises, nothing is called."""

    def broken(tool: str, arguments: Any, /) -> None:
        raise RuntimeError(tool, arguments)

    class Gone(MemoryStore):
        """Cannot be written to."""

        async def commit(self, changes: Any) -> Any:
            """Fail."""
            msg = "the disk is gone"
            raise StoreUnavailable(msg)

    till = Till()
    till.gate = Gate(MemoryStore(), rules=[broken])
    async with till.client("auto", Answering(wait=None)) as client:
        assert ticket_of(await client.call_tool(*PAY))
    till.gate = Gate(Gone())
    async with till.client("auto", Answering(wait=None)) as client:
        told = await client.call_tool(*PAY)
        assert told.is_error
        assert "pay was not called, because nobody could be asked: the disk is gone" in said(told)
    assert till.paid == []


def test_an_inbox_is_an_address() -> None:
    """Anything else is refused where it is said."""
    with pytest.raises(DefinitionError, match="the inbox is where people reach it"):
        Answering(inbox_url="approvals.example.com")
