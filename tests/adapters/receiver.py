"""An HTTP receiver on loopback: keeps what is posted, and answers what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

from attrs import define, field, frozen

__all__ = ["Posted", "Receiver", "receiving"]


@frozen
class Posted:
    """One request."""

    line: str
    headers: Mapping[str, str]
    body: bytes


@define(eq=False)
class Receiver:
    """What has come, in `posted`; `answer` is sent back, and while it is empty nothing is."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    posted: list[Posted] = field(factory=list[Posted])
    port: int = 0
    open: int = 0
    came: asyncio.Event = field(factory=asyncio.Event)
    gone: asyncio.Event = field(factory=asyncio.Event)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, until the other side ends it."""
        self.open += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._serve(reader, writer)
        self.open -= 1
        self.gone.set()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        self.posted.append(Posted(head[0], headers, await reader.readexactly(int(headers["content-length"]))))
        self.came.set()
        if self.answer:
            writer.write(self.answer)
            await writer.drain()
        await reader.read()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Receiver]:
    """Open a receiver on a free port of 127.0.0.1."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()
