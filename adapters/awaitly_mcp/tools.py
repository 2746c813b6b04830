"""The server's tools as it lists them, with the proxy's own beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mcp_types as types

from awaitly_mcp.upstream import Upstream

__all__ = ["TICKET", "Tools", "listed"]

TICKET = "awaitly_ticket"
"""The tool by which a client learns what came of a call that waited."""

_PAGES = 100
_TICKET_TOOL: Mapping[str, Any] = {
    "name": TICKET,
    "title": "What came of a call that waits for approval",
    "description": (
        "Some calls of the other tools wait for a person's approval; they answer with a ticket's id. Call this with "
        "that id, later and as often as needed: it says that the call still waits, or gives the call's own result, or "
        "says why the call was refused. It cannot approve anything."
    ),
    "inputSchema": {
        "type": "object",
        "properties": {"id": {"type": "string", "description": "The ticket's id."}},
        "required": ["id"],
        "additionalProperties": False,
    },
}


def listed(page: Mapping[str, Any]) -> dict[str, Any]:
    """Give a page of the server's tools as it is, and behind the last the proxy's own, which hides a namesake."""
    tools = [tool for tool in page.get("tools", ()) if tool.get("name") != TICKET]
    own = [] if page.get("nextCursor") else [dict(_TICKET_TOOL)]
    return {**page, "tools": [*tools, *own]}


class Tools:
    """Knows the schemas of the server's tools."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._schemas: dict[str, dict[str, Any]] = {}

    async def schema_of(self, tool: str) -> dict[str, Any] | None:
        """Give the JSON Schema of a tool's arguments; None for one that the server does not list."""
        if tool not in self._schemas:
            self._schemas = await self._listed()
        return self._schemas.get(tool)

    def forget(self) -> None:
        """Ask the server again, which has said that its tools are others now."""
        self._schemas = {}

    async def _listed(self) -> dict[str, dict[str, Any]]:
        session = (await self._upstream.opened()).session
        schemas: dict[str, dict[str, Any]] = {}
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
            schemas |= {tool.name: tool.input_schema for tool in page.tools}
            cursor = page.next_cursor
            if cursor is None:
                break
        return schemas
