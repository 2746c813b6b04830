"""Which call this is, and its arguments: the same in every process, and for every replay of a saved state."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias, cast

from agents.exceptions import UserError
from attrs import frozen

from awaitly_openai_agents.core import Actor, Err, InvalidCall, Ok, Result, ToolCall

__all__ = ["Conversation", "Telling", "conversation_id"]

Conversation: TypeAlias = Callable[[Any], str]
"""Gives the id of the conversation by the run's context, which is the application's own."""


def conversation_id(context: object) -> str:
    """Give the `conversation_id` that stands in a run's context, as a member or an attribute. Raises `UserError`."""
    if isinstance(context, Mapping):
        found = cast("Mapping[str, object]", context).get("conversation_id")
    else:
        found = getattr(context, "conversation_id", None)
    if isinstance(found, str) and found:
        return found
    raise UserError(
        "a gate has to know the conversation, or it takes one call for another: give the run its id, "
        "Runner.run(..., context={'conversation_id': ...}), or say where it is, gated(..., conversation=...)"
    )


@frozen(kw_only=True)
class Telling:
    """Tells a tool's calls apart: models give ids that are unique in their conversation at best."""

    tool: str
    schema: Mapping[str, Any]
    conversation: Conversation
    agent: Actor | str | None

    def call(self, context: object, call_id: str, text: str | None) -> Result[ToolCall, InvalidCall]:
        """Give a call as the gate knows it; `text` are the arguments as the model wrote them."""
        conversation = _checked(self.conversation(context))
        if (arguments := _parsed(text)) is None:
            return Err(InvalidCall(self.tool, "$", "the arguments are no JSON object"))
        return Ok(
            ToolCall(
                tool=self.tool,
                arguments={**self._defaults(), **arguments},
                schema=self.schema,
                # The length keeps two ids from being read as two others.
                call_id=f"openai-agents {len(conversation)} {conversation} {call_id}",
                conversation=conversation,
                agent=self.agent,
            )
        )

    def _defaults(self) -> dict[str, Any]:
        """Give what the tool takes where the model says nothing: people see these too."""
        properties: Mapping[str, Mapping[str, Any]] = self.schema.get("properties", {})
        return {name: said["default"] for name, said in properties.items() if "default" in said}


def _checked(conversation: object) -> str:
    if isinstance(conversation, str) and conversation:
        return conversation
    raise UserError(f"the id of a conversation has to be a text, and is {conversation!r}")


def _parsed(text: str | None) -> dict[str, Any] | None:
    if text is None or not text.strip():
        return {}
    try:
        parsed: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
