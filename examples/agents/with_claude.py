import asyncio
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, tool
from mcp import Client

from awaitly import Gate, MemoryStore
from awaitly_claude import SessionGate


@tool("pay", "Pay somebody.", {"to": str, "amount": int})
async def pay(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "paid {amount} to {to}".format(**arguments)}]}


async def main() -> None:
    async with Gate(MemoryStore()) as gate, SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        bank = session.server("bank", [pay])
        ClaudeAgentOptions(mcp_servers={"bank": bank}, hooks=session.hooks())  # for query(...), on any day
        async with Client(bank["instance"]) as model:  # stands for the agent, which calls the tools by itself
            await model.call_tool("pay", {"to": "bob", "amount": 100})
            (ticket,) = session.waiting
            print(ticket.summary)
            await gate.edit(ticket.id, {"to": "bob", "amount": 42}, by="ann")
            told = await model.call_tool("awaitly_ticket", {"id": ticket.id})
            print(*(block.model_dump()["text"] for block in told.content), sep="\n")


asyncio.run(main())
