"""The application for ASGI servers, to run alone or to mount anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route as StarletteRoute

from awaitly_web.core import Orchestrator, SignedLinks
from awaitly_web.permissions import Permits, everybody_decides
from awaitly_web.problems import problem
from awaitly_web.site import Authenticate, Site
from awaitly_web.table import ROUTES
from awaitly_web.values import LARGEST_BODY, Request, Response

__all__ = ["web_app"]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def web_app(
    orchestrator: Orchestrator,
    *,
    authenticate: Authenticate,
    permits: Permits = everybody_decides,
    links: SignedLinks | None = None,
) -> Starlette:
    """Give the application over an orchestrator that is open for as long as it serves.

    `authenticate(request)` gives the actor who makes a request, or None; `permits` what an actor may see and do.
    Raises `DefinitionError` without an `authenticate` that can be called.
    """
    site = Site(orchestrator=orchestrator, authenticate=authenticate, permits=permits, links=links, routes=ROUTES)

    async def endpoint(request: StarletteRequest) -> StarletteResponse:
        value = await _read(request)
        return _carried(value if isinstance(value, Response) else await site.answer(value))

    return Starlette(routes=[StarletteRoute("/{path:path}", endpoint, methods=_METHODS)])


async def _read(request: StarletteRequest) -> Request | Response:
    """Read a request, and stop where its body is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return problem(413, "Too large", f"a request has at most {LARGEST_BODY:,} bytes")
    root = str(request.scope.get("root_path", ""))
    path = request.url.path
    return Request(
        method=request.method,
        path=path[len(root) :] if root and path.startswith(root) else path,
        root=root,
        query=request.url.query,
        headers=dict(request.headers),
        body=bytes(body),
        scheme=request.url.scheme,
        client=request.client.host if request.client else None,
    )


def _carried(response: Response) -> StarletteResponse:
    carried = (
        StarletteResponse(response.body, response.status)
        if response.stream is None
        else StreamingResponse(_streamed(response), response.status)
    )
    carried.raw_headers.extend((name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers)
    return carried


async def _streamed(response: Response) -> AsyncIterator[Any]:
    yield response.body
    if response.stream is not None:
        async for part in response.stream:
            yield part
