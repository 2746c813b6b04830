"""People's way in: an HTTP API, links and an inbox, as one application to mount anywhere."""

from __future__ import annotations

try:
    from awaitly_web.asgi import web_app
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] not in {"starlette", "jinja2", "itsdangerous"}:
        raise
    missing = f"awaitly_web needs a package that is missing ({exc.name}): pip install 'awaitly[web]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc
from awaitly_web.permissions import Permission, by_roles, everybody_decides
from awaitly_web.site import Authenticate
from awaitly_web.values import Request, Response

__all__ = ["Authenticate", "Permission", "Request", "Response", "by_roles", "everybody_decides", "web_app"]
