from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from werkzeug.test import Client

from awaitly import Actor, MemoryStore, sync
from awaitly_web import Request, Response, web_app, wsgi_app
from awaitly_web.live import MOST_STREAMS
from awaitly_web.sockets import carried_by_socket
from tests.adapters.web.following import bearing, listening, served_at, streaming, talking
from tests.adapters.web.support import PERMITS, WORKFLOWS, Web, who

APPROVAL = "/live/runs/r1/approvals/manager"


@asynccontextmanager
async def site(web: Web, **options: Any) -> AsyncGenerator[str]:
    """Serve what there is on a port, over a run that waits, and give where."""
    await web.parked("r1")
    chosen: dict[str, Any] = {"authenticate": who, "permits": PERMITS, **options}
    async with served_at(web_app(web.orchestrator, **chosen)) as at:
        yield at


@pytest.mark.parametrize(
    ("path", "told"), [(APPROVAL, "ann:decider"), ("/live/runs/r1", "rita"), ("/live/inbox", "ann:decider")]
)
async def test_a_websocket_has_the_events_of_a_stream(web: Web, path: str, told: str) -> None:
    """The same names and ids, of one approval, one run and the inbox."""
    async with site(web) as at, streaming(at, path, told) as sent, listening(at, path, told) as heard:
        assert await sent() == await heard()
        (await web.orchestrator.approve("r1", by="ann")).unwrap()
        assert await sent() == await heard()


async def test_a_websocket_goes_on_where_another_was_cut(web: Web) -> None:
    """`seen` names the last event that was read: what has changed since is told at once."""
    async with site(web) as at:
        async with listening(at, APPROVAL, "ann:decider") as heard:
            _, seen = await heard()
        (await web.orchestrator.approve("r1", by="ann")).unwrap()
        async with listening(at, f"{APPROVAL}?seen={seen}", "ann:decider") as heard:
            name, now = await heard()
    assert name == "changed"
    assert now != seen


@pytest.mark.parametrize(
    ("path", "told", "status"),
    [
        (APPROVAL, "", 401),
        (APPROVAL, "eve:decider", 404),
        ("/live/runs/r1", "ann:decider", 404),
        ("/live/runs/none", "root:admin", 404),
        ("/live/inbox", "rita:starter", 403),
        ("/live/inbox?since=1", "ann:decider", 422),
        ("/api/inbox", "ann:decider", 404),
        ("/api/runs/r1/cancel", "root:admin", 405),
        ("/nowhere", "root:admin", 404),
    ],
)
async def test_who_may_not_have_one_is_refused_before_it_opens(web: Web, path: str, told: str, status: int) -> None:
    """With the status and the problem that HTTP gives."""
    async with site(web) as at:
        with pytest.raises(InvalidStatus) as refused:
            async with talking(at, path, told):
                pass
    answer = refused.value.response
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(answer.body)["status"] == status


async def by_cookie(request: Request) -> Actor | None:
    """Know people by a cookie, which browsers send whatever page asks."""
    name = request.cookie("person")
    return Actor(name, ["decider"]) if name else None


@pytest.mark.parametrize(
    ("headers", "opens"),
    [
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://AT.evil.example"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site", "origin": "http://AT"}, False),
        ({"origin": "http://AT"}, True),
        ({"origin": "http://AT", "sec_fetch_site": "same-origin"}, True),
        ({"origin": "https://desk.example", "sec_fetch_site": "cross-site"}, True),
        ({}, True),
    ],
)
async def test_a_foreign_page_opens_none_with_a_cookie(web: Web, headers: dict[str, str], opens: bool) -> None:
    """Browsers let any page open WebSockets anywhere, with cookies: the origin is looked at first."""
    async with site(web, authenticate=by_cookie, trusted_origins=["https://desk.example"]) as at:
        sent = {name: value.replace("AT", at) for name, value in headers.items()}
        try:
            async with talking(at, "/live/inbox", "", cookie="person=ann", **sent) as connection:
                found = json.loads(await connection.recv())["event"]
        except InvalidStatus as refused:
            found = refused.response.status_code
    assert found == ("here" if opens else 403)


@pytest.mark.parametrize(
    ("peers", "host", "origin", "opens"),
    [
        ("127.0.0.1", "inbox.example", "https://inbox.example", True),
        ("127.0.0.1", "inbox.example:443", "https://inbox.example", True),
        ("127.0.0.1", "inbox.example", "https://inbox.example:443", True),
        ("127.0.0.1", "inbox.example", "http://inbox.example", False),
        ("127.0.0.1", "inbox.example:443", "http://inbox.example", False),
        ("127.0.0.1", "inbox.example", "https://inbox.example:8443", False),
        ("10.0.0.5", "inbox.example", "http://inbox.example", True),
        ("10.0.0.5", "inbox.example", "https://inbox.example", False),
    ],
)
async def test_an_origin_behind_a_proxy_is_the_one_that_the_proxy_tells(
    web: Web, peers: str, host: str, origin: str, opens: bool
) -> None:
    """Where the server trusts it; of anybody else nothing is believed."""
    await web.parked("r1")
    app: Any = web_app(web.orchestrator, authenticate=by_cookie, permits=PERMITS)
    headers = {"host": host, "origin": origin, "cookie": "person=ann", "x-forwarded-proto": "https"}
    first = await first_answer(ProxyHeadersMiddleware(app, trusted_hosts=peers), "/live/inbox", headers)
    assert first == ("websocket.accept" if opens else "websocket.close")


