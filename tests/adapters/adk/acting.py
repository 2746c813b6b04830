"""Agents of Google's Agent Development Kit over a model that the test writes."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from attrs import field, frozen
from google.adk.agents import LlmAgent
from google.adk.apps import App, ResumabilityConfig
from google.adk.models import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.plugins import BasePlugin
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService, Session
from google.adk.tools.base_tool import BaseTool
from google.genai import types
from pydantic import PrivateAttr

from awaitly import Gate
from awaitly.testing.gate_contract import Place, Turn
from awaitly_adk import GatePlugin, go_on

# The framework imports it when an agent first runs: here it is done once, rather than in each life of an agent.
importlib.import_module("google.adk.auth.auth_preprocessor")

Call = tuple[str, dict[str, Any], str | None]
"""A tool, its arguments, and the id that the model gives the call, if it gives any."""
Tool = Callable[..., Any] | BaseTool


class Model(BaseLlm):
    """Makes its calls, a list for each turn of its own, and ends; `told` is all that tools told it."""

    _turns: Sequence[Sequence[Call]] = PrivateAttr()
    _told: list[types.FunctionResponse] = PrivateAttr(default_factory=list[types.FunctionResponse])

    def __init__(self, *turns: Sequence[Call]) -> None:
        super().__init__(model="fake")
        self._turns = turns

    @property
    def told(self) -> list[Any]:
        """What the model heard from tools, the last time that it was asked."""
        return [each.response for each in self._told]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Answer."""
        parts = [part for content in llm_request.contents for part in content.parts or []]
        self._told = [part.function_response for part in parts if part.function_response is not None]
        made = sum(
            any(part.function_call is not None for part in content.parts or []) for content in llm_request.contents
        )
        yield LlmResponse(content=types.Content(role="model", parts=self._parts(made)))

    def _parts(self, made: int) -> list[types.Part]:
        if made >= len(self._turns):
            return [types.Part(text="done")]
        return [
            types.Part(function_call=types.FunctionCall(name=name, args=arguments, id=call_id))
            for name, arguments, call_id in self._turns[made]
        ]


@frozen
class World:
    """An agent behind a gate, and where its sessions are kept."""

    gate: Gate
    agent: LlmAgent
    plugins: tuple[BasePlugin, ...] = ()
    resumable: bool = False
    sessions: InMemorySessionService = field(factory=InMemorySessionService)

    @classmethod
    def of(
        cls,
        gate: Gate,
        *tools: Tool,
        model: Model,
        before: Sequence[BasePlugin] = (),
        resumable: bool = False,
        **options: Any,
    ) -> World:
        """Make an agent with tools."""
        agent = LlmAgent(name="clerk", model=model, tools=list(tools), **options)
        return cls(gate, agent, (*before, GatePlugin(gate)), resumable)

    async def begins(self, text: str = "go") -> Session:
        """Let the agent begin; gives its session as it is then."""
        await self.sessions.create_session(app_name="bank", user_id="ben", session_id="s-1")
        return await self.hears(types.Content(role="user", parts=[types.Part(text=text)]))

    async def hears(self, message: types.Content) -> Session:
        """Let the agent run with a message."""
        resumability = ResumabilityConfig(is_resumable=True) if self.resumable else None
        app = App(name="bank", root_agent=self.agent, plugins=list(self.plugins), resumability_config=resumability)
        async with Runner(app=app, session_service=self.sessions) as runner:
            async for _ in runner.run_async(user_id="ben", session_id="s-1", new_message=message):
                pass
        return await self.session()

    async def session(self) -> Session:
        """Give the session as it is kept."""
        found = await self.sessions.get_session(app_name="bank", user_id="ben", session_id="s-1")
        assert found is not None
        return found

    async def goes_on(self, saved: str) -> Session:
        """Let the agent go on from a saved session, if people have answered; else give that."""
        session = await self.restored(saved)
        message = await go_on(self.gate, session)
        return session if message is None else await self.hears(message)

    async def restored(self, saved: str) -> Session:
        """Put a saved session in the place of what is kept."""
        read = Session.model_validate_json(saved)
        await self.sessions.delete_session(app_name="bank", user_id="ben", session_id="s-1")
        kept = await self.sessions.create_session(app_name="bank", user_id="ben", session_id="s-1", state=read.state)
        for event in read.events:
            await self.sessions.append_event(kept, event)
        return await self.session()


def saved_of(session: Session) -> str:
    """Give a session as text."""
    return session.model_dump_json()


def said_by(session: Session) -> str | None:
    """Give the last text that the agent said."""
    texts = [part.text for event in session.events for part in (event.content and event.content.parts) or []]
    return texts[-1] if texts else None


class AdkDriver:
    """Runs the agent of the contract."""

    resumable = False

    async def start(self, place: Place) -> Turn:
        """Let the agent begin."""
        async with place.gate() as gate:
            world, model = self._world(place, gate)
            return self._turn(model, await world.begins("settle the bills"))

    async def resume(self, place: Place, saved: str) -> Turn:
        """Let the agent go on."""
        async with place.gate() as gate:
            world, model = self._world(place, gate)
            return self._turn(model, await world.goes_on(saved))

    def tampered(self, saved: str) -> str:
        """Change the amount wherever it stands."""
        return saved.replace('"amount":100', '"amount":1000000')

    def _world(self, place: Place, gate: Gate) -> tuple[World, Model]:
        model = Model(
            [
                ("pay", {"to": "bob", "amount": 100}, None),
                ("read", {}, None),
                ("pay", {"to": "eve", "amount": 5}, None),
            ]
        )
        return World.of(gate, place.pay, place.read, model=model, resumable=self.resumable), model

    def _turn(self, model: Model, session: Session) -> Turn:
        return Turn(saved_of(session), tuple(map(str, model.told)), over=said_by(session) == "done")


class ResumableAdkDriver(AdkDriver):
    """The same with an application that may be resumed."""

    resumable = True
