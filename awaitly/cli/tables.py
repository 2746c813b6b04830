"""Listings as tables: one line each off a terminal, as wide as the terminal on one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from awaitly.cli.human import day_and_time, length
from awaitly.cli.output import Output
from awaitly.cli.waits import in_list, status_word
from awaitly.errors import PendingApproval
from awaitly.statuses import RunStatus
from awaitly.storage.journal import RunRecord
from awaitly.visible import visible

__all__ = ["STYLES", "draw_pending", "draw_runs", "table"]

STYLES = {
    RunStatus.COMPLETED: "green",
    RunStatus.PARKED: "yellow",
    RunStatus.FAILED: "red",
    RunStatus.CANCELLED: "red",
    RunStatus.NEEDS_REVIEW: "bold red",
}


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """Begin a table; the columns in `numbers` are set to the right."""
    begun = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        begun.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return begun


def draw_pending(output: Output, waiting: Sequence[PendingApproval], now: datetime) -> None:
    """Draw what waits."""
    if not waiting:
        output.line("Nothing waits for a decision.")
        return
    drawn = table("RUN", "KEY", "WAITS", "EXPIRES", "WHAT")
    for each in waiting:
        drawn.add_row(
            Text(visible(each.run_id)),
            Text(visible(each.key)),
            length(now - each.asked_at),
            expiry(each.deadline, now),
            Text(visible(each.summary)),
        )
    output.draw(drawn)


def expiry(deadline: datetime | None, now: datetime) -> str:
    """Say how long there is left."""
    return "never" if deadline is None else f"in {length(max(deadline - now, timedelta()))}"


def draw_runs(output: Output, runs: Sequence[RunRecord], now: datetime) -> None:
    """Draw runs as they stand at a time of the store's."""
    if not runs:
        output.line("No runs.")
        return
    drawn = table("RUN", "WORKFLOW", "STATUS", "STARTED", "WAITS FOR")
    for each in runs:
        drawn.add_row(
            Text(visible(each.run_id)),
            Text(visible(each.workflow)),
            Text(status_word(each.status), style=STYLES.get(each.status, "")),
            day_and_time(each.created_at),
            Text(in_list(each, now)),
        )
    output.draw(drawn)
