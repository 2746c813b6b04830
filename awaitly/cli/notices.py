"""The commands about what people are told: `notices` lists it, `resend` has a dead letter sent again."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from awaitly.approvals.notices import Notice
from awaitly.cli import plain
from awaitly.cli.failures import refused, usage
from awaitly.cli.human import day_and_time
from awaitly.cli.looking import page_of, say_more
from awaitly.cli.options import AFTER, LIMIT, RUN, TEXT, common, settings
from awaitly.cli.output import Output
from awaitly.cli.stores import look, work
from awaitly.cli.tables import expiry, table
from awaitly.durations import from_micros
from awaitly.errors import UnknownNotice, UnknownRun
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Page, Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.outbox import DeadLetter
from awaitly.visible import clipped, visible

__all__ = ["notices", "resend"]

_LONGEST = 200


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False, type=TEXT)
@click.option("--dead", is_flag=True, help="Only what was given up; of all runs, unless one is named.")
@click.option("--channel", metavar="NAME", type=TEXT, help="With --dead: only of this channel.")
@LIMIT
@AFTER
@common
def notices(run_id: str | None, channel: str | None, limit: int, after: str | None, *, dead: bool) -> None:
    """List what people were, or are to be, told of a run.

    With --dead: what was given up, for `awaitly resend`.
    """
    if dead:
        _list_dead({"run_id": run_id, "channel": channel, "limit": limit, "after": after})
        return
    if run_id is None:
        raise usage("of which run? Name it, or say --dead")
    if channel is not None or after is not None:
        raise usage("--channel and --after go with --dead")
    _list(run_id, limit)


def _list(run_id: str, limit: int) -> None:
    given = settings()

    async def listed(orchestrator: Orchestrator, store: Store) -> tuple[tuple[Notice, ...], datetime] | UnknownRun:
        found = await orchestrator.notices(run_id)
        load = await store.load(run_id)
        return UnknownRun(run_id) if load.run is None and not found else (found, from_micros(load.now))

    match look(given.url, listed):
        case UnknownRun() as unknown:
            raise refused(unknown)
        case (found, now):
            told = found[-limit:]
            document = {"items": [_document(each) for each in told], "more": len(found) - len(told)}
            given.output.answer(document, lambda: _draw(given.output, told, now))
            if len(told) < len(found):
                given.output.note(f"These are the last of {len(found)}: awaitly notices ... --limit {len(found)}")


def _list_dead(filters: dict[str, Any]) -> None:
    given = settings()

    async def listed(orchestrator: Orchestrator, _: Store) -> Page[DeadLetter]:
        return await page_of(orchestrator.dead_letters(**filters))

    page = look(given.url, listed)
    document = {"items": [plain.members(each) for each in page.items], "after": page.after}
    given.output.answer(document, lambda: _draw_dead(given.output, page.items))
    say_more("notices --dead", page.after)


@click.command()
@RUN
@click.argument("key", metavar="KEY", type=TEXT)
@common
def resend(run_id: str, key: str) -> None:
    """Have a notice that was given up sent again, by a worker that has its channel.

    KEY is that of `awaitly notices --dead`. It goes out under the id that it had, and to no place but its own.
    """
    given = settings()

    async def resent(orchestrator: Orchestrator, _: Store) -> Result[Notice, UnknownNotice]:
        return await orchestrator.resend(run_id, key)

    match work(given.url, resent):
        case Err(unknown):
            raise refused(unknown)
        case Ok(notice):
            given.output.answer(_document(notice), lambda: given.output.line(_said(notice)))


def _said(notice: Notice) -> str:
    if notice.open:
        return f"A worker that has the channel {visible(notice.channel)} sends it again."
    return "It was not given up; nothing has changed."


def _document(notice: Notice) -> dict[str, Any]:
    """Show a notice: `status` is `sent`, `waiting` or `dead`."""
    members = plain.members(notice)
    del members["version"]
    status = "dead" if notice.dead else "waiting" if notice.open else "sent"
    return members | {"key": notice.key, "id": notice.id, "status": status}


# Drawing


def _draw(output: Output, told: tuple[Notice, ...], now: datetime) -> None:
    if not told:
        output.line("Nobody was, or is to be, told anything.")
        return
    placed = any(each.place is not None for each in told)
    drawn = table("KEY", *(("PLACE",) if placed else ()), "WHAT", "OF", "WHEN", "STANDS")
    for each in told:
        of = "the run" if each.about is None else each.about
        where = (each.place or "",) if placed else ()
        texts = (Text(visible(text)) for text in (each.key, *where, each.kind.value, of))
        drawn.add_row(*texts, day_and_time(each.at), Text(_stands(each, now)))
    output.draw(drawn)


def _stands(notice: Notice, now: datetime) -> str:
    """Say in a few words what became of a notice, or when it is sent."""
    error = f": {clipped(visible(notice.error), _LONGEST)}" if notice.error else ""
    tries = f"after {notice.attempts} {'try' if notice.attempts == 1 else 'tries'}"
    if notice.dead:
        return f"given up {tries}{error}"
    if notice.due_at is None:
        return "sent" if notice.sent_at is None else f"sent {day_and_time(notice.sent_at)}"
    when = "now" if notice.due_at <= now else expiry(notice.due_at, now)
    return f"to be sent {when}{f', {tries}{error}' if notice.attempts else ''}"


def _draw_dead(output: Output, letters: tuple[DeadLetter, ...]) -> None:
    if not letters:
        output.line("Nothing was given up.")
        return
    placed = any(each.place is not None for each in letters)
    drawn = table("RUN", "KEY", *(("PLACE",) if placed else ()), "OF", "TRIES", "WHY", numbers=("TRIES",))
    for each in letters:
        of = "the run" if each.about is None else each.about
        where = (each.place or "",) if placed else ()
        texts = [Text(visible(text)) for text in (each.run_id, each.key, *where, of)]
        drawn.add_row(*texts, str(each.attempts), Text(clipped(visible(each.error), _LONGEST)))
    output.draw(drawn)
    first = letters[0]
    output.note(f"Send one again: awaitly resend {_quoted(first.run_id)} {_quoted(first.key)}")


def _quoted(text: str) -> str:
    return shlex.quote(visible(text))
