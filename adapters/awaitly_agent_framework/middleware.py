"""The function middleware that stands between an agent and its tools."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from agent_framework import AgentSession, FunctionInvocationContext, FunctionMiddleware, MiddlewareFailure

from awaitly_agent_framework.arguments import plain_of
from awaitly_agent_framework.core import (
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
from awaitly_agent_framework.pausing import occurrence_of, request, ticket_of
from awaitly_agent_framework.results import kept, noted, read

__all__ = ["GateMiddleware"]

_MAKING: ContextVar[bool] = ContextVar("making", default=False)
"""Whether a gated call is being made here: what it calls in its turn must not wait for it."""


class GateMiddleware(FunctionMiddleware):
    """Puts the tools of an agent behind a gate: `Agent(..., middleware=[..., GateMiddleware(gate)])`, as the last one.

    A call that needs a person pauses the agent by the framework's own means, so it runs with a session of the
    application's own. `agent` is on whose account the calls are made.
    """

    def __init__(self, gate: Gate, *, agent: Actor | str | None = None) -> None:
        self._gate = gate
        self._agent = agent
        self._turns: WeakKeyDictionary[AgentSession, asyncio.Lock] = WeakKeyDictionary()

    async def process(self, context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]) -> None:
        """Have the gate make a call, or pause the agent; what keeps a call from having a result is told to the model.

        Raises `MiddlewareFailure`, which ends the run, where the gate itself fails: the call was not made.
        """
        if context.session is None and isinstance(self._gate.ruling(context.function.name, plain_of(context)), Allow):
            await call_next()
            return
        call = self._call(context)
        making = _Making(context)
        try:
            came = await self._performed(call, context, making)
        except Exception as exc:
            raise MiddlewareFailure(f"the gate failed, so {call.tool} was not called: {exc}") from exc
        match came:
            case Allowed():
                await call_next()
            case Err(PendingApproval() as pending):
                context.result = request(context, call, pending)
            case Err(error):
                context.result = str(error)
            case Ok(performed):
                given = read(performed.value) if performed.replayed else making.given
                context.result = noted(given, edit_notice(call.tool, performed))

    def _call(self, context: FunctionInvocationContext) -> ToolCall:
        occurrence = occurrence_of(context)
        if context.session is None or occurrence is None:
            said = "run the agent with a session: without one it cannot go on after a pause"
            raise MiddlewareFailure(f"{context.function.name} was not called: {said}")
        return ToolCall(
            tool=context.function.name,
            arguments=plain_of(context),
            schema=context.function.parameters(),
            call_id=f"{context.session.session_id} {occurrence}",
            conversation=context.session.session_id,
            agent=self._agent,
        )

    async def _performed(
        self, call: ToolCall, context: FunctionInvocationContext, making: _Making
    ) -> Allowed | Result[Performed, GateInterruption]:
        """Go on with the ticket that comes back from a pause, if it is this call's; without one, ask the gate.

        One after the other: where the process dies, nobody knows what came of one call, not of all that the model
        made at once.
        """
        ticket = ticket_of(context)
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
        if _MAKING.get() or context.session is None:
            return await self._gate.execute(ticket, making, call=call)
        async with self._turns.setdefault(context.session, asyncio.Lock()):
            return await self._gate.execute(ticket, making, call=call)


class _Making:
    """Calls the tool itself, for the gate alone; `given` is what it gave here and now."""

    def __init__(self, context: FunctionInvocationContext) -> None:
        self._context = context
        self.given: Any = None

    async def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call the tool with the approved arguments, which it checks by its own model."""
        function, call_id = self._context.function, str(self._context.metadata["call_id"])
        made = _MAKING.set(True)
        try:
            self.given = await function.invoke(
                arguments=arguments, context=self._approved(arguments), tool_call_id=call_id
            )
        finally:
            _MAKING.reset(made)
        return kept(self.given)

    def _approved(self, arguments: dict[str, Any]) -> FunctionInvocationContext:
        """Give the tool a context in which the approved arguments are the only ones."""
        seen = self._context
        return FunctionInvocationContext(
            function=seen.function,
            arguments=arguments,
            session=seen.session,
            metadata={"call_id": seen.metadata["call_id"]},
            kwargs=seen.kwargs,
            parent_service_session_state_keys=seen.parent_service_session_state_keys,
            tools=seen.tools,
        )
