"""The commands that change nothing: `pending`, `runs`, `show`, `schema`."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

import click

from awaitly.cli import plain, tables, timeline
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import CommandFailed, Failure, refused, usage
from awaitly.cli.options import AFTER, LENGTH, LIMIT, RUN, TEXT, common, settings
from awaitly.cli.stores import look, named_store
from awaitly.cli.waits import Children, children_of
from awaitly.durations import from_micros
from awaitly.errors import PendingApproval, UnknownRun
from awaitly.result import Err, Ok, Result
from awaitly.statuses import RunStatus
from awaitly.storage.journal import RunRecord
from awaitly.storage.store import Described, Page, Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.reader import History
from awaitly.visible import visible

__all__ = ["page_of", "pending", "runs", "say_more", "schema", "show"]

T = TypeVar("T")

_MOST_CHILDREN = 100
"""Of how many children of a run it is looked up where they stand."""


async def page_of(listing: Awaitable[Page[T]]) -> Page[T]:
    """Await a page; what is wrong with its cursor ends the command."""
    try:
        return await listing
    except ValueError as error:  # `--after` is the one text that the store itself reads
        raise usage(f"--after: {error}") from error


def say_more(command: str, after: str | None) -> None:
    """Say that a list goes on, and how to see the rest."""
    if after is not None:
        settings().output.note(f"There are more: awaitly {command} ... --after {shlex.quote(visible(after))}")


@click.command()
@click.option("--run", "run_id", metavar="RUN", type=TEXT, help="Only of this run.")
@click.option("--prefix", metavar="TEXT", type=TEXT, help="Only of runs whose id begins so.")
@click.option("--workflow", metavar="NAME", type=TEXT, help="Only of this workflow.")
@click.option("--older-than", type=LENGTH, metavar="TIME", help="Only what has waited longer: 30m, 24h, 3d.")
@click.option("--due-within", type=LENGTH, metavar="TIME", help="Only what expires within that time.")
@LIMIT
@AFTER
@common
def pending(
    run_id: str | None,
    prefix: str | None,
    workflow: str | None,
    older_than: timedelta | None,
    due_within: timedelta | None,
    limit: int,
    after: str | None,
) -> None:
    """List what waits for a decision, the oldest first."""
    given = settings()

    async def listed(orchestrator: Orchestrator, store: Store) -> tuple[Page[PendingApproval], datetime]:
        listing = orchestrator.pending(
            run_id=run_id,
            prefix=prefix,
            workflow=workflow,
            older_than=older_than,
            due_within=due_within,
            limit=limit,
            after=after,
        )
        return await page_of(listing), from_micros(await store.now())

    page, now = look(given.url, listed)
    document = {"items": [plain.pending(each) for each in page.items], "after": page.after}
    given.output.answer(document, lambda: tables.draw_pending(given.output, page.items, now))
    say_more("pending", page.after)


@click.command()
@click.option("--prefix", metavar="TEXT", type=TEXT, help="Only runs whose id begins so.")
@click.option("--workflow", metavar="NAME", type=TEXT, help="Only of this workflow.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice([status.value for status in RunStatus]),
    multiple=True,
    help="Only with this status; repeatable.",
)
@LIMIT
@AFTER
@common
def runs(prefix: str | None, workflow: str | None, statuses: tuple[str, ...], limit: int, after: str | None) -> None:
    """List runs, the newest first."""
    given = settings()

    async def listed(orchestrator: Orchestrator, store: Store) -> tuple[Page[RunRecord], datetime]:
        wanted = [RunStatus(status) for status in statuses] or None
        listing = orchestrator.runs(prefix=prefix, workflow=workflow, statuses=wanted, limit=limit, after=after)
        return await page_of(listing), from_micros(await store.now())

    page, now = look(given.url, listed)
    document = {"items": [plain.run(each) for each in page.items], "after": page.after}
    given.output.answer(document, lambda: tables.draw_runs(given.output, page.items, now))
    say_more("runs", page.after)


@click.command()
@RUN
@common
def show(run_id: str) -> None:
    """Draw a run's timeline: its steps, who decided what, how long it waited, how it ended."""
    given = settings()

    async def told(orchestrator: Orchestrator, store: Store) -> tuple[Result[_Shown, UnknownRun], datetime]:
        return await _shown(orchestrator, run_id), from_micros(await store.now())

    match look(given.url, told):
        case Err(unknown), _:
            raise refused(unknown)
        case Ok(run), now:
            document = plain.history(run.history, run.children)
            given.output.answer(document, lambda: timeline.draw(given.output, run.history, now, run.children))


@frozen
class _Shown:
    """A run, and where its children stand."""

    history: History
    children: Children


async def _shown(orchestrator: Orchestrator, run_id: str) -> Result[_Shown, UnknownRun]:
    match await orchestrator.history(run_id):
        case Err(unknown):
            return Err(unknown)
        case Ok(history):
            children = children_of(history)[:_MOST_CHILDREN]
            return Ok(_Shown(history, {child: await _standing(orchestrator, child) for child in children}))


async def _standing(orchestrator: Orchestrator, run_id: str) -> RunStatus | None:
    match await orchestrator.status(run_id):
        case Ok(details):
            return details.run.status
        case Err(_):
            return None


@click.command()
@common
def schema() -> None:
    """Print the store's schema; the store need not exist yet."""
    given = settings()
    store = named_store(given.url)
    if not isinstance(store, Described):
        message = f"{type(store).__name__} has no schema to print"
        raise CommandFailed(Failure(ExitCode.REFUSED, "NoSchema", message))
    text = store.schema()
    given.output.answer({"schema": text}, lambda: given.output.raw(text))
