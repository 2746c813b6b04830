"""The web application: every route, with a path, a query, headers and a body of which parts are nasty."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import field, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from awaitly_web.pages import PAGES
from awaitly_web.routes import Route
from awaitly_web.table import ROUTES
from tests.fuzz.texts import cursors, documents, nasty, nasty_bytes

__all__ = ["ROUTED", "Sent", "answered", "sent"]

ROUTED: Sequence[Route] = tuple(route for route in (*ROUTES, *PAGES) if not route.live)
"""Every route that answers and is done."""

USUAL: Mapping[str, str] = {
    "run_id": "r",
    "key": "ok",
    "name": "s",
    "chain": "money",
    "workflow": "refund",
    "promise_id": "p@t",
    "token": "x.y",
}
"""What stands in a path usually."""
HEADERS = (
    *(
        "authorization",
        "cookie",
        "content-type",
        "origin",
        "referer",
        "host",
        "x-csrf-token",
        "accept",
        "content-length",
    ),
    *("sec-fetch-site", "x-forwarded-user", "x-forwarded-groups", "last-event-id", "upgrade", "if-none-match"),
    *("webhook-id", "webhook-timestamp", "webhook-signature", "x-slack-signature", "x-slack-request-timestamp"),
)
FORMS = ("revision", "digest", "reason", "text", "to", "until", "value", "verb", "csrf_token", "key", "run_id", "items")
_PART = re.compile(r"\{(\w+)\}")


@frozen
class Sent:
    """One request, as the server hands it over."""

    method: str
    path: bytes
    query: bytes = b""
    headers: Mapping[bytes, bytes] = field(factory=dict[bytes, bytes])
    body: bytes = b""

    def scope(self) -> dict[str, Any]:
        """Give it in the form of ASGI."""
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path.decode("latin-1"),
            "raw_path": self.path,
            "query_string": self.query,
            "root_path": "",
            "headers": list(self.headers.items()),
            "client": ("127.0.0.1", 1),
            "server": ("inbox.example", 80),
        }


async def answered(app: Any, request: Sent) -> tuple[int, bytes]:
    """Have an application answer."""
    told: list[Any] = [{"type": "http.request", "body": request.body, "more_body": False}]
    answers: list[Any] = []

    async def receive() -> Any:
        return told.pop() if told else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)

    await app(request.scope(), receive, send)
    body = b"".join(message.get("body", b"") for message in answers[1:])
    return int(answers[0]["status"]), body


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


_PARTS = nasty.map(_quoted) | nasty.map(lambda text: text.encode("utf-8", "replace").decode("latin-1"))
_QUERIES = st.dictionaries(
    st.sampled_from(
        ["limit", "after", "prefix", "workflow", "due_within", "older_than", "statuses", "run_id", "channel", "head"]
    ),
    nasty | cursors,
    max_size=2,
)


def _path(route: Route, chosen: Sequence[str]) -> bytes:
    parts = iter(chosen)
    found = _PART.sub(lambda match: next(parts, "") or quote(USUAL[match[1]], safe=""), route.path)
    return re.sub(r"[\s\x00-\x20]", "%20", found).encode("latin-1", "replace")


def _query(asked: Mapping[str, str]) -> bytes:
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in asked.items()).encode()


def _form(fields: Mapping[str, str]) -> bytes:
    return _query(fields)


def _bodies(route: Route) -> SearchStrategy[tuple[str, bytes]]:
    """Give bodies, with what they are said to be."""
    members = sorted(route.body.members) if route.body else ["reason"]
    values = documents | nasty
    full = st.fixed_dictionaries({}, optional=dict.fromkeys(members, values)).map(_written)
    forms = st.dictionaries(st.sampled_from(FORMS) | nasty, nasty, max_size=3).map(_form)
    return st.one_of(
        full.map(lambda body: ("application/json", body)),
        nasty_bytes.map(lambda body: ("application/json", body)),
        forms.map(lambda body: ("application/x-www-form-urlencoded", body)),
        st.tuples(nasty, nasty_bytes),
    )


def _written(value: object) -> bytes:
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return b"[" * 5_000


def _header(text: str) -> bytes:
    return re.sub(rb"[\r\n\0]", b"", text.encode("utf-8", "replace"))


def sent(route: Route) -> SearchStrategy[Sent]:
    """Give requests of a route; each goes wrong in some places, and is right in the others."""
    usual = {b"host": b"inbox.example", b"authorization": b"Bearer bob:admin,ops"}
    odd = st.dictionaries(st.sampled_from(HEADERS), nasty.map(_header), max_size=1)
    count = len(_PART.findall(route.path))

    def made(parts: list[str], query: Mapping[str, str], headers: Mapping[str, bytes], body: tuple[str, bytes]) -> Sent:
        kind, content = body
        named = {name.encode(): value for name, value in headers.items()}
        written = {b"content-type": _header(kind)} if route.method != "GET" else {}
        return Sent(
            route.method,
            _path(route, parts),
            _query(query),
            {**usual, **written, **named},
            content if route.method != "GET" else b"",
        )

    parts = st.lists(st.just("") | st.just("") | _PARTS, min_size=count, max_size=count)
    none: Any = st.just(dict[str, Any]())
    return st.builds(made, parts, none | _QUERIES, none | odd, _bodies(route))
