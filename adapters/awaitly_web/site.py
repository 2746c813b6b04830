"""The site: finds who calls and which handler answers. It knows no server: requests and responses are values."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import Factory, define, evolve, field

from awaitly_web.core import (
    Actor,
    DefinitionError,
    Err,
    NeedsReview,
    Ok,
    Orchestrator,
    RecordCorrupt,
    Result,
    SignedLinks,
    StoreError,
)
from awaitly_web.csrf import checked_origins, is_forged
from awaitly_web.headers import secured, with_headers
from awaitly_web.hooks import Callbacks, Webhooks
from awaitly_web.live import Live
from awaitly_web.parameters import read_parameters
from awaitly_web.permissions import Permission, Permits, everybody_decides
from awaitly_web.problems import is_problem, problem, refused, too_large
from awaitly_web.routes import Route, matched
from awaitly_web.spoofing import Spoofed, refusing
from awaitly_web.values import LARGEST_BODY, Call, Request, Response

__all__ = ["NOBODY", "Authenticate", "Site"]

_log = logging.getLogger("awaitly.web")
NOBODY = Actor("anonymous")
"""Whoever calls without being known."""

Authenticate: TypeAlias = Callable[[Request], Awaitable[Actor | None]]
"""Says who makes a request: the actor, as the application has authenticated it, or None for nobody."""


def _given(_: object, __: object, value: Authenticate) -> None:
    if not callable(value):
        msg = "the web application needs authenticate=: without it anybody could decide anything"
        raise DefinitionError(msg)


def _origins(values: Iterable[str]) -> frozenset[str]:
    return checked_origins(values)


def _live(site: Site) -> Live:
    return Live(site.orchestrator)


@define(kw_only=True)
class Site:
    """All that the handlers share.

    `trusted_origins` are those of other sites whose pages may write here. `webhooks` are the programs that may decide
    by signed messages. `slack` takes what Slack calls back.
    """

    orchestrator: Orchestrator
    authenticate: Authenticate = field(validator=_given)
    permits: Permits = everybody_decides
    links: SignedLinks | None = None
    webhooks: Webhooks | None = None
    slack: Callbacks | None = None
    trusted_origins: frozenset[str] = field(default=frozenset(), converter=_origins)
    routes: Sequence[Route] = ()
    live: Live = field(init=False, default=Factory(_live, takes_self=True))

    async def answer(self, request: Request) -> Response:
        """Answer a request. Whatever goes wrong is an answer too, and tells nobody more than they may know."""
        found = matched(self.routes, request.method, request.path)
        where = found[0].path if isinstance(found, tuple) else "nowhere"
        answered = await self._guarded(request, found, where)
        worded = found[0].worded if isinstance(found, tuple) else None
        response = secured(worded(request, answered) if worded is not None and is_problem(answered) else answered)
        if request.method != "HEAD":
            return response
        length = ("content-length", str(len(response.body)))
        return evolve(response, body=b"", stream=None, headers=(*response.headers, length))

    async def _guarded(
        self, request: Request, found: tuple[Route, Mapping[str, str]] | frozenset[str], where: str
    ) -> Response:
        """Answer, also where something breaks. Logs name the route, and never the path: there may be a token in it."""
        try:
            return await self._answered(request, found)
        except RecordCorrupt as exc:
            _log.exception("%s %s: a record is damaged", request.method, where)
            return refused(NeedsReview(exc.run_id, "a record of it is damaged"))
        except StoreError:
            _log.exception("%s %s: the store is away", request.method, where)
            return problem(503, "Store away", "the store cannot be reached right now; try again")
        except Exception:  # noqa: BLE001  (whatever it is, its words are for the log alone)
            _log.exception("%s %s broke", request.method, where)
            return problem(500, "Broken", "this is a mistake of the server's; it has been logged")

    async def _answered(self, request: Request, found: tuple[Route, Mapping[str, str]] | frozenset[str]) -> Response:
        if len(request.body) > LARGEST_BODY:
            return too_large()
        match found:
            case (route, parts):
                pass
            case frozenset() as known if known:
                return _other_method(request.method, known)
            case _:
                return problem(404, "Not found", "there is nothing here")
        uncarried = _not_carried(request, route)
        if uncarried is not None:
            return uncarried
        forged = is_forged(request, self.trusted_origins) if route.guarded else None
        if forged is not None:
            _log.warning("%s %s: %s", request.method, route.path, forged)
            return problem(403, "Cross-site request", f"this is not taken: {forged}")
        actor = await self._who(request) if route.guarded else None
        permitted = frozenset[Permission]() if actor is None else self.permits(actor)
        barred = _barred(route, actor, permitted)
        if barred is not None:
            return barred
        call = Call(request, actor or NOBODY, parts, permitted=permitted)
        match _read(route, call):
            case Ok(read):
                return await route.handler(self, read)
            case Err(misfit):
                pass
        return misfit if isinstance(misfit, Response) else await refusing(self.orchestrator, call.actor, misfit, parts)

    async def _who(self, request: Request) -> Actor | None:
        """Ask who calls; an authentication that fails lets nobody in."""
        try:
            return await self.authenticate(request)
        except Exception:  # noqa: BLE001  (it fails closed)
            _log.exception("authentication failed")
            return None


def _other_method(method: str, known: frozenset[str]) -> Response:
    """Answer where the path is right, and the method is not."""
    allowed = ", ".join(sorted({*known, "OPTIONS", *(["HEAD"] if "GET" in known else [])}))
    headers = (("allow", allowed),)
    if method == "OPTIONS":
        return Response(status=204, headers=headers)
    return with_headers(problem(405, "Wrong method", f"this can be asked by {allowed} only"), headers)


def _not_carried(request: Request, route: Route) -> Response | None:
    """Answer to a WebSocket that is not to be had here, in words."""
    if request.websocket and not route.live:
        return problem(404, "No WebSocket", "none is opened here: /live/ has those there are")
    if route.live and not request.websocket and request.headers.get("upgrade", "").strip().lower() == "websocket":
        why = "the server here carries no WebSockets (WSGI has none, uvicorn needs the package websockets): "
        return problem(501, "No WebSockets", f"{why}read the same path as server-sent events, without Upgrade")
    return None


def _barred(route: Route, actor: Actor | None, permitted: frozenset[Permission]) -> Response | None:
    if route.needs is Permission.NOBODY_IN_PARTICULAR:
        return None
    if actor is None:
        return problem(401, "Not signed in", "say who you are: this is for those who are signed in")
    if route.needs is Permission.SIGNED_IN or route.needs in permitted:
        return None
    return problem(403, "Not permitted", f"{actor.name} may not do this here: it takes {route.needs.value!r}")


def _read(route: Route, call: Call) -> Result[Call, Response | Spoofed]:
    """Read the query and the body as a route says."""
    asked: Mapping[str, Any] = {}
    members: Mapping[str, Any] = {}
    if route.parameters is not None:
        match read_parameters(call.request, route.parameters):
            case Ok(asked):
                pass
            case Err(bad):
                return Err(bad)
    if route.body is not None and route.guarded:
        match route.body.read(call.request, call.actor):
            case Ok(members):
                pass
            case Err(said):
                return Err(said)
    return Ok(evolve(call, asked=asked, members=members))
