"""Which call this is, and its arguments as JSON: the same in every process, and in every replay of a saved history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from pydantic import ValidationError
from pydantic_ai import RunContext
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.toolsets import ToolsetTool
from pydantic_core import SchemaSerializer, core_schema, to_json

__all__ = ["arguments_of", "call_id", "conversation_of", "validated"]

_PLAIN = SchemaSerializer(core_schema.any_schema())


@frozen
class _Asked:
    """A call as the model asked for it: the response that holds it, and the part of it that is the call."""

    response: ModelResponse
    part: ToolCallPart


def _asked(ctx: RunContext[Any]) -> _Asked | None:
    """Find the call in the newest response that has it; None where code of a tool calls another tool."""
    for message in reversed(ctx.messages):
        if isinstance(message, ModelResponse):
            for part in message.parts:
                if isinstance(part, ToolCallPart) and part.tool_call_id == ctx.tool_call_id:
                    return _Asked(message, part)
    return None


def call_id(ctx: RunContext[Any]) -> str:
    """Tell a call from all others: models give ids that are unique in a response at best.

    What says which response it was is kept with the history. It is taken from the message, not from the run: a saved
    history may go on under another conversation's name, and is the same call all the same.
    """
    asked = _asked(ctx)
    if asked is None:
        return f"{ctx.conversation_id} {ctx.run_id} {ctx.run_step} {ctx.tool_call_id}"
    response = asked.response
    return f"{response.conversation_id} {response.run_id} {response.timestamp.isoformat()} {ctx.tool_call_id}"


def conversation_of(ctx: RunContext[Any]) -> str | None:
    """Give the conversation in which a call was first asked for."""
    asked = _asked(ctx)
    return ctx.conversation_id if asked is None else asked.response.conversation_id


def arguments_of(ctx: RunContext[Any], tool: ToolsetTool[Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """Give a call's arguments as JSON: as the model gave them, with the defaults of the tool's schema.

    `taken` are those with which the framework would call the tool. Where a hook or an answer to the pause has changed
    them, they are what counts: a person has to see what would run. Raises `UserError` where JSON cannot hold them.
    """
    asked = _asked(ctx)
    if asked is not None and (raw := _unchanged(asked.part, ctx, tool, taken)) is not None:
        return raw
    plain: dict[str, Any] = _PLAIN.to_python(dict(taken), mode="json")
    if validated(ctx, tool, plain) != dict(taken):
        said = f"the arguments of {tool.tool_def.name} were changed to what JSON cannot hold, so people cannot be asked"
        raise UserError(said)
    return plain


def validated(ctx: RunContext[Any], tool: ToolsetTool[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give arguments as the tool takes them. Raises pydantic's `ValidationError`."""
    taken: dict[str, Any] = tool.args_validator.validate_json(to_json(arguments), context=ctx.validation_context)
    return taken


def _unchanged(
    part: ToolCallPart, ctx: RunContext[Any], tool: ToolsetTool[Any], taken: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Give the arguments as the model gave them, where those are what the tool would be called with."""
    properties: Mapping[str, Any] = tool.tool_def.parameters_json_schema.get("properties", {})
    defaults = {name: said["default"] for name, said in properties.items() if "default" in said}
    raw = {**defaults, **part.args_as_dict()}
    try:
        unchanged = validated(ctx, tool, raw)
    except ValidationError:
        return None
    return raw if _said(unchanged, raw, properties) == _said(taken, raw, properties) else None


def _said(taken: Mapping[str, Any], raw: Mapping[str, Any], properties: Mapping[str, Any]) -> Any:
    """Give what was said of the arguments: not what code fills in, which may be something else each time."""
    given = {name: value for name, value in taken.items() if name in raw or name not in properties}
    return _PLAIN.to_python(given, exclude_unset=True)  # not as JSON, in which two secrets are alike
