"""One call at the gate: passed, paused, or answered."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

from attrs import frozen
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt.tool_node import ToolCallRequest

from awaitly import (
    Allowed,
    ConflictReason,
    Err,
    Gate,
    Ok,
    PendingApproval,
    Performed,
    RunConflict,
    ToolCall,
    edit_notice,
)
from awaitly_langchain.calls import Agent, thread_of, tool_call_of
from awaitly_langchain.pausing import Paused, drain
from awaitly_langchain.results import given, kept
from awaitly_langchain.telling import noted, refused

__all__ = ["Answer", "Answered", "Handler", "Passing"]

Handler: TypeAlias = Callable[[ToolCallRequest], Awaitable[Any]]

_PATIENCE = "10s"
"""How long a call waits for another process that makes it, before it pauses."""
_IN_CALL: contextvars.ContextVar[bool] = contextvars.ContextVar("in_call", default=False)
_FOR_NOW = frozenset(ConflictReason) - {ConflictReason.ID_TAKEN, ConflictReason.WRONG_STATUS}


@frozen
class Answered:
    """What the framework gets as the call's result."""

    response: Any


Answer: TypeAlias = Allowed | Paused | Answered


class Passing:
    """Brings calls before a gate. The tool runs nowhere but in the gate's hands, or where the gate lets it pass.

    Calls of one thread come before it one after the other: equal ones are then one ticket, and a process which dies
    leaves one in doubt at most.
    """

    def __init__(self, gate: Gate, agent: Agent, messages_key: str = "messages") -> None:
        self._gate = gate
        self._agent = agent
        self._messages_key = messages_key
        self._threads: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, request: ToolCallRequest, handler: Handler) -> Answer:
        """Ask about a call, or make it where it was approved; `Allowed` leaves it to the caller."""
        name = request.tool_call["name"]
        if request.tool is None:
            return Answered(refused(request, f"there is no tool {name!r}"))
        call = tool_call_of(request, request.tool, self._agent, self._messages_key)
        async with self._turn_of(thread_of(request)):
            return await self._proposed(call, request, handler)

    def _turn_of(self, thread: str) -> AbstractAsyncContextManager[None]:
        """Wait for the calls of a thread that are being made; one from inside such a call does not wait for that."""
        if _IN_CALL.get():
            return nullcontext()
        lock = self._threads.get(thread)
        if lock is None:
            lock = self._threads[thread] = asyncio.Lock()
        return lock

    async def _proposed(self, call: ToolCall, request: ToolCallRequest, handler: Handler) -> Answer:
        match await self._gate.propose(call):
            case Err(refusal):
                return Answered(refused(request, refusal))
            case Ok(proposed):
                pass
        if isinstance(proposed, Allowed):
            return proposed
        if proposed.pending is not None:
            return Paused.on(proposed.pending, call.tool)
        return await self._made(proposed.id, call, request, handler)

    async def _made(self, ticket: str, call: ToolCall, request: ToolCallRequest, handler: Handler) -> Answer:
        making = _Making(request, handler)
        result = await self._gate.execute(ticket, making, call=call)
        if _is_underway(result):
            await self._gate.wait(ticket, timeout=_PATIENCE)
            result = await self._gate.execute(ticket, making, call=call)
        match result:
            case Ok(performed):
                return Answered(self._told(performed, call, making))
            case Err(PendingApproval() as pending):
                return Paused.on(pending, call.tool)
            case Err(RunConflict(reason=reason) as conflict) if reason in _FOR_NOW:
                return Paused(ticket, call.tool, str(conflict))
            case Err(error):
                return Answered(refused(request, error))

    def _told(self, performed: Performed, call: ToolCall, making: _Making) -> Any:
        """Give what a call gave: as it came where it was made just now, else as it was kept."""
        call_id = str(making.request.tool_call["id"])
        response = given(performed.value, call.tool, call_id) if performed.replayed else making.response
        return noted(response, edit_notice(call.tool, performed), call_id)


class _Making:
    """Makes a call with the approved arguments, by the framework's own means."""

    def __init__(self, request: ToolCallRequest, handler: Handler) -> None:
        self.request = request
        self.response: Any = None
        self._handler = handler

    async def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        approved = self.request.override(tool_call={**self.request.tool_call, "args": arguments})
        token = _IN_CALL.set(True)
        drain()
        try:
            self.response = await self._handler(approved)
        except GraphBubbleUp as pause:
            # LangGraph would run the tool from its beginning once more, which a call that runs once cannot stand.
            raise TypeError(f"a gated tool cannot pause by itself, or leave for another graph: {pause!r}") from pause
        finally:
            _IN_CALL.reset(token)
        return kept(self.response)


def _is_underway(result: Any) -> bool:
    match result:
        case Err(RunConflict(reason=ConflictReason.EXECUTING_ELSEWHERE)):
            return True
        case _:
            return False
