from __future__ import annotations

import asyncio
import json
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from awaitly import Err, Ok, Orchestrator
from awaitly_sqlite import SqliteStore
from awaitly_web import asgi, web_app
from awaitly_web.bodies import MOST_VALUES, parsed
from awaitly_web.routes import matched
from awaitly_web.table import ROUTES
from tests.adapters.web.support import WORKFLOWS, Web, open_web, who
from tests.support import SharedStore

APPROVAL = "/api/runs/r1/approvals/manager"
SCANNERS = ["Mozilla/5.0 SafeLinks", "Proofpoint URL Defense", "Slackbot-LinkExpanding 1.0", ""]
JSON = "application/json"


@pytest.mark.parametrize("agent", SCANNERS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_looking_never_writes(web: Web, store: SharedStore, method: str, agent: str) -> None:
    """GET, HEAD and OPTIONS of every route, by the one who may do all: not one commit is tried."""
    await web.parked("r1")
    store.reset()
    for route in ROUTES:
        if route.live and method == "GET":  # never ends: tests/adapters/web/test_streams.py opens it
            continue
        path = route.path.format(
            run_id="r1", key="manager", workflow="refund", chain="money", name="paid", promise_id="x@r1"
        )
        answer = await web.by("ann:admin").send(method, path, user_agent=agent)
        assert answer.status_code < 500
        assert method != "HEAD" or answer.content == b""
    assert store.written == 0


async def test_every_answer_says_what_browsers_may_do(web: Web) -> None:
    """Found, refused, unknown, too large: each has the security headers."""
    root = web.by("root:admin")
    large = await root.send("POST", f"{APPROVAL}/approve", b"x" * 300_000, content_type=JSON)
    answers = [await root.get("/health"), await root.get("/nowhere"), await web.by("").get("/api/me"), large]
    assert [answer.status_code for answer in answers] == [200, 404, 401, 413]
    for answer in answers:
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert answers[2].headers["www-authenticate"] == "Bearer"


BOMBS = {
    "deep": b'{"value":' + b"[" * 40 + b"]" * 40 + b"}",
    "deeper": b"[" * 200_000,
    "duplicate": b'{"value":1,"value":2}',
    "duplicate inside": b'{"value":{"a":1,"a":2}}',
    "nan": b'{"value":NaN}',
    "infinite": b'{"value":-Infinity}',
    "exponent": b'{"value":1e999}',
    "huge number": b'{"value":' + b"9" * 5_000 + b"}",
    "huge revision": b'{"revision":' + b"9" * 4_000 + b',"value":1}',
    "float revision": b'{"revision":1.0,"value":1}',
    "no utf-8": b'{"value":"\xff\xfe"}',
    "utf-16": '{"value":1}'.encode("utf-16"),
    "list": b"[]",
    "text": b'"x"',
    "many": b'{"value":[' + b"1," * 5_000 + b"1]}",
    "many texts": b'{"value":[' + b'"",' * 5_000 + b'""]}',
    "brackets": b'{"value":[' + b"[]," * 80_000 + b"[]]}",
    "quotes": b'"' * 262_000,
    "broken": b'{"value":',
    "unknown": b'{"value":1,"resume":true}',
    "long": b'{"value":"' + b"x" * 262_144 + b'"}',
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_bombs_are_refused(web: Web, bomb: str) -> None:
    """Each is a 4xx, in a fraction of a second, and nothing is decided."""
    await web.parked("r1")
    began = time.perf_counter()
    refused = await web.by("ann:decider").send("POST", f"{APPROVAL}/edit", BOMBS[bomb], content_type=JSON)
    assert refused.status_code in (413, 422)
    assert time.perf_counter() - began < 5
    assert (await web.by("ann:decider").get(APPROVAL)).json()["revision"] == 1


@pytest.mark.parametrize("bomb", sorted(set(BOMBS) - {"huge revision", "float revision", "unknown", "long"}))
def test_bombs_are_refused_where_they_are_read(bomb: str) -> None:
    """Whatever the route would take besides."""
    assert isinstance(parsed(BOMBS[bomb]), Err)


def test_what_stands_in_texts_is_no_bomb() -> None:
    """Brackets, commas and quotation marks in a text neither nest nor count."""
    text = '[{,"\\' * 5_000
    assert parsed(json.dumps({"value": text}).encode()) == Ok({"value": text})


def test_as_many_values_as_there_may_be_are_read() -> None:
    """One more is refused, in words."""
    most: dict[str, object] = {"value": ["a"] * (MOST_VALUES - 1)}
    assert parsed(json.dumps(most).encode()) == Ok(most)
    match parsed(json.dumps({"value": ["a"] * (MOST_VALUES + 1)}).encode()):
        case Err(refused):
            assert json.loads(refused.body)["detail"] == "$: it has more than 5,000 values"
        case Ok(_):
            raise AssertionError


def test_a_path_that_no_name_could_be_is_no_route() -> None:
    """Stores are not even asked for it: some raise at NUL."""
    for part in ("%00", "a%0Ab", "x" * 1_001):
        assert matched(ROUTES, "GET", f"/api/runs/{part}") == frozenset()


@pytest.mark.parametrize("name", ["\x00", "\ud800", "x" * 2_000])
async def test_a_form_that_names_what_no_name_could_be_is_refused(tmp_path: Path, name: str) -> None:
    """It is not looked for in a store, which may raise at it: a 422, and no 500."""
    async with (
        Orchestrator(SqliteStore(tmp_path / "runs.db"), workflows=WORKFLOWS) as orchestrator,
        open_web(orchestrator) as web,
    ):
        body = f"do=approve&item={quote(json.dumps([name, 'manager', 1, 'v1:x']))}".encode()
        kind = "application/x-www-form-urlencoded"
        assert (await web.by("ann:decider").send("POST", "/", body, content_type=kind)).status_code == 422


async def test_a_body_of_another_kind_is_refused(web: Web) -> None:
    """What a form can send from anywhere is not taken for JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        refused = await web.by("ann:decider").send("POST", f"{APPROVAL}/approve", b"{}", content_type=kind)
        assert refused.status_code == 415


async def test_a_body_that_does_not_come_is_not_waited_for(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its patience the server answers 408."""
    monkeypatch.setattr(asgi, "PATIENCE", 0.05)
    sent: list[MutableMapping[str, Any]] = []
    never = {"type": "http.request", "body": b"{", "more_body": True}
    heard = iter([never])

    async def receive() -> dict[str, Any]:
        if (message := next(heard, None)) is not None:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    app = web_app(web.orchestrator, authenticate=who)
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/api/me",
        "raw_path": b"/api/me",
        "query_string": b"",
        "headers": [],
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 408


async def test_an_authentication_that_breaks_lets_nobody_in(web: Web) -> None:
    """It fails closed, with a 401, and its words stay in the log."""

    async def broken(_: object) -> None:
        raise RuntimeError("ldap://10.0.0.1 is away")

    async with open_web(web.orchestrator, authenticate=broken) as other:
        refused = await other.by("ann:decider").get("/api/inbox")
    assert refused.status_code == 401
    assert "10.0.0.1" not in refused.text


async def test_a_mistake_is_not_told(web: Web) -> None:
    """What breaks is a 500 whose words are for the log alone."""

    def broken(_: object) -> frozenset[object]:
        raise RuntimeError("secret")

    async with open_web(web.orchestrator, permits=broken) as other:
        refused = await other.by("ann:decider").get("/api/inbox")
    assert (refused.status_code, "secret" in refused.text) == (500, False)
    assert json.loads(refused.text)["title"] == "Broken"
