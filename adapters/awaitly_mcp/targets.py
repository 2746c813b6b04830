"""The server behind the proxy: a program that is started, or an address."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import PurePath
from typing import Protocol
from urllib.parse import urlsplit

import httpx2
from attrs import Factory, field, frozen
from mcp.client import Transport
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client

from awaitly_mcp.overlong import LONGEST_LINE
from awaitly_mcp.programs import started

__all__ = ["Program", "RemoteServer", "Target"]

_OURS = "AWAITLY_"
_TIMEOUT = httpx2.Timeout(30, read=300)


class Target(Protocol):
    """A server that can be connected to, again after the connection is lost."""

    @property
    def name(self) -> str:
        """Name the server, the same after every start and unlike every other one."""
        ...

    def transport(self) -> Transport:
        """Give a connection that is not open yet."""
        ...


def _inherited() -> dict[str, str]:
    """Give this process's environment without our own settings: the server needs its keys, and never the store's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


@frozen
class Program:
    """A server that is a program: it is started by the proxy, and spoken to over its stdin and stdout.

    `longest_line` is how many bytes of a message from it are read: one that is longer is an error.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default=Factory(_inherited), repr=False)
    longest_line: int = field(default=LONGEST_LINE, kw_only=True)

    @property
    def name(self) -> str:
        """Name it, the same after every start of this very command."""
        return f"{PurePath(self.command[0]).name}-{_short(*self.command)}"

    def transport(self) -> Transport:
        """Give what starts it."""
        return started(self.command, self.env, self.longest_line)


@frozen
class RemoteServer:
    """A server at an address, spoken to over streamable HTTP; `headers` may hold what authenticates the proxy."""

    url: str
    headers: Mapping[str, str] = field(default=Factory(dict[str, str]), repr=False)

    @property
    def name(self) -> str:
        """Name it."""
        return f"{urlsplit(self.url).hostname}-{_short(self.url)}"

    def transport(self) -> Transport:
        """Give what connects to it."""
        return _connected(self.url, self.headers)


@asynccontextmanager
async def _connected(url: str, headers: Mapping[str, str]) -> AsyncGenerator[TransportStreams]:
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=_TIMEOUT) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


def _short(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:8]
