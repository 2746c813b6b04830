"""Which call this is, and its arguments: the same in every process, and for every replay of a saved session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.adk.sessions import Session
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.tool_context import ToolContext

from awaitly_adk.core import Actor, Err, InvalidCall, Ok, Result, ToolCall

__all__ = ["call_of", "completed"]


def completed(tool: BaseTool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give a call's arguments with the defaults of the tool's schema: rules judge, and people see, these too."""
    properties: Mapping[str, Mapping[str, Any]] = (_schema_of(tool) or {}).get("properties", {})
    return {**{name: said["default"] for name, said in properties.items() if "default" in said}, **arguments}


def call_of(
    tool: BaseTool, arguments: Mapping[str, Any], context: ToolContext, agent: Actor | str | None
) -> Result[ToolCall, InvalidCall]:
    """Give a call as the gate knows it."""
    if (schema := _schema_of(tool)) is None:
        return Err(InvalidCall(tool.name, "$", "the tool declares no arguments, so no edit of them could be checked"))
    match _occurrence(context.session, tool.name, context.function_call_id):
        case Err(doubtful):
            return Err(doubtful)
        case Ok(occurrence):
            pass
    conversation = _conversation_of(context.session)
    return Ok(
        ToolCall(
            tool=tool.name,
            arguments=arguments,
            schema=schema,
            call_id=f"{conversation} {occurrence}",
            conversation=conversation,
            agent=agent,
        )
    )


def _conversation_of(session: Session) -> str:
    """Tell a session from all others: its id is unique for a user of an application only."""
    return json.dumps(["adk", session.app_name, session.user_id, session.id])


def _occurrence(session: Session, tool: str, call_id: str | None) -> Result[str, InvalidCall]:
    """Tell a call from others of its session: models may give each turn's calls the same ids, or one id to all."""
    asking = [
        (event.invocation_id, [call.id for call in event.get_function_calls()].count(call_id))
        for event in session.events
        if any(call.id == call_id for call in event.get_function_calls())
    ]
    if call_id is None or not asking:
        return Err(InvalidCall(tool, "$", "the session does not hold it, so it could not be told from others"))
    invocation, times = asking[-1]
    if times > 1:
        return Err(InvalidCall(tool, "$", f"the model gave {times} calls of one turn the same id; make them once more"))
    return Ok(json.dumps([invocation, call_id, [asked for asked, _ in asking].count(invocation)]))


def _schema_of(tool: BaseTool) -> dict[str, Any] | None:
    """Give a tool's JSON Schema; None where it declares nothing."""
    declaration = tool._get_declaration()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (what tools override)
    if declaration is None:
        return None
    if declaration.parameters is not None:
        plain: dict[str, Any] = declaration.parameters.json_schema.model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        return plain
    given: Any = declaration.parameters_json_schema
    return {"type": "object", "properties": {}} if given is None else dict(given)
