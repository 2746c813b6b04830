"""What a client is told of a gated call: results of `tools/call`, with words for models."""

from __future__ import annotations

import json
from typing import Any

from mcp import MCPError

from awaitly_mcp.core import PendingApproval, Performed, edit_notice
from awaitly_mcp.overlong import TOO_LONG
from awaitly_mcp.tools import TICKET

__all__ = ["executed", "refused", "server_error", "waiting"]

_MARK = "awaitly/ticket"


def refused(why: object, ticket: str | None = None) -> dict[str, Any]:
    """Say that a call was not made, or has no result, in words; an error to the client, as nothing has happened."""
    answer: dict[str, Any] = {"content": [_text(str(why))], "isError": True}
    return answer if ticket is None else {**answer, "_meta": {_MARK: {"id": ticket, "status": "ended"}}}


def waiting(tool: str, pending: PendingApproval, url: str | None = None) -> dict[str, Any]:
    """Say that a call waits, and how to learn what comes of it."""
    where = "" if url is None else f" People decide at {url}."
    words = (
        f"{tool} has not been called yet: the call waits for a person's approval, under ticket {pending.id}.{where} "
        f"Do not issue it again. Go on with something else, and later call {TICKET} with "
        f"{json.dumps({'id': pending.id})}: it gives the result, or says that the call was refused."
    )
    return {"content": [_text(words)], "isError": True, "_meta": {_MARK: {"id": pending.id, "status": "pending"}}}


def executed(tool: str, performed: Performed) -> dict[str, Any]:
    """Give what the server answered, and in so many words where a person had changed the arguments."""
    answer = _told(performed.value) if performed.replayed else dict(performed.value)
    notice = edit_notice(tool, performed)
    return answer if notice is None else {**answer, "content": [_text(notice), *answer.get("content", ())]}


def server_error(error: MCPError) -> dict[str, Any]:
    """Keep an error with which the server has answered as a result: it is what came of the call."""
    if error.code == TOO_LONG:
        return refused(f"the call was made, and its result cannot be had: {error.message}")
    return refused(f"the server refused the call: {error.message}")


def _told(value: Any) -> dict[str, Any]:
    """Give what the server answered as it is, and what a person says that the call gave as words."""
    match value:
        case {"content": list()}:
            return {**value}
        case str():
            return {"content": [_text(value)]}
        case _:
            return {"content": [_text(json.dumps(value, ensure_ascii=False))]}


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}
