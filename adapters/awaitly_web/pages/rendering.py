"""Pages: templates filled in, with a content security policy under which nothing runs that is not ours."""

from __future__ import annotations

import functools
import json
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from awaitly_web.core import visible
from awaitly_web.csrf import FIELD, fresh_token
from awaitly_web.pages.words import ago, bearing, clock_time, lines_of, span, within
from awaitly_web.values import Request, Response

if TYPE_CHECKING:
    from jinja2 import Environment

if find_spec("jinja2") is None:
    missing = "No module named 'jinja2'"
    raise ModuleNotFoundError(missing, name="jinja2")

__all__ = ["ASSETS", "asset", "page", "see_other", "words_of_problem"]

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ASSETS = {"inbox.css": "text/css; charset=utf-8", "inbox.js": "text/javascript; charset=utf-8"}


@functools.cache
def _environment() -> Environment:
    """Make it for the first page: templates cost a third of this package's import, and many serve the API alone."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (heavy, see above)

    environment = Environment(
        loader=PackageLoader("awaitly_web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(
        visible=lambda text: visible(str(text)),
        lines=lambda text: lines_of(str(text)),
        path=lambda text: quote(str(text), safe=""),
        when=clock_time,
        span=span,
    )
    return environment


@functools.cache
def asset(name: str) -> bytes:
    """Read an asset."""
    from importlib.resources import files  # noqa: PLC0415  (heavy)

    return (files("awaitly_web") / "assets" / name).read_bytes()


@functools.cache
def _version(name: str) -> str:
    return sha256(asset(name)).hexdigest()[:12]


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Fill in a template. Forms of a page have the token against forged requests; its cookie comes along."""
    token, cookies = fresh_token(request)
    text = (
        _environment()
        .get_template(template)
        .render(
            root=request.root,
            csrf_field=FIELD,
            csrf_token=token,
            assets={name: f"{request.root}/assets/{name}?v={_version(name)}" for name in ASSETS},
            within=within,
            ago=ago,
            bearing=bearing,
            **context,
        )
    )
    headers = (("content-type", "text/html; charset=utf-8"), ("content-security-policy", _POLICY), *cookies)
    return Response(status=status, headers=headers, body=text.encode("utf-8", "backslashreplace"))


def see_other(location: str) -> Response:
    """Send whoever has told something on to a page."""
    return Response(status=303, headers=(("location", location),))


def words_of_problem(request: Request, response: Response) -> Response:
    """Show a problem to people."""
    document = json.loads(response.body)
    kept = tuple((name, value) for name, value in response.headers if name == "www-authenticate")
    shown = page(
        request,
        "problem.html",
        response.status,
        title=document["title"],
        detail=document["detail"],
        me=None,
        live=None,
        section=None,
    )
    return Response(status=shown.status, headers=(*shown.headers, *kept), body=shown.body)
