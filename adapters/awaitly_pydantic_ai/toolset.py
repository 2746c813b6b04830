"""The toolset that stands between an agent and the tools of another toolset."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Generic

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired, UserError
from pydantic_ai.tools import AgentDepsT
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from awaitly_pydantic_ai.calls import arguments_of, call_id, conversation_of, validated
from awaitly_pydantic_ai.core import (
    Actor,
    Allow,
    Err,
    Gate,
    GateInterruption,
    Ok,
    PendingApproval,
    Performed,
    Result,
    ToolCall,
    edit_notice,
)
from awaitly_pydantic_ai.results import kept, noted, read, refused
from awaitly_pydantic_ai.resuming import TICKET

__all__ = ["GatedToolset"]

_MAKING: ContextVar[bool] = ContextVar("making", default=False)
"""Whether a gated call is being made here: what it calls in its turn must not wait for it."""


@dataclass
class GatedToolset(WrapperToolset[AgentDepsT]):
    """Puts the tools of a toolset behind a gate: `Agent(toolsets=[GatedToolset(tools, gate)])`.

    A call that needs a person pauses the run by the framework's own means, so the agent's `output_type` names
    `DeferredToolRequests`. `agent` is on whose account the calls are made.
    """

    gate: Gate
    agent: Actor | str | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False, compare=False)

    async def for_run(self, ctx: RunContext[AgentDepsT]) -> AbstractToolset[AgentDepsT]:
        """Give each run turns of its own."""
        return replace(self, wrapped=await self.wrapped.for_run(ctx))

    async def get_tools(self, ctx: RunContext[AgentDepsT]) -> dict[str, ToolsetTool[AgentDepsT]]:
        """Give the tools; of `requires_approval=True` the gate takes charge. Raises `UserError` for external ones."""
        return {name: _gated(tool) for name, tool in (await super().get_tools(ctx)).items()}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT], tool: ToolsetTool[AgentDepsT]
    ) -> Any:
        """Have the gate make a call, or pause the run; what keeps a call from having a result is told to the model."""
        call = ToolCall(
            tool=name,
            arguments=arguments_of(ctx, tool, tool_args),
            schema=tool.tool_def.parameters_json_schema,
            call_id=call_id(ctx),
            conversation=conversation_of(ctx),
            agent=self.agent,
        )
        making = _Making(self.wrapped, call, ctx, tool)
        match await self._performed(call, making, ctx.tool_call_metadata):
            case Err(PendingApproval() as pending):
                raise ApprovalRequired(metadata={TICKET: pending.id, "summary": pending.summary})
            case Err(error):
                return refused(error)
            case Ok(performed):
                given = read(performed.value) if performed.replayed else making.given
                return noted(given, edit_notice(call.tool, performed))

    async def _performed(
        self, call: ToolCall, making: _Making[AgentDepsT], metadata: object
    ) -> Result[Performed, GateInterruption]:
        """Go on with the ticket that comes back from a pause, if it is this call's; without one, ask the gate anew.

        One after the other: where the process dies, nobody knows what came of one call, not of all that the model
        made at once.
        """
        free = _MAKING.get() or isinstance(self.gate.ruling(call.tool, call.arguments), Allow)
        async with nullcontext() if free else self.turn:
            match metadata:
                case {"ticket": str(ticket)}:
                    return await self.gate.execute(ticket, making, call=call)
                case _:
                    return await self.gate.perform(call, making)


class _Making(Generic[AgentDepsT]):
    """Calls the tool itself, for the gate alone; `given` is what it gave here and now."""

    def __init__(
        self,
        to: AbstractToolset[AgentDepsT],
        call: ToolCall,
        ctx: RunContext[AgentDepsT],
        tool: ToolsetTool[AgentDepsT],
    ) -> None:
        self._to = to
        self._call = call
        self._ctx = replace(ctx, tool_call_approved=True)
        self._tool = tool
        self.given: Any = None

    async def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call the tool with the approved arguments; those that a person changed go through its own check first."""
        taken = validated(self._ctx, self._tool, arguments)
        if self._tool.args_validator_func is not None and arguments != dict(self._call.arguments):
            checked: object = self._tool.args_validator_func(self._ctx, **taken)
            if inspect.isawaitable(checked):
                await checked
        made = _MAKING.set(True)
        try:
            self.given = await self._to.call_tool(self._call.tool, taken, self._ctx, self._tool)
        finally:
            _MAKING.reset(made)
        return kept(self.given)


def _gated(tool: ToolsetTool[AgentDepsT]) -> ToolsetTool[AgentDepsT]:
    """Leave it to the gate to ask about a tool."""
    definition = tool.tool_def
    if definition.kind == "external":
        raise UserError(f"{definition.name} is executed elsewhere, where no gate can stand: give it to the agent apart")
    return replace(tool, tool_def=replace(definition, kind="function"))
