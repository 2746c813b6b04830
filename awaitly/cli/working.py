"""`awaitly worker` and `awaitly dev`: being a worker, and seeing to it that one is there."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import frozen

from awaitly.cli.children import Child, worker_command
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import store_trouble, usage
from awaitly.cli.loading import load_orchestrator
from awaitly.cli.options import LENGTH, TEXT, settings, with_json
from awaitly.cli.reloading import Reloader
from awaitly.cli.stopping import stopping
from awaitly.cli.supervising import Supervisor
from awaitly.exceptions import DefinitionError, StoreError
from awaitly.journal import DEFAULT_QUEUE
from awaitly.orchestrator import Orchestrator
from awaitly.worker import CONCURRENCY, GRACE, Worker

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
        app = click.argument("app", metavar="APP", type=TEXT)
        return app(concurrency(queue(patience(with_json(command)))))

    return add


@click.command()
@_crewed(GRACE)
@click.option("--once", is_flag=True, help="Work off what is due now, and end.")
@click.option("--idle-exit", metavar="TIME", type=LENGTH, help="End once nothing was due for so long.")
@click.option(
    "--supervise", is_flag=True, help="Start a worker when anything is due, and let it end when it is idle [5m]."
)
def worker(
    *,
    app: str,
    concurrency: int,
    queues: tuple[str, ...],
    grace: timedelta,
    once: bool,
    idle_exit: timedelta | None,
    supervise: bool,
) -> int:
    """Work off what is due, until it is told to stop.

    APP is module:name, for instance app:orchestrator: an Orchestrator that is not open, or a function that makes one.
    SIGTERM and Ctrl-C let runs that execute end or park within the grace; the rest is given back for other workers.
    A second one stops at once.
    """
    if supervise and once:
        raise usage("--supervise and --once exclude each other")
    crew = Crew(app, concurrency, queues, grace)
    orchestrator = load_orchestrator(app)
    configure_logging()
    if supervise:
        return _completed(_supervise(orchestrator, crew, idle_exit or _IDLE))
    one = crew.worker(orchestrator)
    code = _completed(_work(orchestrator, one, once=once, idle_exit=idle_exit))
    settings().output.answer({"unknown": sorted(one.unknown)}, lambda: None)
    return code


@click.command()
@_crewed(_HASTE)
def dev(*, app: str, concurrency: int, queues: tuple[str, ...], grace: timedelta) -> int:
    """Keep a worker running, started anew whenever a Python file below this folder changes.

    APP is module:name, as for `awaitly worker`. Where the program cannot be imported, the next change is waited for.
    """
    configure_logging()
    return _completed(_develop(Reloader(Crew(app, concurrency, queues, grace).child(), Path.cwd())))


async def _work(orchestrator: Orchestrator, one: Worker, *, once: bool, idle_exit: timedelta | None) -> ExitCode:
    with stopping(lambda at_once: one.stop(at_once=at_once)) as stops:
        async with orchestrator:
            await one.run(once=once, idle_exit=idle_exit)
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


class _Lines(logging.Formatter):
    """One line for each event: the time, the level, and what is told."""

    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def __init__(self) -> None:
        super().__init__("time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s")
        self.converter = time.gmtime


def configure_logging() -> None:
    """Let the process log to its standard error, unless the program has set up its own logging."""
    if not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Lines())
        logging.getLogger().addHandler(handler)
    if logging.getLogger("awaitly").level == logging.NOTSET:
        logging.getLogger("awaitly").setLevel(logging.INFO)
