"""What a request bears in its `Authorization` header."""

from __future__ import annotations

from awaitly_web.values import Request

__all__ = ["borne"]

_LONGEST = 16_384


def borne(request: Request) -> str | None:
    """Give the token that a request bears, if it bears one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= _LONGEST and token.isascii() else None
