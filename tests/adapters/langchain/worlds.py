"""One process, one gate, and agents whose threads are kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from awaitly import Gate, Guard
from awaitly_langchain import resumption
from tests.adapters.langchain.agents import CONFIG, Wanting, graph_agent, middleware_agent, sending_agent

__all__ = ["KINDS", "World", "paying", "wanting"]

KINDS: dict[str, Callable[..., Any]] = {"middleware": middleware_agent, "graph": graph_agent, "sending": sending_agent}


class World:
    """A bank's tools, and an agent that uses them."""

    def __init__(self, gate: Gate, make: Callable[..., Any] = middleware_agent) -> None:
        self.gate = gate
        self.done: list[str] = []
        self.make = make
        self.saver = InMemorySaver()
        self.agent: Any = None
        gate.guard("read", Guard(when=lambda _: False))

    async def pay(self, to: str, amount: int) -> str:
        """Pay."""
        self.done.append(f"pay {to} {amount}")
        return f"paid {amount} to {to}"

    async def read(self) -> str:
        """Read."""
        self.done.append("read")
        return "the balance is 7"

    async def begin(self, model: BaseChatModel | None = None, tools: Any = None, **options: Any) -> Any:
        """Let an agent begin, and give what it came to."""
        self.agent = self.make(self.gate, tools or [self.pay, self.read], self.saver, model, **options)
        return await self.agent.ainvoke({"messages": [("user", "go")]}, CONFIG)

    async def goes_on(self) -> list[str]:
        """Let the agent go on from its pauses, and give what its model was told by tools."""
        state = await self.agent.aget_state(CONFIG)
        result = await self.agent.ainvoke(resumption(state.interrupts), CONFIG)
        return told(result)

    async def tickets(self) -> dict[str, str]:
        """Give the tickets that wait, by who is to be paid."""
        return {each.arguments["to"]: each.id for each in (await self.gate.pending()).items}

    async def approve_all(self) -> None:
        """Say yes to whatever waits."""
        for each in (await self.gate.pending()).items:
            (await self.gate.approve(each.id, by="ann")).unwrap()

    @property
    def paid(self) -> list[str]:
        """What was paid, in order of the names."""
        return sorted(each for each in self.done if each != "read")


def told(result: Any) -> list[str]:
    """Give what tools told the model."""
    return [str(each.content) for each in result["messages"] if isinstance(each, ToolMessage)]


def wanting(*calls: dict[str, Any], says: str = "") -> Wanting:
    """Give a model that wants calls."""
    return Wanting(calls=[{"id": str(number), **call} for number, call in enumerate(calls)], says=says)


def paying(amount: int = 100, to: str = "bob", **more: Any) -> dict[str, Any]:
    """Give a call of `pay`."""
    return {"name": "pay", "args": {"to": to, "amount": amount}, **more}
