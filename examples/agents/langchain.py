from typing import Any

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]  (it leaves a type open)
from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.memory import InMemorySaver

from awaitly import Gate, Guard, MemoryStore
from awaitly_langchain import GateMiddleware, resumption


async def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


async def agent_pays(model: BaseChatModel) -> list[str]:
    thread: Any = {"configurable": {"thread_id": "t-1"}}
    async with Gate(MemoryStore()) as gate:
        gate.guard("pay", Guard(when=lambda call: call["amount"] > 50))
        agent: Any = create_agent(model, [pay], middleware=[GateMiddleware(gate)], checkpointer=InMemorySaver())
        result = await agent.ainvoke({"messages": [("user", "Pay bob.")]}, thread)
        # In an application people decide in the inbox, by mail or in Slack.
        for pending in (await gate.pending()).items:
            await gate.edit(pending.id, {**pending.arguments, "amount": 42}, by="ann")
        result = await agent.ainvoke(resumption(result["__interrupt__"]), thread)
        return [str(message.content) for message in result["messages"]]
