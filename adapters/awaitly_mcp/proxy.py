"""The proxy as an MCP server: what the client sees is the server behind it, and calls go through the gate."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, get_args

import mcp_types as types
from mcp import ClientCapabilities, MCPError
from mcp.client import Client
from mcp.server import NotificationOptions, Server
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult
from mcp.server.lowlevel.server import HandlerEntry
from mcp_types.methods import SPEC_CLIENT_METHODS
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from awaitly_mcp.contexts import Context
from awaitly_mcp.core import Gate
from awaitly_mcp.lanes import Lane, Lanes
from awaitly_mcp.relay import Peer
from awaitly_mcp.smuggling import smuggled
from awaitly_mcp.targets import Target
from awaitly_mcp.tools import listed
from awaitly_mcp.waiting import Answering

__all__ = ["GateProxy"]

_SELF = frozenset({"initialize", "ping", "server/discover"})
"""What is not passed on."""
_LISTEN = "subscriptions/listen"
_CLIENTS = 64


class GateProxy(Server[dict[str, Any]]):
    """Stands before an MCP server. Every call of a tool needs a person unless the gate's rules let it pass.

    `gate` is open for as long as the proxy serves. Tickets are asked for on the account of `agent`, which has to stay
    the same over restarts, and to differ between servers; by default it is made of the command or the address.

    Clients of the older protocols that are served over HTTP have a connection to the server each, so many at a time
    as `clients` says; with 0, they all share one, and what the server asks and tells by itself is passed on to none.
    """

    def __init__(
        self,
        gate: Gate,
        target: Target,
        *,
        agent: str | None = None,
        answering: Answering | None = None,
        clients: int = _CLIENTS,
    ) -> None:
        super().__init__(target.name, lifespan=_held, cache_hints=dict.fromkeys(get_args(CacheableMethod), CacheHint()))
        self.lanes = Lanes(gate, target, agent or f"mcp:{target.name}", answering or Answering(), clients)
        self.shared = self.lanes.new()
        self._capabilities = types.ServerCapabilities()
        self._alone = False
        self.add_notification_handler(
            "notifications/roots/list_changed", types.NotificationParams, self._roots_have_changed
        )
        self.middleware.append(self._before)

    def for_one(self) -> None:
        """Say that one client alone is served: whatever the server asks and tells is for that one."""
        self._alone = True

    def get_request_handler(self, method: str) -> HandlerEntry[dict[str, Any]] | None:
        """Give what answers a request: what is neither the proxy's own nor the protocol's might call anything."""
        if method in _SELF:
            return super().get_request_handler(method)
        if method == _LISTEN:
            return HandlerEntry(types.SubscriptionsListenRequestParams, self._listened)
        if method not in SPEC_CLIENT_METHODS:
            return None
        return HandlerEntry(types.RequestParams, self._passed)

    def get_capabilities(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
        *,
        protocol_version: str | None = None,
    ) -> types.ServerCapabilities:
        """Give what the server can, without that which is not passed on."""
        del notification_options, experimental_capabilities, extensions
        return self._promised(self._capabilities, tells=protocol_version in MODERN_PROTOCOL_VERSIONS)

    def _promised(self, own: types.ServerCapabilities, *, tells: bool) -> types.ServerCapabilities:
        """Say what the server can, as far as it is passed on: `tells` says whether news are."""
        return own.model_copy(
            update={
                "tools": types.ToolsCapability(list_changed=tells and bool(own.tools and own.tools.list_changed)),
                "resources": own.resources and _told(own.resources, tells=tells),
                "prompts": own.prompts and _told(own.prompts, tells=tells),
                "logging": own.logging if tells else None,
                "extensions": None,
                "tasks": None,
            }
        )

    def _lane_of(self, context: Context) -> Lane:
        """Give the connection over which a client's requests go: its own where it has a session, and is told things."""
        connection: Connection = context.session._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        older = context.protocol_version not in MODERN_PROTOCOL_VERSIONS
        if self._alone or not older or not self.lanes.most or not connection.has_standalone_channel:
            return self.shared
        return self.lanes.of(connection)

    def _is_for_one(self, lane: Lane) -> bool:
        return self._alone or lane is not self.shared

    async def _before(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """See to it that the server is there before anything is said of it."""
        if ctx.request_id is None or ctx.method == "ping":
            return await call_next(ctx)
        lane = self._lane_of(ctx)
        if self._is_for_one(lane):
            lane.relay.client_session = ctx.session
        client = await lane.upstream.opened(_peer(ctx) if self._is_for_one(lane) else None)
        self._know(client)
        with lane.relay.serving(ctx):
            answer = await call_next(ctx)
        if ctx.method != "initialize" or not isinstance(answer, dict):
            return answer
        # Whoever serves made the introduction before it was known for whom it stands.
        newer = client.session.protocol_version in MODERN_PROTOCOL_VERSIONS
        return {**answer, **self._introduction(tells=self._is_for_one(lane) and not newer)}

    def _know(self, client: Client) -> None:
        self._capabilities = client.server_capabilities
        self.instructions = client.instructions
        if client.server_info is not None:
            self.name, self.version = client.server_info.name, client.server_info.version
            self.title = client.server_info.title

    def _introduction(self, *, tells: bool) -> dict[str, Any]:
        promised = self._promised(self._capabilities, tells=tells)
        capabilities = promised.model_dump(by_alias=True, mode="json", exclude_none=True)
        instructions = {} if self.instructions is None else {"instructions": self.instructions}
        return {"capabilities": capabilities, "serverInfo": self.server_info_stamp, **instructions}

    async def _passed(self, context: Context, _: types.RequestParams) -> HandlerResult:
        answer = await self._answered(context, context.params or {})
        # A server of the older protocols leaves out what clients of the newer ones need; it is not shown to others.
        return {"resultType": "complete", **answer} if isinstance(answer, dict) else answer

    async def _answered(self, context: Context, params: Mapping[str, Any]) -> HandlerResult:
        lane = self._lane_of(context)
        if context.method == "tools/call":
            return await lane.calls.call(context, params)
        answer = await lane.upstream.request(context.method, params)
        if (why := smuggled(answer, self.lanes.answering.inbox_url)) is not None:
            raise MCPError(types.INTERNAL_ERROR, f"the server's answer is not passed on: {why}")
        if context.method != "tools/list":
            return answer
        lane.tools.forget()  # nobody may tell when they change
        return listed(answer)

    async def _listened(
        self, context: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        return await self._lane_of(context).listening.listen(context, params)

    async def _roots_have_changed(self, context: Context, _: types.NotificationParams) -> None:
        lane = self._lane_of(context)
        if self._is_for_one(lane):
            await lane.upstream.notify(types.RootsListChangedNotification())


@asynccontextmanager
async def _held(server: Server[dict[str, Any]]) -> AsyncGenerator[dict[str, Any]]:
    """Keep the connections to the server while the proxy serves."""
    assert isinstance(server, GateProxy)  # noqa: S101  (it is given to nothing else)
    server.shared.open()
    try:
        yield {}
    finally:
        await server.lanes.close()
        await server.shared.close()


def _peer(context: Context) -> Peer:
    """Read what a client is: of its first request in the older protocols, of each in the newer ones."""
    params: Mapping[str, Any] = context.params or {}
    meta: dict[str, Any] = dict(context.meta or {})
    opening = context.method == "initialize"
    raw = params.get("capabilities") if opening else meta.get(types.CLIENT_CAPABILITIES_META_KEY)
    older = context.protocol_version not in MODERN_PROTOCOL_VERSIONS
    if older and not opening:
        return Peer(older, context.session.client_capabilities)
    try:
        return Peer(older, ClientCapabilities.model_validate(raw or {}, by_name=False))
    except ValidationError:
        return Peer(older)


def _told(capability: Any, *, tells: bool) -> Any:
    """Promise no news that nobody passes on."""
    return capability if tells else capability.model_copy(update={"list_changed": None, "subscribe": None})
