"""The plugin that stands between all agents of a runner and their tools."""

from __future__ import annotations

import asyncio
import copy
import inspect
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

from google.adk.agents import LlmAgent
from google.adk.plugins import BasePlugin
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.set_model_response_tool import SetModelResponseTool
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.adk.tools.tool_context import ToolContext
from google.adk.tools.transfer_to_agent_tool import TransferToAgentTool

from awaitly_adk.calls import call_of, completed
from awaitly_adk.core import (
    Actor,
    Allow,
    Allowed,
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
from awaitly_adk.errors import StillWaiting
from awaitly_adk.results import kept, noted, read, refused, response
from awaitly_adk.resuming import pause, ticket_of

__all__ = ["GatePlugin"]

_MAKING: ContextVar[bool] = ContextVar("making", default=False)
"""Whether a gated call is being made here: what it calls in its turn must not wait for it."""


class GatePlugin(BasePlugin):
    """Puts the tools of all agents of a runner behind a gate: `App(..., plugins=[..., GatePlugin(gate)])`, as the last.

    A call that needs a person pauses its agent by the framework's own means. `agent` is on whose account the calls are
    made. Handing over to another agent, and giving an answer in a form, pass.
    """

    def __init__(self, gate: Gate, *, agent: Actor | str | None = None, name: str = "awaitly") -> None:
        super().__init__(name=name)
        self._gate = gate
        self._agent = agent
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def before_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext
    ) -> dict[str, Any] | None:
        """Have the gate make a call, or pause its agent; what keeps it from having a result is told to the model.

        Raises, and so ends the run, where the gate itself fails: the call was not made.
        """
        arguments = completed(tool, tool_args)
        if _is_the_frameworks(tool) or isinstance(self._gate.ruling(tool.name, arguments), Allow):
            return None
        match call_of(tool, arguments, tool_context, self._agent):
            case Err(invalid):
                return refused(invalid)
            case Ok(call):
                pass
        if tool_context.get_invocation_context().live_request_queue is not None:
            return refused(f"{tool.name} needs a person, and a live session cannot pause; it was not called")
        if tool_context.tool_confirmation is not None and not tool_context.tool_confirmation.confirmed:
            return refused(f"{tool.name} was rejected where the agent runs; it was not called")
        return await self._answer(call, tool_context, _Making(tool, tool_context))

    async def _answer(self, call: ToolCall, context: ToolContext, making: _Making) -> dict[str, Any] | None:
        """Give what the framework takes as the call's result; None where it makes the call itself."""
        match await self._performed(call, context, making):
            case Allowed():
                return None
            case Err(PendingApproval() as pending):
                if context.tool_confirmation is not None:
                    raise StillWaiting(pending)
                return pause(context, pending)
            case Err(error):
                return refused(error)
            case Ok(performed):
                given = read(performed.value) if performed.replayed else making.given
                told: dict[str, Any] = response(noted(given, edit_notice(call.tool, performed)), late=making.late)
                return told

    async def _performed(
        self, call: ToolCall, context: ToolContext, making: _Making
    ) -> Allowed | Result[Performed, GateInterruption]:
        """Go on with the ticket that comes back from a pause, if it is this call's; without one, ask the gate.

        One after the other: where the process dies, nobody knows what came of one call, not of all that the model
        made at once.
        """
        ticket = ticket_of(context.tool_confirmation)
        if ticket is None:
            match await self._gate.propose(call):
                case Err(refusal):
                    return Err(refusal)
                case Ok(proposed):
                    pass
            if isinstance(proposed, Allowed):
                return proposed
            if proposed.pending is not None:
                return Err(proposed.pending)
            ticket = proposed.id
        async with self._turn_of(call):
            return await self._gate.execute(ticket, making, call=call)

    def _turn_of(self, call: ToolCall) -> AbstractAsyncContextManager[Any]:
        conversation = str(call.conversation)
        return nullcontext() if _MAKING.get() else self._turns.setdefault(conversation, asyncio.Lock())


class _Making:
    """Calls the tool itself, for the gate alone; `given` is what it gave here and now."""

    def __init__(self, tool: BaseTool, context: ToolContext) -> None:
        self._tool = tool
        self._context = context
        self.given: Any = None

    @property
    def late(self) -> bool:
        """Whether somebody else gives the result, later, where the tool gives none."""
        return self._tool.is_long_running

    async def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call the tool with the approved arguments, unless a callback of the agent's own answers in its place."""
        self._context.tool_confirmation = ToolConfirmation(confirmed=True)
        made = _MAKING.set(True)
        try:
            self.given = await self._answered(arguments)
            if self.given is None:
                self.given = await self._tool.run_async(args=arguments, tool_context=self._context)
        finally:
            _MAKING.reset(made)
        self._check()
        return kept(self.given)

    async def _answered(self, arguments: dict[str, Any]) -> Any:
        """Ask the agent's own callbacks, which the framework leaves out where a plugin makes a call.

        Raises `PermissionError` where one changes what people have approved.
        """
        agent = self._context.get_invocation_context().agent
        for callback in agent.canonical_before_tool_callbacks if isinstance(agent, LlmAgent) else ():
            seen = copy.deepcopy(arguments)
            answer: Any = callback(self._tool, seen, self._context)
            if inspect.isawaitable(answer):
                answer = await answer
            if answer is not None:
                return answer
            if seen != arguments:
                said = (
                    "its agent's before_tool_callback changes what was approved; let a plugin before the gate do that"
                )
                raise PermissionError(f"{self._tool.name} was not called: {said}")
        return None

    def _check(self) -> None:
        """Raise `TypeError` where the tool has put the call off: it would have to be called again."""
        actions, call_id = self._context.actions, self._context.function_call_id
        if call_id in actions.requested_tool_confirmations or call_id in actions.requested_auth_configs:
            actions.requested_tool_confirmations.pop(str(call_id), None)
            actions.requested_auth_configs.pop(str(call_id), None)
            raise TypeError(f"{self._tool.name} asks for something itself, and a gated tool is called once")


def _is_the_frameworks(tool: BaseTool) -> bool:
    """Whether a call is none of a tool's: it moves the conversation on, or there is no tool of its name."""
    return type(tool) in {TransferToAgentTool, SetModelResponseTool, BaseTool}
