"""`subscriptions/listen`: a client of the newest protocol hears of the server's lists and resources.

A server of that protocol is listened to for each client by itself; what one of an older protocol tells goes to all who
listen, and the proxy subscribes to the resources that somebody wants.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import anyio
import mcp_types as types
from mcp import MCPError
from mcp.client import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY, ServerEvent
from mcp.shared.subscriptions import event_to_notification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from awaitly_mcp.contexts import Context
from awaitly_mcp.news import is_wanted
from awaitly_mcp.relay import Relay
from awaitly_mcp.upstream import Upstream

__all__ = ["Listening"]

_PATIENCE = 5
"""Seconds that a server has to be told that nobody listens any more."""
_MOST_LISTENERS = 256
_MOST_RESOURCES = 256
"""Of how many resources a client hears by one subscription."""


class Listening:
    """Serves all who listen over one connection to the server."""

    def __init__(self, upstream: Upstream, relay: Relay) -> None:
        self._upstream = upstream
        self._relay = relay
        self._count = 0
        self._resources = Counter[tuple[int, str]]()
        self._subscribing = asyncio.Lock()

    async def listen(
        self, context: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Say what is told, and then tell it, until the client goes away or the server ends it."""
        if self._count >= _MOST_LISTENERS:
            raise MCPError(types.INTERNAL_ERROR, f"{_MOST_LISTENERS} listen already")
        wanted = params.notifications
        if len(wanted.resource_subscriptions or ()) > _MOST_RESOURCES:
            raise MCPError(types.INVALID_PARAMS, f"a subscription names at most {_MOST_RESOURCES} resources")
        self._count += 1
        try:
            client = await self._upstream.opened()
            newer = client.session.protocol_version in MODERN_PROTOCOL_VERSIONS
            await (self._newer if newer else self._older)(context, client, wanted)
        finally:
            self._count -= 1
        return types.SubscriptionsListenResult.model_validate({"_meta": _mark(context)}, by_name=False)

    async def _newer(self, context: Context, client: Client, wanted: types.SubscriptionFilter) -> None:
        try:
            async with client.listen(
                tools_list_changed=bool(wanted.tools_list_changed),
                prompts_list_changed=bool(wanted.prompts_list_changed),
                resources_list_changed=bool(wanted.resources_list_changed),
                resource_subscriptions=wanted.resource_subscriptions or (),
            ) as subscription:
                honoured = _both(wanted, subscription.honored)
                await _acknowledge(context, honoured)
                async for event in subscription:
                    if is_wanted(event, honoured):
                        await _tell(context, event)
        except SubscriptionLost as lost:
            raise MCPError(types.INTERNAL_ERROR, "the server tells nothing any more: listen again") from lost

    async def _older(self, context: Context, client: Client, wanted: types.SubscriptionFilter) -> None:
        subscribed: list[str] = []
        try:
            for uri in dict.fromkeys(wanted.resource_subscriptions or ()):
                subscribed += [uri] if await self._subscribed(client, uri) else []
            honoured = _promised(client.server_capabilities, wanted, subscribed)
            with self._relay.news.listening(honoured) as listener:
                await _acknowledge(context, honoured)
                while True:
                    await _tell(context, await listener.next())
        finally:
            with anyio.move_on_after(_PATIENCE, shield=True):
                await self._unsubscribe(client, subscribed)

    async def _subscribed(self, client: Client, uri: str) -> bool:
        """Subscribe to a resource, unless that was done for another client."""
        async with self._subscribing:
            if not self._resources[id(client), uri]:
                request = types.SubscribeRequest(params=types.SubscribeRequestParams(uri=uri))
                try:
                    await client.session.send_request(request, types.EmptyResult)
                except MCPError:
                    return False
            self._resources[id(client), uri] += 1
            return True

    async def _unsubscribe(self, client: Client, uris: Sequence[str]) -> None:
        """Give up resources that nobody else listens to."""
        for uri in uris:
            self._resources[id(client), uri] -= 1
            if not self._resources[id(client), uri]:
                del self._resources[id(client), uri]
                request = types.UnsubscribeRequest(params=types.UnsubscribeRequestParams(uri=uri))
                with suppress(MCPError):
                    await client.session.send_request(request, types.EmptyResult)


def _mark(context: Context) -> dict[str, Any]:
    return {SUBSCRIPTION_ID_META_KEY: context.request_id}


async def _acknowledge(context: Context, honoured: types.SubscriptionFilter) -> None:
    told = types.SubscriptionsAcknowledgedNotificationParams.model_validate(
        {"notifications": honoured, "_meta": _mark(context)}, by_name=False
    )
    await context.session.send_notification(
        types.SubscriptionsAcknowledgedNotification(params=told), context.request_id
    )


async def _tell(context: Context, event: ServerEvent) -> None:
    await context.session.send_notification(event_to_notification(event, _mark(context)), context.request_id)


def _both(wanted: types.SubscriptionFilter, told: types.SubscriptionFilter) -> types.SubscriptionFilter:
    """Give what was asked for, and is told: a server promises nothing besides."""
    resources = [uri for uri in wanted.resource_subscriptions or () if uri in (told.resource_subscriptions or ())]
    return types.SubscriptionFilter(
        tools_list_changed=(wanted.tools_list_changed and told.tools_list_changed) or None,
        prompts_list_changed=(wanted.prompts_list_changed and told.prompts_list_changed) or None,
        resources_list_changed=(wanted.resources_list_changed and told.resources_list_changed) or None,
        resource_subscriptions=resources or None,
    )


def _promised(
    server: types.ServerCapabilities, wanted: types.SubscriptionFilter, subscribed: list[str]
) -> types.SubscriptionFilter:
    """Give what of that which was asked for a server of an older protocol tells."""
    told = types.SubscriptionFilter(
        tools_list_changed=bool(server.tools and server.tools.list_changed),
        prompts_list_changed=bool(server.prompts and server.prompts.list_changed),
        resources_list_changed=bool(server.resources and server.resources.list_changed),
        resource_subscriptions=subscribed,
    )
    return _both(wanted, told)
