"""What an agent wants to call, as the gate is asked about it: which call it is, and what the agent says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langgraph.prebuilt.tool_node import ToolCallRequest
from pydantic import BaseModel, TypeAdapter

from awaitly import Actor, ToolCall, clipped

__all__ = ["Agent", "agent_of", "thread_of", "tool_call_of"]

Agent: TypeAlias = Actor | str | Callable[[ToolCallRequest], Actor | str | None] | None
"""Who makes calls; a function says it of each, and has to say the same of a call when its thread goes on."""

_LONGEST_CLAIM = 4_000


def agent_of(agent: Agent, request: ToolCallRequest) -> Actor | str | None:
    """Say who makes a call; None leaves it to `gate.acting`."""
    return agent(request) if callable(agent) else agent


def tool_call_of(request: ToolCallRequest, tool: BaseTool, agent: Agent, messages_key: str) -> ToolCall:
    """Give the call that a request is about.

    Its id holds the thread, the model's message and the framework's own id, since models give the same ids again. All
    three stand in the checkpoint, so they are the same wherever and whenever the thread goes on. Raises `ValueError`
    for a call that nothing tells from others.
    """
    wanted = request.tool_call
    if wanted["id"] is None:
        raise ValueError(f"the model gave its call of {wanted['name']} no id, so nothing tells it from others")
    number, message = _message_of(request.state, messages_key, wanted["id"])
    said = None if message is None else str(message.text).strip()
    return ToolCall(
        tool=wanted["name"],
        arguments=wanted["args"],
        schema=_schema_of(tool),
        call_id=json.dumps([thread_of(request), number, wanted["id"]]),
        conversation=thread_of(request),
        agent=agent_of(agent, request),
        claim=clipped(said, _LONGEST_CLAIM) if said else None,
    )


def thread_of(request: ToolCallRequest) -> str:
    """Give the id of the conversation that a call belongs to."""
    info = cast("Any", request).runtime.execution_info
    if info is None or info.thread_id is None:
        raise ValueError(
            "an agent behind a gate has to pause, and to be found again: it needs a checkpointer, and a thread_id"
        )
    return str(info.thread_id)


def _message_of(state: Any, key: str, call_id: str | None) -> tuple[str | int | None, AIMessage | None]:
    """Find the model's message with a call: its id, or its place where it has none."""
    messages = _messages(state, key)
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        if isinstance(message, AIMessage) and any(call["id"] == call_id for call in message.tool_calls):
            return message.id or number, message
    return None, None


def _messages(state: Any, key: str) -> Sequence[Any]:
    """Give the messages of a state, which may be a list of them, a mapping or an object."""
    found: Any = state
    if isinstance(state, Mapping):
        found = cast("Mapping[str, Any]", state).get(key)
    elif not isinstance(state, list):
        found = getattr(state, key, None)
    return [] if found is None else list(found)


def _schema_of(tool: BaseTool) -> dict[str, Any]:
    """Give the JSON Schema of the arguments that the model gives a tool; what the framework injects is not in it."""
    schema: Any = tool.tool_call_schema
    if isinstance(schema, dict):
        return cast("dict[str, Any]", schema)
    return TypeAdapter(schema).json_schema() if issubclass(schema, BaseModel) else schema.schema()
