"""What the tests of the pages share."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from attrs import frozen

from awaitly import (
    Actor,
    Approval,
    LinkClaim,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    SignedLinks,
    workflow,
)
from awaitly_web import Request, web_app
from tests.browser.support import PERMITS, SECRET

__all__ = ["APPROVAL", "Served", "ask", "open_served"]

NO_HEADERS: Mapping[str, str] = {}
APPROVAL = "/runs/r1/approvals/boss"


@workflow
async def ask(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask for an amount."""
    policy = Policy(approvers=["ann", "bob"])
    return Ok(await run.approval("boss", proposes=amount, summary=f"Spend {amount}", policy=policy))


async def who(request: Request) -> Actor | None:
    """Believe what a request says of itself: for tests alone."""
    name = request.headers.get("x-person")
    return Actor(name, ["decider"]) if name else None


@frozen
class Served:
    """An inbox, and a browser of sorts: a client that keeps cookies."""

    orchestrator: Orchestrator
    client: httpx2.AsyncClient
    links: SignedLinks

    async def parked(self, run_id: str = "r1") -> Approval:
        """Have a run ask its boss."""
        await self.orchestrator.start(ask(5), run_id=run_id, requested_by="rita")
        return await self.approval(run_id)

    async def approval(self, run_id: str = "r1") -> Approval:
        """Give how its approval stands."""
        return (await self.orchestrator.status(run_id)).unwrap().approvals[0]

    async def link(self, person: str = "ann") -> str:
        """Make a link's path."""
        approval = await self.approval()
        until = (await self.orchestrator.now()).replace(year=2099)
        claim = LinkClaim("r1", "boss", approval.revision, approval.digest, Actor(person), until)
        return f"/a/{self.links.token(claim)}"

    async def get(self, path: str, who: str = "ann", method: str = "GET") -> httpx2.Response:
        """Open a page."""
        return await self.client.request(method, path, headers={"x-person": who} if who else {})

    async def post(
        self, path: str, who: str = "ann", headers: Mapping[str, str] = NO_HEADERS, **fields: Any
    ) -> httpx2.Response:
        """Send a form of a page, with all that a browser would send along."""
        page = await self.get(path, who)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token is not None
        approval = await self.approval()
        shown = {"csrf_token": token[1], "revision": approval.revision, "digest": approval.digest}
        sent = {
            "origin": "null",
            "sec-fetch-site": "same-origin",
            **({"x-person": who} if who else {}),
            **headers,
        }
        return await self.client.post(path, data={**shown, **fields}, headers=sent)


@asynccontextmanager
async def open_served(orchestrator: Orchestrator) -> AsyncGenerator[Served]:
    """Serve the inbox of an orchestrator that is open, without a network."""
    links = SignedLinks(base_url="http://inbox.example", keys=(SECRET,))
    app = web_app(orchestrator, authenticate=who, permits=PERMITS, links=links)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://inbox.example") as client:
        yield Served(orchestrator, client, links)
