"""WebSockets: a stream of messages to somebody who only listens.

Whoever may not have one is refused before it is accepted, with the problem that HTTP would give. What clients send is
not read: the first message closes. A reader who is slow holds one message at most, besides what the server has handed
to the network, and is dropped in the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, MutableMapping
from contextlib import suppress
from typing import Any

from attrs import frozen
from starlette.types import Receive, Scope, Send

from awaitly_web.values import Response

__all__ = ["carried_by_socket"]

_log = logging.getLogger("awaitly.web")

_PATIENCE = 30.0
"""Seconds for which a reader who takes nothing is waited for."""
_DENIAL = "websocket.http.response"
"""The extension by which a server carries a whole answer instead of a bare 403."""


@frozen
class _Closing:
    """How a connection is closed: the code of RFC 6455, and why."""

    code: int
    reason: str


_OVER = _Closing(1000, "over for now: open another")
_TALKING = _Closing(1003, "nothing is taken here: decide by HTTP")
_SLOW = _Closing(1008, "messages were not read")
_BARRED = _Closing(1008, "refused")
_BROKEN = _Closing(1011, "this is a mistake of the server's; it has been logged")


async def carried_by_socket(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Carry an answer to somebody who wants a WebSocket: its stream, or the refusal."""
    if response.stream is None:
        await _refuse(response, scope, send)
        return
    await send({"type": "websocket.accept"})
    closing = await _until_over(response.stream, receive, send)
    if closing is not None:
        with suppress(OSError, TimeoutError):  # it is gone, or takes nothing: the server drops it as this returns
            async with asyncio.timeout(_PATIENCE):
                await send({"type": "websocket.close", "code": closing.code, "reason": closing.reason})


async def _refuse(response: Response, scope: Scope, send: Send) -> None:
    extensions: MutableMapping[str, Any] = scope.get("extensions") or {}
    if _DENIAL not in extensions:
        await send({"type": "websocket.close", "code": _BARRED.code, "reason": _BARRED.reason})
        return
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": f"{_DENIAL}.start", "status": response.status, "headers": headers})
    await send({"type": f"{_DENIAL}.body", "body": response.body})


async def _until_over(stream: AsyncIterator[bytes], receive: Receive, send: Send) -> _Closing | None:
    """Send until one side is done; give how to close, or None where the other side has."""
    telling, hearing = asyncio.create_task(_tell(stream, send)), asyncio.create_task(_hear(receive))
    try:
        done, _ = await asyncio.wait((telling, hearing), return_when=asyncio.FIRST_COMPLETED)
        return hearing.result() if hearing in done else telling.result()
    finally:
        telling.cancel()
        hearing.cancel()
        await asyncio.gather(telling, hearing, return_exceptions=True)
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


async def _hear(receive: Receive) -> _Closing | None:
    message = await receive()
    return None if message["type"] == "websocket.disconnect" else _TALKING


async def _tell(stream: AsyncIterator[bytes], send: Send) -> _Closing | None:
    try:
        async for part in stream:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await send({"type": "websocket.send", "text": part.decode()})
            except TimeoutError:
                return _SLOW
    except OSError:
        return None
    except Exception:  # noqa: BLE001  (its words are for the log alone)
        _log.exception("a live stream broke")
        return _BROKEN
    return _OVER
