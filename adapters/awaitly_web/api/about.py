"""About the application itself, and about whoever asks."""

from __future__ import annotations

from awaitly_web.csrf import fresh_token
from awaitly_web.openapi import document
from awaitly_web.permissions import Permission
from awaitly_web.showing import plain_schedule
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["health", "me", "openapi", "schedules"]

_NEVER_ASKED = {Permission.NOBODY_IN_PARTICULAR, Permission.SIGNED_IN}


async def health(_: Site, __: Call) -> Response:
    """Say that the application answers."""
    return json_response({"status": "ok"})


async def openapi(site: Site, call: Call) -> Response:
    """Give the description of the API."""
    return json_response(document(site.routes, call.request.root))


async def me(_: Site, call: Call) -> Response:
    """Say who asks, what they may do here, and the token that writes with a cookie need."""
    token, headers = fresh_token(call.request)
    who = call.actor
    told = {
        "name": who.name,
        "roles": sorted(who.roles),
        "on_behalf_of": who.on_behalf_of,
        "permits": sorted(permission.value for permission in call.permitted - _NEVER_ASKED),
        "csrf_token": token,
    }
    return json_response(told, headers=headers)


async def schedules(site: Site, _: Call) -> Response:
    """List the schedules, by name."""
    found = await site.orchestrator.schedules()
    return json_response({"items": [plain_schedule(schedule) for schedule in found], "after": None})
