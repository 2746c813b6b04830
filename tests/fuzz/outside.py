"""What the adapters take: addresses, keys, names, headers, and what a service sends or a program writes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

import awaitly_apprise
import awaitly_email
import awaitly_mcp
import awaitly_otel
import awaitly_postgres
import awaitly_redis
import awaitly_slack
import awaitly_split
import awaitly_sqlite
import awaitly_web
import awaitly_webhook
from awaitly import Actor, MemoryStore, Orchestrator
from awaitly_mcp.lines import LinesIn, LinesOut
from awaitly_slack.signing import signature_of
from awaitly_web.hooks import verified
from tests.fuzz.entries import Entry
from tests.fuzz.texts import documents, nasty, nasty_bytes, papers
from tests.fuzz.values import NOW

__all__ = ["ADAPTERS"]

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
KEY = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
SENDER = awaitly_web.Sender(Actor("crm"), KEY)
SMTP = awaitly_email.SmtpServer(host="mail.example.org")
STORE = MemoryStore()
ORCHESTRATOR = Orchestrator(STORE)
HEADERS: Any = st.dictionaries(
    nasty | st.sampled_from(["authorization", "cookie", "x-forwarded-user"]), nasty, max_size=3
)


def _nobody(_: object) -> None:
    return None


async def _anybody(request: awaitly_web.Request) -> Actor | None:
    return Actor("bob")


def pressed(payload: object) -> object:
    """Take what Slack sends, as it signs it."""
    body = _body(payload)
    at = str(int(NOW.timestamp()))
    headers = {"x-slack-request-timestamp": at, "x-slack-signature": signature_of(SECRET.encode(), at, body)}
    return called_back(headers, body)


def called_back(headers: Mapping[str, str], body: bytes) -> object:
    """Take what anybody sends to where Slack calls back."""

    async def taken() -> object:
        acting = awaitly_slack.SlackActions(
            ORCHESTRATOR, signing_secrets=SECRET, people=_nobody, clock=lambda: NOW, patience="1ms"
        )
        return await acting(headers, body)

    return asyncio.run(taken())


def _body(payload: object) -> bytes:
    try:
        text = payload if isinstance(payload, str) else json.dumps(payload)
    except RecursionError:
        text = "[" * 9_000
    return b"payload=" + text.encode("utf-8", "surrogatepass").replace(b"%", b"%25").replace(b"&", b"%26")


def proven(headers: Mapping[str, str], path: str, client: str) -> object:
    """Ask each way of proving who calls."""
    ways = awaitly_web.first_of(
        awaitly_web.BearerKeys({awaitly_web.hashed_key("k" * 40): Actor("kim")}),
        awaitly_web.Sessions(keys="s" * 40),
        awaitly_web.ProxyHeaders(peers=["10.0.0.1"]),
    )
    return asyncio.run(ways(awaitly_web.Request(method="GET", path=path, headers=headers, client=client)))  # type: ignore[arg-type]


def hooked(headers: Mapping[str, str], body: bytes) -> object:
    """Look who has signed a message."""
    hooks = awaitly_web.Webhooks([SENDER], clock=lambda: NOW)
    told = {"webhook-id": "m1", "webhook-timestamp": "1798761600", **headers}
    return verified(hooks, awaitly_web.Request(method="POST", path="/hooks/decisions", headers=told, body=body))


def line(content: bytes) -> object:
    """Read a line of an MCP server's, or of a client's."""
    told = [content.replace(b"\n", b" ") + b"\n"]

    async def more() -> bytes:
        return told.pop() if told else b""

    async def answer(_: bytes) -> None:
        return None

    async def close() -> None:
        return None

    return asyncio.run(LinesIn(more, close, LinesOut(answer, close)).receive())


def request(method: str, path: str, query: str, name: str) -> object:
    """Make a request, and look at its parameters and cookies. Raises `ValueError` for a query of too many fields."""
    made = awaitly_web.Request(method=method, path=path, query=query, headers={"cookie": f"{name}=1", name: name})
    return made.parameter(name), made.cookie(name)


def _e(module: Any, name: str, /, drawn: Mapping[str, Any] | None = None, **usual: Any) -> Entry:
    return Entry(f"{module.__name__}.{name}", getattr(module, name), usual, drawn or {})


PRESSED: Any = st.fixed_dictionaries(
    {"type": st.just("block_actions") | nasty},
    optional={
        "team": documents | st.just({"id": "T1"}),
        "user": documents | st.fixed_dictionaries({"id": nasty, "team_id": nasty}),
        "response_url": nasty,
        "actions": documents
        | st.lists(
            st.fixed_dictionaries({"action_id": st.just("awaitly.approve") | nasty, "value": papers}), max_size=2
        ),
    },
)

ADAPTERS: tuple[Entry, ...] = (
    _e(awaitly_apprise, "AppriseChannel", targets={"ann": "json://example.org"}),
    _e(awaitly_apprise, "Target", url="json://example.org"),
    _e(awaitly_apprise, "by_grant"),
    _e(awaitly_email, "EmailChannel", server=SMTP, sender="a@example.org", recipients={"ann": "a@example.org"}),
    _e(awaitly_email, "Recipient", address="a@example.org"),
    _e(awaitly_email, "SmtpServer", host="mail.example.org"),
    _e(awaitly_email, "by_grant"),
    Entry("awaitly_mcp.lines", line, {"content": b"{}"}, {"content": nasty_bytes}),
    _e(awaitly_mcp, "Answering"),
    _e(awaitly_mcp, "Program", command=("cat",)),
    _e(awaitly_mcp, "RemoteServer", url="https://example.org"),
    _e(awaitly_otel, "OtelObserver"),
    _e(awaitly_postgres, "PostgresStore", url_or_pool="postgresql://localhost/x"),
    _e(awaitly_postgres, "Settings"),
    _e(awaitly_postgres, "open_postgres", url="postgresql://localhost/x"),
    _e(awaitly_redis, "Acknowledge"),
    _e(awaitly_redis, "RedisStore", server="redis://localhost"),
    _e(awaitly_redis, "open_redis", url="redis://localhost"),
    _e(awaitly_slack, "SlackActions", orchestrator=ORCHESTRATOR, signing_secrets=SECRET, people=_nobody),
    _e(awaitly_slack, "SlackChannel", token="xoxb-1", channels={"ann": "C1"}),
    _e(awaitly_slack, "SlackUser", id="U1", team="T1"),
    _e(awaitly_slack, "by_grant"),
    Entry("awaitly_slack.SlackActions.__call__", called_back, {"headers": {}, "body": b""}, {"headers": HEADERS}),
    Entry("awaitly_slack.payload", pressed, {"payload": {}}, {"payload": PRESSED | papers}),
    _e(awaitly_split, "SplitStore", approvals=STORE, state=STORE),
    _e(awaitly_sqlite, "SqliteStore", path="runs.db"),
    _e(awaitly_sqlite, "open_sqlite", url="sqlite:///runs.db"),
    _e(awaitly_web, "BearerKeys", {"actors": st.dictionaries(nasty, st.just(Actor("kim")), max_size=2)}),
    _e(awaitly_web, "KeySet", url="https://example.org/keys"),
    _e(
        awaitly_web,
        "OidcTokens",
        issuer="https://example.org",
        audience="x",
        keys=awaitly_web.KeySet("https://example.org/keys"),
    ),
    _e(awaitly_web, "ProxyHeaders", peers=["10.0.0.1"]),
    Entry("awaitly_web.Request", request, {"method": "GET", "path": "/", "query": "", "name": "a"}),
    _e(awaitly_web, "Response"),
    _e(awaitly_web, "Sender", actor=Actor("crm"), secrets=KEY),
    _e(awaitly_web, "Sessions", keys="s" * 40),
    _e(awaitly_web, "by_roles", {"table": st.dictionaries(nasty, st.just([awaitly_web.Permission.VIEW]), max_size=2)}),
    _e(awaitly_web, "hashed_key", key="k" * 40),
    _e(awaitly_web, "web_app", orchestrator=ORCHESTRATOR, authenticate=_anybody),
    Entry("awaitly_web.hooks", hooked, {"headers": {}, "body": b""}, {"headers": HEADERS}),
    Entry("awaitly_web.proving", proven, {"headers": {}, "path": "/", "client": "10.0.0.1"}, {"headers": HEADERS}),
    _e(awaitly_webhook, "Reach"),
    _e(awaitly_webhook, "WebhookChannel", url="https://example.org", keys=KEY),
)
