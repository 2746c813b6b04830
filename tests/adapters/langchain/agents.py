"""Agents over a fake model, as a middleware and as a graph, whose threads are kept in a file."""

from __future__ import annotations

import base64
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]  (a type of its own is bare)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph  # pyright: ignore[reportMissingTypeStubs]  (it has its types inside)
from langgraph.prebuilt import tools_condition
from langgraph.types import Send

from awaitly import Gate
from awaitly.testing.gate_contract import Place, Turn
from awaitly_langchain import GateMiddleware, gated_tools, resumption

CONFIG: Any = {"configurable": {"thread_id": "thread"}}
CALLS: list[dict[str, Any]] = [
    {"name": "pay", "args": {"to": "bob", "amount": 100}, "id": "1"},
    {"name": "read", "args": {}, "id": "2"},
    {"name": "pay", "args": {"to": "eve", "amount": 5}, "id": "3"},
]


class Wanting(BaseChatModel):
    """A model that wants calls, and has said all it has to say once it knows their results."""

    calls: list[dict[str, Any]] = CALLS
    says: str = ""

    @property
    def _llm_type(self) -> str:
        return "wanting"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """Take no notice of tools."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        over = isinstance(messages[-1], ToolMessage)
        wanted = [dict(call) for call in self.calls]
        said = AIMessage("done") if over else AIMessage(self.says, tool_calls=wanted)
        return ChatResult(generations=[ChatGeneration(message=said)])


def tools_of(place: Place) -> list[BaseTool]:
    """Give the tools of a place."""
    return [StructuredTool.from_function(coroutine=tool, name=tool.__name__) for tool in (place.pay, place.read)]


def middleware_agent(gate: Gate, tools: Sequence[Any], saver: Any, model: BaseChatModel | None = None) -> Any:
    """Make an agent whose middleware is the gate."""
    return create_agent(model or Wanting(), tools, middleware=[GateMiddleware(gate)], checkpointer=saver)


def graph_agent(
    gate: Gate, tools: Sequence[Any], saver: Any, model: BaseChatModel | None = None, **options: Any
) -> Any:
    """Make a graph with a node that is behind the gate."""
    return _graph(gate, tools, saver, model, tools_condition, **options)


def sending_agent(gate: Gate, tools: Sequence[Any], saver: Any) -> Any:
    """Make a graph that sends each call to the node by itself."""

    def each(state: MessagesState) -> Any:
        last: Any = state["messages"][-1]
        return [Send("tools", [call]) for call in last.tool_calls] or "__end__"

    return _graph(gate, tools, saver, None, each)


def _graph(
    gate: Gate, tools: Sequence[Any], saver: Any, model: BaseChatModel | None, route: Any, **options: Any
) -> Any:
    answering = model or Wanting()

    async def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await answering.ainvoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("model", think)
    graph.add_node("tools", gated_tools(gate, tools, **options))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", route)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=saver)


class _Driver(ABC):
    """The saved state is the file of the threads."""

    @abstractmethod
    def agent(self, gate: Gate, tools: Sequence[Any], saver: Any) -> Any:
        """Make the agent."""

    async def start(self, place: Place) -> Turn:
        """Begin."""
        return await self._go(place, None)

    async def resume(self, place: Place, saved: str) -> Turn:
        """Go on, with the tickets and nothing else."""
        return await self._go(place, saved)

    def tampered(self, saved: str) -> str:
        """Change the amount wherever it stands in the file."""
        return tampered(saved)

    async def _go(self, place: Place, saved: str | None) -> Turn:
        async with place.gate() as gate, threads(place.folder, saved) as (saver, file):
            agent = self.agent(gate, tools_of(place), saver)
            if saved is None:
                await agent.ainvoke({"messages": [("user", "go")]}, CONFIG)
            else:
                paused = (await agent.aget_state(CONFIG)).interrupts
                await agent.ainvoke(resumption(paused), CONFIG)
            state = await agent.aget_state(CONFIG)
        told = [str(each.content) for each in state.values["messages"] if isinstance(each, ToolMessage)]
        return Turn(written(file), tuple(told), over=not state.next)


class MiddlewareDriver(_Driver):
    """Runs the agent with the middleware."""

    def agent(self, gate: Gate, tools: Sequence[Any], saver: Any) -> Any:
        """Make the agent."""
        return middleware_agent(gate, tools, saver)


class GraphDriver(_Driver):
    """Runs the graph."""

    def agent(self, gate: Gate, tools: Sequence[Any], saver: Any) -> Any:
        """Make the agent."""
        return graph_agent(gate, tools, saver)


@asynccontextmanager
async def threads(folder: str, saved: str | None) -> AsyncGenerator[tuple[AsyncSqliteSaver, Path]]:
    """Open a file of threads of this life's own, as it was saved."""
    file = _restored(folder, saved)
    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        yield saver, file


def _restored(folder: str, saved: str | None) -> Path:
    file = Path(folder, f"threads-{os.urandom(4).hex()}.db")
    if saved is not None:
        file.write_bytes(base64.b64decode(saved))
    return file


def written(file: Path) -> str:
    """Write a file of threads as text."""
    connection = sqlite3.connect(file)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        return base64.b64encode(connection.serialize()).decode()
    finally:
        connection.close()


def tampered(saved: str) -> str:
    """Change bob's amount in all that a file of threads holds."""
    connection, serde = sqlite3.connect(":memory:"), JsonPlusSerializer()
    try:
        connection.deserialize(base64.b64decode(saved))
        for table, column in (("checkpoints", "checkpoint"), ("writes", "value")):
            rows = connection.execute(f"SELECT rowid, type, {column} FROM {table}").fetchall()  # noqa: S608
            for row, kind, blob in rows:
                changed = serde.dumps_typed(_changed(serde.loads_typed((kind, blob))))
                connection.execute(f"UPDATE {table} SET type = ?, {column} = ? WHERE rowid = ?", (*changed, row))  # noqa: S608
        connection.commit()
        return base64.b64encode(connection.serialize()).decode()
    finally:
        connection.close()


def _changed(value: Any) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if members == {"to": "bob", "amount": 100}:
            return {**members, "amount": 1_000_000}
        return {name: _changed(each) for name, each in members.items()}
    if isinstance(value, list | tuple):
        items = [_changed(each) for each in cast("Sequence[Any]", value)]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, AIMessage):
        return value.model_copy(update={"tool_calls": _changed(value.tool_calls)})
    return Send(value.node, _changed(value.arg)) if isinstance(value, Send) else value
