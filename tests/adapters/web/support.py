"""What the tests of the web application share: who calls, what runs, and a client over ASGI."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from attrs import frozen

from awaitly import (
    Actor,
    Err,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Promise,
    PromiseRejected,
    Result,
    Run,
    Stage,
    Workflow,
    validate,
    workflow,
)
from awaitly_web import Permission, Request, by_roles, web_app
from awaitly_web.routes import matched
from awaitly_web.schemas import COMPONENTS
from awaitly_web.table import ROUTES

__all__ = ["PERMITS", "WORKFLOWS", "Caller", "Web", "caller", "open_web", "who"]

PERMITS = by_roles(
    {
        "decider": [Permission.DECIDE],
        "starter": [Permission.START],
        "viewer": [Permission.VIEW, Permission.DECIDE],
        "admin": list(Permission),
    }
)
"""Everybody in these tests is what their roles say, and nothing besides."""


async def who(request: Request) -> Actor | None:
    """Believe what a request says of itself, as `Bearer ann:decider,manager`: for tests alone."""
    name, _, roles = request.headers.get("authorization", "").removeprefix("Bearer ").partition(":")
    return Actor(name, [role for role in roles.split(",") if role], via="test") if name else None


@frozen
class TooMuch:
    """More than there is."""

    amount: int


@workflow
async def refund(
    run: Run[NotApproved | TooMuch], amount: int, note: str = "none"
) -> Result[int, NotApproved | TooMuch]:
    """Ask a decider for an amount."""
    if amount > 1_000:
        return Err(TooMuch(amount))
    policy = Policy(approvers=["ann", "bob", "role:manager"])
    asked: dict[str, int | str] = {"amount": amount, "iban": "DE00 1234"}
    given = await run.approval(
        "manager", proposes=asked, schema=dict[str, int | str], policy=policy, redact=("iban",), reason=note
    )
    return Ok(int(str(given["amount"])))


@workflow
async def chained(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask two people, one after the other."""
    first = Stage[int]("lead", policy=Policy(approvers=["ann"]))
    second = Stage[int]("chief", policy=Policy(approvers=["bob"]))
    return Ok(await run.chain("money", first, second, proposes=amount))


@workflow
async def told(run: Run[PromiseRejected]) -> Result[str, PromiseRejected]:
    """Wait for a promise, then for a signal."""
    promise: Promise[int] = run.promise("signed", int)
    number = await promise
    match await run.wait_for("paid", str):
        case Ok(paid):
            return Ok(f"{number} {paid}")
        case Err(late):
            return Ok(str(late))


WORKFLOWS: tuple[Workflow[..., Any, Any], ...] = (refund, chained, told)


class Caller:
    """Somebody who calls; `client` has their name in its headers."""

    def __init__(self, client: httpx2.AsyncClient, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        """Ask."""
        return await self._client.get(path, params=query or None, headers=self._headers)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx2.Response:
        """Tell, in JSON."""
        return await self._client.post(path, json={} if body is None else body, headers={**self._headers, **headers})

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> httpx2.Response:
        """Send anything."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._client.request(method, path, content=body, headers={**self._headers, **named})


def caller(client: httpx2.AsyncClient, told: str) -> Caller:
    """Give somebody, as `ann:decider,manager`; nobody for an empty text."""
    return Caller(client, {"authorization": f"Bearer {told}"} if told else {})


@frozen
class Web:
    """The application, and what is behind it."""

    orchestrator: Orchestrator
    client: httpx2.AsyncClient

    def by(self, told: str) -> Caller:
        """Give somebody who calls."""
        return caller(self.client, told)

    async def parked(self, run_id: str, amount: int = 5, by: str = "rita") -> None:
        """Have a run ask `manager` for an amount."""
        await self.orchestrator.start(refund(amount), run_id=run_id, requested_by=by)

    async def started(self, name: str, **arguments: object) -> str:
        """Start a workflow by its name, and give the run's id."""
        answer = await self.by("rita:starter").post(f"/api/workflows/{name}/start", {"arguments": arguments})
        run_id: str = answer.json()["run_id"]
        return run_id

    async def shown(self, run_id: str, key: str = "manager") -> Mapping[str, Any]:
        """Give what a decision names: the revision and digest of what there is."""
        details = (await self.orchestrator.status(run_id)).unwrap()
        approval = next(each for each in details.approvals if each.key == key)
        return {"revision": approval.revision, "digest": approval.digest}


async def _fits(answer: httpx2.Response) -> None:
    """Check that an answer fits the description of its route."""
    path = answer.request.url.raw_path.decode().partition("?")[0]
    found = matched(ROUTES, answer.request.method, path)
    if isinstance(found, frozenset) or found[0].answer is None or answer.request.method == "HEAD":
        return
    await answer.aread()
    name = "Problem" if answer.status_code >= 400 else found[0].answer
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": COMPONENTS}}
    assert validate(json.dumps(schema), answer.json()) == Ok(None), answer.text


@asynccontextmanager
async def open_web(orchestrator: Orchestrator, **options: Any) -> AsyncGenerator[Web]:
    """Serve over an orchestrator that is open."""
    chosen: dict[str, Any] = {"authenticate": who, "permits": PERMITS, **options}
    app = web_app(orchestrator, **chosen)
    hooks: Any = {"response": [_fits]}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://inbox.example", event_hooks=hooks) as client:
        yield Web(orchestrator, client)
