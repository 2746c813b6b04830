"""The application for WSGI servers, beside Flask or alone, over an orchestrator for plain code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from awaitly_web.core import Orchestrator, SignedLinks
from awaitly_web.headers import secured
from awaitly_web.hooks import Callbacks, Webhooks
from awaitly_web.pages import PAGES
from awaitly_web.paths import relative
from awaitly_web.permissions import Permits, everybody_decides
from awaitly_web.problems import problem, too_large
from awaitly_web.site import Authenticate, Site
from awaitly_web.table import ROUTES
from awaitly_web.values import LARGEST_BODY, Request, Response, joined_headers

__all__ = ["PlainOrchestrator", "WsgiApp", "wsgi_app"]

T = TypeVar("T")
Environ: TypeAlias = Mapping[str, Any]
WsgiApp: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class PlainOrchestrator(Protocol):
    """What of `awaitly.sync.Orchestrator` is needed here."""

    def call(self, verb: Callable[[Orchestrator], Coroutine[Any, Any, T]]) -> T:
        """Have the asynchronous orchestrator inside do something, on its own loop, and wait for it."""
        ...


def wsgi_app(
    orchestrator: PlainOrchestrator,
    *,
    authenticate: Authenticate,
    permits: Permits = everybody_decides,
    links: SignedLinks | None = None,
    webhooks: Webhooks | None = None,
    slack: Callbacks | None = None,
    trusted_origins: Iterable[str] = (),
) -> WsgiApp:
    """Give the application over an `awaitly.sync.Orchestrator` that is open for as long as it serves.

    All is as for `web_app`; requests run on the orchestrator's own loop. Raises `DefinitionError` without an
    `authenticate` that can be called.
    """
    origins = frozenset(trusted_origins)

    async def made(inner: Orchestrator) -> Site:
        return Site(
            orchestrator=inner,
            authenticate=authenticate,
            permits=permits,
            links=links,
            webhooks=webhooks,
            slack=slack,
            trusted_origins=origins,
            routes=(*ROUTES, *PAGES),
        )

    return _served(orchestrator, orchestrator.call(made))


def _served(orchestrator: PlainOrchestrator, site: Site) -> WsgiApp:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        value = _read(environ)
        if isinstance(value, Response):
            response = secured(value)
        else:
            request = value
            response = orchestrator.call(lambda _: site.answer(request))
        told = {name for name, _ in response.headers}
        sized = response.stream is not None or "content-length" in told
        own = [] if sized else [("content-length", str(len(response.body)))]
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", [*response.headers, *own])
        return [response.body] if response.stream is None else _streamed(orchestrator, response.body, response.stream)

    return application


def _read(environ: Environ) -> Request | Response:
    length = str(environ.get("CONTENT_LENGTH") or "0")
    if not (length.isascii() and length.isdigit()):
        return problem(400, "Bad length", "the length of the body is no number")
    if len(length) > len(str(LARGEST_BODY)) or int(length) > LARGEST_BODY:
        return too_large()
    root, path = relative(_sent_path(environ), _text(environ.get("SCRIPT_NAME", "")))
    return Request(
        method=environ["REQUEST_METHOD"],
        path=path,
        root=root,
        query=environ.get("QUERY_STRING", ""),
        headers=joined_headers(_headers(environ)),
        body=environ["wsgi.input"].read(int(length)) if int(length) else b"",
        scheme=environ["wsgi.url_scheme"],
        client=environ.get("REMOTE_ADDR") or None,
    )


def _headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-"), value
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-"), value


def _text(value: str) -> str:
    """Read a text as WSGI gives it: bytes, each as a character."""
    return value.encode("latin-1").decode("utf-8", "replace")


def _sent_path(environ: Environ) -> str:
    """Give the path as it was sent, where the server tells; otherwise a slash inside a part cannot be known."""
    for name in ("REQUEST_URI", "RAW_URI"):
        sent = environ.get(name)
        if isinstance(sent, str) and sent:
            return urlsplit(sent).path if not sent.startswith("//") else sent.partition("?")[0]
    return quote(_text(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")))


def _streamed(orchestrator: PlainOrchestrator, first: bytes, parts: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Give the parts of a stream as they come; whoever stops reading ends it."""

    async def following(_: Orchestrator) -> bytes | None:
        return await anext(parts, None)

    async def closed(_: Orchestrator) -> None:
        close = getattr(parts, "aclose", None)
        if close is not None:
            await close()

    try:
        yield first
        while (part := orchestrator.call(following)) is not None:
            yield part
    finally:
        orchestrator.call(closed)
