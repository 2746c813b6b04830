"""JSON-RPC messages, a line each, as streams of the SDK's that need no task and no thread of their own.

To hand a message from one task to another, or from a thread to the event loop, costs more than to read it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Self, TypeAlias

import anyio
import mcp_types as types
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

from awaitly_mcp.overlong import LONGEST_LINE, Overlong, Remains

__all__ = ["Connection", "LinesIn", "LinesOut"]

Connection: TypeAlias = AbstractAsyncContextManager[TransportStreams]

_log = logging.getLogger("awaitly.mcp")
_ENDLESS = 8
"""How many times as long as a line may be one is read, and forgotten, before it is given up."""


class _Stream:
    """What is closed at the end of a block."""

    def __init__(self, close: Callable[[], Awaitable[object]]) -> None:
        self._close = close

    async def aclose(self) -> None:
        """Close it."""
        await self._close()

    async def __aenter__(self) -> Self:
        """Give it, which is open."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        """Close it."""
        await self._close()


class LinesOut(_Stream):
    """Writes messages. `write` comes back once bytes are taken."""

    def __init__(self, write: Callable[[bytes], Awaitable[object]], close: Callable[[], Awaitable[object]]) -> None:
        super().__init__(close)
        self._write = write

    async def send(self, item: SessionMessage, /) -> None:
        """Write a message. Raises what `write` does: `BrokenResourceError` where nobody reads any more."""
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        await self._write(f"{text}\n".encode())


class LinesIn(_Stream):
    """Reads messages. `more` gives bytes as they come, and none at the end.

    Of a line with more than `longest` bytes nothing is read but its id: a request is answered with an error by `out`,
    an answer is an error for whoever waits for it. Where the id cannot be told, or such a line has no end, the
    connection has one.
    """

    def __init__(
        self,
        more: Callable[[], Awaitable[bytes]],
        close: Callable[[], Awaitable[object]],
        out: LinesOut,
        longest: int = LONGEST_LINE,
    ) -> None:
        super().__init__(close)
        self._more = more
        self._out = out
        self._longest = longest
        self._come = bytearray()
        self._searched = 0

    async def receive(self) -> SessionMessage | Exception:
        """Give the next message, or why a line is none. Raises `EndOfStream`."""
        while True:
            while (end := self._come.find(b"\n", self._searched)) < 0 and len(self._come) <= self._longest:
                self._searched = len(self._come)
                await self._read_on()
            if 0 <= end <= self._longest:
                line = self._come[:end].decode(errors="replace")
                self._drop(end + 1)
                return _message(line)
            if (answer := await self._refused(await self._skipped(end))) is not None:
                return answer

    async def _read_on(self) -> None:
        more = await self._more()
        if not more:
            raise anyio.EndOfStream
        self._come += more

    def _drop(self, length: int) -> None:
        del self._come[:length]
        self._searched = 0

    async def _skipped(self, end: int) -> Overlong:
        """Read a line of which too much has come to its end, and keep what there is to know of it."""
        remains = Remains()
        while end < 0 and remains.length <= _ENDLESS * self._longest:
            remains.take(self._come)
            self._drop(len(self._come))
            await self._read_on()
            end = self._come.find(b"\n")
        remains.take(self._come[: max(end, 0)])
        self._drop(end + 1)
        return remains.told() if end >= 0 else Overlong(request=True, id=None)

    async def _refused(self, overlong: Overlong) -> SessionMessage | None:
        """Say that a message was too long: to whoever has sent a request, or to whoever waits for the answer."""
        error = SessionMessage(overlong.error(self._longest))
        if not overlong.request and overlong.id is not None:
            return error
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._out.send(error)
        if overlong.id is None:
            _log.error("a connection is ended: a line is longer than %d bytes, of no known message", self._longest)
            raise anyio.EndOfStream
        return None

    def __aiter__(self) -> Self:
        """Give all that comes."""
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        """Give the next message, or why a line is none."""
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


def _message(line: str) -> SessionMessage | Exception:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error
