from agno.agent import Agent
from agno.models.base import Model

from awaitly import Gate, Guard, MemoryStore
from awaitly_agno import gated, go_on


async def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


async def agent_pays(model: Model) -> list[str]:
    async with Gate(MemoryStore()) as gate:
        gate.guard("pay", Guard(when=lambda call: call["amount"] > 50))
        agent = Agent(model=model, tools=[*gated(gate, [pay])], telemetry=False)
        run = await agent.arun("Pay bob.")  # pyright: ignore[reportUnknownMemberType]  (it leaves a type open)
        run = await go_on(agent, run)
        # In an application people decide in the inbox, by mail or in Slack.
        for pending in (await gate.pending()).items:
            await gate.edit(pending.id, {**pending.arguments, "amount": 42}, by="ann")
        run = await go_on(agent, run)
        return [str(message.content) for message in run.messages or ()]
