"""What the model is told beside what a call gave, or in its place."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import ToolMessage
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command

from awaitly_langchain.results import is_list

__all__ = ["noted", "refused"]


def refused(request: ToolCallRequest, why: object) -> ToolMessage:
    """Tell the model why a call was not made, as its result."""
    call = request.tool_call
    return ToolMessage(str(why), name=call["name"], tool_call_id=call["id"] or "", status="error")


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