async def first_answer(app: Any, path: str, headers: dict[str, str]) -> str:
    """Ask for a WebSocket as a server hands it over, and give what it is to do first."""
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 5_000),
        "subprotocols": [],
    }
    asked = [{"type": "websocket.connect"}]
    answers: asyncio.Queue[str] = asyncio.Queue()

    async def receive() -> dict[str, Any]:
        return asked.pop() if asked else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: dict[str, Any]) -> None:
        answers.put_nowait(message["type"])

    await app(scope, receive, send)
    return answers.get_nowait()


async def test_a_program_with_a_bearers_token_has_no_origin_to_prove(web: Web) -> None:
    """No browser adds such a token by itself."""
    async with site(web) as at, talking(at, "/live/inbox", "ann:decider", origin="http://evil.example") as connection:
        assert json.loads(await connection.recv())["event"] == "here"


@pytest.mark.parametrize(("message", "code"), [("hello", 1003), (b"\x00", 1003), ("x" * 100_000, 1009)])
async def test_what_a_client_says_closes(web: Web, message: str | bytes, code: int) -> None:
    """Nothing is taken, and what is large is not even read to its end."""
    async with site(web) as at, talking(at, APPROVAL, "ann:decider") as connection:
        await connection.recv()
        await connection.send(message)
        with pytest.raises(ConnectionClosedError) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_one_person_has_only_so_many(web: Web) -> None:
    """Streams and WebSockets count alike; one that is closed makes room."""
    async with site(web) as at, AsyncExitStack() as stack:
        for number in range(MOST_STREAMS):
            kind = streaming if number % 2 else listening
            await (await stack.enter_async_context(kind(at, "/live/inbox", "ann:decider")))()
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(listening(at, "/live/inbox", "ann:decider"))
        assert refused.value.response.status_code == 429
        async with listening(at, "/live/inbox", "bob:decider") as other:
            assert (await other())[0] == "here"


async def test_a_crowd_that_comes_at_once_gets_no_more(web: Web) -> None:
    """However many one person opens side by side, no more are fed."""
    async with site(web) as at, AsyncExitStack() as stack:

        async def fed() -> bool:
            try:
                return (await (await stack.enter_async_context(listening(at, "/live/inbox", "ann:decider")))())[
                    0
                ] == "here"
            except (InvalidStatus, ConnectionClosedOK):
                return False

        assert sum(await asyncio.gather(*(fed() for _ in range(3 * MOST_STREAMS)))) == MOST_STREAMS


async def test_one_that_is_old_closes_and_another_is_opened(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """So whoever may no longer see it is refused in the end."""
    monkeypatch.setattr("awaitly_web.live._LONGEST", 0.0)
    async with site(web) as at, talking(at, APPROVAL, "ann:decider") as connection:
        with pytest.raises(ConnectionClosedOK) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "over for now: open another")


async def test_it_says_now_and_then_that_it_is_alive(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """For proxies that cut what is silent."""
    monkeypatch.setattr("awaitly_web.live._HEARTBEAT", 0.01)
    async with site(web) as at, talking(at, APPROVAL, "ann:decider") as connection:
        await connection.recv()
        assert json.loads(await connection.recv()) == {"event": "alive", "id": None}


def in_fastapi(app: ASGIApp) -> ASGIApp:
    """Mount in FastAPI."""
    host = FastAPI()
    host.mount("/inner/inbox", app)
    return host


def in_starlette(app: ASGIApp) -> ASGIApp:
    """Mount in Starlette, as beside Django."""
    return Starlette(routes=[Mount("/inner/inbox", app)])


@pytest.mark.parametrize("mounted", [in_fastapi, in_starlette])
async def test_it_works_where_it_is_mounted(web: Web, mounted: Any) -> None:
    """Below a prefix, with an id that has a slash."""
    await web.parked("a/b")
    app = web_app(web.orchestrator, authenticate=who, permits=PERMITS)
    async with served_at(mounted(app)) as at, listening(at, "/inner/inbox/live/runs/a%2Fb", "root:admin") as heard:
        assert (await heard())[0] == "here"


UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "WebSocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "x" * 16,
}


async def test_a_server_without_websockets_says_so(web: Web) -> None:
    """Without its package uvicorn hands such a request on as any other; an endless stream would be no answer."""
    await web.parked("r1")
    refused = await web.client.get(APPROVAL, headers={**bearing("ann:decider"), **UPGRADE})
    assert refused.status_code == 501
    assert "server-sent events" in refused.json()["detail"]


