"""Requests and responses as values: what every handler takes and gives, whatever server carries them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from attrs import Factory, field, frozen

from awaitly_web.core import Actor
from awaitly_web.permissions import Permission

__all__ = ["LARGEST_BODY", "Call", "Request", "Response", "joined_headers", "json_response"]

LARGEST_BODY = 256 * 1024
"""Bytes of one request's body; a server stops reading there."""


def _lowered(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def joined_headers(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Give headers by name; one that was sent several times has all its values, so that none can hide another."""
    found: dict[str, str] = {}
    for name, value in pairs:
        lowered = name.lower()
        between = "; " if lowered == "cookie" else ", "
        found[lowered] = f"{found[lowered]}{between}{value}" if lowered in found else value
    return found


@frozen(kw_only=True)
class Request:
    """One request. `path` begins with a slash and is relative to where the application is mounted, at `root`.

    Both are as they were sent, percent-encoded, so that a part of the path may have a slash in it. `headers` are known
    by their names in lower case. `client` is the peer's address, if the server tells. `websocket` is True for one that
    opens a WebSocket, over a server that has them.
    """

    method: str
    path: str
    root: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict[str, str], converter=_lowered)
    body: bytes = field(default=b"", repr=False)
    scheme: str = "http"
    client: str | None = None
    websocket: bool = False

    def parameter(self, name: str) -> str | None:
        """Give a parameter of the query, the last where there are several; None where there is none."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [None])[-1]

    def cookie(self, name: str) -> str | None:
        """Give a cookie."""
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return None


@frozen(kw_only=True)
class Response:
    """One answer. `stream`, where there is one, follows the body, for as long as whoever reads it wants.

    Over a WebSocket each of its parts is a message.
    """

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = field(default=b"", repr=False)
    stream: AsyncIterator[bytes] | None = None


@frozen
class Call:
    """A request that has found its handler: who calls, and the parts of the path by name.

    `asked` has the parameters of the query, `members` those of the body, both checked as the route says. `permitted` is
    what the actor may do here.
    """

    request: Request
    actor: Actor
    parts: Mapping[str, str] = Factory(dict[str, str])
    asked: Mapping[str, Any] = Factory(dict[str, Any])
    members: Mapping[str, Any] = Factory(dict[str, Any])
    permitted: frozenset[Permission] = frozenset()


def json_response(content: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """Answer with JSON."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    told = (("content-type", "application/json"), *headers)
    return Response(status=status, headers=told, body=body)
