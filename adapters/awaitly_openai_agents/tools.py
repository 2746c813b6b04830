"""The SDK's function tools behind a gate."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import partial

from agents import FunctionTool, Tool
from agents.exceptions import UserError

from awaitly_openai_agents.calls import Conversation, Telling, conversation_id
from awaitly_openai_agents.core import Actor, Gate
from awaitly_openai_agents.invoking import Gated

__all__ = ["gated"]


def gated(
    gate: Gate, tools: Iterable[Tool], *, conversation: Conversation = conversation_id, agent: Actor | str | None = None
) -> list[Tool]:
    """Put tools behind a gate: `Agent(tools=gated(gate, [pay, read]))`. The tools given stay as they were.

    Which calls need a person is then the gate's affair, and no longer that of `needs_approval`. `conversation` gives
    the id of the conversation by the run's context: `context["conversation_id"]` where it is not said. `agent` is on
    whose account the calls are made. Raises `UserError` for tools before which no gate can stand.
    """
    telling = partial(Telling, conversation=conversation, agent=agent)
    return [_behind(gate, tool, telling) for tool in map(_checked, tools)]


def _behind(gate: Gate, tool: FunctionTool, telling: partial[Telling]) -> FunctionTool:
    front = copy.copy(tool)
    hooks = Gated(gate, tool, telling(tool=tool.name, schema=tool.params_json_schema))
    front.on_invoke_tool = hooks
    front.needs_approval = hooks.needs_person
    return front


def _checked(tool: Tool) -> FunctionTool:
    if not isinstance(tool, FunctionTool):
        raise UserError(f"{tool.name} is no function tool: it is called elsewhere, so no gate can stand before it")
    if tool._is_agent_tool:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (the SDK says it nowhere else)
        raise UserError(f"{tool.name} is an agent: put that agent's own tools behind the gate, and not the agent")
    if tool.output_json_schema is not None:
        raise UserError(f"{tool.name} has a schema for its output: no model could be told of an edit or a refusal")
    return tool
