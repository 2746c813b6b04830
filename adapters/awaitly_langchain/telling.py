"""What the model is told: with what a call was executed that a person edited, or why it was not made."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import ToolMessage
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command

from awaitly import ABSENT, AskPeople, Difference, Gate, Performed, ToolCall, differences, shown
from awaitly_langchain.results import is_list

__all__ = ["edit_notice", "noted", "refused"]


def refused(request: ToolCallRequest, why: object) -> ToolMessage:
    """Tell the model why a call was not made, as its result."""
    call = request.tool_call
    return ToolMessage(str(why), name=call["name"], tool_call_id=call["id"] or "", status="error")


def edit_notice(gate: Gate, call: ToolCall, performed: Performed) -> str | None:
    """Say with what a call was executed where a person changed it; of what is redacted, only that it was changed."""
    if performed.edited_by is None:
        return None
    ruling = gate.ruling(call.tool, performed.arguments)
    redact = ruling.redact if isinstance(ruling, AskPeople) else ()
    changes = differences(dict(call.arguments), performed.arguments, redact=redact)
    if not changes:
        return None
    return f"{call.tool} was executed with {', '.join(map(_said, changes))}, edited by a human; do not re-issue."


def noted(response: Any, notice: str | None, call_id: str) -> Any:
    """Put a notice at the head of the message that answers a call, wherever it stands in a response."""
    if notice is None:
        return response
    match response:
        case ToolMessage(tool_call_id=answered) if answered == call_id:
            content: str | list[Any] = response.content  # pyright: ignore[reportUnknownMemberType]  (a bare `list`)
            head: list[Any] = [{"type": "text", "text": notice}]
            return response.model_copy(
                update={"content": f"{notice}\n\n{content}" if isinstance(content, str) else head + content}
            )
        case _ if is_list(response):
            return [noted(each, notice, call_id) for each in response]
        case Command(update=dict(), graph=graph, goto=goto):
            update = cast("dict[str, Any]", response.update)
            told = {name: noted(each, notice, call_id) for name, each in update.items()}
            return Command(graph=graph, goto=goto, update=told)
        case _:
            return response


def _said(change: Difference) -> str:
    path = change.path.removeprefix("$").removeprefix(".")
    return f"no {path}" if change.after is ABSENT else f"{path}={shown(change.after)}"
