"""`awaitly mcp`: a gate between an assistant and the tools of an MCP server, and the inbox as such a server."""

from __future__ import annotations

import asyncio
import importlib
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import store_trouble, usage
from awaitly.cli.logs import configure_logging
from awaitly.cli.options import LENGTH, TEXT, common, settings
from awaitly.cli.ruling import loaded
from awaitly.cli.stopping import end_soon, stopping
from awaitly.cli.stores import check_exists, named_store
from awaitly.exceptions import DefinitionError, StoreError
from awaitly.gating.gate import Gate
from awaitly.gating.rules import Rules, ToolRule
from awaitly.gating.ruling import Allow, AskPeople, Deny, Ruling
from awaitly.storage.store import Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["mcp"]

_URL = ("http://", "https://")


@frozen(kw_only=True)
class _Place:
    """Where the server is to be found: None stands for stdin and stdout."""

    host: str
    port: int | None


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("server", metavar="[--] COMMAND [ARGS]... | URL", nargs=-1, type=TEXT)
@click.option("--rules", "file", metavar="FILE", type=click.Path(path_type=Path), help="Rules in TOML; all else asks.")
@click.option("--allow", metavar="PATTERN", type=TEXT, multiple=True, help="Tools that need nobody, such as 'read_*'.")
@click.option("--ask", metavar="PATTERN", type=TEXT, multiple=True, help="Tools that need a person; all others do too.")
@click.option("--deny", metavar="PATTERN", type=TEXT, multiple=True, help="Tools that are not to be called at all.")
@click.option("--agent", metavar="NAME", type=TEXT, help="On whose account calls are asked for. Default: from COMMAND.")
@click.option("--inbox-url", metavar="URL", type=TEXT, help="Where people decide, for clients that show addresses.")
@click.option(
    "--wait", type=LENGTH, metavar="DURATION", default="5s", show_default=True, help="How long a call waits at first."
)
@click.option(
    "--header",
    "headers",
    metavar="NAME=VARIABLE",
    type=TEXT,
    multiple=True,
    help="A header for the server at URL, from an environment variable; repeatable.",
)
@click.option("--port", type=click.IntRange(0, 65_535), help="Serve over HTTP on this machine; 0 takes a free port.")
@click.option(
    "--clients",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    help="With --port: how many have a connection to the server of their own; 0: all share one.",
)
@click.option("--host", metavar="HOST", type=TEXT, default="127.0.0.1", show_default=True, help="With --port.")
@click.option("--inbox", is_flag=True, help="Serve what waits for people to an assistant, which can decide nothing.")
@common
def mcp(server: tuple[str, ...], inbox: bool, host: str, port: int | None, **options: Any) -> int:  # noqa: FBT001
    """Put a gate before the tools of an MCP server: `awaitly mcp --rules gate.toml -- npx some-server`.

    An assistant starts this in the server's place. Calls that no rule allows wait for a person, who decides by
    `awaitly approve` or in the inbox. In place of a file, patterns of tools' names may be rules: the strictest counts.
    """
    if inbox is bool(server):
        raise usage("say one of the two: the server's COMMAND or URL, or --inbox")
    _check_installed()
    store = named_store(settings().url)
    if inbox:
        check_exists(settings().url)
    configure_logging()
    place = _Place(host=host, port=port)
    try:
        return asyncio.run(_inbox(store, place) if inbox else _proxy(store, place, server, options))
    except DefinitionError as error:
        raise usage(str(error)) from error
    except StoreError as error:
        raise store_trouble(error) from error


def _check_installed() -> None:
    try:
        importlib.import_module("awaitly_mcp")  # an adapter, behind an extra
    except ImportError as error:
        raise usage(str(error)) from error


async def _proxy(store: Store, place: _Place, server: tuple[str, ...], options: dict[str, Any]) -> ExitCode:
    from awaitly_mcp import Answering, GateProxy, Program, RemoteServer  # noqa: PLC0415  (an adapter, behind an extra)

    wait: timedelta = options["wait"]
    rules = _rules(options)
    target = RemoteServer(server[0], _headers(options["headers"])) if _is_url(server) else Program(server)
    answering = Answering(inbox_url=options["inbox_url"], wait=wait)
    async with Gate(store, policy=rules.policy, rules=[rules]) as gate:
        proxy = GateProxy(gate, target, agent=options["agent"], answering=answering, clients=options["clients"])
        return await _served(proxy, place)


async def _inbox(store: Store, place: _Place) -> ExitCode:
    from awaitly_mcp import inbox_server  # noqa: PLC0415  (an adapter, behind an extra)

    async with Orchestrator(store) as orchestrator:
        return await _served(inbox_server(orchestrator), place)


async def _served(server: Any, place: _Place) -> ExitCode:
    from awaitly_mcp import serve_http, serve_stdio  # noqa: PLC0415  (an adapter, behind an extra)

    stopped = asyncio.Event()
    with stopping(lambda at_once: stopped.set()) as stops:  # noqa: ARG005  (a stop is a stop)
        if place.port is None:
            await _until(stopped, asyncio.create_task(serve_stdio(server)))
            return stops.code
        try:
            async with serve_http(server, host=place.host, port=place.port) as address:
                output = settings().output
                output.answer({"address": address}, lambda: output.said(f"MCP is served at {address}"))
                await stopped.wait()
        except OSError as error:
            problem = error.strerror or error
            raise usage(f"port {place.port} of {place.host} cannot be had: {problem}") from error
        return stops.code


async def _until(stopped: asyncio.Event, serving: asyncio.Task[None]) -> None:
    """Serve until the client has gone, or the process is told to stop."""
    told = asyncio.create_task(stopped.wait())
    await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
    if told.done():
        end_soon(ExitCode.OK)  # a thread reads from stdin, and is not to be had away from there
        serving.cancel()
    told.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def _rules(options: dict[str, Any]) -> Rules:
    """Give the rules of the file, or those of the options, deny before ask before allow."""
    file: Path | None = options["file"]
    rulings: dict[str, Ruling] = {"deny": Deny("a rule forbids it"), "ask": AskPeople(), "allow": Allow()}
    named = [ToolRule(tools=options[option], ruling=ruling) for option, ruling in rulings.items() if options[option]]
    if file is not None and named:
        raise usage("say one of the two: --rules FILE, or --allow, --ask and --deny")
    return Rules(named) if file is None else loaded(file)


def _is_url(server: tuple[str, ...]) -> bool:
    return len(server) == 1 and server[0].startswith(_URL)


def _headers(options: tuple[str, ...]) -> dict[str, str]:
    """Read headers out of the environment: what authenticates does not belong on a command line."""
    headers: dict[str, str] = {}
    for option in options:
        name, _, variable = option.partition("=")
        if not name or variable not in os.environ:
            raise usage(f"--header takes NAME=VARIABLE, where the environment has VARIABLE; not {option!r}")
        headers[name] = os.environ[variable]
    return headers
