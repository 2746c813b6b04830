"""The commands about schedules: `schedules` lists them, `unschedule` ends one."""

from __future__ import annotations

from datetime import datetime

import click
from rich.text import Text

from awaitly.cli import plain
from awaitly.cli.failures import refused
from awaitly.cli.human import day_and_time
from awaitly.cli.options import TEXT, common, settings
from awaitly.cli.output import Output
from awaitly.cli.stores import look, work
from awaitly.cli.tables import expiry, table
from awaitly.durations import from_micros
from awaitly.errors import UnknownSchedule
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.scheduling import Scheduled
from awaitly.visible import visible

__all__ = ["schedules", "unschedule"]


@click.command()
@common
def schedules() -> None:
    """List the schedules, and when each rings next."""
    given = settings()

    async def listed(orchestrator: Orchestrator, store: Store) -> tuple[tuple[Scheduled, ...], datetime]:
        return await orchestrator.schedules(), from_micros(await store.now())

    found, now = look(given.url, listed)
    document = {"items": [_document(each) for each in found]}
    given.output.answer(document, lambda: _draw(given.output, found, now))


def _document(schedule: Scheduled) -> dict[str, object]:
    members = plain.members(schedule)
    del members["replayed"]
    return members


def _draw(output: Output, found: tuple[Scheduled, ...], now: datetime) -> None:
    if not found:
        output.line("No schedules.")
        return
    drawn = table("NAME", "CRON", "ZONE", "NEXT", "WORKFLOW")
    for each in found:
        texts = (Text(visible(text)) for text in (each.name, each.cron, each.timezone))
        drawn.add_row(*texts, _next(each, now), Text(visible(each.workflow)))
    output.draw(drawn)
    for each in found:
        if each.trouble is not None:
            output.note(f"awaitly: {visible(each.name)} is late: {visible(each.trouble)}")


def _next(schedule: Scheduled, now: datetime) -> str:
    when = day_and_time(schedule.at)
    return f"{when}, {'overdue' if schedule.at <= now else expiry(schedule.at, now)}"


@click.command()
@click.argument("name", metavar="NAME", type=TEXT)
@common
def unschedule(name: str) -> None:
    """End a schedule; what has begun goes on."""
    given = settings()

    async def ended(orchestrator: Orchestrator, _: Store) -> Result[Scheduled, UnknownSchedule]:
        return await orchestrator.unschedule(name)

    match work(given.url, ended):
        case Err(unknown):
            raise refused(unknown)
        case Ok(schedule):
            said = f"Unscheduled {visible(name)}. Runs of it that are queued, or have begun, go on."
            given.output.answer(_document(schedule), lambda: given.output.line(said))
