"""What an assistant learns of what waits, and that it can decide nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp import Client

from awaitly import Actor, AskPeople, Gate, MemoryStore, Orchestrator, Policy, Ticket, ToolCall
from awaitly_mcp import inbox_server
from tests.adapters.mcp.support import said


def redacting(tool: str, _: Any, /) -> AskPeople:
    """Have a person asked who does not see everything."""
    return AskPeople(policy=Policy(approvers=["role:ops"], expires_in="1d"), redact=("iban",))


async def asked(store: MemoryStore, number: int) -> list[str]:
    """Ask for some calls, and give their tickets."""
    tickets: list[str] = []
    async with Gate(store, rules=[redacting]) as gate:
        for amount in range(number):
            call = ToolCall(tool="pay", arguments={"amount": amount, "iban": "DE-secret"}, agent="bot", claim="rent")
            proposed = (await gate.propose(call)).unwrap()
            assert isinstance(proposed, Ticket)
            tickets.append(proposed.id)
    return tickets


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_what_waits_is_listed_page_by_page_and_explained_without_what_is_redacted(mode: str) -> None:
    """With who asked, who may decide and until when; the agent's own words stand apart."""
    store = MemoryStore()
    tickets = await asked(store, 3)
    async with Orchestrator(store) as orchestrator, Client(inbox_server(orchestrator), mode=mode) as client:
        first = json.loads(said(await client.call_tool("list_approvals", {"limit": 2})))
        rest = json.loads(said(await client.call_tool("list_approvals", {"limit": 2, "after": first["next"]})))
        assert [each["id"] for each in first["approvals"] + rest["approvals"]] == tickets
        assert rest["next"] is None
        told = await client.call_tool("explain_approval", {"id": tickets[1]})
        (explained,) = json.loads(said(told))["approvals"]
    assert explained["proposed"] == {"amount": 1, "iban": "[redacted]"}
    assert (explained["claim"], explained["requested_by"]) == ("rent", "bot")
    assert explained["deadline"] is not None
    assert "ops" in explained["who_may_decide"]
    assert "DE-secret" not in said(told)


async def test_nothing_there_decides() -> None:
    """There are two tools, and neither they nor any other name change the store."""
    store = MemoryStore()
    (ticket,) = await asked(store, 1)
    async with Orchestrator(store) as orchestrator, Client(inbox_server(orchestrator)) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"list_approvals", "explain_approval"}
        for tool in ("approve", "reject", "edit", "cancel", "explain_approval"):
            await client.call_tool(tool, {"id": ticket, "by": "ann", "approve": True})
        refusals = [
            await client.call_tool("list_approvals", {"limit": 0}),
            await client.call_tool("list_approvals", {"after": 3}),
            await client.call_tool("explain_approval", {}),
            await client.call_tool("explain_approval", {"id": "call:none"}),
        ]
        assert all(each.is_error for each in refusals)
        (still,) = (await orchestrator.pending()).items
        assert still.id == ticket
        assert (await orchestrator.approve(ticket, by=Actor("ann", roles=["ops"]))).unwrap()
