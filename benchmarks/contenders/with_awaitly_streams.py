"""awaitly as the process that serves live updates with uvicorn, of what is done in other processes."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from attrs import frozen

from awaitly import Actor, Ask, NotApproved, Ok, Orchestrator, Policy, Result, Run, open_store, workflow
from awaitly_web import Permission, Request, web_app
from awaitly_web.serving import app_served

__all__ = ["CREW", "AwaitlyStreams", "asked", "many", "opened"]

CREW = "crew"
"""The role that may decide all this."""


@workflow
async def asked(run: Run[NotApproved], number: int) -> Result[int, NotApproved]:
    policy = Policy(approvers=[f"role:{CREW}"])
    return Ok(await run.approval("manager", proposes=number, summary="go on?", policy=policy))


@workflow
async def many(run: Run[NotApproved], number: int) -> Result[int, NotApproved]:
    policy = Policy(approvers=[f"role:{CREW}"])
    asks = [Ask(f"manager-{index}", proposes=index, summary="go on?", policy=policy) for index in range(number)]
    return Ok(len(await run.approvals(*asks)))


async def _who(request: Request) -> Actor | None:
    """Take everybody for the one they say they are: nobody else is here."""
    return Actor(request.headers["authorization"].removeprefix("Bearer "), [CREW])


def _everything(_: Actor) -> frozenset[Permission]:
    return frozenset(Permission)


@frozen
class AwaitlyStreams:
    """Serves at `at`, a host and its port."""

    at: str

    async def served(self) -> str:
        return self.at


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[AwaitlyStreams]:
    async with Orchestrator(open_store(address), workflows=[asked, many]) as orchestrator:
        app = web_app(orchestrator, authenticate=_who, permits=_everything)
        with socket.create_server(("127.0.0.1", 0), backlog=512) as bound:
            async with app_served(app, bound):
                yield AwaitlyStreams(f"127.0.0.1:{bound.getsockname()[1]}")
