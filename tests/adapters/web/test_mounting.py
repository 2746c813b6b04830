from __future__ import annotations

import asyncio
import importlib
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast
from wsgiref.util import setup_testing_defaults

import flask
import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from awaitly import DefinitionError, MemoryStore, Orchestrator, sync
from awaitly_web import Response, web_app, wsgi_app
from awaitly_web.paths import relative
from awaitly_web.site import Site
from tests.adapters.web.support import PERMITS, WORKFLOWS, refund, who

ANN = {"authorization": "Bearer ann:admin"}
RUN = "/api/runs/a%2Fb/approvals/manager"


@asynccontextmanager
async def served(mounted: Callable[[ASGIApp], ASGIApp]) -> AsyncGenerator[httpx2.AsyncClient]:
    """Serve what an application is mounted in, over a run whose id has a slash."""
    async with Orchestrator(MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(refund(5), run_id="a/b", requested_by="rita")
        app = mounted(web_app(orchestrator, authenticate=who, permits=PERMITS))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://x.example") as client:
            yield client


async def works(client: httpx2.AsyncClient, root: str) -> None:
    """Check that reading, deciding, refusing and the description work below a prefix."""
    assert (await client.get(f"{root}{RUN}", headers=ANN)).json()["run_id"] == "a/b"
    assert (await client.get(f"{root}{RUN}")).status_code == 401
    assert (await client.post(f"{root}{RUN}/approve", json={}, headers=ANN)).json()["status"] == "approved"
    assert (await client.get(f"{root}/nowhere")).headers["x-frame-options"] == "DENY"
    assert (await client.get(f"{root}/api/openapi.json")).json()["servers"] == [{"url": root or "/"}]


def in_fastapi(app: ASGIApp) -> ASGIApp:
    """Mount in FastAPI."""
    host = FastAPI()
    host.mount("/inner/inbox", app)
    return host


async def test_it_stands_alone() -> None:
    """The application is an ASGI application."""
    async with served(lambda app: app) as client:
        await works(client, "")


async def test_it_is_mounted_in_starlette() -> None:
    """Below a prefix, below two, and below one that has characters to be encoded."""
    async with served(lambda app: Starlette(routes=[Mount("/inbox", app)])) as client:
        await works(client, "/inbox")
    async with served(lambda app: Starlette(routes=[Mount("/a", Starlette(routes=[Mount("/b", app)]))])) as client:
        await works(client, "/a/b")
    async with served(lambda app: Starlette(routes=[Mount("/p ä", app)])) as client:
        assert (await client.get(f"/p%20%C3%A4{RUN}", headers=ANN)).json()["run_id"] == "a/b"


async def test_it_is_mounted_in_fastapi() -> None:
    """FastAPI's own checks do not cover a mount; the application's do."""
    async with served(in_fastapi) as client:
        await works(client, "/inner/inbox")


def from_django() -> ASGIApp:
    """Set Django up, which has no types, with nothing of its own."""
    conf: Any = importlib.import_module("django.conf")
    if not conf.settings.configured:
        conf.settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x" * 50, DEBUG=False)
    asgi: Any = importlib.import_module("django.core.asgi")
    return cast("ASGIApp", asgi.get_asgi_application())


async def test_it_stands_beside_django() -> None:
    """A router sends it what is below its prefix, and Django the rest."""
    django = from_django()
    async with served(lambda app: Starlette(routes=[Mount("/inbox", app), Mount("/", django)])) as client:
        await works(client, "/inbox")
        assert (await client.get("/elsewhere")).status_code == 404


urlpatterns: list[Any] = []
"""What Django itself serves: nothing."""


@contextmanager
def in_flask() -> Generator[Client]:
    """Mount beside Flask, over an orchestrator for plain code."""
    host = flask.Flask("host")
    host.add_url_rule("/", view_func=lambda: "flask")
    with sync.Orchestrator(MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        orchestrator.start(refund(5), run_id="a/b", requested_by="rita")
        app: Any = wsgi_app(orchestrator, authenticate=who, permits=PERMITS)
        yield Client(DispatcherMiddleware(host, {"/inbox": app}))


def test_it_stands_beside_flask() -> None:
    """The same answers, on the orchestrator's own loop."""
    with in_flask() as client:
        assert client.get("/").text == "flask"
        shown: Any = client.get(f"/inbox{RUN}", headers=ANN).json
        assert shown["run_id"] == "a/b"
        assert client.get(f"/inbox{RUN}").status_code == 401
        approved: Any = client.post(f"/inbox{RUN}/approve", json={}, headers=ANN).json
        assert approved["status"] == "approved"
        described: Any = client.get("/inbox/api/openapi.json").json
        assert described["servers"] == [{"url": "/inbox"}]
        large = client.post(f"/inbox{RUN}/approve", data=b"x" * 300_000, headers=ANN)
        assert (large.status_code, large.headers["x-frame-options"]) == (413, "DENY")
        head = client.head("/inbox/health")
        assert (head.text, head.headers["content-length"]) == ("", "15")


def test_a_wsgi_server_that_does_not_tell_the_path_is_served_all_the_same() -> None:
    """Ids without slashes are found; a length that is no number is refused."""
    with sync.Orchestrator(MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        orchestrator.start(refund(5), run_id="ä b", requested_by="rita")
        app = wsgi_app(orchestrator, authenticate=who, permits=PERMITS)
        answered: list[str] = []
        environ: dict[str, Any] = {}
        setup_testing_defaults(environ)
        path = "/api/runs/ä b".encode().decode("latin-1")
        environ |= {"PATH_INFO": path, "HTTP_AUTHORIZATION": "Bearer root:admin"}

        def begin(status: str, _: object) -> None:
            answered.append(status)

        list(app(environ, begin))
        list(app({**environ, "CONTENT_LENGTH": "-1"}, begin))
    assert answered == ["200 OK", "400 Bad Request"]


async def test_bare_uvicorn_serves_it() -> None:
    """Over a real socket: a percent-encoded path, a chunked body that is too large, and one that is well."""
    async with Orchestrator(MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(refund(5), run_id="a/b", requested_by="rita")
        app = web_app(orchestrator, authenticate=who, permits=PERMITS)
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none"))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            await _through(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            await serving
            listening.close()


async def _through(base: str) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(400):
            yield b"x" * 1_024

    async with httpx2.AsyncClient(base_url=base) as client:
        await works(client, "")
        large = await client.post(f"{RUN}/approve", content=endless(), headers=ANN)
        assert large.status_code == 413


@pytest.mark.parametrize("make", [web_app, wsgi_app])
def test_without_authenticate_it_does_not_begin(make: Any) -> None:
    """Hosts' own checks do not cover a mount."""
    with pytest.raises(TypeError, match="authenticate"):
        make(object())


def test_what_cannot_be_called_is_no_authentication() -> None:
    """`authenticate=None` is a mistake, and not a way to let everybody in."""
    anything: Any = object()
    nothing: Any = None
    with pytest.raises(DefinitionError, match="needs authenticate="):
        web_app(anything, authenticate=nothing)


async def test_a_stream_goes_on_until_nobody_reads() -> None:
    """Its parts come as they are made, over ASGI and over WSGI alike; a HEAD begins none."""
    begun: list[str] = []

    async def parts() -> AsyncGenerator[bytes]:
        begun.append("begun")
        yield b"b"
        yield b"c"

    async def handler(_: Site, __: object) -> Response:
        return Response(body=b"a", stream=parts())

    from awaitly_web import Permission, asgi, wsgi  # noqa: PLC0415  (to serve one more route)
    from awaitly_web.routes import Route  # noqa: PLC0415

    route = Route(method="GET", path="/s", handler=handler, needs=Permission.NOBODY_IN_PARTICULAR, summary="A stream")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asgi, "ROUTES", (route,))
        patch.setattr(wsgi, "ROUTES", (route,))
        async with served(lambda app: app) as client:
            assert (await client.get("/s")).content == b"abc"
            assert (await client.head("/s")).content == b""
        assert begun == ["begun"]

        def plainly() -> bytes:
            with sync.Orchestrator(MemoryStore()) as orchestrator:
                answer = Client(cast("Any", wsgi_app(orchestrator, authenticate=who))).get("/s")
                return answer.get_data()

        assert await asyncio.to_thread(plainly) == b"abc"


@pytest.mark.parametrize(
    ("path", "root", "split"),
    [
        ("/a%2Fb", "", ("", "/a%2Fb")),
        ("/in/x", "/in", ("/in", "/x")),
        ("/in", "/in", ("/in", "/")),
        ("/in%20x/a%2Fb", "/in x", ("/in%20x", "/a%2Fb")),
        ("/x", "/in", ("/in", "/x")),
        ("/inner/x", "/in", ("/in", "/inner/x")),
        ("/a/b/c", "/a/b/", ("/a/b", "/c")),
        ("", "", ("", "/")),
    ],
)
def test_a_path_is_split_where_the_application_is_mounted(path: str, root: str, split: tuple[str, str]) -> None:
    """Whether or not a proxy has taken the prefix away."""
    assert relative(path, root) == split


@pytest.mark.parametrize("package", ["starlette", "itsdangerous"])
def test_a_missing_package_is_named_with_what_installs_it(package: str) -> None:
    """Importing it says which extra to install."""
    code = f"import sys; sys.modules[{package!r}] = None\nimport awaitly_web"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'awaitly[web]'" in done.stderr
