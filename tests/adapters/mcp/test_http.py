"""Streamable HTTP, before the proxy and behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from mcp import Client
from mcp.server import MCPServer

from awaitly import DefinitionError, Gate, MemoryStore
from awaitly_mcp import Answering, GateProxy, RemoteServer, serve_http
from tests.adapters.mcp.support import allowing, said, ticket_of

MODES = ("legacy", "auto")


@asynccontextmanager
async def shop(paid: list[str]) -> AsyncGenerator[str]:
    """Serve a shop, and give its address."""
    server = MCPServer("shop")

    @server.tool(structured_output=False)
    async def read() -> str:
        """Read."""
        return "three shirts"

    @server.tool(structured_output=False)
    async def buy(what: str) -> str:
        """Buy."""
        paid.append(what)
        return f"bought {what}"

    async with serve_http(server._lowlevel_server) as address:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        yield address


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_waits_and_is_made_over_http_on_both_sides(mode: str) -> None:
    """Two clients share the proxy; either may ask for the ticket."""
    paid: list[str] = []
    async with shop(paid) as address, Gate(MemoryStore(), rules=[allowing("read")]) as gate:
        proxy = GateProxy(gate, RemoteServer(address), answering=Answering(wait=None))
        async with serve_http(proxy) as front, Client(front, mode=mode) as ann, Client(front, mode=mode) as ben:
            assert ann.server_info is not None
            assert ann.server_info.name == "shop"
            assert [tool.name for tool in (await ben.list_tools()).tools] == ["read", "buy", "awaitly_ticket"]
            both = await asyncio.gather(ann.call_tool("read", {}), ben.call_tool("read", {}))
            assert [said(each) for each in both] == ["three shirts"] * 2
            ticket = ticket_of(await ann.call_tool("buy", {"what": "hat"}))
            (await gate.approve(ticket, by="eve")).unwrap()
            assert paid == []
            answers = await asyncio.gather(*(each.call_tool("awaitly_ticket", {"id": ticket}) for each in (ann, ben)))
            assert "bought hat" in {said(each) for each in answers}
            assert said(await ben.call_tool("awaitly_ticket", {"id": ticket})) == "bought hat"
    assert paid == ["hat"]


async def test_an_address_that_others_can_reach_is_refused() -> None:
    """Nobody signs in there."""
    async with Gate(MemoryStore()) as gate:
        proxy = GateProxy(gate, RemoteServer("http://127.0.0.1:9/mcp"))
        with pytest.raises(DefinitionError, match="can be reached by others, and nobody signs in here"):
            async with serve_http(proxy, host="0.0.0.0"):  # noqa: S104  (it is refused)
                pass
