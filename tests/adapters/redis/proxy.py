"""A server between a client and Redis, which loses what it is told to lose."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from attrs import define, field

__all__ = ["Proxy", "proxied"]

_AT_ONCE = 1 << 20


@define(eq=False)
class Proxy:
    """Passes everything on, but for replies to requests with `marked` in them: of those it loses the next `losing`.

    Where a reply is lost the connection ends; while it is `refusing` none can be made. `requests` has what went
    through, one item each time that something came from a client. `has_lost` is set at the first loss.
    """

    host: str
    port: int
    marked: bytes = b"EVALSHA"
    losing: int = 0
    refusing: bool = False
    lost: int = 0
    has_lost: asyncio.Event = field(factory=asyncio.Event)
    requests: list[bytes] = field(factory=list[bytes])
    at: int = 0
    _tasks: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]])

    @property
    def url(self) -> str:
        """The address that leads through here."""
        return f"redis://127.0.0.1:{self.at}/0"

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Stand between one client and the server."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self.refusing:
                await self._pass(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def end(self) -> None:
        """End every connection."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(self, reader: StreamReader, writer: StreamWriter) -> None:
        back, forth = await asyncio.open_connection(self.host, self.port)
        marked = asyncio.Event()
        there = asyncio.create_task(self._forward(reader, forth, marked))
        try:
            while answer := await back.read(_AT_ONCE):
                if marked.is_set() and self.losing and b"NOSCRIPT" not in answer:
                    self.losing -= 1
                    self.lost += 1
                    self.has_lost.set()
                    return
                marked.clear()
                writer.write(answer)
                await writer.drain()
        finally:
            there.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await there
            forth.close()

    async def _forward(self, reader: StreamReader, forth: StreamWriter, marked: asyncio.Event) -> None:
        while request := await reader.read(_AT_ONCE):
            self.requests.append(request)
            if self.marked in request:
                marked.set()
            forth.write(request)
            await forth.drain()
        forth.close()


@asynccontextmanager
async def proxied(url: str) -> AsyncGenerator[Proxy]:
    """Open a way to a server that loses replies."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or 6379)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.at = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()
