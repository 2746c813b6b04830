"""Agents that are MCP clients: one comes back with its request's state, one asks for its ticket."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client, ClientSession
from mcp.server import MCPServer
from mcp_types import InputRequiredResult

from awaitly.testing.gate_contract import Place, Turn
from awaitly_mcp import Answering, GateProxy
from tests.adapters.mcp.support import Inside, client_of, said, ticket_of

__all__ = ["Asking", "ComingBack"]

_WANTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("pay", {"to": "bob", "amount": 100}),
    ("read", {}),
    ("pay", {"to": "eve", "amount": 5}),
)


class ComingBack:
    """An agent that speaks the newest protocol: it is handed a state, and comes back with it and the whole call."""

    mode = "auto"
    answering = Answering(wait="1ms")

    async def start(self, place: Place) -> Turn:
        """Make all calls."""
        return await self._turn(place, [{"tool": tool, "arguments": args} for tool, args in _WANTED])

    async def resume(self, place: Place, saved: str) -> Turn:
        """Make those again that have no answer."""
        return await self._turn(place, json.loads(saved))

    def tampered(self, saved: str) -> str:
        """Change an amount."""
        return saved.replace('"amount": 100', '"amount": 1000000')

    async def _turn(self, place: Place, calls: list[dict[str, Any]]) -> Turn:
        async with _session(place, self.mode, self.answering) as session:
            for call in calls:
                if "told" not in call:
                    await self.make(session, call)
        told = tuple(call["told"] for call in calls if "told" in call)
        return Turn(json.dumps(calls), told, len(told) == len(calls))

    async def make(self, session: ClientSession, call: dict[str, Any]) -> None:
        """Make a call, and keep the answer or the state."""
        answer = await session.call_tool(
            call["tool"], call["arguments"], request_state=call.get("state"), allow_input_required=True
        )
        if isinstance(answer, InputRequiredResult):
            call["state"] = answer.request_state
        else:
            call["told"] = said(answer)


class Asking(ComingBack):
    """An agent that speaks an older protocol: it keeps the ticket's id, and asks for that."""

    mode = "legacy"
    answering = Answering(wait=None)

    async def make(self, session: ClientSession, call: dict[str, Any]) -> None:
        """Make a call or ask for its ticket, and keep the answer or the ticket."""
        ticket = call.get("ticket")
        asking = ("awaitly_ticket", {"id": ticket}) if ticket else (call["tool"], call["arguments"])
        answer = await session.call_tool(*asking)
        if (answer.meta or {}).get("awaitly/ticket", {}).get("status") == "pending":
            call["ticket"] = ticket_of(answer)
        else:
            call["told"] = said(answer)


@asynccontextmanager
async def _session(place: Place, mode: str, answering: Answering) -> AsyncGenerator[ClientSession]:
    server = MCPServer("bank")
    server.add_tool(place.pay, structured_output=False)
    server.add_tool(place.read, structured_output=False)
    async with place.gate() as gate:
        proxy = GateProxy(gate, Inside(server), answering=answering)
        client: Client
        async with client_of(proxy, mode) as client:
            yield client.session
