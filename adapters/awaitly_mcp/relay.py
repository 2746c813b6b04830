"""What the server asks of the client, and tells it, on its own account: passed on where there is one client alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import mcp_types as types
from attrs import frozen
from mcp import ClientCapabilities, MCPError, ServerSession
from mcp.client import Client, ClientRequestContext, IncomingMessage, Transport
from pydantic import BaseModel

__all__ = ["Peer", "Relay"]

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)

_ANSWERED = (
    types.CancelledNotification,  # the SDK itself has dealt with these two
    types.ProgressNotification,
)


@frozen
class Peer:
    """What the client is: whether it speaks a protocol before that of 2026-07-28, and what it says that it can."""

    older: bool = False
    declared: ClientCapabilities | None = None


class Relay:
    """Knows the one client at stdin and stdout. Over HTTP there are many, and nobody to pass anything on to."""

    def __init__(self, tools_changed: Callable[[], None]) -> None:
        self.session: ServerSession | None = None
        self._tools_changed = tools_changed

    def client(self, transport: Transport, peer: Peer) -> Client:
        """Give a client of the server that speaks and declares what the real one does."""
        may = peer.declared or ClientCapabilities()
        return Client(
            transport,
            mode="legacy" if peer.older else "auto",
            cache=None,
            sampling_callback=None if may.sampling is None else self._sampled,
            sampling_capabilities=may.sampling,
            elicitation_callback=None if may.elicitation is None else self._elicited,
            list_roots_callback=None if may.roots is None else self._rooted,
            message_handler=self._told,
        )

    async def _sampled(
        self,
        context: ClientRequestContext,  # noqa: ARG002  (the SDK's own form)
        params: types.CreateMessageRequestParams,
    ) -> types.CreateMessageResult | types.ErrorData:
        request = types.CreateMessageRequest(params=params)
        return await _or_error(self._asked(request, types.CreateMessageResult))

    async def _elicited(
        self,
        context: ClientRequestContext,  # noqa: ARG002  (as above)
        params: types.ElicitRequestParams,
    ) -> types.ElicitResult | types.ErrorData:
        return await _or_error(self._asked(types.ElicitRequest(params=params), types.ElicitResult))

    async def _rooted(
        self,
        context: ClientRequestContext,  # noqa: ARG002  (as above)
    ) -> types.ListRootsResult | types.ErrorData:
        return await _or_error(self._asked(types.ListRootsRequest(), types.ListRootsResult))

    async def _asked(self, request: types.ServerRequest, answer: type[R]) -> R:
        if self.session is None:
            raise MCPError(types.INVALID_REQUEST, "there is nobody behind this proxy who could be asked")
        return await self.session.send_request(request, answer)

    async def _told(self, message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._tools_changed()
        if self.session is None or isinstance(message, (Exception, *_ANSWERED)):
            return
        await self.session.send_notification(message)


async def _or_error(asked: Awaitable[T]) -> T | types.ErrorData:
    try:
        return await asked
    except MCPError as error:
        return error.error
