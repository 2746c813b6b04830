"""What the SDK calls in a tool's place: whether a call needs a person, and the call itself."""

from __future__ import annotations

import copy
import json
from typing import Any, cast

from agents import Agent, FunctionTool, RunContextWrapper, ToolInputGuardrailData
from agents.tool_context import ToolContext

from awaitly_openai_agents.calls import Telling
from awaitly_openai_agents.core import Err, Gate, Ok, PendingApproval, Ticket, ToolCall, edit_notice
from awaitly_openai_agents.errors import StillWaiting
from awaitly_openai_agents.results import kept, noted

__all__ = ["Gated"]


class Gated:
    """A tool's two hooks, in front of the tool itself."""

    def __init__(self, gate: Gate, tool: FunctionTool, telling: Telling) -> None:
        self._gate = gate
        self._tool = tool
        self._telling = telling

    async def needs_person(self, ctx: RunContextWrapper[Any], arguments: dict[str, Any], call_id: str) -> bool:
        """Say whether the run has to pause for a call; people are asked then."""
        return await self.waits(ctx.context, call_id, json.dumps(arguments)) is not None

    async def waits(self, context: object, call_id: str, text: str | None) -> PendingApproval | None:
        """Ask people about a call unless that is done; give what they see, None where nobody has to answer any more."""
        match self._telling.call(context, call_id, text):
            case Err(_):
                return None
            case Ok(call):
                pass
        match await self._gate.propose(call):
            case Ok(Ticket(pending=pending)):
                return pending
            case _:  # it is allowed, or refused, and the model is told so
                return None

    async def __call__(self, ctx: ToolContext[Any], text: str) -> Any:
        """Have the gate make a call. What keeps it from having a result is told to the model, in words."""
        match self._telling.call(ctx.context, ctx.tool_call_id, text):
            case Err(invalid):
                return str(invalid)
            case Ok(call):
                pass
        making = _Making(self._tool, ctx, call)
        match await self._gate.perform(call, making):
            case Err(PendingApproval() as pending):
                raise StillWaiting(pending)
            case Err(error):
                return str(error)
            case Ok(performed):
                given = performed.value if performed.replayed else making.given
                return noted(given, edit_notice(call.tool, performed))


class _Making:
    """Calls the tool itself, for the gate alone; `given` is what it gave here and now."""

    def __init__(self, tool: FunctionTool, ctx: ToolContext[Any], call: ToolCall) -> None:
        self._tool = tool
        self._ctx = ctx
        self._call = call
        self.given: Any = None

    async def __call__(self, arguments: dict[str, Any]) -> Any:
        """Call the tool. Raises what it raises, and `PermissionError` where a guardrail stops what a person changed."""
        ctx = self._ctx
        if arguments != dict(self._call.arguments):
            ctx = _with(ctx, arguments)
            await self._guarded(ctx)
        self.given = await self._tool.on_invoke_tool(ctx, json.dumps(arguments))
        return kept(self.given)

    async def _guarded(self, ctx: ToolContext[Any]) -> None:
        """Ask the tool's own guardrails, which have only seen the call as the model wanted it."""
        for guardrail in self._tool.tool_input_guardrails or ():
            data = ToolInputGuardrailData(context=ctx, agent=cast("Agent[Any]", ctx.agent))
            said = await guardrail.run(data)
            if said.behavior["type"] != "allow":
                raise PermissionError(f"the guardrail {guardrail.get_name()} stopped {self._call.tool} as edited")


def _with(ctx: ToolContext[Any], arguments: dict[str, Any]) -> ToolContext[Any]:
    """Give a call's context with other arguments, wherever they stand in it."""
    text = json.dumps(arguments)
    changed = copy.copy(ctx)
    changed.tool_arguments = text
    if ctx.tool_call is not None:
        changed.tool_call = ctx.tool_call.model_copy(update={"arguments": text})
    return changed
