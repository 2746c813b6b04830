"""Whatever is sent to the web application, it answers below 500, over both stores, and a neighbour is left alone."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import DataObject, data

from awaitly import Actor, Orchestrator, Store
from awaitly_web import BearerKeys, Permission, ProxyHeaders, Sessions, first_of, hashed_key, web_app
from awaitly_web.routes import Route
from tests.adapters.web.support import who
from tests.fuzz.ground import WORKFLOWS, Ground, both_sides, refund, telling
from tests.fuzz.judging import fuzzed
from tests.fuzz.requests import ROUTED, Sent, answered, sent
from tests.fuzz.values import LINKS

MADE = re.compile(rb"[0-9a-f]{16,}|[0-9a-hjkmnp-tv-z]{26}|[\w-]{40,}|\d{4}-\d\d-\d\dT[\d:.]+|\d{14,}")
"""What is made anew each time: ids, hashes, tokens, moments."""
SESSIONS = Sessions(keys="s" * 40, secure=False)
PROVEN = first_of(
    BearerKeys({hashed_key("k" * 40): Actor("kim")}),
    SESSIONS,
    ProxyHeaders(peers=["10.0.0.1"]),
    who,
)


def everything(_: Actor) -> frozenset[Permission]:
    """Let everybody do everything."""
    return frozenset(Permission)


@asynccontextmanager
async def _app(store: Store) -> AsyncGenerator[Any]:
    async with Orchestrator(store, workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(refund("x"), run_id="r", requested_by="zoe")
        await orchestrator.start(telling("x"), run_id="t")
        yield web_app(orchestrator, authenticate=PROVEN, permits=everything, links=LINKS)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground[Any]]:
    """Have the application over each store."""
    with both_sides(tmp_path, _app) as opened:
        yield opened


async def asked(app: Any, request: Sent) -> str:
    """Give an answer without what is made anew each time."""
    status, body = await answered(app, request)
    assert status < 500 or status == 501, (status, body[:500])
    return f"{status} {MADE.sub(b'(made)', body).decode('utf-8', 'replace')}"


def _raised(error: BaseException) -> str:
    raise error


@pytest.mark.parametrize("route", [pytest.param(each, id=f"{each.method} {each.path}") for each in ROUTED])
def test_no_request_breaks(route: Route, ground: Ground[Any]) -> None:
    """Each route answers whatever is asked of it, and nothing is a mistake of the server's."""

    @fuzzed(3)
    @given(data())
    def tried(drawn: DataObject) -> None:
        request = drawn.draw(sent(route))
        ground.asked(lambda side: asked(side.host, request), _raised)

    tried()
