"""The proxy as an MCP server: what the client sees is the server behind it, and calls go through the gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, get_args

import mcp_types as types
from mcp import ClientCapabilities
from mcp.client import Client
from mcp.server import NotificationOptions, Server
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import CallNext, HandlerResult
from mcp.server.lowlevel.server import HandlerEntry
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from awaitly_mcp.calls import Calls
from awaitly_mcp.core import Gate
from awaitly_mcp.relay import Peer, Relay
from awaitly_mcp.targets import Target
from awaitly_mcp.tools import Tools, listed
from awaitly_mcp.upstream import Upstream
from awaitly_mcp.waiting import Answering, Context

__all__ = ["GateProxy"]

_SELF = frozenset({"initialize", "ping", "server/discover", "subscriptions/listen"})
"""What is not passed on. The last one is not served: the server would say its news under ids that no client knows."""


class GateProxy(Server[dict[str, Any]]):
    """Stands before an MCP server. Every call of a tool needs a person unless the gate's rules let it pass.

    `gate` is open for as long as the proxy serves. Tickets are asked for on the account of `agent`, which has to stay
    the same over restarts, and to differ between servers; by default it is made of the command or the address.
    """

    def __init__(
        self, gate: Gate, target: Target, *, agent: str | None = None, answering: Answering | None = None
    ) -> None:
        super().__init__(target.name, lifespan=_held, cache_hints=dict.fromkeys(get_args(CacheableMethod), CacheHint()))
        self._relay = Relay(self._tools_have_changed)
        self.upstream = Upstream(target, self._relay)
        self._tools = Tools(self.upstream)
        self.calls = Calls(gate, self.upstream, self._tools, agent or f"mcp:{target.name}", answering or Answering())
        self._capabilities = types.ServerCapabilities()
        self._alone = False
        self.add_notification_handler(
            "notifications/roots/list_changed", types.NotificationParams, self._roots_have_changed
        )
        self.middleware.append(self._before)

    def for_one(self) -> None:
        """Say that one client alone is served: what the server asks of it, and tells it, is passed on."""
        self._alone = True

    def get_request_handler(self, method: str) -> HandlerEntry[dict[str, Any]] | None:
        """Give what answers a request: everything that is not the proxy's own is passed on."""
        if method in _SELF:
            return super().get_request_handler(method)
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
        own = self._capabilities
        tells = self._alone and protocol_version not in MODERN_PROTOCOL_VERSIONS
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

    async def _before(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """See to it that the server is there before anything is said of it."""
        if ctx.request_id is not None and ctx.method != "ping":
            if self._alone:
                self._relay.session = ctx.session
            self._know(await self.upstream.opened(_peer(ctx) if self._alone else None))
        answer = await call_next(ctx)
        # Whoever serves made the introduction before it was known for whom it stands.
        return {**answer, **self._introduction()} if ctx.method == "initialize" and isinstance(answer, dict) else answer

    def _know(self, client: Client) -> None:
        self._capabilities = client.server_capabilities
        self.instructions = client.instructions
        if client.server_info is not None:
            self.name, self.version = client.server_info.name, client.server_info.version
            self.title = client.server_info.title

    def _introduction(self) -> dict[str, Any]:
        options = self.create_initialization_options()
        capabilities = options.capabilities.model_dump(by_alias=True, mode="json", exclude_none=True)
        instructions = {} if options.instructions is None else {"instructions": options.instructions}
        return {"capabilities": capabilities, "serverInfo": self.server_info_stamp, **instructions}

    async def _passed(self, context: Context, _: types.RequestParams) -> HandlerResult:
        answer = await self._answered(context, context.params or {})
        # A server of the older protocols leaves out what clients of the newer ones need; it is not shown to others.
        return {"resultType": "complete", **answer} if isinstance(answer, dict) else answer

    async def _answered(self, context: Context, params: Mapping[str, Any]) -> HandlerResult:
        if context.method == "tools/call":
            return await self.calls.call(context, params)
        answer = await self.upstream.request(context.method, params)
        if context.method != "tools/list":
            return answer
        self._tools.forget()  # nobody may tell when they change
        return listed(answer)

    def _tools_have_changed(self) -> None:
        self._tools.forget()

    async def _roots_have_changed(self, _: Context, __: types.NotificationParams) -> None:
        if self._alone:
            await self.upstream.notify(types.RootsListChangedNotification())


@asynccontextmanager
async def _held(server: Server[dict[str, Any]]) -> AsyncGenerator[dict[str, Any]]:
    """Keep the connection to the server while the proxy serves."""
    assert isinstance(server, GateProxy)  # noqa: S101  (it is given to nothing else)
    holding = asyncio.create_task(server.upstream.hold())
    try:
        yield {}
    finally:
        await server.calls.finish()
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding


def _peer(context: Context) -> Peer:
    """Read what a client is: of its first request in the older protocols, of each in the newer ones."""
    params: Mapping[str, Any] = context.params or {}
    meta: dict[str, Any] = dict(context.meta or {})
    opening = context.method == "initialize"
    raw = params.get("capabilities") if opening else meta.get(types.CLIENT_CAPABILITIES_META_KEY)
    older = context.protocol_version not in MODERN_PROTOCOL_VERSIONS
    try:
        return Peer(older, ClientCapabilities.model_validate(raw or {}, by_name=False))
    except ValidationError:
        return Peer(older)


def _told(capability: Any, *, tells: bool) -> Any:
    """Promise no news that nobody passes on."""
    return capability if tells else capability.model_copy(update={"list_changed": None, "subscribe": None})
