"""The commands about who is away and who stands in: `away`, `back`, `absences`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.text import Text

from awaitly.actors import ADMIN, Actor
from awaitly.approvals.events import Absence
from awaitly.cli.failures import refused
from awaitly.cli.human import day_and_time, length
from awaitly.cli.options import LENGTH, NAME, TEXT, actor, common, settings
from awaitly.cli.output import Output
from awaitly.cli.people import listed
from awaitly.cli.stores import look, work
from awaitly.cli.tables import table
from awaitly.durations import from_micros
from awaitly.errors import AbsenceRefused
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["absences", "away", "back"]


def MOMENT(value: str | datetime) -> datetime:  # noqa: N802  (stands beside click.STRING)
    """Take a moment: a date, which begins at midnight UTC, or a time with its zone."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no moment; write 2026-12-24, or 2026-12-24T18:00+01:00") from None
    if moment.tzinfo is not None:
        return moment
    if isinstance(value, str) and len(value) > len("2026-12-24"):
        raise click.BadParameter(f"{value!r} has no time zone; write 2026-12-24T18:00+01:00, or Z for UTC")
    return moment.replace(tzinfo=UTC)


def UNTIL(value: str | datetime | timedelta) -> datetime | timedelta:  # noqa: N802  (as above)
    """Take a length of time, or a moment."""
    if isinstance(value, datetime | timedelta):
        return value
    try:
        return LENGTH(value)
    except click.BadParameter:
        return MOMENT(value)


OWNER = click.argument("owner", type=NAME)
SPEAKER = click.option(
    "--by", metavar="NAME", type=NAME, envvar="AWAITLY_ACTOR", help="Who says so. Default: AWAITLY_ACTOR, or OWNER."
)
AS_ADMIN = click.option("--admin", is_flag=True, help="Whoever says so holds the role admin.")


@click.command()
@OWNER
@click.option("--to", metavar="NAME", type=NAME, required=True, help="Who stands in.")
@click.option("--until", metavar="TIME", type=UNTIL, required=True, help="How long (5d), or until when (2026-12-24).")
@click.option("--since", metavar="TIME", type=MOMENT, help="From when on; now by default.")
@click.option("--role", "roles", metavar="ROLE", type=TEXT, multiple=True, help="A role that OWNER has; repeatable.")
@SPEAKER
@AS_ADMIN
@common
def away(
    owner: str,
    to: str,
    until: datetime | timedelta,
    since: datetime | None,
    roles: tuple[str, ...],
    by: str | None,
    admin: bool,  # noqa: FBT001  (click's own form)
) -> None:
    """Let somebody stand in for OWNER: they may decide what OWNER may, by name and by the roles given here.

    A date counts from its midnight, UTC. The same two again replace what was said before.
    """
    given, speaker = settings(), _speaker(owner, by, admin=admin)

    async def noted(orchestrator: Orchestrator, _: Store) -> Result[Absence, AbsenceRefused]:
        return await orchestrator.away(actor(owner, roles), to=to, until=until, since=since, by=speaker)

    match work(given.url, noted):
        case Err(refusal):
            raise refused(refusal)
        case Ok(absence):
            given.output.answer(_document(absence), lambda: given.output.line(_sentence(absence)))


def _speaker(owner: str, by: str | None, *, admin: bool) -> Actor:
    return actor(by or owner, [ADMIN] if admin else [])


def _sentence(absence: Absence) -> str:
    span = f"from {day_and_time(absence.since)} until {day_and_time(absence.until)}"
    return f"{visible(absence.to)} stands in for {visible(absence.owner.name)} {span}"


@click.command()
@OWNER
@SPEAKER
@AS_ADMIN
@common
def back(owner: str, by: str | None, admin: bool) -> None:  # noqa: FBT001  (as above)
    """End all absences of OWNER."""
    given, speaker = settings(), _speaker(owner, by, admin=admin)

    async def ended(orchestrator: Orchestrator, _: Store) -> Result[tuple[Absence, ...], AbsenceRefused]:
        return await orchestrator.back(owner, by=speaker)

    match work(given.url, ended):
        case Err(refusal):
            raise refused(refusal)
        case Ok(over):
            document = {"items": [_document(each) for each in over]}
            given.output.answer(document, lambda: given.output.line(_welcome(owner, over)))


def _welcome(owner: str, over: tuple[Absence, ...]) -> str:
    if not over:
        return f"Nothing changed: {visible(owner)} was not away"
    return f"{visible(owner)} is back: {listed(each.to for each in over)} no longer stand{'s' * (len(over) == 1)} in"


@click.command()
@click.option("--to", metavar="NAME", type=NAME, help="Only those for whom NAME stands in.")
@common
def absences(to: str | None) -> None:
    """List who is, was or will be away, and who stands in."""
    given = settings()

    async def known(orchestrator: Orchestrator, store: Store) -> tuple[tuple[Absence, ...], datetime]:
        return await orchestrator.absences(to=to), from_micros(await store.now())

    found, now = look(given.url, known)
    document = {"items": [_document(each) for each in found]}
    given.output.answer(document, lambda: _draw(given.output, found, now))


def _document(absence: Absence) -> dict[str, Any]:
    return {
        "owner": absence.owner.name,
        "roles": sorted(absence.owner.roles),
        "to": absence.to,
        "since": absence.since.isoformat(),
        "until": absence.until.isoformat(),
    }


def _draw(output: Output, found: tuple[Absence, ...], now: datetime) -> None:
    if not found:
        output.line("Nobody is away.")
        return
    drawn = table("OWNER", "STANDS IN", "WHEN", "UNTIL", "ROLES")
    for each in found:
        roles = ", ".join(sorted(map(visible, each.owner.roles)))
        drawn.add_row(
            Text(visible(each.owner.name)),
            Text(visible(each.to)),
            _when(each, now),
            day_and_time(each.until),
            Text(roles),
        )
    output.draw(drawn)


def _when(absence: Absence, now: datetime) -> str:
    if now < absence.since:
        return f"in {length(absence.since - now)}"
    return f"for {length(absence.until - now)} more" if now < absence.until else "over"
