"""The table of the pages' routes. None of them is in the API's description."""

from __future__ import annotations

from awaitly_web.pages import approvals, assets, inbox, links
from awaitly_web.pages.rendering import words_of_problem
from awaitly_web.parameters import AFTER, LIMIT, Parameter, span, text
from awaitly_web.permissions import Permission
from awaitly_web.routes import Handler, Route

__all__ = ["PAGES"]

_INBOX = (
    text("prefix", "Only of runs whose id begins so"),
    text("workflow", "Only of this workflow"),
    span("due_within", "Only what expires within that time"),
    LIMIT,
    AFTER,
)
_SIGNED_IN, _ANYBODY = Permission.SIGNED_IN, Permission.NOBODY_IN_PARTICULAR


def _page(method: str, path: str, handler: Handler, needs: Permission, summary: str) -> Route:
    return Route(method=method, path=path, handler=handler, needs=needs, summary=summary, worded=words_of_problem)


def _listing(path: str, handler: Handler, summary: str, *parameters: Parameter) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        needs=Permission.DECIDE,
        summary=summary,
        parameters=parameters,
        worded=words_of_problem,
    )


_APPROVAL = "/runs/{run_id}/approvals/{key}"

PAGES: tuple[Route, ...] = (
    _listing("/", inbox.waiting, "What waits for whoever asks", *_INBOX),
    _page("POST", "/", inbox.bulk, Permission.DECIDE, "Decide many at once"),
    _listing("/decided", inbox.decided, "What whoever asks has decided", AFTER),
    _page("GET", "/runs/{run_id}", approvals.run, _SIGNED_IN, "A run"),
    _page("GET", _APPROVAL, approvals.one, _SIGNED_IN, "An approval"),
    _page("POST", _APPROVAL, approvals.act, _SIGNED_IN, "Decide, or say something"),
    _page("GET", "/a/{token}", links.show, _ANYBODY, "What a mailed link shows"),
    _page("POST", "/a/{token}", links.act, _ANYBODY, "Decide by a mailed link"),
    _page("GET", "/a/{token}/whole", links.whole, _ANYBODY, "All of what a mailed link shows, as JSON"),
    Route(method="GET", path="/a/{token}/live", handler=links.live, needs=_ANYBODY, summary="Updates of a link"),
    Route(method="GET", path="/assets/{name}", handler=assets.one, needs=_ANYBODY, summary="Style and script"),
)
"""All pages, their updates, and what they look like."""
