"""What Agno calls in a tool's place, and the call itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from agno.tools import Function
from agno.tools.function import FunctionCall
from attrs import evolve, frozen

from awaitly_agno.core import Actor, Err, Gate, Ok, PendingApproval, ToolCall, edit_notice
from awaitly_agno.errors import NotCalled
from awaitly_agno.results import gathered, kept, noted, read

__all__ = ["GOING", "Front", "Going", "Making"]


@frozen
class Going:
    """A call with which a run goes on: as people were asked about it, and its ticket, None where nobody was."""

    call: ToolCall
    ticket: str | None


GOING: ContextVar[Mapping[str, Going]] = ContextVar("going")
"""The calls with which a run goes on, by the ids that Agno has for them."""


@frozen
class Front:
    """What stands before a tool: it tells its calls apart, and has the gate make them."""

    gate: Gate
    tool: str
    schema: Mapping[str, Any]
    agent: Actor | str | None

    def call(self, conversation: str, call_id: str, arguments: Mapping[str, Any]) -> ToolCall:
        """Give a call as the gate knows it."""
        return ToolCall(
            tool=self.tool,
            arguments=self.completed(arguments),
            schema=self.schema,
            call_id=call_id,
            conversation=conversation,
            agent=self.agent,
        )

    def completed(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Give a call's arguments with the defaults of what the model left out."""
        properties: Mapping[str, Mapping[str, Any]] = self.schema["properties"]
        return {**{name: said["default"] for name, said in properties.items() if "default" in said}, **arguments}

    async def __call__(self, call_id: str | None, arguments: Mapping[str, Any], making: Making) -> Any:
        """Have the gate make a call. What keeps it from having a result is told to the model, in words.

        Raises `NotCalled`, which ends the attempt, where people have to answer first, and where the gate itself fails.
        """
        if (going := GOING.get({}).get(call_id or "")) is None:
            raise NotCalled(f"{self.tool} was not called: let the run go on by awaitly_agno.go_on(agent, run)")
        call = evolve(going.call, arguments=self.completed(arguments))
        try:
            if going.ticket is None:
                came = await self.gate.perform(call, making)
            else:
                came = await self.gate.execute(going.ticket, making, call=call)
        except Exception as exc:
            raise NotCalled(f"the gate failed, so {self.tool} was not called: {exc}") from exc
        match came:
            case Err(PendingApproval() as pending):
                raise NotCalled(str(pending))
            case Err(error):
                return str(error)
            case Ok(performed):
                given = read(performed.value) if performed.replayed else making.given
                return noted(given, edit_notice(self.tool, performed))


class Making:
    """Calls the tool itself, for the gate alone; `given` is what it gave here and now."""

    def __init__(self, tool: Function, seen: FunctionCall) -> None:
        self._tool = tool
        self._seen = seen
        self.given: Any = None

    async def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call the tool with the approved arguments. Raises `RuntimeError` where it raised."""
        came = await FunctionCall(function=self._approved(), arguments=arguments, call_id=self._seen.call_id).aexecute()
        if came.status == "failure":
            raise RuntimeError(came.error)
        self.given = await gathered(came.result)
        return kept(self.given)

    def _approved(self) -> Function:
        """Give the tool in its run. The hooks around it have been called by now, around the gate."""
        tool = self._seen.function.model_copy()
        tool.entrypoint = self._tool.entrypoint  # pyright: ignore[reportUnknownMemberType]  (of any callable)
        tool.pre_hook = tool.post_hook = tool.tool_hooks = None
        return tool
