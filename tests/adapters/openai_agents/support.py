"""An agent whose model follows a script, and which goes on from what it saved, as another process would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents import Agent, RunConfig, Runner, RunResult, RunState, Tool
from agents.items import TResponseOutputItem
from agents.testing import ScriptedModel, assistant_message, function_call

from awaitly import Gate, PendingApproval
from awaitly_openai_agents import gated, go_on

CONFIG = RunConfig(tracing_disabled=True)
CONTEXT = {"conversation_id": "thread-1"}
PAY_BOB = function_call("pay", {"to": "bob", "amount": 100}, call_id="call_1")
DONE = [assistant_message("done")]


def agent_of(tools: Sequence[Tool], *answers: Sequence[TResponseOutputItem]) -> Agent[Any]:
    """Give an agent whose model answers so."""
    return Agent(name="clerk", model=ScriptedModel([list(answer) for answer in answers]), tools=list(tools))


async def begin(gate: Gate, tools: Sequence[Tool], *calls: TResponseOutputItem, context: object = CONTEXT) -> RunResult:
    """Let an agent begin that wants these calls at once; a call of `PAY_BOB` where none is named."""
    agent = agent_of(gated(gate, tools), calls or [PAY_BOB], DONE)
    return await Runner.run(agent, "Go", context=context, run_config=CONFIG)


async def resume(gate: Gate, tools: Sequence[Tool], saved: str) -> RunResult:
    """Let it go on from a saved state."""
    agent = agent_of(gated(gate, tools), DONE)
    state = await RunState.from_string(agent, saved)
    await go_on(state)
    return await Runner.run(agent, state, run_config=CONFIG)


def saved_of(result: RunResult) -> str:
    """Give the state of a run that has paused."""
    assert result.interruptions
    return result.to_state().to_string()


def told(result: RunResult) -> list[Any]:
    """Give what the model got to read of its calls, as the SDK sends it."""
    items = [item.to_input_item() for item in result.new_items if item.type == "tool_call_output_item"]
    return [dict(item)["output"] for item in items]


async def asked(gate: Gate) -> PendingApproval:
    """Give the one call that waits for people."""
    (waiting,) = (await gate.pending()).items
    return waiting
