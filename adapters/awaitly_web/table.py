"""The table of routes: all that can be asked of the application."""

from __future__ import annotations

from awaitly_web.api import approvals
from awaitly_web.permissions import Permission
from awaitly_web.routes import Route
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["ROUTES"]


async def health(_: Site, __: Call) -> Response:
    """Say that the application answers."""
    return json_response({"status": "ok"})


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/health",
        handler=health,
        needs=Permission.NOBODY_IN_PARTICULAR,
        summary="Whether the application answers",
    ),
    Route(
        method="GET",
        path="/api/inbox",
        handler=approvals.inbox,
        needs=Permission.DECIDE,
        summary="What waits for whoever asks",
    ),
    Route(
        method="POST",
        path="/api/runs/{run_id}/approvals/{key}/approve",
        handler=approvals.approve,
        needs=Permission.DECIDE,
        summary="Vote yes",
    ),
    Route(
        method="POST",
        path="/api/runs/{run_id}/approvals/{key}/reject",
        handler=approvals.reject,
        needs=Permission.DECIDE,
        summary="Vote no",
    ),
)
