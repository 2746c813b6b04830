"""What a server may not say by itself is told by how the gate calls its tickets."""

from __future__ import annotations

from awaitly import Gate, MemoryStore, Ticket, ToolCall
from awaitly_mcp.smuggling import is_ticket


async def test_each_ticket_of_the_gate_is_known_as_one() -> None:
    """However it is called: by an agent, with a conversation and an id of the call, or without."""
    calls = [
        ToolCall(tool="pay", arguments={"amount": 1}, agent="bot"),
        ToolCall(tool="pay", arguments={"amount": 2}, agent="bot", conversation="c"),
        ToolCall(tool="pay", arguments={"amount": 3}, agent="bot", conversation="c", call_id="1"),
    ]
    async with Gate(MemoryStore()) as gate:
        tickets = [(await gate.propose(call)).unwrap() for call in calls]
    assert [isinstance(each, Ticket) and is_ticket(each.id) for each in tickets] == [True, True, True]
    assert not is_ticket("order:call:1")
