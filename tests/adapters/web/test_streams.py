from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import flask
import httpx2
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import BaseWSGIServer, make_server

from awaitly import Orchestrator, open_store, sync
from awaitly_sqlite import SqliteStore
from awaitly_web import web_app, wsgi_app
from tests.adapters.web.following import bearing, listening, served_at, streaming
from tests.adapters.web.support import PERMITS, WORKFLOWS, Web, refund, who
from tests.support import SharedStore

APPROVAL = "/live/runs/r1/approvals/manager"
STREAMS, SOCKETS = 200, 20
APPROVING = """
import asyncio, sys
from awaitly import Orchestrator, open_store
from tests.adapters.web.support import WORKFLOWS

async def approve():
    async with Orchestrator(open_store(sys.argv[1]), workflows=WORKFLOWS) as orchestrator:
        (await orchestrator.approve("r1", by="bob")).unwrap()

asyncio.run(approve())
"""
"""A process that decides, on the store at the address that it is given."""


@asynccontextmanager
async def site(orchestrator: Orchestrator) -> AsyncGenerator[str]:
    """Serve on a port, and give where."""
    async with served_at(web_app(orchestrator, authenticate=who, permits=PERMITS)) as at:
        yield at


@pytest.fixture
async def filed(tmp_path: Path) -> AsyncIterator[SharedStore]:
    """Open a file of SQLite that counts reads."""
    inner = SqliteStore(tmp_path / "runs.db")
    await inner.open()
    yield SharedStore(inner)
    await inner.close()


async def test_hundreds_of_streams_hear_of_a_decision_by_one_load(filed: SharedStore) -> None:
    """Each of 200 streams and 20 WebSockets of as many people is told, once, and the store is not asked by each."""
    async with (
        Orchestrator(filed, workflows=WORKFLOWS) as orchestrator,
        AsyncExitStack() as stack,
        site(orchestrator) as at,
    ):
        await orchestrator.start(refund(5), run_id="r1", requested_by="rita")
        followed = [
            await stack.enter_async_context(
                (streaming if number < STREAMS else listening)(at, APPROVAL, f"p{number}:viewer")
            )
            for number in range(STREAMS + SOCKETS)
        ]
        first = set(await asyncio.gather(*(following() for following in followed)))
        filed.reset()
        (await orchestrator.approve("r1", by="ann")).unwrap()
        second = set(await asyncio.gather(*(following() for following in followed)))
        assert [name for name, _ in first | second] in (["here", "changed"], ["changed", "here"])
        assert filed.reads.total() < STREAMS / 4


async def test_opening_a_stream_writes_nothing(web: Web, store: SharedStore) -> None:
    """A mail scanner that opens one finds out nothing, and leaves nothing behind."""
    await web.parked("r1")
    store.reset()
    async with site(web.orchestrator) as at, streaming(at, APPROVAL, "ann:decider") as following:
        assert (await following())[0] == "here"
    assert store.written == 0


