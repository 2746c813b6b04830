"""Serving the inbox on this machine, for one person who develops: nobody signs in, and nobody else gets in.

For real use mount `web_app` with an `authenticate` of your own.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

from attrs import frozen
from starlette.types import ASGIApp

try:
    import uvicorn
except ModuleNotFoundError as exc:
    missing = "serving needs a package that is missing (uvicorn): pip install 'awaitly[serve]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc

from awaitly_web.asgi import web_app
from awaitly_web.core import Actor, DefinitionError, Orchestrator
from awaitly_web.permissions import EVERYTHING, Permission
from awaitly_web.values import Request

__all__ = ["OnlyHere", "app_served", "inbox_served", "is_loopback"]

_GRACE = 1
_LARGEST_MESSAGE = 1_024
"""Bytes of a WebSocket's message: none is taken, so that none need be larger."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@frozen
class OnlyHere:
    """Takes whoever calls from this machine for one person: for development alone.

    A request must also name this machine as its host. Otherwise a page of any other site could have its own name lead
    here, and decide.
    """

    actor: Actor

    async def __call__(self, request: Request) -> Actor | None:
        """Give the person, to requests from here."""
        named = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        here = request.client is not None and is_loopback(request.client) and is_loopback(named)
        return self.actor if here else None


def _everything(_: Actor) -> frozenset[Permission]:
    return EVERYTHING


class _Server(uvicorn.Server):
    """Leaves signals to whoever serves."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take over none."""
        yield


@asynccontextmanager
async def inbox_served(
    orchestrator: Orchestrator, actor: Actor, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[str]:
    """Serve the inbox of an orchestrator that is open, to one person on this machine, and give its address.

    Port 0 takes one that is free. Raises `DefinitionError` for a host that others can reach, and `OSError` where the
    port is taken.
    """
    if not is_loopback(host):
        msg = f"{host!r} can be reached by others, and nobody signs in here: mount web_app(..., authenticate=) instead"
        raise DefinitionError(msg)
    app = web_app(orchestrator, authenticate=OnlyHere(actor), permits=_everything)
    with socket.create_server((host.strip("[]"), port), family=_family(host)) as listening:
        shown = f"[{host.strip('[]')}]" if ":" in host else host
        async with app_served(app, listening):
            yield f"http://{shown}:{listening.getsockname()[1]}/"


@asynccontextmanager
async def app_served(app: ASGIApp, listening: socket.socket) -> AsyncGenerator[None]:
    """Serve an application on a socket that listens, and leave signals alone; open streams are cut at the end."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
        ws_max_size=_LARGEST_MESSAGE,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
