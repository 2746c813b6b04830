"""People's way in: an HTTP API, links and an inbox, as one application to mount anywhere."""

from __future__ import annotations

try:
    from awaitly_web.asgi import web_app
    from awaitly_web.proving import BearerKeys, KeySet, OidcTokens, ProxyHeaders, Sessions, first_of, hashed_key
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] not in {"starlette", "jinja2", "itsdangerous"}:
        raise
    missing = f"awaitly_web needs a package that is missing ({exc.name}): pip install 'awaitly[web]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc
from awaitly_web.hooks import Callbacks, Sender, Webhooks
from awaitly_web.permissions import Permission, by_roles, everybody_decides
from awaitly_web.site import Authenticate
from awaitly_web.values import Request, Response
from awaitly_web.wsgi import wsgi_app

__all__ = [
    "Authenticate",
    "BearerKeys",
    "Callbacks",
    "KeySet",
    "OidcTokens",
    "Permission",
    "ProxyHeaders",
    "Request",
    "Response",
    "Sender",
    "Sessions",
    "Webhooks",
    "by_roles",
    "everybody_decides",
    "first_of",
    "hashed_key",
    "web_app",
    "wsgi_app",
]
