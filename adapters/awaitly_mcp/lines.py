"""JSON-RPC messages, a line each, as streams of the SDK's that need no task and no thread of their own.

To hand a message from one task to another, or from a thread to the event loop, costs more than to read it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self, TypeAlias

import anyio
import mcp_types as types
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

__all__ = ["Connection", "LinesIn", "LinesOut"]

Connection: TypeAlias = AbstractAsyncContextManager[TransportStreams]


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


class LinesIn(_Stream):
    """Reads messages. `more` gives bytes as they come, and none at the end."""

    def __init__(self, more: Callable[[], Awaitable[bytes]], close: Callable[[], Awaitable[object]]) -> None:
        super().__init__(close)
        self._more = more
        self._come = bytearray()
        self._searched = 0

    async def receive(self) -> SessionMessage | Exception:
        """Give the next message, or why a line is none. Raises `EndOfStream`."""
        while (end := self._come.find(b"\n", self._searched)) < 0:
            self._searched = len(self._come)
            more = await self._more()
            if not more:
                raise anyio.EndOfStream
            self._come += more
        line = self._come[:end].decode(errors="replace")
        del self._come[: end + 1]
        self._searched = 0
        return _message(line)

    def __aiter__(self) -> Self:
        """Give all that comes."""
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        """Give the next message, or why a line is none."""
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class LinesOut(_Stream):
    """Writes messages. `write` comes back once bytes are taken."""

    def __init__(self, write: Callable[[bytes], Awaitable[object]], close: Callable[[], Awaitable[object]]) -> None:
        super().__init__(close)
        self._write = write

    async def send(self, item: SessionMessage, /) -> None:
        """Write a message. Raises what `write` does: `BrokenResourceError` where nobody reads any more."""
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        await self._write(f"{text}\n".encode())


def _message(line: str) -> SessionMessage | Exception:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error
