"""Agents of Agno over a model that the test writes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from agno.agent import Agent
from agno.models.base import Model as BaseModel
from agno.models.message import Message
from agno.models.response import ModelResponse
from agno.run.agent import RunOutput

from awaitly import Gate
from awaitly.testing.gate_contract import Place, Turn
from awaitly_agno import gated, go_on

Call = tuple[str, dict[str, Any] | str, str | None]
"""A tool, its arguments, written down or not, and the id that the model gives the call, if it gives any."""


class Model(BaseModel):
    """Makes its calls, a list for each turn of its own, and ends; `told` is all that tools told it."""

    def __init__(self, *turns: Sequence[Call]) -> None:
        super().__init__(id="fake")
        self.turns = turns
        self.told: list[str] = []

    async def ainvoke(self, messages: list[Message], *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer."""
        self.told = [str(each.content) for each in messages if each.role == "tool"]
        made = sum(bool(each.tool_calls) for each in messages)
        if made >= len(self.turns):
            return ModelResponse(role="assistant", content="done")
        return ModelResponse(role="assistant", tool_calls=[_written(*each) for each in self.turns[made]])

    def invoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer whoever does not wait."""
        raise NotImplementedError

    def invoke_stream(self, *args: Any, **kwargs: Any) -> Iterator[ModelResponse]:
        """Answer bit by bit."""
        raise NotImplementedError

    async def ainvoke_stream(self, messages: list[Message], *args: Any, **kwargs: Any) -> AsyncIterator[ModelResponse]:
        """Answer in one bit."""
        yield await self.ainvoke(messages)

    def parse_tool_calls(self, tool_calls_data: list[Any]) -> list[dict[str, Any]]:
        """Put calls together, which came whole."""
        return tool_calls_data

    def _parse_provider_response(self, response: Any, **kwargs: Any) -> ModelResponse:
        raise NotImplementedError

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        raise NotImplementedError


def _written(name: str, arguments: dict[str, Any] | str, call_id: str | None) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def agent_of(gate: Gate, *tools: Any, model: Model, **options: Any) -> Agent:
    """Give an agent whose tools are behind a gate."""
    return Agent(model=model, tools=[*gated(gate, tools)], telemetry=False, **options)


async def ran(agent: Agent) -> RunOutput:
    """Let an agent run, without asking anybody."""
    return await agent.arun("settle the bills", session_id="s-1")  # pyright: ignore[reportUnknownMemberType]  (of any type)


def saved_of(run: RunOutput) -> str:
    """Give a run as text."""
    return json.dumps(run.to_dict())


def restored(saved: str) -> RunOutput:
    """Read a run."""
    return RunOutput.from_dict(json.loads(saved))


class AgnoDriver:
    """Runs the agent of the contract."""

    async def start(self, place: Place) -> Turn:
        """Let the agent begin."""
        async with place.gate() as gate:
            agent, model = self._agent(place, gate)
            return self._turn(model, await go_on(agent, await ran(agent)))

    async def resume(self, place: Place, saved: str) -> Turn:
        """Let the agent go on."""
        async with place.gate() as gate:
            agent, model = self._agent(place, gate)
            return self._turn(model, await go_on(agent, restored(saved)))

    def tampered(self, saved: str) -> str:
        """Change the amount wherever it stands."""
        return saved.replace('"amount": 100', '"amount": 1000000').replace('\\"amount\\": 100', '\\"amount\\": 1000000')

    def _agent(self, place: Place, gate: Gate) -> tuple[Agent, Model]:
        model = Model(
            [
                ("pay", {"to": "bob", "amount": 100}, "call-1"),
                ("read", {}, "call-2"),
                ("pay", {"to": "eve", "amount": 5}, "call-3"),
            ]
        )
        return agent_of(gate, place.pay, place.read, model=model), model

    def _turn(self, model: Model, run: RunOutput) -> Turn:
        return Turn(saved_of(run), tuple(model.told), over=run.content == "done")
