"""Talking to a server beside the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from redis.asyncio import Redis, RedisCluster

__all__ = ["asked", "beside", "calls", "clients", "made", "until"]


@asynccontextmanager
async def beside(url: str) -> AsyncGenerator[Redis]:
    """Open a plain client of the same server."""
    client = made(url)
    try:
        yield client
    finally:
        await client.aclose()


def made(url: str, *, decode_responses: bool = False, max_connections: int | None = None) -> Redis:
    """Make a plain client, with the settings that the driver has by itself."""
    parts = urlsplit(url)
    return Redis(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 6379,
        db=int(parts.path.strip("/") or 0),
        username=parts.username,
        password=parts.password,
        decode_responses=decode_responses,
        max_connections=max_connections,
        client_name="beside",
    )


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something can be seen at a server, which tells of it by no event."""
    for _ in range(6000):
        if await holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to pass within half a minute")


async def asked(client: Redis | RedisCluster, *command: str | int | bytes) -> object:
    """Run a command."""
    return cast("object", await client.execute_command(*command))  # pyright: ignore[reportUnknownMemberType]  (as above)


async def calls(client: Redis) -> int:
    """Count the commands that the server has run, those of scripts included."""
    stats = cast("dict[str, dict[str, int]]", await asked(client, "INFO", "commandstats"))
    return sum(each["calls"] for each in stats.values())


async def clients(url: str, name: str = "awaitly") -> int:
    """Count the connections that a server has of clients with a name."""
    async with beside(url) as client:
        lines = await asked(client, "CLIENT", "LIST")
    return str(lines).count(f"name={name} ")
