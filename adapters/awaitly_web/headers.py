"""What every answer says to browsers: keep nothing, guess nothing, load nothing, frame nothing."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from awaitly_web.values import Response

__all__ = ["secured", "with_headers"]

_ALWAYS = (
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


def with_headers(response: Response, headers: Sequence[tuple[str, str]]) -> Response:
    """Add headers to an answer."""
    return evolve(response, headers=(*response.headers, *headers))


def secured(response: Response) -> Response:
    """Add what an answer does not say itself: a page has a content security policy of its own."""
    said = {name.lower() for name, _ in response.headers}
    added = tuple((name, value) for name, value in _ALWAYS if name not in said)
    return with_headers(response, added)
