"""The framework's own pause: the request that an application sees, and the answer that lets the agent go on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent_framework import Content, FunctionInvocationContext, Message

from awaitly_agent_framework.core import PendingApproval, ToolCall

__all__ = ["go_on", "occurrence_of", "request", "ticket_of"]

_TICKET = "awaitly_ticket"
"""Under which name a request, and its answer, hold the id of a call's ticket."""


def occurrence_of(context: FunctionInvocationContext) -> str | None:
    """Give the framework's own id of this very call, which stays with it; models reuse theirs."""
    occurrence = context.metadata.get("function_call_occurrence_id")
    return occurrence if isinstance(occurrence, str) else None


def request(context: FunctionInvocationContext, call: ToolCall, pending: PendingApproval) -> Content:
    """Give what pauses the agent at a call."""
    occurrence = occurrence_of(context)
    function_call = Content.from_function_call(
        call_id=str(context.metadata["call_id"]),
        name=call.tool,
        arguments=json.dumps(dict(call.arguments)),
        id=occurrence,
    )
    return Content.from_function_approval_request(
        id=occurrence or "", function_call=function_call, additional_properties={_TICKET: pending.id}
    )


def ticket_of(context: FunctionInvocationContext) -> str | None:
    """Give the ticket that came back with the answer to a pause."""
    answer = context.metadata.get("approval_response")
    ticket = answer.additional_properties.get(_TICKET) if isinstance(answer, Content) else None
    return ticket if isinstance(ticket, str) else None


def go_on(requests: Sequence[Content]) -> Message:
    """Give what lets a paused agent go on: `agent.run(go_on(response.user_input_requests), session=session)`.

    It holds no decision and no arguments of its own: those are in the gate's store. What people have not decided yet
    pauses again. Requests that are somebody else's are left out.
    """
    gated = [each for each in requests if _TICKET in each.additional_properties]
    return Message("user", [each.to_function_approval_response(approved=True) for each in gated])
