"""The site: finds who calls and which handler answers. It knows no server: requests and responses are values."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from attrs import define, field

from awaitly_web.core import Actor, DefinitionError, Orchestrator, SignedLinks, StoreError
from awaitly_web.permissions import Permission, Permits, everybody_decides
from awaitly_web.problems import problem
from awaitly_web.routes import Route, matched
from awaitly_web.values import LARGEST_BODY, Call, Request, Response

__all__ = ["Authenticate", "Site"]

_log = logging.getLogger("awaitly.web")
_NOBODY = Actor("anonymous")

Authenticate: TypeAlias = Callable[[Request], Awaitable[Actor | None]]
"""Says who makes a request: the actor, as the application has authenticated it, or None for nobody."""


def _given(_: object, __: object, value: Authenticate) -> None:
    if not callable(value):
        msg = "the web application needs authenticate=: without it anybody could decide anything"
        raise DefinitionError(msg)


@define(kw_only=True)
class Site:
    """All that the handlers share."""

    orchestrator: Orchestrator
    authenticate: Authenticate = field(validator=_given)
    permits: Permits = everybody_decides
    links: SignedLinks | None = None
    routes: Sequence[Route] = ()

    async def answer(self, request: Request) -> Response:
        """Answer a request. Whatever goes wrong is an answer too, and tells nobody more than they may know."""
        try:
            return await self._answered(request)
        except StoreError:
            _log.exception("%s %s: the store is away", request.method, request.path)
            return problem(503, "Store away", "the store cannot be reached right now; try again")
        except Exception:  # noqa: BLE001  (whatever it is, its words are for the log alone)
            _log.exception("%s %s broke", request.method, request.path)
            return problem(500, "Broken", "this is a mistake of the server's; it has been logged")

    async def _answered(self, request: Request) -> Response:
        if len(request.body) > LARGEST_BODY:
            return problem(413, "Too large", f"a request has at most {LARGEST_BODY:,} bytes")
        match matched(self.routes, request.method, request.path):
            case (route, parts):
                pass
            case frozenset() as known if known:
                allowed = ", ".join(sorted(known))
                return problem(405, "Wrong method", f"this can be asked by {allowed} only", allow=allowed)
            case _:
                return problem(404, "Not found", "there is nothing here")
        actor = await self._who(request)
        if route.needs is Permission.NOBODY_IN_PARTICULAR:
            return await route.handler(self, Call(request, actor or _NOBODY, parts))
        if actor is None:
            return problem(401, "Not signed in", "say who you are: this is for those who are signed in")
        if route.needs not in self.permits(actor):
            return problem(403, "Not permitted", f"{actor.name} may not do this here: it takes {route.needs.value!r}")
        return await route.handler(self, Call(request, actor, parts))

    async def _who(self, request: Request) -> Actor | None:
        """Ask who calls; an authentication that fails lets nobody in."""
        try:
            return await self.authenticate(request)
        except Exception:  # noqa: BLE001  (it fails closed)
            _log.exception("authentication failed")
            return None
