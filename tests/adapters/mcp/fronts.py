"""A proxy with any server behind it and any client before it: in this process, or over HTTP on either side."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
from attrs import define, field, frozen
from mcp import Client
from mcp.client import Transport
from mcp.server import MCPServer, NotificationOptions, Server
from mcp.server.runner import serve_loop
from mcp.shared.memory import create_client_server_memory_streams

from awaitly import Gate, MemoryStore, Rules
from awaitly_mcp import Answering, GateProxy, RemoteServer, Target, serve_http
from tests.adapters.mcp.support import Inside, client_of

__all__ = ["Front", "Older", "fronted"]


@frozen
class Older:
    """A server in this process that speaks no protocol after 2025-11-25."""

    server: Server[Any]
    name: str = "older"

    def transport(self) -> Transport:
        """Connect to it."""
        return self._connected()

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Any]:
        async with create_client_server_memory_streams() as (near, far), anyio.create_task_group() as side:
            serving: Any = serve_loop
            tells = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
            options = self.server.create_initialization_options(tells)
            side.start_soon(lambda: serving(self.server, *far, lifespan_state={}, init_options=options))
            yield near
            side.cancel_scope.cancel()


@define
class Front:
    """Where clients of a proxy connect."""

    proxy: GateProxy
    gate: Gate
    address: str | None
    _stack: AsyncExitStack = field(factory=AsyncExitStack)

    async def client(self, mode: str, **options: Any) -> Client:
        """Connect a client, until the test ends."""
        connected: AbstractAsyncContextManager[Client]
        if self.address is None:
            connected = client_of(self.proxy, mode, **options)
        else:
            connected = Client(self.address, mode=mode, **options)
        return await self._stack.enter_async_context(connected)


@asynccontextmanager
async def fronted(
    server: MCPServer, front: str, back: str, rules: Rules | None = None, **options: Any
) -> AsyncGenerator[Front]:
    """Put a proxy before a server: `front` is pipe or http, `back` is inside, older or http."""
    lowlevel = server._lowlevel_server  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    async with AsyncExitStack() as stack:
        target: Target = Inside(server)
        if back == "older":
            target = Older(lowlevel)
        elif back == "http":
            target = RemoteServer(await stack.enter_async_context(serve_http(lowlevel)))
        gate = await stack.enter_async_context(Gate(MemoryStore(), rules=[] if rules is None else [rules]))
        chosen: dict[str, Any] = {"answering": Answering(wait=None), **options}
        proxy = GateProxy(gate, target, **chosen)
        address = await stack.enter_async_context(serve_http(proxy)) if front == "http" else None
        yield Front(proxy, gate, address, await stack.enter_async_context(AsyncExitStack()))
