"""Agents of Pydantic AI over its own fake model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from attrs import frozen
from pydantic import TypeAdapter
from pydantic_ai import Agent, AgentRunResult
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import DeferredToolRequests

from awaitly import Gate
from awaitly.testing.gate_contract import Place, Turn
from awaitly_pydantic_ai import GateTools, go_on

Output: TypeAlias = str | DeferredToolRequests
_REQUESTS = TypeAdapter(DeferredToolRequests)


def returned(messages: Sequence[ModelMessage]) -> list[ToolReturnPart]:
    """Give what the model was told by tools since its last response."""
    parts: list[ToolReturnPart] = []
    for message in reversed(messages):
        if isinstance(message, ModelResponse):
            break
        parts = [*(part for part in message.parts if isinstance(part, ToolReturnPart)), *parts]
    return parts


def model(*calls: ToolCallPart) -> FunctionModel:
    """Give a model that makes calls, and ends once it has their results."""

    async def answer(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        return ModelResponse([TextPart("done")] if returned(messages) else list(calls))

    return FunctionModel(answer)


def agent_of(gate: Gate, *tools: Callable[..., Any], calls: Sequence[ToolCallPart]) -> Agent[None, Output]:
    """Give an agent whose model makes calls of its tools, behind a gate."""
    return Agent(
        model(*calls),
        output_type=[str, DeferredToolRequests],
        tools=tools,
        capabilities=[GateTools[None](gate)],
        deps_type=type(None),
    )


@frozen
class Saved:
    """What an application keeps of a paused agent: its history, and what it waits for."""

    history: str
    waits: str

    @classmethod
    def of(cls, result: AgentRunResult[Output]) -> Saved:
        """Keep a result that is a pause."""
        assert isinstance(result.output, DeferredToolRequests)
        return cls(result.all_messages_json().decode(), _REQUESTS.dump_json(result.output).decode())

    async def goes_on(self, agent: Agent[None, Output], **options: Any) -> AgentRunResult[Output]:
        """Let an agent go on from here."""
        return await agent.run(
            message_history=ModelMessagesTypeAdapter.validate_json(self.history),
            deferred_tool_results=go_on(_REQUESTS.validate_json(self.waits)),
            **options,
        )


class PydanticDriver:
    """Runs the agent of the contract."""

    async def start(self, place: Place) -> Turn:
        """Let the agent begin."""
        async with place.gate() as gate:
            return self._turn(await self._agent(place, gate).run("settle the bills"))

    async def resume(self, place: Place, saved: str) -> Turn:
        """Let the agent go on."""
        async with place.gate() as gate:
            return self._turn(await Saved(*json.loads(saved)).goes_on(self._agent(place, gate)))

    def tampered(self, saved: str) -> str:
        """Change the amount in the history and in what is waited for."""
        history, waits = json.loads(saved)
        return json.dumps([text.replace('"amount":100', '"amount":1000000') for text in (history, waits)])

    def _agent(self, place: Place, gate: Gate) -> Agent[None, Output]:
        calls = (
            ToolCallPart("pay", {"to": "bob", "amount": 100}, "call-1"),
            ToolCallPart("read", {}, "call-2"),
            ToolCallPart("pay", {"to": "eve", "amount": 5}, "call-3"),
        )
        return agent_of(gate, place.pay, place.read, calls=calls)

    def _turn(self, result: AgentRunResult[Output]) -> Turn:
        told = [part for m in result.all_messages() for part in m.parts if isinstance(part, ToolReturnPart)]
        texts = tuple(part.model_response_str() for part in told)
        if isinstance(result.output, str):
            return Turn("", texts, over=True)
        saved = Saved.of(result)
        return Turn(json.dumps([saved.history, saved.waits]), texts)
