import asyncio

from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel
from pydantic_ai.tools import DeferredToolRequests

from awaitly import Gate, MemoryStore
from awaitly_pydantic_ai import GateTools, go_on


async def pay(to: str, amount: int) -> str:
    return f"paid {amount} to {to}"


async def main() -> None:
    async with Gate(MemoryStore()) as gate:
        model = TestModel()  # a fake, which calls every tool once
        agent = Agent(model, output_type=[str, DeferredToolRequests], tools=[pay], capabilities=[GateTools(gate)])
        paused = await agent.run("Settle the bill.")
        assert isinstance(paused.output, DeferredToolRequests)  # noqa: S101
        for ticket in (await gate.pending()).items:
            print(ticket.summary)
            await gate.edit(ticket.id, {"to": "bob", "amount": 42}, by="ann")
        done = await agent.run(message_history=paused.all_messages(), deferred_tool_results=go_on(paused.output))
        print(done.output)


asyncio.run(main())