def test_wsgi_says_that_it_has_none() -> None:
    """And that server-sent events are to be had at the same path."""
    with sync.Orchestrator(MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        app: Any = wsgi_app(orchestrator, authenticate=who, permits=PERMITS)
        told: Any = Client(app).get("/live/inbox", headers={**bearing("ann:decider"), **UPGRADE})
    assert told.status_code == 501
    assert "server-sent events" in told.json["detail"]


class Slow:
    """A reader over ASGI that takes a message only when `taking` is set."""

    def __init__(self) -> None:
        self.taking = asyncio.Event()
        self.offered = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        """Never say anything."""
        never: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        return await never

    async def send(self, message: Any) -> None:
        """Take a message, in time."""
        if message["type"] == "websocket.send":
            self.offered.set()
            await self.taking.wait()
        self.sent.append(message)


async def counting(made: list[int]) -> AsyncGenerator[bytes]:
    """Give messages for as long as they are taken, and note each as it is made."""
    while len(made) < 1_000:
        made.append(len(made))
        yield b"{}"


async def test_nothing_is_kept_for_a_reader_who_is_slow() -> None:
    """Of a thousand messages one is made, and no other before that is taken."""
    slow, made = Slow(), list[int]()
    carrying = asyncio.ensure_future(carried_by_socket(Response(stream=counting(made)), {}, slow.receive, slow.send))
    await slow.offered.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert made == [0]
    slow.taking.set()
    await carrying
    assert len(made) == 1_000
    assert slow.sent[-1]["code"] == 1000


async def test_a_slow_reader_is_told_the_latest_alone(web: Web) -> None:
    """Three changes later the next message is how it stands by then."""
    await web.parked("r1")
    site = web_app(web.orchestrator, authenticate=who, permits=PERMITS)
    slow = Slow()
    connects = iter([{"type": "websocket.connect"}])

    async def receive() -> Any:
        return next(connects, None) or await slow.receive()

    scope = {
        "type": "websocket",
        "path": APPROVAL,
        "raw_path": APPROVAL.encode(),
        "query_string": b"",
        "scheme": "ws",
        "headers": [(name.encode(), value.encode()) for name, value in bearing("ann:decider").items()],
        "server": ("inbox.example", 80),
    }
    async with served_at(site) as at, streaming(at, APPROVAL, "bob:decider") as quick:
        carrying = asyncio.ensure_future(site(scope, receive, slow.send))
        marks = [(await quick())[1]]
        await slow.offered.wait()
        for text in ("one", "two", "three"):
            (await web.orchestrator.comment("r1", text=text, by="ann")).unwrap()
            marks.append((await quick())[1])
        slow.taking.set()
        slow.offered.clear()
        while len(slow.sent) < 3:
            await slow.offered.wait()
            slow.offered.clear()
            await asyncio.sleep(0)
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
    told = [json.loads(message["text"])["id"] for message in slow.sent if message["type"] == "websocket.send"]
    assert told == [marks[0], marks[-1]]


async def test_a_reader_who_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time of patience, with a code that says why."""
    monkeypatch.setattr("awaitly_web.sockets._PATIENCE", 0.01)
    slow = Slow()
    await carried_by_socket(Response(stream=counting([])), {}, slow.receive, slow.send)
    assert [message["type"] for message in slow.sent] == ["websocket.accept", "websocket.close"]
    assert (slow.sent[-1]["code"], slow.sent[-1]["reason"]) == (1008, "messages were not read")


async def test_a_stream_that_breaks_closes_and_says_nothing_of_why(caplog: pytest.LogCaptureFixture) -> None:
    """Its words are for the log."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"{}"
        raise ValueError("a secret")

    slow = Slow()
    slow.taking.set()
    await carried_by_socket(Response(stream=broken()), {}, slow.receive, slow.send)
    assert slow.sent[-1]["code"] == 1011
    assert "secret" not in str(slow.sent)
    assert "a secret" in caplog.text


async def test_a_server_that_carries_no_answer_refuses_without_one() -> None:
    """Before it is accepted, so that the client sees a 403."""
    slow = Slow()
    await carried_by_socket(Response(status=401), {}, slow.receive, slow.send)
    assert [message["type"] for message in slow.sent] == ["websocket.close"]


async def test_a_stream_is_closed_when_its_reader_goes(web: Web) -> None:
    """Its place is free again."""
    app = web_app(web.orchestrator, authenticate=who, permits=PERMITS)
    async with served_at(app) as at, httpx2.AsyncClient(base_url=f"http://{at}", headers=bearing("ann:decider")):
        for _ in range(2 * MOST_STREAMS):
            async with listening(at, "/live/inbox", "ann:decider") as heard:
                assert (await heard())[0] == "here"
