"""What the server asks of a client, and tells it, on its own account: passed on to whom it is for, and to nobody else.

It decides nothing: what people are asked about calls is answered in the store alone, and none of it passes here.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import mcp_types as types
from attrs import frozen
from mcp import ClientCapabilities, MCPError, ServerSession
from mcp.client import Client, ClientRequestContext, IncomingMessage, Transport
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from awaitly_mcp.contexts import Context
from awaitly_mcp.news import News, event_of
from awaitly_mcp.smuggling import is_ticket, leads_to

__all__ = ["Peer", "Relay"]

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)

_QUESTIONS = 32
"""How many questions of the server's a client has open at most: people do not answer more."""
_LEVEL = types.LOG_LEVEL_META_KEY
_SERVED: contextvars.ContextVar[Mapping[Relay, Context]] = contextvars.ContextVar("served")


@frozen
class Peer:
    """What the client is: whether it speaks a protocol before that of 2026-07-28, and what it says that it can."""

    older: bool = False
    declared: ClientCapabilities | None = None


class Relay:
    """Stands between the server and whoever it speaks with over one connection: one client, or many that share it.

    Where there are many, only what comes with the answer to a request is passed on: a connection over HTTP says of a
    message with which. `inbox` is where people decide, to which no server may send anybody.
    """

    def __init__(self, inbox: str | None = None) -> None:
        self.client_session: ServerSession | None = None
        self.news = News()
        self.tools_changed: Callable[[], None] = lambda: None
        self._inbox = inbox
        self._under_way: dict[int, Context] = {}
        self._open_questions = 0

    @contextmanager
    def serving(self, context: Context) -> Generator[None]:
        """Say that a request is served: what the server says of it meanwhile goes to whoever has made it."""
        token = _SERVED.set({**_SERVED.get({}), self: context})
        self._under_way[id(context)] = context
        try:
            yield
        finally:
            del self._under_way[id(context)]
            _SERVED.reset(token)

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
    ) -> types.CreateMessageResult | types.CreateMessageResultWithTools | types.ErrorData:
        request = types.CreateMessageRequest(params=params)
        if params.tools is not None:
            return await _or_error(self._asked(request, types.CreateMessageResultWithTools))
        return await _or_error(self._asked(request, types.CreateMessageResult))

    async def _elicited(
        self,
        context: ClientRequestContext,  # noqa: ARG002  (as above)
        params: types.ElicitRequestParams,
    ) -> types.ElicitResult | types.ErrorData:
        if isinstance(params, types.ElicitRequestURLParams) and (
            is_ticket(params.elicitation_id) or leads_to(params.url, self._inbox)
        ):
            return types.ErrorData(code=types.INVALID_PARAMS, message="nobody is sent there on account of a server")
        return await _or_error(self._asked(types.ElicitRequest(params=params), types.ElicitResult))

    async def _rooted(
        self,
        context: ClientRequestContext,  # noqa: ARG002  (as above)
    ) -> types.ListRootsResult | types.ErrorData:
        return await _or_error(self._asked(types.ListRootsRequest(), types.ListRootsResult))

    async def _asked(self, request: types.ServerRequest, answer: type[R]) -> R:
        """Ask the client. A request of its that is under way carries the question, so that it surely arrives."""
        context = self._nearest()
        session = self.client_session if context is None else context.session
        if session is None or session.protocol_version in MODERN_PROTOCOL_VERSIONS:
            raise MCPError(types.INVALID_REQUEST, "there is nobody behind this proxy who could be asked")
        if self._open_questions >= _QUESTIONS:
            raise MCPError(types.INVALID_REQUEST, f"{_QUESTIONS} questions have no answer yet")
        related = None
        if context is not None and session.can_send_request:
            related = ServerMessageMetadata(related_request_id=context.request_id)
        self._open_questions += 1
        try:
            return await session.send_request(request, answer, metadata=related)
        finally:
            self._open_questions -= 1

    def _nearest(self) -> Context | None:
        """Give the request with whose answer a message came; of one client alone any that is under way will do."""
        context = _SERVED.get({}).get(self)
        if context is not None and id(context) in self._under_way:
            return context
        if self.client_session is None or not self._under_way:
            return None
        return list(self._under_way.values())[-1]

    async def _told(self, message: IncomingMessage) -> None:
        if isinstance(message, Exception):
            return
        if isinstance(message, types.ToolListChangedNotification):
            self.tools_changed()
        if (event := event_of(message)) is not None:
            self.news.tell(event)
            await self._passed_on(message)
        elif isinstance(message, types.LoggingMessageNotification):
            await self._logged(message)
        elif isinstance(message, types.ElicitCompleteNotification) and not is_ticket(message.params.elicitation_id):
            await self._passed_on(message)

    async def _passed_on(self, message: types.ServerNotification) -> None:
        """Tell the one client; in the newest protocol such news go to those alone who listen."""
        session = self.client_session
        if session is not None and session.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            await session.send_notification(message)

    async def _logged(self, message: types.LoggingMessageNotification) -> None:
        """Tell what the server logs: in the newest protocol to a request that asked for it, with its answer."""
        context, said = self._nearest(), message.params
        if context is None:
            await self._passed_on(message)
        elif context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            for each in _wanting_logs(context, self._under_way if self.client_session is not None else {}):
                await each.session.send_log_message(  # pyright: ignore[reportDeprecated]
                    said.level, said.data, said.logger, each.request_id
                )
        else:
            await context.session.send_notification(message, context.request_id)


def _wanting_logs(context: Context, others: Mapping[int, Context]) -> tuple[Context, ...]:
    """Give the request that is told what the server logs: the nearest that asked for it, if any."""
    wanting = [each for each in (context, *reversed(list(others.values()))) if _LEVEL in (each.meta or {})]
    return tuple(wanting[:1])


async def _or_error(asked: Awaitable[T]) -> T | types.ErrorData:
    try:
        return await asked
    except MCPError as error:
        return error.error
