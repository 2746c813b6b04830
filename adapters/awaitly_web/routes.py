"""Routes: which handler answers which request. One table, from which the OpenAPI document is made too."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote

from attrs import Factory, field, frozen

from awaitly_web.bodies import Body
from awaitly_web.parameters import Parameter, is_plain
from awaitly_web.permissions import Permission
from awaitly_web.values import Call, Request, Response

__all__ = ["Handler", "Route", "Worded", "matched"]

Handler: TypeAlias = Callable[[Any, Call], Awaitable[Response]]
"""Answers a call; the first argument is the `Site`."""
Worded: TypeAlias = Callable[[Request, Response], Response]
"""Gives a problem in a form for whoever asked, as a page for people."""


def _pattern(route: Route) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path))


@frozen(kw_only=True)
class Route:
    """One way of asking: `path` has its parts in braces, `needs` what an actor must be permitted.

    `parameters` and `body` are what it takes; where they are None the handler reads the query and the body itself.
    `answer` names the schema of what it answers, with `status`; `refuses` has the statuses of its problems besides
    those that each route of its kind can have. `live` is True for what answers with a stream of events, over a
    WebSocket too. `guarded` is False for what other programs sign themselves: nobody is asked who calls, and the
    handler reads the body once it knows. `worded` gives problems another form than JSON.
    """

    method: str
    path: str
    handler: Handler
    needs: Permission
    summary: str
    parameters: tuple[Parameter, ...] | None = None
    body: Body | None = None
    answer: str | None = None
    statuses: tuple[int, ...] = (200,)
    refuses: tuple[int, ...] = ()
    live: bool = False
    guarded: bool = True
    worded: Worded | None = None
    pattern: re.Pattern[str] = field(init=False, repr=False, eq=False, default=Factory(_pattern, takes_self=True))


def matched(routes: Sequence[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]] | frozenset[str]:
    """Find the route of a request, with the parts of its path; else the methods that the path does know.

    `path` is percent-encoded: a part may have a slash in it. One that no name could be leads nowhere.
    """
    known: set[str] = set()
    for route in routes:
        found = route.pattern.fullmatch(path)
        if found is None:
            continue
        parts = {name: unquote(part) for name, part in found.groupdict().items()}
        if not all(map(is_plain, parts.values())):
            continue
        if route.method == method or (method == "HEAD" and route.method == "GET"):
            return route, parts
        known.add(route.method)
    return frozenset(known)
