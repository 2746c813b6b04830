"""Requests and responses as values: what every handler takes and gives, whatever server carries them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import parse_qs

from attrs import Factory, field, frozen

from awaitly_web.core import Actor

__all__ = ["LARGEST_BODY", "Call", "Request", "Response", "json_response"]

LARGEST_BODY = 256 * 1024
"""Bytes of one request's body; a server stops reading there."""


def _lowered(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@frozen(kw_only=True)
class Request:
    """One request. `path` begins with a slash and is relative to where the application is mounted, at `root`.

    `headers` are known by their names in lower case. `client` is the peer's address, if the server tells.
    """

    method: str
    path: str
    root: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict[str, str], converter=_lowered)
    body: bytes = field(default=b"", repr=False)
    scheme: str = "http"
    client: str | None = None

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
    """One answer. `stream`, where there is one, follows the body, for as long as whoever reads it wants."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = field(default=b"", repr=False)
    stream: AsyncIterator[bytes] | None = None


@frozen
class Call:
    """A request that has found its handler: who calls, and the parts of the path by name."""

    request: Request
    actor: Actor
    parts: Mapping[str, str] = Factory(dict[str, str])


def json_response(content: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """Answer with JSON, which nobody is to keep."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    told = (("content-type", "application/json"), ("cache-control", "no-store"), *headers)
    return Response(status=status, headers=told, body=body)
