"""The proxy's own connection to the server: opened when a client comes, and again after the server has gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from attrs import evolve
from mcp import MCPError
from mcp.client import Client
from mcp.shared.dispatcher import ProgressFnT
from pydantic import TypeAdapter

from awaitly_mcp.relay import Peer, Relay
from awaitly_mcp.targets import Target

__all__ = ["LOST", "Upstream"]

LOST = frozenset({types.CONNECTION_CLOSED, types.REQUEST_TIMEOUT})
"""Errors after which nobody knows what the server did; all others it has answered with."""

_log = logging.getLogger("awaitly.mcp")
_ENVELOPE = (types.PROTOCOL_VERSION_META_KEY, types.CLIENT_INFO_META_KEY, types.CLIENT_CAPABILITIES_META_KEY)
_Request = types.Request[dict[str, Any], str]
_RAW: TypeAdapter[Any] = TypeAdapter(dict[str, Any])


def is_lost(errors: BaseExceptionGroup[MCPError]) -> bool:
    """Whether nobody has answered at all."""
    return errors.subgroup(lambda error: isinstance(error, MCPError) and error.code in LOST) is not None


class Upstream:
    """Speaks with the server. `hold` keeps the connection, in a task of its own."""

    def __init__(self, target: Target, relay: Relay) -> None:
        self._target = target
        self._relay = relay
        self._wanted = asyncio.Event()
        self._lost = asyncio.Event()
        self._peer = Peer()
        self._client: asyncio.Future[Client] | None = None

    async def hold(self) -> None:
        """Open a connection whenever one is wanted, and keep it until it is lost."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._lost.clear()
            opening = self._client
            assert opening is not None  # noqa: S101  (whoever wants it has made it)
            try:
                await self._held_by(opening)
            except Exception as error:  # noqa: BLE001  (whoever waits for the connection is told)
                self._client = None
                _log.warning("the server %s cannot be reached: %s", self._target.name, error)
                if not opening.done():
                    opening.set_exception(error)
            finally:
                self._relay.news.end()

    async def _held_by(self, opening: asyncio.Future[Client]) -> None:
        """Hold a connection as the client speaks; where the server does not, as the server does."""
        try:
            await self._held(opening, self._peer)
        except* MCPError as refused:
            if opening.done() or not self._peer.older or is_lost(refused):
                raise
        if not opening.done():
            await self._held(opening, evolve(self._peer, older=False))

    async def _held(self, opening: asyncio.Future[Client], peer: Peer) -> None:
        async with self._relay.client(self._target.transport(), peer) as client:
            opening.set_result(client)
            await self._lost.wait()

    async def opened(self, peer: Peer | None = None) -> Client:
        """Give the connection; the first to come says for whom. Raises `MCPError` where there is none."""
        if self._client is None:
            self._peer = peer or self._peer
            self._client = asyncio.get_running_loop().create_future()
            self._wanted.set()
        try:
            return await asyncio.shield(self._client)
        except MCPError:
            raise
        except Exception as error:
            msg = f"the server behind this proxy cannot be reached: {error}"
            raise MCPError(types.INTERNAL_ERROR, msg) from error

    async def request(
        self, method: str, params: Mapping[str, Any], progress: ProgressFnT | None = None
    ) -> dict[str, Any]:
        """Pass a request on, and give the result as it came. Raises `MCPError`."""
        client = await self.opened()
        request = _Request(method=method, params=_own(params))
        try:
            raw: dict[str, Any] = await client.session.send_request(request, _RAW, progress_callback=progress)
        except MCPError as error:
            if error.code == types.CONNECTION_CLOSED:
                self._forget(client)
            raise
        return raw

    async def notify(self, notification: types.ClientNotification) -> None:
        """Pass a notification on."""
        await (await self.opened()).session.send_notification(notification)

    def _forget(self, client: Client) -> None:
        current = self._client
        if current is not None and current.done() and current.exception() is None and current.result() is client:
            self._client = None
            self._lost.set()


def _own(params: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is between the client and the proxy: its envelope, and the token of its progress."""
    meta: Mapping[str, Any] = params.get("_meta") or {}
    kept = {key: value for key, value in meta.items() if key not in (*_ENVELOPE, "progressToken")}
    rest = {key: value for key, value in params.items() if key != "_meta"}
    return {**rest, "_meta": kept} if kept else rest
