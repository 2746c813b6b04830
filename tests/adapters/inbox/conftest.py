from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from awaitly import Actor, MemoryStore, Orchestrator, SignedLinks
from awaitly_web import Request, web_app
from tests.adapters.inbox.support import Served, ask
from tests.browser.support import PERMITS, SECRET
from tests.fixtures import limit

__all__ = ["limit"]


async def who(request: Request) -> Actor | None:
    """Believe what a request says of itself: for tests alone."""
    name = request.headers.get("x-person")
    return Actor(name, ["decider"]) if name else None


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Serve an inbox without a network."""
    links = SignedLinks(base_url="http://inbox.example", keys=(SECRET,))
    async with Orchestrator(MemoryStore(), workflows=[ask]) as orchestrator:
        app = web_app(orchestrator, authenticate=who, permits=PERMITS, links=links)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://inbox.example") as client:
            yield Served(orchestrator, client, links)
