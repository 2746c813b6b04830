"""From a pause back to the agent: each call goes to the gate again, which knows what people have said."""

from __future__ import annotations

from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults

__all__ = ["TICKET", "go_on"]

TICKET = "ticket"
"""Under which name a pause's metadata hold the id of a call's ticket."""


def go_on(requests: DeferredToolRequests) -> DeferredToolResults:
    """Give what lets a paused run go on: `agent.run(message_history=..., deferred_tool_results=go_on(requests))`.

    It holds no decision and no arguments: those are in the gate's store. What people have not decided yet pauses
    again. Calls that somebody else asked about are left out, for `DeferredToolResults.update`.
    """
    gated = {call.tool_call_id for call in requests.approvals} & {
        name for name, said in requests.metadata.items() if TICKET in said
    }
    return DeferredToolResults(
        approvals=dict.fromkeys(gated, True),
        metadata={name: {TICKET: requests.metadata[name][TICKET]} for name in gated},
    )
