"""From a pause back to the run: the gate, and not the saved state, knows what people have said."""

from __future__ import annotations

from typing import Any

from agents import Agent, FunctionTool, RunState
from agents.items import ToolApprovalItem

from awaitly_openai_agents.core import PendingApproval
from awaitly_openai_agents.invoking import Gated

__all__ = ["go_on"]


async def go_on(state: RunState[Any, Agent[Any]]) -> tuple[PendingApproval, ...]:
    """Let a state go on with each gated call that people have answered, and give what still waits for them.

    `Runner.run(agent, state)` then makes what was approved, tells the model what was not, and pauses again for the
    rest. Nothing of what people said is put into the state. Calls of tools without a gate are left to the caller.
    """
    waiting: list[PendingApproval] = []
    run = state._context  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (a state shows its context nowhere else)
    context = None if run is None else run.context
    for item in state.get_interruptions():
        if (front := _front_of(item)) is None:
            continue
        pending = await front.waits(context, item.call_id or "", item.arguments)
        if pending is None:
            state.approve(item)
        else:
            waiting.append(pending)
    return tuple(waiting)


def _front_of(item: ToolApprovalItem) -> Gated | None:
    """Give what stands before the tool that a pause is about; None where that is no gate."""
    for tool in item.agent.tools:
        if isinstance(tool, FunctionTool) and tool.qualified_name == item.qualified_name:
            hook: object = tool.on_invoke_tool
            return hook if isinstance(hook, Gated) else None
    return None
