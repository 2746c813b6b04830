"""`awaitly worker` and `awaitly dev`: being a worker, and seeing to it that one is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from awaitly.actors import Actor
from awaitly.cli.application import APPLICATION, application
from awaitly.cli.children import Child, worker_command
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import store_trouble, usage
from awaitly.cli.logs import configure_logging
from awaitly.cli.options import LENGTH, TEXT, settings, signed, with_json
from awaitly.cli.reloading import Reloader
from awaitly.cli.serving import PORT, as_person, can_serve, inbox_beside
from awaitly.cli.stopping import end_soon, stopping
from awaitly.cli.supervising import Supervisor
from awaitly.exceptions import DefinitionError, StoreError
from awaitly.logs import LOGGER, line
from awaitly.storage.journal import DEFAULT_QUEUE
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.working.worker import CONCURRENCY, GRACE, Worker

__all__ = ["dev", "worker"]

F = TypeVar("F", bound=Callable[..., Any])

_IDLE = timedelta(minutes=5)
_HASTE = "2s"


@frozen
class Crew:
    """How a worker is to work."""

    app: str
    concurrency: int
    queues: tuple[str, ...]
    grace: timedelta

    def worker(self, orchestrator: Orchestrator) -> Worker:
        """Give one."""
        try:
            return orchestrator.working(concurrency=self.concurrency, queues=self.queues, grace=self.grace)
        except DefinitionError as error:
            raise usage(str(error)) from error

    def child(self, *more: str) -> Child:
        """Give a process that is one."""
        return Child(worker_command(self.app, self.concurrency, self.queues, _text(self.grace), *more))


@frozen
class Seat:
    """For whom the inbox is served beside a worker, and at which port."""

    person: Actor
    port: int


def _crewed(grace: str) -> Callable[[F], F]:
    """Add the options of whoever has a worker."""

    def add(command: F) -> F:
        concurrency = click.option(
            "--concurrency",
            type=click.IntRange(1),
            default=CONCURRENCY,
            show_default=True,
            help="How many runs execute at a time, at most.",
        )
        queue = click.option(
            "--queue",
            "queues",
            metavar="NAME",
            type=TEXT,
            multiple=True,
            default=(DEFAULT_QUEUE,),
            show_default=True,
            help="Work in this queue; repeatable.",
        )
        patience = click.option(
            "--grace",
            metavar="TIME",
            type=LENGTH,
            default=grace,
            show_default=True,
            help="How long runs may go on once it is told to stop, before they are given back.",
        )
        return APPLICATION(concurrency(queue(patience(with_json(command)))))

    return add


@click.command()
@_crewed(GRACE)
@click.option("--once", is_flag=True, help="Work off what is due now, and end.")
@click.option("--idle-exit", metavar="TIME", type=LENGTH, help="End once nothing was due for so long.")
@click.option(
    "--inbox", "inbox_port", type=click.IntRange(0, 65_535), hidden=True, help="Serve the inbox too: for `dev`."
)
@click.option("--inbox-as", "person", type=TEXT, hidden=True)
@click.option("--inbox-role", "roles", type=TEXT, multiple=True, hidden=True)
@click.option(
    "--supervise", is_flag=True, help="Start a worker when anything is due, and let it end when it is idle [5m]."
)
def worker(  # noqa: PLR0913  (each is an option)
    *,
    name: str,
    concurrency: int,
    queues: tuple[str, ...],
    grace: timedelta,
    once: bool,
    idle_exit: timedelta | None,
    inbox_port: int | None,
    person: str | None,
    roles: tuple[str, ...],
    supervise: bool,
) -> int:
    """Work off what is due, until it is told to stop.

    MODULE:ATTRIBUTE, such as app:orchestrator, names an Orchestrator that is not open, or a function that makes one.
    SIGTERM and Ctrl-C let runs that execute end or park within the grace; the rest is given back for other workers.
    A second one stops at once.
    """
    if supervise and once:
        raise usage("--supervise and --once exclude each other")
    crew = Crew(name, concurrency, queues, grace)
    orchestrator = application(name)
    configure_logging()
    if supervise:
        return _completed(_supervise(orchestrator, crew, idle_exit or _IDLE))
    one = crew.worker(orchestrator)
    seat = None if inbox_port is None else Seat(as_person(person, roles), inbox_port)
    code = _completed(_work(orchestrator, one, seat, once=once, idle_exit=idle_exit))
    settings().output.answer({"unknown": sorted(one.unknown)}, lambda: None)
    return code


@click.command()
@_crewed(_HASTE)
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="Where the inbox is.")
@click.option("--no-inbox", is_flag=True, help="Serve no inbox.")
@signed
def dev(
    *,
    name: str,
    concurrency: int,
    queues: tuple[str, ...],
    grace: timedelta,
    port: int,
    no_inbox: bool,
    by: str,
    roles: tuple[str, ...],
) -> int:
    """Keep a worker running, started anew whenever a Python file below this folder changes, and the inbox beside it.

    MODULE:ATTRIBUTE is as for `awaitly worker`. Where the program cannot be imported, the next change is waited for.
    The inbox is for whoever sits at this machine, where the extra `serve` is installed.
    """
    configure_logging()
    more: tuple[str, ...] = ()
    if not no_inbox and can_serve():
        named = [word for role in roles for word in ("--inbox-role", role)]
        more = ("--inbox", str(port), "--inbox-as", by, *named)
    elif not no_inbox:
        LOGGER.info(line("no_inbox", hint="pip install 'awaitly[serve]'"))
    return _completed(_develop(Reloader(Crew(name, concurrency, queues, grace).child(*more), Path.cwd())))


async def _work(
    orchestrator: Orchestrator, one: Worker, seat: Seat | None, *, once: bool, idle_exit: timedelta | None
) -> ExitCode:
    with stopping(lambda at_once: one.stop(at_once=at_once)) as stops:
        async with orchestrator, nullcontext() if seat is None else inbox_beside(orchestrator, seat.person, seat.port):
            await one.run(once=once, idle_exit=idle_exit)
        if one.executing:
            LOGGER.warning(line("left_behind", runs=",".join(sorted(one.executing))))
            end_soon(stops.code)
        return stops.code


async def _supervise(orchestrator: Orchestrator, crew: Crew, idle: timedelta) -> ExitCode:
    supervisor = Supervisor(crew.worker(orchestrator), crew.child("--idle-exit", _text(idle)), idle)
    with stopping(supervisor.stop) as stops:
        await supervisor.supervise(orchestrator)
        return stops.code


async def _develop(reloader: Reloader) -> ExitCode:
    with stopping(reloader.stop) as stops:
        await reloader.keep()
        return stops.code


def _completed(work: Coroutine[Any, Any, ExitCode]) -> ExitCode:
    try:
        return asyncio.run(work)
    except StoreError as error:
        raise store_trouble(error) from error


def _text(length: timedelta) -> str:
    return f"{length.total_seconds():f}s"
