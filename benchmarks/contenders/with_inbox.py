"""The inbox over awaitly: pages and the API's lists as a browser gets them, by ASGI and without a network between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from awaitly import Actor, Orchestrator, open_store
from awaitly_web import Permission, Request, by_roles, web_app
from benchmarks.contenders.with_awaitly import AwaitlyContender, order

__all__ = ["InboxContender", "opened"]

_PERMITS = by_roles({f"role-{number}": [Permission.DECIDE] for number in range(20)} | {"viewer": list(Permission)})


class InboxContender(AwaitlyContender):
    """Answers requests, besides what the orchestrator does."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        super().__init__(orchestrator)
        self._app = web_app(orchestrator, authenticate=_who, permits=_PERMITS)

    async def page(self, path: str, person: str) -> int:
        """Ask for a page, and give how many bytes came. Raises `AssertionError` where it is not given."""
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._app(_scope(path, person), receive, send)
        assert sent[0]["status"] == 200, sent
        return sum(len(message.get("body", b"")) for message in sent)


def _scope(path: str, person: str) -> dict[str, Any]:
    named, _, query = path.partition("?")
    return {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": named,
        "raw_path": named.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"inbox.example"), (b"x-person", person.encode())],
    }


async def _who(request: Request) -> Actor | None:
    """Believe who it says it is, as `user-7`: a person of eight roles."""
    name = request.headers["x-person"]
    number = int(name.rpartition("-")[2])
    roles = [f"role-{(number + other) % 20}" for other in range(8)]
    return Actor(name, [*roles, "viewer"] if name.startswith("viewer") else roles)


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[InboxContender]:
    """Open it."""
    async with Orchestrator(open_store(address), workflows=[order]) as orchestrator:
        yield InboxContender(orchestrator)
