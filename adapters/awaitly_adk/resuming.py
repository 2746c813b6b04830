"""The framework's own pause, and from there back to the agent: the gate, and no session, knows what people said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from attrs import frozen
from google.adk.flows.llm_flows.functions import REQUEST_CONFIRMATION_FUNCTION_CALL_NAME as QUESTION
from google.adk.sessions import Session
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.adk.tools.tool_context import ToolContext
from google.genai import types

from awaitly_adk.core import Gate, Ok, PendingApproval, visible

__all__ = ["go_on", "pause", "ticket_of"]

_TICKET = "awaitly_ticket"
"""Under which name a question, and the answer to it, hold the id of a call's ticket."""


@frozen
class _Asked:
    """A question of the framework's that is a gate's: its own id, that of the call, and the ticket."""

    id: str
    call_id: str
    ticket: str


def pause(context: ToolContext, pending: PendingApproval) -> dict[str, Any]:
    """Pause the agent at a call; gives what stands for its result until then."""
    context.request_confirmation(hint=visible(pending.summary), payload={_TICKET: pending.id})
    context.actions.skip_summarization = True
    return {"error": "this call waits for a person, and was not made; do not re-issue"}


def ticket_of(confirmation: ToolConfirmation | None) -> str | None:
    """Give the ticket that came back with the answer to a pause."""
    return None if confirmation is None else _ticket_in(confirmation.payload)


async def go_on(gate: Gate, session: Session) -> types.Content | None:
    """Give what lets a paused agent go on, as the `new_message` of the runner; None while people have to answer.

    It holds tickets, no decision and no arguments: those are in the gate's store. Where a session has paused at several
    calls, all of them have to be answered, or the framework would let the agent talk on without the rest.
    """
    asked = _unanswered(session)
    if not asked or any([await _waits(gate, each.ticket) for each in asked]):
        return None
    return types.Content(role="user", parts=[_answer(each) for each in asked])


async def _waits(gate: Gate, ticket: str) -> bool:
    """Whether people have yet to answer; of a ticket that nobody knows the model is told."""
    match await gate.orchestrator.status(ticket):
        case Ok(details):
            return bool(details.pending)
        case _:
            return False


def _unanswered(session: Session) -> list[_Asked]:
    """Find the questions of a session that are a gate's and whose calls have no result since they were answered."""
    asked: dict[str, _Asked] = {}
    answered: set[str] = set()
    for event in session.events:
        for call in event.get_function_calls():
            if call.name == QUESTION and (question := _question(call)) is not None:
                asked[question.id] = question
        given = {each.id for each in event.get_function_responses() if each.id is not None}
        if event.author == "user":
            answered |= given
        else:
            over = [each.id for each in asked.values() if each.call_id in given and each.id in answered]
            asked = {name: each for name, each in asked.items() if name not in over}
    return list(asked.values())


def _question(call: types.FunctionCall) -> _Asked | None:
    match call.args:
        case {"originalFunctionCall": {"id": str(call_id)}, "toolConfirmation": {"payload": payload}}:
            ticket = _ticket_in(payload)
            return None if call.id is None or ticket is None else _Asked(call.id, call_id, ticket)
        case _:
            return None


def _answer(asked: _Asked) -> types.Part:
    answer = ToolConfirmation(confirmed=True, payload={_TICKET: asked.ticket})
    plain = answer.model_dump(mode="json", by_alias=True)
    return types.Part(function_response=types.FunctionResponse(id=asked.id, name=QUESTION, response=plain))


def _ticket_in(payload: object) -> str | None:
    ticket = cast("Mapping[str, object]", payload).get(_TICKET) if isinstance(payload, Mapping) else None
    return ticket if isinstance(ticket, str) else None
