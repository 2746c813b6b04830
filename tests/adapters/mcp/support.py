"""Servers in the test's own process, and the words of results."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from attrs import frozen
from mcp import Client
from mcp.client._memory import InMemoryTransport
from mcp.server import MCPServer, Server
from mcp_types import CallToolResult

from awaitly import Allow, Rules, ToolRule
from awaitly_mcp import GateProxy

__all__ = ["Inside", "allowing", "client_of", "said", "ticket_of"]


@frozen
class Inside:
    """A server in this process, to stand behind a proxy."""

    server: MCPServer | Server[Any]
    name: str = "bank"

    def transport(self) -> InMemoryTransport:
        """Connect to it."""
        return InMemoryTransport(self.server)


def allowing(tool: str) -> Rules:
    """Give rules by which one tool needs nobody."""
    return Rules([ToolRule(tools=(tool,), ruling=Allow())])


def client_of(proxy: GateProxy, mode: str, **options: Any) -> AbstractAsyncContextManager[Client]:
    """Give the one client of a proxy, which speaks with it as over stdin and stdout."""
    proxy.for_one()
    return _opened(proxy, mode, options)


@asynccontextmanager
async def _opened(proxy: GateProxy, mode: str, options: dict[str, Any]) -> AsyncGenerator[Client]:
    async with Client(InMemoryTransport(proxy), mode=mode, **options) as client:
        yield client


def said(result: object) -> str:
    """Give the texts of a result."""
    assert isinstance(result, CallToolResult)
    return "\n".join(block.text for block in result.content if block.type == "text")


def ticket_of(result: object) -> str:
    """Give the ticket that a result names."""
    assert isinstance(result, CallToolResult)
    return str((result.meta or {})["awaitly/ticket"]["id"])
