"""`awaitly demo`: the refunds example over SQLite, with you as the manager."""

from __future__ import annotations

import shlex
import sys
import webbrowser
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from awaitly.actors import Actor
from awaitly.cli import report
from awaitly.cli.calling import program
from awaitly.cli.codes import ExitCode
from awaitly.cli.desk import decide_all
from awaitly.cli.example import load_example
from awaitly.cli.failures import CommandFailed, Failure, store_trouble
from awaitly.cli.options import actor, settings, signed, with_json
from awaitly.cli.output import Output, in_terminal
from awaitly.cli.serving import can_serve, may_open, page_of
from awaitly.cli.sitting import Sitting
from awaitly.cli.stores import named_store
from awaitly.exceptions import StoreError

__all__ = ["demo"]

_FOLDER = "awaitly-demo"


@click.command()
@click.option(
    "--dir",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    default=_FOLDER,
    show_default=True,
    help="Where the store and the payments are kept.",
)
@click.option("--no-input", is_flag=True, help="Ask nothing, even in a terminal.")
@click.option("--web", is_flag=True, help="Decide in the browser alone: nothing is asked here.")
@click.option("--no-open", is_flag=True, help="Open no browser, even on a desktop.")
@signed
@with_json
def demo(*, folder: Path, no_input: bool, web: bool, no_open: bool, by: str, roles: tuple[str, ...]) -> None:
    """Pay back 200 refunds; the large ones wait for you.

    Stop it at any moment and start it again: it goes on where it was, and pays nobody twice. In a terminal it asks
    about each, and shows it in the browser beside that. Where there is no terminal it says what waits and how to
    decide; the next start goes on with what was decided.
    """
    output = settings().output
    asks = not no_input and not output.as_json and in_terminal(sys.stdin) and in_terminal(sys.stdout)
    place = _place(folder, program(sys.argv[0]))
    try:
        _make(folder)
        example = load_example(folder.absolute() / "payments.csv")
        sitting = Sitting(named_store(place.url), example)
        with sitting.open():
            told = _run(output, sitting, example.rows(), place)
            if told.waiting and (web or asks):
                with _inbox(sitting, actor(by, roles), wanted=web) as address:
                    _invite(output, told, address, alone=web, opens=not no_open)
                    if web:
                        sitting.until_nothing_waits()
                    else:
                        decide_all(output, sitting, told.waiting, told.now, actor(by, roles), address)
                report.draw_farewell(output, place, len(sitting.waiting()[0]))
            elif not asks:
                output.answer(told.document(), lambda: report.draw_commands(output, told))
    except KeyboardInterrupt:
        message = f"stopped; nothing is lost: {place.again} goes on from here"
        raise CommandFailed(Failure(ExitCode.INTERRUPTED, "Interrupted", message)) from None
    except StoreError as error:
        raise store_trouble(error) from error


def _inbox(sitting: Sitting, by: Actor, *, wanted: bool) -> AbstractContextManager[str | None]:
    """Serve the inbox, where it can be; whoever wants it alone is told what is missing."""
    here = can_serve() and sys.platform != "win32"  # where the pages cannot answer while a key is waited for
    return sitting.served(by) if wanted or here else nullcontext()


def _invite(output: Output, told: report.Told, address: str | None, *, alone: bool, opens: bool) -> None:
    """Say what waits and where it is decided, `alone` or here too, and open that for whoever has a desktop."""
    if address is None:
        if not can_serve():
            output.note("\n`pip install 'awaitly[serve]'` shows what waits in the browser, too.")
        return
    first = page_of(address, told.waiting[0])
    report.draw_invitation(output, told, address, first if alone else None)
    if opens and may_open():
        # A browser that BROWSER names may hold its caller until it is closed.
        Thread(target=webbrowser.open, args=(first,), daemon=True).start()


def _run(output: Output, sitting: Sitting, rows: list[list[str]], place: report.Place) -> report.Told:
    """Go on with what is there, run the rows, and say what came of it all."""
    found = sitting.found()
    if not output.as_json:
        report.draw_beginning(output, place, found, len(rows))
    recovered = sitting.recover()
    if not output.as_json:
        for line in recovered:
            output.said(f"  {line}")
    with _progress(output, len(rows)) as advance:
        lines = sitting.run_rows(rows, advance)
    waiting, now = sitting.waiting()
    told = report.Told(place, found, recovered, lines, waiting, now)
    if not output.as_json:
        report.draw_summary(output, told)
    return told


@contextmanager
def _progress(output: Output, total: int) -> Generator[Callable[[], None]]:
    """Show how far it is, in a terminal."""
    if output.as_json or not in_terminal(sys.stdout):
        yield lambda: None
        return
    columns = (TextColumn("Refunds"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=output.console(sys.stdout, terminal=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"the folder {folder} cannot be made: {error.strerror}"
        raise CommandFailed(Failure(ExitCode.STORE, "StoreUnavailable", message)) from error


def _url(folder: Path) -> str:
    return f"sqlite:///{quote(str(folder / 'refunds.db'))}"


def _place(folder: Path, called: str) -> report.Place:
    again = f"{called} demo" if str(folder) == _FOLDER else f"{called} demo --dir {shlex.quote(str(folder))}"
    return report.Place(folder, _url(folder), called, f"`{again}`")
