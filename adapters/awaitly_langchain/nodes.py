"""The gate as a node of a graph: all calls of one message of the model, which pause together."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest

from awaitly import Gate
from awaitly_langchain.calls import Agent
from awaitly_langchain.passing import Answer, Answered, Handler, Passing
from awaitly_langchain.pausing import Paused, pause, skip_answered

__all__ = ["gated_tools"]


class _Turn:
    """One run of the node. It asks about all calls first; once none waits it lets those pass that need nobody."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.failures: list[Exception] = []
        self.asking = True

    @property
    def paused(self) -> list[Paused]:
        """What waits."""
        return [answer for answer in self.answers.values() if isinstance(answer, Paused)]


_TURN: contextvars.ContextVar[_Turn] = contextvars.ContextVar("turn")


def gated_tools(
    gate: Gate,
    tools: Sequence[BaseTool | Callable[..., Any]],
    *,
    agent: Agent = None,
    messages_key: str = "messages",
    **options: Any,
) -> Callable[[Any, RunnableConfig], Awaitable[Any]]:
    """Make a node whose calls go through an open gate, for `graph.add_node("tools", ...)`.

    The graph needs a checkpointer, a `thread_id`, and to be awaited. A node that pauses begins anew when its thread
    goes on, so calls that need nobody run once those beside them are answered. `options` go to `ToolNode`.
    """
    passing = Passing(gate, agent, messages_key)

    async def through(request: ToolCallRequest, handler: Handler) -> Any:
        return await _through(passing, request, handler)

    node = ToolNode(tools, messages_key=messages_key, awrap_tool_call=through, wrap_tool_call=_refused, **options)

    async def gated(state: Any, config: RunnableConfig) -> Any:
        skip_answered()
        while True:
            turn = _Turn()
            token = _TURN.set(turn)
            try:
                await node.ainvoke(state, config)
                if turn.failures:
                    raise turn.failures[0]
                if not turn.paused:
                    turn.asking = False
                    return await node.ainvoke(state, config)
            finally:
                _TURN.reset(token)
            pause(turn.paused)

    return gated


async def _through(passing: Passing, request: ToolCallRequest, handler: Handler) -> Any:
    turn, call = _TURN.get(), json.dumps(request.tool_call, sort_keys=True, default=repr)
    if turn.asking:
        try:
            turn.answers[call] = await passing.answer(request, handler)
        except Exception as failure:  # noqa: BLE001  (the node would tell it to the model, and the next look would pass)
            turn.failures.append(failure)
        return ToolMessage("", tool_call_id=request.tool_call["id"] or "")
    match turn.answers[call]:
        case Answered(response):
            return response
        case _:
            return await handler(request)


def _refused(request: ToolCallRequest, _: object) -> Any:
    raise TypeError(f"{request.tool_call['name']} is behind a gate, which is awaited: use ainvoke or astream")
