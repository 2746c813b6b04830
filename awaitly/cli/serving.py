"""`awaitly serve`: the inbox on this machine."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import quote

import click

from awaitly.actors import Actor
from awaitly.cli.application import APPLICATION, application
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import store_trouble, usage
from awaitly.cli.logs import configure_logging
from awaitly.cli.options import TEXT, settings, with_json
from awaitly.cli.output import in_terminal
from awaitly.cli.stopping import stopping
from awaitly.errors import PendingApproval
from awaitly.exceptions import DefinitionError, StoreError
from awaitly.logs import LOGGER, line
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["PORT", "as_person", "can_serve", "inbox", "inbox_beside", "may_open", "page_of", "serve"]

PORT = 8080
_NEEDED = ("uvicorn", "starlette", "jinja2", "itsdangerous")
_INSTALL = "the inbox needs packages that are missing: pip install 'awaitly[serve]'"


def can_serve() -> bool:
    """Whether all that it takes is installed."""
    return all(importlib.util.find_spec(name) is not None for name in (*_NEEDED, "awaitly_web"))


def inbox(
    orchestrator: Orchestrator, actor: Actor, *, host: str = "127.0.0.1", port: int = 0
) -> AbstractAsyncContextManager[str]:
    """Serve the inbox of an orchestrator that is open; gives its address."""
    if not can_serve():
        raise usage(_INSTALL)
    from awaitly_web.serving import inbox_served  # noqa: PLC0415  (an adapter, behind an extra)

    return inbox_served(orchestrator, actor, host=host, port=port)


@asynccontextmanager
async def inbox_beside(orchestrator: Orchestrator, actor: Actor, port: int) -> AsyncGenerator[None]:
    """Serve the inbox beside a worker, which goes on where the port is taken."""
    try:
        served = inbox(orchestrator, actor, port=port)
        address = await served.__aenter__()
    except OSError as error:
        LOGGER.warning(line("no_inbox", port=port, error=error, hint="name another by --port"))
        yield
        return
    try:
        LOGGER.info(line("inbox", address=address, person=actor.name))
        yield
    finally:
        await served.__aexit__(None, None, None)


def page_of(address: str, asked: PendingApproval) -> str:
    """Give the address of one approval's page in an inbox."""
    return f"{address}runs/{quote(asked.run_id, safe='')}/approvals/{quote(asked.key, safe='')}"


def may_open() -> bool:
    """Whether a browser may be opened: for somebody who sits at this terminal and has a desktop, never in CI."""
    return _has_desktop() and not os.environ.get("CI") and in_terminal(sys.stdin) and in_terminal(sys.stdout)


def _has_desktop() -> bool:
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def as_person(name: str | None, roles: tuple[str, ...]) -> Actor:
    """Give the person for whom the inbox is served."""
    if name is None or not name.strip():
        raise usage(
            "for whom? Say --as NAME, on this machine alone; for real use mount web_app(..., authenticate=) instead"
        )
    return Actor(name, roles)


@click.command()
@APPLICATION
@click.option(
    "--host",
    metavar="HOST",
    type=TEXT,
    default="127.0.0.1",
    show_default=True,
    help="An address of this machine's own.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="0 takes one that is free."
)
@click.option(
    "--as", "person", metavar="NAME", type=TEXT, help="Who sits here: whoever opens the inbox is that person."
)
@click.option("--role", "roles", metavar="ROLE", type=TEXT, multiple=True, help="A role of that person; repeatable.")
@with_json
def serve(name: str, host: str, port: int, person: str | None, roles: tuple[str, ...]) -> int:
    """Serve the inbox to one person on this machine, for development.

    MODULE:ATTRIBUTE is as for `awaitly worker`. Decided runs go on where a worker runs. Nobody signs in here, so it is
    refused on an address that others can reach: for them, mount `web_app` with your own `authenticate`.
    """
    actor = as_person(person, roles)
    orchestrator = application(name)
    configure_logging()
    try:
        return asyncio.run(_serve(orchestrator, actor, host, port))
    except DefinitionError as error:
        raise usage(str(error)) from error
    except OSError as error:
        raise usage(
            f"port {port} of {host} cannot be had; name another by --port: {error.strerror or error}"
        ) from error
    except StoreError as error:
        raise store_trouble(error) from error


async def _serve(orchestrator: Orchestrator, actor: Actor, host: str, port: int) -> ExitCode:
    stopped = asyncio.Event()
    with stopping(lambda at_once: stopped.set()) as stops:  # noqa: ARG005  (a stop is a stop)
        async with orchestrator, inbox(orchestrator, actor, host=host, port=port) as address:
            output = settings().output
            output.answer(
                {"address": address, "person": actor.name},
                lambda: output.said(f"{address} shows what waits for {actor.name}"),
            )
            await stopped.wait()
        return stops.code
