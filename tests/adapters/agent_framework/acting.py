"""Agents of Microsoft's Agent Framework over a model that the test writes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agent_framework import (
    Agent,
    AgentResponse,
    AgentSession,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
)
from attrs import frozen

from awaitly import Gate
from awaitly.testing.gate_contract import Place, Turn
from awaitly_agent_framework import GateMiddleware, go_on

Call = tuple[str, dict[str, Any], str]
"""A tool, its arguments, and the id that the model gives the call."""


def results_of(messages: Sequence[Message]) -> list[Content]:
    """Give what the model was told by tools."""
    return [each for message in messages for each in message.contents if each.type == "function_result"]


class Model(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """Makes its calls, a list for each turn of its own, and ends; `told` is all that tools told it."""

    def __init__(self, *turns: Sequence[Call]) -> None:
        super().__init__()
        self.turns = turns
        self.told: list[Content] = []

    def _inner_get_response(
        self, *, messages: Sequence[Message], stream: bool, options: Mapping[str, Any], **kwargs: Any
    ) -> Awaitable[ChatResponse]:
        return self._answer(messages)

    async def _answer(self, messages: Sequence[Message]) -> ChatResponse:
        self.told = results_of(messages)
        asked = sum(any(each.type == "function_call" for each in m.contents) for m in messages)
        if asked >= len(self.turns):
            return ChatResponse(messages=[Message("assistant", ["done"])])
        calls = [
            Content.from_function_call(call_id=call_id, name=name, arguments=json.dumps(arguments))
            for name, arguments, call_id in self.turns[asked]
        ]
        return ChatResponse(messages=[Message("assistant", calls)])


def agent_of(gate: Gate, *tools: Callable[..., Any], model: Model, before: Sequence[Any] = ()) -> Agent:
    """Give an agent whose tools are behind a gate."""
    return Agent(model, tools=list(tools), middleware=[*before, GateMiddleware(gate)])


@frozen
class Saved:
    """What an application keeps of a paused agent: its session, and what it waits for."""

    session: str
    waits: str

    @classmethod
    def of(cls, session: AgentSession, response: AgentResponse[Any]) -> Saved:
        """Keep a response that is a pause."""
        assert response.user_input_requests
        return cls(json.dumps(session.to_dict()), json.dumps([each.to_dict() for each in response.user_input_requests]))

    async def goes_on(self, agent: Agent) -> tuple[AgentSession, AgentResponse[Any]]:
        """Let an agent go on from here."""
        session = AgentSession.from_dict(json.loads(self.session))
        answer = go_on([Content.from_dict(each) for each in json.loads(self.waits)])
        return session, await agent.run(answer, session=session)


class AgentFrameworkDriver:
    """Runs the agent of the contract."""

    async def start(self, place: Place) -> Turn:
        """Let the agent begin."""
        async with place.gate() as gate:
            agent, model = self._agent(place, gate)
            session = agent.create_session()
            return self._turn(model, session, await agent.run("settle the bills", session=session))

    async def resume(self, place: Place, saved: str) -> Turn:
        """Let the agent go on."""
        async with place.gate() as gate:
            agent, model = self._agent(place, gate)
            return self._turn(model, *await Saved(*json.loads(saved)).goes_on(agent))

    def tampered(self, saved: str) -> str:
        """Change the amount wherever it stands."""
        session, waits = json.loads(saved)
        return json.dumps([text.replace('\\"amount\\": 100', '\\"amount\\": 1000000') for text in (session, waits)])

    def _agent(self, place: Place, gate: Gate) -> tuple[Agent, Model]:
        model = Model(
            [
                ("pay", {"to": "bob", "amount": 100}, "call-1"),
                ("read", {}, "call-2"),
                ("pay", {"to": "eve", "amount": 5}, "call-3"),
            ]
        )
        return agent_of(gate, place.pay, place.read, model=model), model

    def _turn(self, model: Model, session: AgentSession, response: AgentResponse[Any]) -> Turn:
        told = tuple(str(each.result) for each in model.told)
        if not response.user_input_requests:
            return Turn("", told, over=response.text == "done")
        saved = Saved.of(session, response)
        return Turn(json.dumps([saved.session, saved.waits]), told)
