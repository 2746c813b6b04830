"""Following live updates over real HTTP: as server-sent events, and over WebSockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect

from awaitly_web.serving import app_served

__all__ = ["Event", "Next", "bearing", "listening", "served_at", "streaming", "talking"]

Event: TypeAlias = tuple[str, str]
"""The name of an event, and its id."""
Next: TypeAlias = Callable[[], Awaitable[Event]]
"""Gives the next event of a stream."""


@asynccontextmanager
async def served_at(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an application with uvicorn, and give where."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as bound:
        async with app_served(app, bound):
            yield f"127.0.0.1:{bound.getsockname()[1]}"


def bearing(told: str) -> Mapping[str, str]:
    """Give the headers of somebody, as `ann:decider`."""
    return {"authorization": f"Bearer {told}"} if told else {}


@asynccontextmanager
async def streaming(at: str, path: str, told: str) -> AsyncGenerator[Next]:
    """Read server-sent events."""
    reader, writer = await asyncio.open_connection(*at.split(":"))
    headers = {"host": at, **bearing(told)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())

    async def following() -> Event:
        found: dict[str, str] = {}
        while not {"event", "id"} <= found.keys():
            line = await reader.readline()
            assert line, "the stream has ended"
            name, colon, value = line.decode().rstrip("\r\n").partition(": ")
            if colon:
                found[name] = value
        return found["event"], found["id"]

    try:
        status = await reader.readline()
        assert b" 200 " in status, status
        yield following
    finally:
        writer.close()


def talking(at: str, path: str, told: str, **headers: str) -> connect:
    """Open a WebSocket."""
    sent = {**bearing(told), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return connect(f"ws://{at}{path}", additional_headers=sent, proxy=None)


@asynccontextmanager
async def listening(at: str, path: str, told: str) -> AsyncGenerator[Next]:
    """Read the events of a WebSocket."""
    async with talking(at, path, told) as connection:
        yield lambda: _next(connection)


async def _next(connection: ClientConnection) -> Event:
    while True:
        message: dict[str, Any] = json.loads(await connection.recv())
        if message["event"] != "alive":
            return message["event"], message["id"]