async def test_what_no_store_tells_of_is_told_by_the_one_who_does_it(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment wakes no run; made over HTTP, it is on the streams without waiting for the next look at everything."""
    monkeypatch.setattr("awaitly_web.live._LOOK_AGAIN", 3_600.0)
    await web.parked("r1")
    app = web_app(web.orchestrator, authenticate=who, permits=PERMITS)
    async with (
        served_at(app) as at,
        streaming(at, APPROVAL, "ann:decider") as following,
        httpx2.AsyncClient(base_url=f"http://{at}", headers=bearing("ann:decider")) as client,
    ):
        assert (await following())[0] == "here"
        said = await client.post("/api/runs/r1/approvals/manager/comment", json={"text": "well"})
        assert said.status_code == 200
        assert (await following())[0] == "changed"


async def test_a_question_that_is_asked_here_is_told_here(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that parks wakes nobody; started over HTTP, its question is in the inboxes that this process feeds."""
    monkeypatch.setattr("awaitly_web.live._LOOK_AGAIN", 3_600.0)
    app = web_app(web.orchestrator, authenticate=who, permits=PERMITS)
    async with (
        served_at(app) as at,
        streaming(at, "/live/inbox", "ann:decider") as following,
        httpx2.AsyncClient(base_url=f"http://{at}", headers=bearing("rita:starter")) as client,
    ):
        assert (await following())[0] == "here"
        started = await client.post("/api/workflows/refund/start", json={"arguments": {"amount": 5}})
        assert started.json()["status"] == "parked"
        assert (await following())[0] == "changed"


@pytest.mark.parametrize("kind", ["postgres", "redis"])
async def test_streams_and_pages_over_a_server(kind: str, request: pytest.FixtureRequest) -> None:
    """The inbox shows what waits; its stream, a run's and a WebSocket hear of a decision that another process makes."""
    url: str = request.getfixturevalue(f"{kind}_url")
    address = f"{url}?namespace=test-{uuid4().hex}" if kind == "redis" else url
    async with (
        Orchestrator(open_store(address), workflows=WORKFLOWS) as orchestrator,
        Orchestrator(open_store(address), workflows=WORKFLOWS) as elsewhere,
        site(orchestrator) as at,
        httpx2.AsyncClient(base_url=f"http://{at}", headers=bearing("ann:decider")) as client,
    ):
        await elsewhere.start(refund(5), run_id="r1", requested_by="rita")
        assert "r1" in (await client.get("/")).text
        assert (await client.get("/runs/r1/approvals/manager")).status_code == 200
        async with (
            streaming(at, "/live/inbox", "ann:decider") as waiting,
            streaming(at, "/live/runs/r1", "root:admin") as run,
            listening(at, APPROVAL, "ann:decider") as approval,
        ):
            before = [await waiting(), await run(), await approval()]
            (await elsewhere.approve("r1", by="bob")).unwrap()
            after = [await waiting(), await run(), await approval()]
        assert {name for name, _ in before} == {"here"}
        assert {name for name, _ in after} == {"changed"}
        assert after[1] == after[2]
        assert (await client.get("/api/inbox")).json()["items"] == []


async def test_a_store_that_tells_no_name_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite tells that another process has written, and not what: streams do not wait for the next look."""
    monkeypatch.setattr("awaitly_web.live._LOOK_AGAIN", 3_600.0)
    address = f"sqlite:///{tmp_path / 'runs.db'}"
    async with Orchestrator(open_store(address), workflows=WORKFLOWS) as orchestrator, site(orchestrator) as at:
        await orchestrator.start(refund(5), run_id="r1", requested_by="rita")
        async with streaming(at, "/live/inbox", "ann:decider") as following:
            assert (await following())[0] == "here"
            other = await asyncio.create_subprocess_exec(sys.executable, "-c", APPROVING, address)
            assert await other.wait() == 0
            assert (await following())[0] == "changed"


async def test_streams_and_pages_beside_flask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a real WSGI server with threads: the inbox, its stream and a run's, which hear of a decision."""
    monkeypatch.setattr("awaitly_web.live._HEARTBEAT", 0.2)  # by which a thread notices that its reader has gone
    host = flask.Flask("host")
    with sync.Orchestrator(SqliteStore(tmp_path / "runs.db"), workflows=WORKFLOWS) as orchestrator:
        orchestrator.start(refund(5), run_id="r1", requested_by="rita")
        app: Any = wsgi_app(orchestrator, authenticate=who, permits=PERMITS)
        mounted: Any = DispatcherMiddleware(host, {"/inbox": app})
        with beside(make_server("127.0.0.1", 0, mounted, threaded=True)) as at:
            async with (
                httpx2.AsyncClient(base_url=f"http://{at}/inbox", headers=bearing("ann:decider")) as client,
                streaming(at, "/inbox/live/inbox", "ann:decider") as waiting,
                streaming(at, "/inbox/live/runs/r1", "root:admin") as run,
            ):
                assert "r1" in (await client.get("/")).text
                assert [(await waiting())[0], (await run())[0]] == ["here", "here"]
                approved = await client.post("/api/runs/r1/approvals/manager/approve", json={})
                assert approved.status_code == 200
                assert [(await waiting())[0], (await run())[0]] == ["changed", "changed"]


@contextmanager
def beside(server: BaseWSGIServer) -> Generator[str]:
    """Let a server serve on a thread of its own, and give where."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
