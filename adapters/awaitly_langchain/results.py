"""What a tool gave, as plain JSON for the gate to keep, and back: messages, and commands that update the graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeGuard, cast

from langchain_core.messages import BaseMessage, ToolMessage, message_to_dict, messages_from_dict
from langgraph.types import Command

from awaitly import Codec, Err, Ok

__all__ = ["Response", "given", "is_list", "kept"]

Response: TypeAlias = ToolMessage | Command[Any]
_LONGEST = 2**19
"""Characters of a kept result: half of what a step may give, whose arguments are kept beside it."""


class _Unkept(ValueError):
    """It is no JSON, or too long."""


def kept(response: Any) -> dict[str, Any]:
    """Write down what a call gave. The call was made by now, so what cannot be kept is said, and nothing is raised."""
    try:
        record: dict[str, Any] = _plain(_written(response))
    except (TypeError, ValueError, RecursionError) as why:
        return {"unkept": str(why)}
    return record


def given(record: Any, tool: str, call_id: str) -> Any:
    """Read what was written down: the response, or words where it could not be kept, or what a person says it was."""
    match record:
        case {"message": message}:
            return ToolMessage.model_validate({**message, "tool_call_id": call_id})
        case {"command": {"graph": graph, "goto": goto, "update": update}}:
            read = None if update is None else {name: _value(each) for name, each in update.items()}
            return Command(graph=graph, goto=goto or (), update=read)
        case {"several": several}:
            return [given(each, tool, call_id) for each in several]
        case {"unkept": why}:
            told = f"{tool} was executed before, but what it gave could not be kept ({why}); do not re-issue"
        case str():
            told = record
        case _:
            told = json.dumps(record, ensure_ascii=False)
    return ToolMessage(told, name=tool, tool_call_id=call_id)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value is a list; of what is not known."""
    return isinstance(value, list)


def _written(response: Any) -> dict[str, Any]:
    match response:
        case ToolMessage():
            return {"message": _message(response)}
        case Command(resume=None):
            return {"command": _command(response)}  # pyright: ignore[reportUnknownArgumentType]  (of which nodes)
        case _ if is_list(response):
            return {"several": [_written(each) for each in response]}
        case _:
            raise _Unkept(f"it is a {type(response).__name__}")


def _message(message: ToolMessage) -> dict[str, Any]:
    """Write a message; an artifact, which no model sees, is left out where it is no JSON."""
    plain = message.model_dump(exclude={"artifact", "tool_call_id"})
    try:
        return {**plain, "artifact": _plain(message.artifact)}
    except _Unkept:
        return plain


def _command(command: Command[Any]) -> dict[str, Any]:
    update: Any = command.update
    if update is not None and not isinstance(update, dict):
        raise _Unkept("a command with an update that is no dict")
    goto = [command.goto] if isinstance(command.goto, str) else list(cast("Any", command.goto))
    if not all(isinstance(each, str) for each in goto):
        raise _Unkept("a command that sends to nodes")
    parts = cast("dict[str, Any] | None", update)
    written = None if parts is None else {name: _part(each) for name, each in parts.items()}
    return {"graph": command.graph, "goto": goto, "update": written}


def _part(value: Any) -> dict[str, Any]:
    if is_list(value) and value and all(isinstance(each, BaseMessage) for each in value):
        return {"messages": [message_to_dict(each) for each in value]}
    return {"value": value}


def _value(part: Mapping[str, Any]) -> Any:
    return messages_from_dict(part["messages"]) if "messages" in part else part["value"]


def _plain(value: Any) -> Any:
    """Check that a value is JSON, and short enough to be kept."""
    match Codec(limit=_LONGEST).encode(value, Any):
        case Ok(text):
            return json.loads(text)
        case Err(unstorable):
            raise _Unkept(str(unstorable))
