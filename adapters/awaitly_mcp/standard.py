"""The process's own stdin and stdout as a connection: what else it reads and prints there meanwhile, goes elsewhere."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import IO

import anyio
from mcp.client._transport import TransportStreams
from mcp.server.stdio import stdio_server

from awaitly_mcp.lines import Connection, LinesIn, LinesOut
from awaitly_mcp.overlong import LONGEST_LINE

if sys.platform != "win32":
    import fcntl

__all__ = ["standard_streams"]

_IN, _OUT, _ERRORS = range(3)
_CHUNK = 65_536
_PATIENCE = 1.0
"""Seconds that the client has to read what was written for it last."""


def standard_streams(longest_line: int = LONGEST_LINE) -> Connection:
    """Connect to whoever has started this process; where the event loop cannot watch stdin and stdout, by threads.

    Then a line is as long as it is.
    """
    return _watched(longest_line) if sys.platform != "win32" and _are_pipes() else stdio_server()


def _are_pipes() -> bool:
    """Whether they are pipes or sockets, of which each is for one thing alone: no terminal, no file, none replaced."""
    try:
        if (sys.stdin.fileno(), sys.stdout.fileno()) != (_IN, _OUT):
            return False
        found = [os.fstat(number) for number in (_IN, _OUT, _ERRORS)]
    except (AttributeError, OSError, ValueError):
        return False
    apart = len({(each.st_dev, each.st_ino) for each in found}) == len(found)
    return apart and all(stat.S_ISFIFO(each.st_mode) or stat.S_ISSOCK(each.st_mode) for each in found[:_ERRORS])


@asynccontextmanager
async def _watched(longest_line: int) -> AsyncGenerator[TransportStreams]:
    with _taken(_IN) as stdin, _taken(_OUT) as stdout:
        async with _writing(stdout) as going, _reading(stdin, going, longest_line) as coming:
            yield coming, going


@contextmanager
def _taken(number: int) -> Generator[IO[bytes]]:
    """Take a standard stream, and have nothing in its place, or for stdout the stream for errors."""
    kept = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _ERRORS + 1)
    try:
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123  (no path of anybody's)
            os.dup2(nothing.fileno() if number == _IN else _ERRORS, number)
        with os.fdopen(os.dup(kept), "rb" if number == _IN else "wb", buffering=0) as own:
            yield own
    finally:
        os.set_blocking(kept, True)  # which the event loop has turned off, for whoever else has it too
        os.dup2(kept, number)
        os.close(kept)


@asynccontextmanager
async def _reading(pipe: IO[bytes], out: LinesOut, longest_line: int) -> AsyncGenerator[LinesIn]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)

    async def more() -> bytes:
        try:
            return await reader.read(_CHUNK)
        except ConnectionError:
            return b""

    async def close() -> None:
        transport.close()

    try:
        yield LinesIn(more, close, out, longest_line)
    finally:
        transport.close()


@asynccontextmanager
async def _writing(pipe: IO[bytes]) -> AsyncGenerator[LinesOut]:
    writer = await _writer(pipe)
    writer.transport.set_write_buffer_limits(high=0)  # so that it is waited for whoever reads

    async def write(message: bytes) -> None:
        try:
            writer.write(message)
            await writer.drain()
        except ConnectionError as error:
            raise anyio.BrokenResourceError from error

    async def close() -> None:
        writer.close()

    try:
        yield LinesOut(write, close)
    finally:
        writer.close()
        with anyio.move_on_after(_PATIENCE, shield=True) as waited, suppress(ConnectionError):
            await writer.wait_closed()
        if waited.cancelled_caught:
            writer.transport.abort()


async def _writer(pipe: IO[bytes]) -> asyncio.StreamWriter:
    if stat.S_ISSOCK(os.fstat(pipe.fileno()).st_mode):
        # Not as a pipe: a client that has shut down its own half of it would be taken for one that has gone.
        return (await asyncio.open_connection(sock=socket.socket(fileno=os.dup(pipe.fileno()))))[1]
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), pipe
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)
