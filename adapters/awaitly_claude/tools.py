"""The application's own tools, which the SDK calls in this process: through the gate, whatever the CLI does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

import claude_agent_sdk
from claude_agent_sdk import McpSdkServerConfig, SdkMcpTool, create_sdk_mcp_server, tool

from awaitly_claude.asking import Asking
from awaitly_claude.core import (
    DefinitionError,
    Err,
    GateInterruption,
    Ok,
    PendingApproval,
    Performed,
    Result,
    TamperedCall,
    ToolCall,
    UnknownTicket,
    edit_notice,
)
from awaitly_claude.results import kept, noted, read, refused
from awaitly_claude.words import TICKET, waiting_for_result

__all__ = ["Tools"]

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

_ABOUT = (
    "Some calls of the other tools wait for a person's approval; they answer with a ticket's id. Call this with that "
    "id, later and as often as needed: it says that the call still waits, or gives the call's own result, or says why "
    "the call was refused. It cannot approve anything."
)


class Tools:
    """Puts tools behind a gate, and tells what came of calls that waited."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._tools: dict[str, SdkMcpTool[Any]] = {}
        self.names: set[str] = set()

    def server(self, name: str, tools: Iterable[SdkMcpTool[Any]]) -> McpSdkServerConfig:
        """Make a server of tools that are behind the gate. Raises `DefinitionError` for a second tool of one name."""
        fronts = [self._behind(each) for each in tools]
        own = tool(TICKET, _ABOUT, {"id": str})(partial(self._polled, frozenset(front.name for front in fronts)))
        self.names |= {f"mcp__{name}__{each.name}" for each in (*fronts, own)}
        return create_sdk_mcp_server(name, tools=[*fronts, own])

    def _behind(self, inner: SdkMcpTool[Any]) -> SdkMcpTool[Any]:
        if inner.name in self._tools or inner.name == TICKET:
            raise DefinitionError(f"two tools are called {inner.name!r}: a ticket has to say which one it is for")
        self._tools[inner.name] = inner
        return replace(inner, handler=partial(self._called, inner, _schema_of(inner)))

    async def _called(
        self, inner: SdkMcpTool[Any], schema: Mapping[str, Any], arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """Have the gate make a call. What keeps it from having a result is told to the model, in words."""
        making = _Making(inner.handler)
        came = await self._asking.gate.perform(self._asking.call(inner.name, arguments, schema), making)
        return self._told(inner.name, came, making)

    async def _polled(self, names: frozenset[str], arguments: dict[str, Any]) -> dict[str, Any]:
        """Say what came of a ticket of this conversation, and make its call where that was approved."""
        ticket = str(arguments["id"])
        call = await self._call_of(ticket)
        inner = None if call is None or call.tool not in names else self._tools.get(call.tool)
        if call is None or inner is None:
            return refused(UnknownTicket(ticket))
        making = _Making(inner.handler)
        match await self._asking.gate.execute(ticket, making, call=call):
            case Err(TamperedCall()):  # it is another agent's, or of another conversation
                return refused(UnknownTicket(ticket))
            case came:
                self._asking.answered(ticket)
                return self._told(call.tool, came, making)

    async def _call_of(self, ticket: str) -> ToolCall | None:
        """Give the call of a ticket, as it would have been made in this conversation; None where there is none."""
        match await self._asking.gate.orchestrator.status(ticket):
            case Ok(details) if details.approvals:
                tool = details.run.workflow.removeprefix("tool:")
                return self._asking.call(tool, json.loads(details.approvals[0].proposal))
            case _:
                return None

    def _told(self, name: str, came: Result[Performed, GateInterruption], making: _Making) -> dict[str, Any]:
        match came:
            case Err(PendingApproval() as pending):
                self._asking.waits(pending)
                return refused(waiting_for_result(name, pending))
            case Err(error):
                return refused(error)
            case Ok(performed):
                self._asking.answered(performed.ticket)
                given = read(performed.value) if making.given is None else making.given
                return noted(given, edit_notice(name, performed))


class _Making:
    """Calls the tool itself, for the gate alone; `given` is what it gave here and now."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.given: dict[str, Any] | None = None

    async def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.given = await self._handler(arguments)
        return kept(self.given)


def _schema_of(inner: SdkMcpTool[Any]) -> dict[str, Any]:
    """Give the JSON Schema by which the SDK itself checks a tool's arguments: an edit has to keep it too."""
    build: Any = claude_agent_sdk._build_input_schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (it says it nowhere else)
    return cast("dict[str, Any]", build(inner))
