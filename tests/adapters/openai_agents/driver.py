"""An agent of the OpenAI Agents SDK over its own scripted model, in processes that end and die."""

from __future__ import annotations

import json
from typing import Any

from agents import Agent, RunConfig, Runner, RunResult, RunState, function_tool
from agents.run_config import ToolExecutionConfig
from agents.testing import ScriptedModel, assistant_message, function_call

from awaitly.testing.gate_contract import Place, Turn
from awaitly_openai_agents import gated, go_on

CONFIG = RunConfig(tracing_disabled=True, tool_execution=ToolExecutionConfig(max_function_tool_concurrency=1))
CALLS = [
    function_call("pay", {"to": "bob", "amount": 100}, call_id="call_1"),
    function_call("read", {}, call_id="call_2"),
    function_call("pay", {"to": "eve", "amount": 5}, call_id="call_3"),
]


class OpenAIAgentsDriver:
    """Saves the state that the SDK writes, and what the model had been told by then stands in it."""

    async def start(self, place: Place) -> Turn:
        """Begin."""
        async with place.gate() as gate:
            model = ScriptedModel([CALLS, [assistant_message("done")]])
            agent = Agent(name="clerk", model=model, tools=gated(gate, _tools(place)))
            context = {"conversation_id": "thread-1"}
            return _turn(await Runner.run(agent, "Pay them", context=context, run_config=CONFIG))

    async def resume(self, place: Place, saved: str) -> Turn:
        """Go on."""
        async with place.gate() as gate:
            model = ScriptedModel([[assistant_message("done")]])
            agent = Agent(name="clerk", model=model, tools=gated(gate, _tools(place)))
            state = await RunState.from_string(agent, saved)
            await go_on(state)
            return _turn(await Runner.run(agent, state, run_config=CONFIG))

    def tampered(self, saved: str) -> str:
        """Change the amount wherever it stands, and have the SDK forget by what it would notice that."""
        state = json.loads(saved.replace('\\"amount\\":100}', '\\"amount\\":1000000}'))
        state["context"]["tool_invocations"] = {}
        return json.dumps(state)


def _tools(place: Place) -> list[Any]:
    return [function_tool(place.pay), function_tool(place.read)]


def _turn(result: RunResult) -> Turn:
    told = [item.output for item in result.new_items if item.type == "tool_call_output_item"]
    return Turn(result.to_state().to_string(), tuple(map(str, told)), over=not result.interruptions)
