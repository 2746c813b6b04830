"""Calls of the server's tools through the gate: asked about where need be, and made at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
from attrs import define, field
from mcp import MCPError
from mcp.server.context import HandlerResult

from awaitly_mcp.ambiguity import ambiguity
from awaitly_mcp.answers import executed, refused, server_error, waiting
from awaitly_mcp.contexts import Context
from awaitly_mcp.core import (
    Allowed,
    DefinitionError,
    Err,
    Gate,
    Ok,
    OutcomeUnknown,
    PendingApproval,
    Performed,
    Result,
    RunRecord,
    StoreError,
    ToolCall,
    UnknownTicket,
)
from awaitly_mcp.smuggling import smuggled
from awaitly_mcp.states import Asked, asked_before
from awaitly_mcp.tools import TICKET, Tools
from awaitly_mcp.upstream import LOST, Upstream
from awaitly_mcp.waiting import Answering, paused, puts_off, show

__all__ = ["Calls"]

_LOOK_AGAIN = 0.25
_GRACE = 1.5
"""Seconds that calls under way have left when the proxy ends: clients kill it soon after that."""


@define
class Calls:
    """Makes calls for one proxy, on the account of one agent."""

    gate: Gate
    upstream: Upstream
    tools: Tools
    agent: str
    answering: Answering
    _under_way: set[asyncio.Task[Any]] = field(factory=set[asyncio.Task[Any]], init=False)

    async def call(self, context: Context, params: Mapping[str, Any]) -> HandlerResult:
        """Answer a `tools/call`."""
        tool: Any = params.get("name")
        schema = await self.tools.schema_of(tool) if isinstance(tool, str) and tool != TICKET else None
        if (unclear := ambiguity(params, schema)) is not None:
            return refused(f"{tool} was not called: {unclear}")
        arguments = dict(params.get("arguments") or {})
        if tool == TICKET:
            return await self._polled(context, str(arguments.get("id", "")))
        call = ToolCall(tool=tool, arguments=arguments, schema=schema, agent=self.agent)
        before = asked_before(params)
        if before is not None:
            return await self._ticketed(context, call, before.ticket, before)
        try:
            proposed = await self.gate.propose(call)
        except (StoreError, DefinitionError, ValueError) as error:
            return refused(f"{tool} was not called, because nobody could be asked: {error}")
        match proposed:
            case Err(refusal):
                return refused(refusal)
            case Ok(ticket):
                pass
        if isinstance(ticket, Allowed):
            answer = await self.upstream.request("tools/call", params, _progress(context))
            why = smuggled(answer, self.answering.inbox_url)
            return answer if why is None else refused(f"the answer of {tool} is not passed on: {why}")
        return await self._ticketed(context, call, ticket.id, None)

    async def all_made(self) -> None:
        """Wait until no call is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def finish(self) -> None:
        """Let calls under way come to their end, and cut off those that take long: their outcome is in doubt."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE)
        for task in self._under_way:
            task.cancel()

    async def _ticketed(self, context: Context, call: ToolCall, ticket: str, before: Asked | None) -> HandlerResult:
        """Make a call that people are asked about, or say that it waits."""
        if await self._own_run(ticket) is None:
            return refused(UnknownTicket(ticket))
        outcome = await self._made(context, call.tool, ticket, call)
        match outcome:
            case Err(PendingApproval() as pending):
                await show(self.answering, context, call.tool, pending)
                if puts_off(self.answering, context, before):
                    outcome = await self._decided(context, call, ticket)
            case _:
                pass
        match outcome:
            case Err(PendingApproval() as pending):
                return paused(self.answering, context, call.tool, pending, before)
            case _:
                return self._told(call.tool, ticket, outcome)

    async def _polled(self, context: Context, ticket: str) -> dict[str, Any]:
        """Say what came of a ticket of this proxy's own."""
        run = await self._own_run(ticket)
        if run is None:
            return refused(UnknownTicket(ticket))
        tool = run.workflow.removeprefix("tool:")
        return self._told(tool, ticket, await self._made(context, tool, ticket, None))

    def _told(self, tool: str, ticket: str, outcome: Result[Performed, Any]) -> dict[str, Any]:
        match outcome:
            case Ok(performed):
                return executed(tool, performed)
            case Err(PendingApproval() as pending):
                return waiting(tool, pending, self.answering.url(pending))
            case Err(error):
                return refused(error, ticket)

    async def _own_run(self, ticket: str) -> RunRecord | None:
        """Give a ticket's run where it was asked for here: another server may have a tool of the same name."""
        match await self.gate.orchestrator.status(ticket):
            case Ok(details) if details.run.requested_by is not None and details.run.requested_by.name == self.agent:
                return details.run if details.run.workflow.startswith("tool:") else None
            case _:
                return None

    async def _decided(self, context: Context, call: ToolCall, ticket: str) -> Result[Performed, Any]:
        """Make a call as soon as it is approved, and give up waiting after a while."""
        until = anyio.current_time() + self.answering.wait.total_seconds()
        while True:
            outcome = await self._made(context, call.tool, ticket, call)
            left = until - anyio.current_time()
            if left <= 0 or not isinstance(outcome, Err) or not isinstance(outcome.failure(), PendingApproval):
                return outcome
            await anyio.sleep(min(_LOOK_AGAIN, left))

    async def _made(self, context: Context, tool: str, ticket: str, call: ToolCall | None) -> Result[Performed, Any]:
        """Make a call if it is approved; a client that goes away meanwhile does not cut it off."""
        await self.upstream.opened()  # before anything is claimed

        def cut_off() -> None:
            task.cancel()

        made = self.gate.execute(ticket, partial(self._make, context, tool, cut_off), call=call)
        task: asyncio.Task[Result[Performed, Any]] = asyncio.create_task(made)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done() and task.cancelled():
                return Err(OutcomeUnknown(ticket, tool))
            raise

    async def _make(
        self, context: Context, tool: str, cut_off: Callable[[], object], arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """Call the server. What it answers is what came of it, be it an error; no answer at all leaves a doubt."""
        try:
            approved = {"name": tool, "arguments": arguments}
            answer = await self.upstream.request("tools/call", approved, _progress(context))
        except MCPError as error:
            if error.code not in LOST:
                return server_error(error)
            cut_off()
            await asyncio.Event().wait()  # until that arrives
            raise
        if answer.get("resultType") == "input_required":
            return refused("the server asked for more than the arguments, which it cannot be given after an approval")
        return answer


def _progress(context: Context) -> Any:
    if not context.meta or context.meta.get("progress_token") is None:
        return None
    return context.session.report_progress
