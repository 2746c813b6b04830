"""The inbox as a process of its own, served by uvicorn on this machine, for whoever would bring it down."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from awaitly import Actor, NotApproved, Ok, Orchestrator, Policy, Result, Run, SignedLinks, workflow
from awaitly_sqlite import SqliteStore
from awaitly_web import BearerKeys, Permission, Sender, Webhooks, asgi, by_roles, hashed_key, web_app
from awaitly_web.serving import app_served
from tests.faults.processes import CONTEXT, ended, started

__all__ = ["ANN", "EVE", "MALLORY", "PATIENCE", "serving"]

ANN, EVE, MALLORY = (f"{name}-{'k' * 40}" for name in ("ann", "eve", "mallory"))
"""The keys of three: Ann is honest, Eve may do nothing, and Mallory may decide and would rather not."""
PATIENCE = 1.0
"""Seconds for which a body is waited for here."""
_SECRET = "whsec_" + "c2VjcmV0" * 5


@workflow
async def _ask(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask for an amount."""
    return Ok(await run.approval("boss", proposes=amount, policy=Policy(approvers=["ann", "mallory"])))


@contextmanager
def serving(folder: Path, runs: int) -> Generator[int]:
    """Serve over a new store with runs `r0`, `r1` and so on that wait, and give the port."""
    here, there = CONTEXT.Pipe()
    process = started(_serve, there, folder, runs)
    there.close()
    try:
        port: int = here.recv()
        yield port
    finally:
        here.close()
        assert ended(process) == 0


def _serve(at: Connection, folder: Path, runs: int) -> None:
    asyncio.run(_served(at, folder, runs))


async def _served(at: Connection, folder: Path, runs: int) -> None:
    asgi.PATIENCE = PATIENCE
    logging.disable(logging.WARNING)  # what is refused is told to whoever asks; mistakes are logged as errors
    known = {ANN: Actor("ann", ["decider"]), EVE: Actor("eve"), MALLORY: Actor("mallory", ["decider"])}
    async with Orchestrator(SqliteStore(folder / "runs.db"), workflows=[_ask]) as orchestrator:
        for number in range(runs):
            await orchestrator.start(_ask(5), run_id=f"r{number}", requested_by="rita")
        app = web_app(
            orchestrator,
            authenticate=BearerKeys({hashed_key(key): actor for key, actor in known.items()}),
            permits=by_roles({"decider": [Permission.DECIDE]}),
            links=SignedLinks(base_url="http://127.0.0.1", keys=("k" * 40,)),
            webhooks=Webhooks([Sender(Actor("bot", ["decider"]), _SECRET)]),
        )
        with socket.create_server(("127.0.0.1", 0), backlog=1_024) as listening:
            async with app_served(app, listening):
                at.send(listening.getsockname()[1])
                await asyncio.to_thread(_closed, at)


def _closed(at: Connection) -> None:
    """Wait until the other end is closed."""
    try:
        at.recv()
    except EOFError:
        return
