"""Routes: which handler answers which request. One table, from which the OpenAPI document is made too."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote

from attrs import field, frozen

from awaitly_web.permissions import Permission
from awaitly_web.values import Call, Response

__all__ = ["Handler", "Route", "matched"]

Handler: TypeAlias = Callable[[Any, Call], Awaitable[Response]]
"""Answers a call; the first argument is the `Site`."""


def _pattern(route: Route) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path))


@frozen(kw_only=True)
class Route:
    """One way of asking: `path` has its parts in braces, `needs` what an actor must be permitted."""

    method: str
    path: str
    handler: Handler
    needs: Permission
    summary: str
    pattern: re.Pattern[str] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Compile the path."""
        object.__setattr__(self, "pattern", _pattern(self))


def matched(routes: Sequence[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]] | frozenset[str]:
    """Find the route of a request, with the parts of its path; else the methods that the path does know."""
    known: set[str] = set()
    for route in routes:
        found = route.pattern.fullmatch(path)
        if found is None:
            continue
        if route.method == method or (method == "HEAD" and route.method == "GET"):
            return route, {name: unquote(part) for name, part in found.groupdict().items()}
        known.add(route.method)
    return frozenset(known)
