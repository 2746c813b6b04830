"""`awaitly demo`: the refunds example over SQLite, with you as the manager."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from awaitly.cli import plain
from awaitly.cli.codes import ExitCode
from awaitly.cli.desk import decide_all
from awaitly.cli.example import load_example
from awaitly.cli.failures import CommandFailed, Failure, store_trouble
from awaitly.cli.options import Settings, actor, common, settings, signed
from awaitly.cli.output import Output
from awaitly.cli.sitting import Found, Line, Sitting, Standing
from awaitly.cli.stores import named_store
from awaitly.cli.tables import draw_pending, table
from awaitly.cli.visible import visible
from awaitly.errors import PendingApproval
from awaitly.exceptions import StoreError

__all__ = ["demo"]

_SAID = {
    Standing.PAID: "paid back at once",
    Standing.PAID_AFTER_DECISION: "paid back after a decision",
    Standing.NOT_PAID: "not paid back",
    Standing.MALFORMED: "malformed, and reported as such",
    Standing.WAITING: "waiting for a person",
}


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="awaitly-demo",
    show_default=True,
    help="Where the store and the payments go.",
)
@click.option("--no-input", is_flag=True, help="Ask nothing, even in a terminal.")
@signed
@common
def demo(folder: Path, no_input: bool, by: str, roles: tuple[str, ...]) -> None:  # noqa: FBT001  (a flag)
    """Pay back 200 refunds; the large ones wait for you.

    Stop it at any moment, and start it again: it goes on where it was, and pays nobody twice. Where there is no
    terminal, it says what waits and how to decide; the next start goes on with what was decided.
    """
    given = settings()
    asks = not no_input and not given.as_json and sys.stdin.isatty() and sys.stdout.isatty()
    url = _url(folder)
    _make(folder)
    example = load_example(folder.absolute() / "payments.csv")
    sitting = Sitting(named_store(url), example)
    try:
        with sitting.open():
            told = _run(given.output, sitting, example.rows(), folder)
            if asks:
                _ask(given.output, sitting, told, lambda: decide_all(...), url)
    except StoreError as error:
        raise store_trouble(error) from error
