"""Writes that a browser was tricked into: another site's requests are refused, and each needs a token besides.

A browser says where a request comes from, in `Sec-Fetch-Site` or at least `Origin`; what comes from elsewhere is
refused. Where cookies came along, the request must also bring the token that stands in a cookie of its own, in a header
or in a form's field: another site can neither read nor set it. A request with a bearer's token needs neither, for no
browser adds that by itself. A proxy may, for a cookie that it has set: so where cookies came along with a bearer's
token, a browser is not to say that another site is at work.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from awaitly_web.core import DefinitionError
from awaitly_web.values import Request

__all__ = ["FIELD", "HEADER", "checked_origins", "fresh_token", "is_forged", "token_of"]

HEADER = "x-csrf-token"
"""The header in which a script sends the token."""
FIELD = "csrf_token"
"""The field in which a form sends it."""
_COOKIE = "awaitly-csrf"
_FORM = "application/x-www-form-urlencoded"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_FIELDS = 1_000
_SHORTEST = 32
_UNTOLD = "null"
"""The origin that browsers send with forms of pages which say `no-referrer`, as ours do."""
_PORTS = {"http": 80, "https": 443}


def checked_origins(values: Iterable[str]) -> frozenset[str]:
    """Give origins as they are compared. Raises `DefinitionError` for what is none, as `https://app.example.com` is."""
    origins = {value: _normal(value) for value in values}
    for value, normal in origins.items():
        if normal is None:
            msg = f"an origin is a scheme and a host, as 'https://app.example.com', not {value!r}"
            raise DefinitionError(msg)
    return frozenset(normal for normal in origins.values() if normal is not None)


def fresh_token(request: Request) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Give the token of whoever asks, and the headers that hand out the cookie where there is none yet."""
    token = token_of(request)
    if token is not None:
        return token, ()
    token = secrets.token_urlsafe(_SHORTEST)
    secure = "; Secure" if request.scheme == "https" else ""
    return token, (("set-cookie", f"{_name(request)}={token}; Path=/; HttpOnly; SameSite=Strict{secure}"),)


def token_of(request: Request) -> str | None:
    """Give the token that the request's own cookie has."""
    token = request.cookie(_name(request))
    return token if token is not None and len(token) >= _SHORTEST and token.isascii() else None


def is_forged(request: Request, trusted: frozenset[str]) -> str | None:
    """Say why a write is not taken for whoever seems to make it; None where all is well.

    Browsers let any page open WebSockets, with cookies, and read them: these too are opened by our own pages alone.
    """
    by_bearer = _by_bearer(request)
    if by_bearer and request.headers.get("cookie") is None:
        return None
    if request.websocket:
        return "it comes from another site" if _is_foreign(request, trusted) else None
    if request.method in _SAFE:
        return None
    if _is_foreign(request, trusted):
        return "it comes from another site"
    if by_bearer or request.headers.get("cookie") is None:
        return None
    token, sent = token_of(request), _sent(request)
    if token is None or sent is None or not hmac.compare_digest(token.encode(), sent.encode("utf-8", "replace")):
        return f"it lacks the token of its cookie, in the header {HEADER} or the field {FIELD}"
    return None


def _name(request: Request) -> str:
    """Name the cookie: with the prefix that no other host of a domain can set, where the browser lets us."""
    return f"__Host-{_COOKIE}" if request.scheme == "https" else _COOKIE


def _by_bearer(request: Request) -> bool:
    return request.headers.get("authorization", "").lower().startswith("bearer ")


def _is_foreign(request: Request, trusted: frozenset[str]) -> bool:
    origin = request.headers.get("origin")
    normal = None if origin is None else _normal(origin)
    if normal is not None and normal in trusted:
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if site == "same-origin" and origin == _UNTOLD:
        return False
    return origin is not None and (normal is None or not _is_own(normal, request))


def _is_own(normal: str, request: Request) -> bool:
    """Whether an origin is where the request came to.

    Where a browser itself says so, it may have said `https` to somebody before us, of whom the server knows nothing.
    """
    scheme = normal.partition(":")[0] if request.headers.get("sec-fetch-site") == "same-origin" else request.scheme
    return normal == _normal(f"{scheme}://{request.headers.get('host', '')}")


def _normal(origin: str) -> str | None:
    """Write an origin as any two are compared: its scheme, its host and its port, also one that goes without saying.

    None for what is no origin of a page (RFC 6454).
    """
    try:
        parts = urlsplit(origin)
        port = _PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or f"{parts.scheme}://{parts.netloc}" != _lowered(origin):
        return None
    return None if "@" in parts.netloc else f"{parts.scheme}://{parts.hostname}:{port}"


def _lowered(origin: str) -> str:
    """Write the scheme small, as it is parsed."""
    scheme, colon, rest = origin.partition(":")
    return f"{scheme.lower()}{colon}{rest}"


def _sent(request: Request) -> str | None:
    if HEADER in request.headers:
        return request.headers[HEADER]
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return None
    try:
        fields = parse_qs(request.body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    return fields.get(FIELD, [None])[0]
