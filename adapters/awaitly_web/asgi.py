"""The application for ASGI servers, to run alone or to mount anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route as StarletteRoute
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from awaitly_web.core import Orchestrator, SignedLinks
from awaitly_web.headers import secured
from awaitly_web.hooks import Callbacks, Webhooks
from awaitly_web.pages import PAGES
from awaitly_web.paths import relative
from awaitly_web.permissions import Permits, everybody_decides
from awaitly_web.problems import problem, too_large
from awaitly_web.site import Authenticate, Site
from awaitly_web.sockets import carried_by_socket
from awaitly_web.table import ROUTES
from awaitly_web.values import LARGEST_BODY, Request, Response, joined_headers

__all__ = ["PATIENCE", "web_app"]

PATIENCE = 10.0
"""Seconds for which a request's body is waited for."""

_SCHEMES = {"ws": "http", "wss": "https"}


def web_app(
    orchestrator: Orchestrator,
    *,
    authenticate: Authenticate,
    permits: Permits = everybody_decides,
    links: SignedLinks | None = None,
    webhooks: Webhooks | None = None,
    slack: Callbacks | None = None,
    trusted_origins: Iterable[str] = (),
) -> Starlette:
    """Give the application over an orchestrator that is open for as long as it serves.

    `authenticate(request)` gives the actor who makes a request, or None; `permits` what an actor may see and do.
    `webhooks` are the programs that may decide by signed messages. `slack` takes what Slack calls back at
    `/hooks/slack`: a `SlackActions`, which whoever made it closes. `trusted_origins` are those of other sites whose
    pages may write here. Raises `DefinitionError` without an `authenticate` that can be called.
    """
    site = Site(
        orchestrator=orchestrator,
        authenticate=authenticate,
        permits=permits,
        links=links,
        webhooks=webhooks,
        slack=slack,
        trusted_origins=trusted_origins,
        routes=(*ROUTES, *PAGES),
    )
    endpoint = _Endpoint(site)
    return Starlette(routes=[StarletteRoute("/{path:path}", endpoint), WebSocketRoute("/{path:path}", endpoint)])


class _Endpoint:
    """Answers all requests: an object, so that the router leaves every method to it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            response = await self._site.answer(_asked(HTTPConnection(scope), "GET", websocket=True))
            await carried_by_socket(response, scope, receive, send)
            return
        try:
            value = await _read(StarletteRequest(scope, receive))
        except ClientDisconnect:
            return
        response = secured(value) if isinstance(value, Response) else await self._site.answer(value)
        await _carried(response)(scope, receive, send)


async def _read(request: StarletteRequest) -> Request | Response:
    """Read a request, and stop where its body is too large, or takes too long."""
    if int(_declared(request)) > LARGEST_BODY:
        return too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    return too_large()
    except TimeoutError:
        return problem(408, "Too slow", f"a request is sent within {PATIENCE:g} seconds")
    return _asked(request, request.method, bytes(body))


def _asked(connection: HTTPConnection, method: str, body: bytes = b"", *, websocket: bool = False) -> Request:
    scope = connection.scope
    root, path = relative(_sent_path(scope), str(scope.get("root_path", "")))
    return Request(
        method=method,
        path=path,
        root=root,
        query=scope["query_string"].decode("latin-1"),
        headers=joined_headers(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in connection.headers.raw
        ),
        body=body,
        scheme=_SCHEMES.get(connection.url.scheme, connection.url.scheme),
        client=connection.client.host if connection.client else None,
        websocket=websocket,
    )


def _declared(request: StarletteRequest) -> str:
    length = request.headers.get("content-length", "0")
    return length[:12] if length.isascii() and length.isdigit() else "0"


def _sent_path(scope: Scope) -> str:
    """Give the path as it was sent, where the server tells."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(scope["path"])


def _carried(response: Response) -> StarletteResponse:
    carried = (
        StarletteResponse(response.body, response.status)
        if response.stream is None
        else StreamingResponse(_streamed(response), response.status)
    )
    told = {name for name, _ in response.headers}
    own = (
        [] if response.stream is not None or "content-length" in told else [("content-length", str(len(response.body)))]
    )
    carried.raw_headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in (*response.headers, *own)
    ]
    return carried


async def _streamed(response: Response) -> AsyncIterator[Any]:
    yield response.body
    if response.stream is not None:
        async for part in response.stream:
            yield part
