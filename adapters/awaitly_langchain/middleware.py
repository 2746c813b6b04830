"""The gate as a middleware of `create_agent`: every call is a task of its own, and pauses by itself."""

from __future__ import annotations

from typing import Any, NoReturn

from langchain.agents.middleware import AgentMiddleware, AgentState
from langgraph.prebuilt.tool_node import ToolCallRequest

from awaitly import Allowed, Gate
from awaitly_langchain.calls import Agent
from awaitly_langchain.passing import Answered, Handler, Passing
from awaitly_langchain.pausing import Paused, pause, skip_answered
from awaitly_langchain.results import Response

__all__ = ["GateMiddleware"]


class GateMiddleware(AgentMiddleware[AgentState[Any], Any, Any]):
    """Puts all calls of an agent's tools before an open gate: `create_agent(..., middleware=[GateMiddleware(gate)])`.

    The agent needs a checkpointer, a `thread_id`, and to be awaited (`ainvoke`, `astream`). Of a call that needs a
    person it pauses with an interrupt, which names the ticket; `resumption(interrupts)` lets it go on. What needs
    nobody runs meanwhile. `agent` says who makes the calls; without it `gate.acting(...)` does, which then has to be
    the same when the thread goes on. List it after middleware that adds tools, and before middleware that retries them:
    a retry inside the gate is part of the one call that was approved.
    """

    def __init__(self, gate: Gate, *, agent: Agent = None) -> None:
        super().__init__()
        self.tools = []
        self._passing = Passing(gate, agent)

    async def awrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> Response:
        """Ask about a call, pause while it waits, and make it once it is approved."""
        skip_answered()
        while True:
            match await self._passing.answer(request, handler):
                case Allowed():
                    passed: Response = await handler(request)
                    return passed
                case Answered(response):
                    return response  # type: ignore[no-any-return]
                case Paused() as paused:
                    pause([paused])

    def wrap_tool_call(self, request: ToolCallRequest, handler: object) -> NoReturn:  # noqa: ARG002  (the framework gives it)
        """Refuse: a gate is asynchronous."""
        raise TypeError(f"{request.tool_call['name']} is behind a gate, which is awaited: use ainvoke or astream")
