"""What the demo says: where things are, what it found, how the rows stand, and what to do next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import asdict
from rich.text import Text

from awaitly.cli import plain
from awaitly.cli.output import Output
from awaitly.cli.sitting import Found, Line, Standing
from awaitly.cli.tables import table
from awaitly.errors import PendingApproval
from awaitly.values import frozen
from awaitly.visible import visible

__all__ = ["Place", "Told", "draw_beginning", "draw_commands", "draw_farewell", "draw_invitation", "draw_summary"]

_SAID = {
    Standing.PAID: "paid back at once",
    Standing.PAID_AFTER_DECISION: "paid back after a decision",
    Standing.NOT_PAID: "not paid back",
    Standing.MALFORMED: "malformed",
    Standing.WAITING: "waiting for a person",
}


@frozen
class Place:
    """Where things are: `program` is what a shell finds awaitly by, `again` the command that comes back to them."""

    folder: Path
    url: str
    program: str
    again: str

    def command(self, words: str) -> str:
        """Write a command of awaitly's that works on this store."""
        return f"{self.program} {words} --store {shlex.quote(self.url)}"


@frozen
class Told:
    """How a sitting stands once all rows have run."""

    place: Place
    found: Found
    recovered: Sequence[str]
    lines: Sequence[Line]
    waiting: Sequence[PendingApproval]
    now: datetime

    def standing(self, standing: Standing) -> list[Line]:
        """Give the rows that stand so."""
        return [line for line in self.lines if line.standing is standing]

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "store": self.place.url,
            "payments": str(self.place.folder / "payments.csv"),
            "found": asdict(self.found),
            "recovered": list(self.recovered),
            "counts": {standing.value: len(self.standing(standing)) for standing in Standing},
            "malformed": [_plain(line) for line in self.standing(Standing.MALFORMED)],
            "not_paid": [_plain(line) for line in self.standing(Standing.NOT_PAID)],
            "waiting": [plain.pending(each) for each in self.waiting],
        }


def _plain(line: Line) -> dict[str, Any]:
    return {"line": line.number, "run_id": line.run_id, "problem": line.said}


def draw_beginning(output: Output, place: Place, found: Found, rows: int) -> None:
    """Say where things are, and what an earlier sitting left."""
    output.said(f"{rows} refund requests; large ones wait for a person")
    output.said(f"  the runs are in       {place.folder / 'refunds.db'}")
    output.said(f"  payments are added to {place.folder / 'payments.csv'}")
    if found.anything:
        ready = f", {found.ready} decided or cut off since, going on now" if found.ready else ""
        output.said(f"Found from before: {_runs(found.over)} over, {found.waiting} waiting{ready}")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def draw_summary(output: Output, told: Told) -> None:
    """Draw how the rows stand, and those that are not simply paid."""
    counts = Counter(line.standing for line in told.lines)
    output.line()
    for standing, words in _SAID.items():
        if counts[standing]:
            output.line(f"{counts[standing]:>5}  {words}")
    for standing in (Standing.MALFORMED, Standing.NOT_PAID):
        if counts[standing]:
            _draw_lines(output, told.standing(standing), _SAID[standing])
    output.line()
    if told.waiting:
        output.line("Waiting for a person", "bold")
        drawn = table("RUN", "WHAT")
        for each in told.waiting:
            drawn.add_row(Text(visible(each.run_id)), Text(visible(each.summary)))
        output.draw(drawn)
    else:
        output.line("Nothing waits any more.")


def _draw_lines(output: Output, lines: Sequence[Line], title: str) -> None:
    output.line()
    output.line(title.capitalize(), "bold")
    drawn = table("LINE", "RUN", "WHY", numbers=("LINE",))
    for line in lines:
        drawn.add_row(str(line.number), Text(visible(line.run_id)), Text(visible(line.said)))
    output.draw(drawn)


def draw_commands(output: Output, told: Told) -> None:
    """Say how to decide from here."""
    if not told.waiting:
        return
    first = shlex.quote(told.waiting[0].run_id)
    output.line()
    output.line("To decide", "bold")
    for each in told.waiting:
        output.command(f"  {told.place.command(f'approve {shlex.quote(each.run_id)} --by NAME')}")
    output.line("or, with any of these runs,")
    output.command(f"  {told.place.command(f'edit {first} AMOUNT --by NAME')}")
    output.command(f"  {told.place.command(f'reject {first} --reason TEXT --by NAME')}")
    output.said(f"Then {told.place.again} pays what was approved.")


def draw_invitation(output: Output, told: Told, address: str, first: str | None) -> None:
    """Say what waits first, and where that is decided for as long as this runs; without `first`, each question does."""
    more = len(told.waiting) - 1
    where = "Decide it at" if first else "Decide here, or at the page that each has:"
    output.note(f"\n{visible(told.waiting[0].run_id)} waits for you{f', and {more} more' if more else ''}. {where}")
    if first:
        output.note(f"  {first}")
    output.note(f"All that waits is at {address} while this runs; Ctrl-C stops it.")


def draw_farewell(output: Output, place: Place, waiting: int) -> None:
    """Say what is left once the person has finished or stopped."""
    output.line()
    if waiting:
        output.said(f"{waiting} still waiting; nothing is lost, and {place.again} asks again.")
    else:
        output.line("Nothing waits any more.")
    output.line("To see what happened in a run:")
    output.command(f"  {place.command('show RUN')}")
