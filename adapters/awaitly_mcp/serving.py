"""Serving over stdin and stdout, to one client, or over streamable HTTP on this machine, to any number."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from mcp.server import Server

from awaitly_mcp.core import DefinitionError
from awaitly_mcp.overlong import LONGEST_LINE
from awaitly_mcp.proxy import GateProxy
from awaitly_mcp.standard import standard_streams

__all__ = ["serve_http", "serve_stdio"]

_GRACE = 2


async def serve_stdio(server: Server[Any], *, longest_line: int = LONGEST_LINE) -> None:
    """Serve the client at stdin and stdout, until it closes them.

    `longest_line` is how many bytes of a message are read: one that is longer is refused.
    """
    if isinstance(server, GateProxy):
        server.for_one()
    async with standard_streams(longest_line) as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


@asynccontextmanager
async def serve_http(server: Server[Any], *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[str]:
    """Serve on this machine, and give the address. Port 0 takes one that is free.

    Nobody signs in, so a host that others can reach is refused with `DefinitionError`: for them, mount
    `server.streamable_http_app(auth=...)` instead. Raises `OSError` where the port is taken.
    """
    if not _is_loopback(host):
        msg = (
            f"{host!r} can be reached by others, and nobody signs in here: mount streamable_http_app(auth=...) instead"
        )
        raise DefinitionError(msg)
    app = server.streamable_http_app(host=host.strip("[]"))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host.strip("[]"), port), family=family) as listening:
        serving = _Quiet(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE))
        task = asyncio.create_task(serving.serve([listening]))
        try:
            yield f"http://{host}:{listening.getsockname()[1]}/mcp"
        finally:
            serving.should_exit = True
            await asyncio.gather(task, return_exceptions=True)


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever serves."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take over none."""
        yield


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
