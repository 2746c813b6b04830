"""The table of the live updates: each is a stream of server-sent events, and a WebSocket where the server has them."""

from __future__ import annotations

from awaitly_web.api import streams
from awaitly_web.parameters import text
from awaitly_web.permissions import Permission
from awaitly_web.routes import Handler, Route

__all__ = ["LIVE"]

_SEEN = text("seen", "The id of the last event that was read: what has changed since is told at once")


def _live(path: str, handler: Handler, needs: Permission, summary: str) -> Route:
    return Route(
        method="GET",
        path=f"/live{path}",
        handler=handler,
        needs=needs,
        summary=summary,
        parameters=(_SEEN,),
        answer="Event",
        refuses=(429, 501),
        live=True,
    )


LIVE: tuple[Route, ...] = (
    _live("/inbox", streams.inbox, Permission.DECIDE, "Updates of the inbox"),
    _live("/runs/{run_id}", streams.run, Permission.SIGNED_IN, "Updates of a run"),
    _live("/runs/{run_id}/approvals/{key}", streams.approval, Permission.SIGNED_IN, "Updates of an approval"),
)
"""What can be followed."""
