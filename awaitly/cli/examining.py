"""The command that tries today's code on what waits in the store: `doctor`. It needs that code, and changes nothing."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import Any

import click

from awaitly.cli.application import APPLICATION, application
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import store_trouble, usage
from awaitly.cli.human import length
from awaitly.cli.interrupts import Runner
from awaitly.cli.options import LENGTH, TEXT, settings, with_json
from awaitly.cli.output import Output, in_terminal
from awaitly.exceptions import StoreError, UnknownWorkflow
from awaitly.verbs.doctor import Diagnosis, Verdict
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["doctor"]

_SAID_EACH = 100
"""After how many runs a terminal is told how many there were."""


@click.command()
@APPLICATION
@click.option("--workflow", metavar="NAME", type=TEXT, help="Only runs of this workflow.")
@click.option("--since", type=LENGTH, metavar="TIME", help="Only runs that began within that time: 24h, 7d.")
@click.option(
    "--grace",
    type=LENGTH,
    default="1m",
    show_default=True,
    metavar="TIME",
    help="Name runs that could have gone on for longer than that.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 also for damaged, stalled, set aside and overdue runs.")
@with_json
def doctor(name: str, workflow: str | None, since: timedelta | None, grace: timedelta, *, strict: bool) -> None:
    """Replay every run that is to go on, dry, against today's code; exit with 1 where one does not fit.

    MODULE:ATTRIBUTE names your orchestrator, such as app:orchestrator. Nothing is written, no step runs and nobody is
    asked; the code between steps does run.
    """
    given = settings()
    said = _looked(application(name), given.output, workflow, since, grace)
    given.output.answer(_document(said), lambda: _tell(given.output, said))
    if any(each.verdict.misfits or (strict and _is_odd(each)) for each in said):
        click.get_current_context().exit(ExitCode.REFUSED)


def _looked(
    orchestrator: Orchestrator, output: Output, workflow: str | None, since: timedelta | None, grace: timedelta
) -> list[Diagnosis]:
    counts = not output.as_json and in_terminal(sys.stderr)

    async def looked() -> list[Diagnosis]:
        said: list[Diagnosis] = []
        async with orchestrator:
            async for each in orchestrator.doctor(workflow=workflow, since=since, grace=grace):
                said.append(each)
                if counts and len(said) % _SAID_EACH == 0:
                    click.echo(f"\r{len(said)} runs", err=True, nl=False)
        return said

    try:
        with Runner() as runner:
            return runner.run(looked())
    except StoreError as error:
        raise store_trouble(error) from error
    except UnknownWorkflow as unknown:
        raise usage(str(unknown)) from unknown
    finally:
        if counts:
            click.echo("\r\x1b[K", err=True, nl=False)


def _is_odd(said: Diagnosis) -> bool:
    return said.verdict is not Verdict.FITS or said.overdue is not None


def _document(said: list[Diagnosis]) -> dict[str, Any]:
    """Give the JSON form."""
    verdicts = Counter(each.verdict for each in said)
    counts = {verdict.value: verdicts[verdict] for verdict in Verdict}
    overdue = sum(each.overdue is not None for each in said)
    return {"runs": [_plain(each) for each in said], "summary": {"runs": len(said), **counts, "overdue": overdue}}


def _plain(said: Diagnosis) -> dict[str, Any]:
    change = said.change
    return {
        "run_id": said.run_id,
        "workflow": said.workflow,
        "version": said.version,
        "status": said.status.value,
        "verdict": said.verdict.value,
        "detail": said.detail,
        "drift": None if change is None else {"key": change.key, "recorded": change.recorded, "found": change.found},
        "overdue_seconds": None if said.overdue is None else said.overdue.total_seconds(),
    }


def _tell(output: Output, said: list[Diagnosis]) -> None:
    for each in said:
        if each.verdict is not Verdict.FITS:
            output.said(str(each))
        if each.overdue is not None:
            output.said(f"{each.subject}: could have gone on for {length(each.overdue)}")
    output.line(_summary(said))


_WORDS = {
    Verdict.FITS: ("fits", "fit"),
    Verdict.DRIFTED: ("has drifted", "have drifted"),
    Verdict.UNKNOWN_WORKFLOW: ("is of an unknown workflow", "are of unknown workflows"),
    Verdict.UNKNOWN_VERSION: ("is of an unknown version", "are of unknown versions"),
    Verdict.DAMAGED: ("is damaged", "are damaged"),
    Verdict.NEEDS_REVIEW: ("needs review", "need review"),
    Verdict.STALLED: ("has stalled", "have stalled"),
}


def _summary(said: list[Diagnosis]) -> str:
    if not said:
        return "No run is to go on."
    verdicts = Counter(each.verdict for each in said)
    parts = [
        f"{verdicts[verdict]} {one if verdicts[verdict] == 1 else many}"
        for verdict, (one, many) in _WORDS.items()
        if verdicts[verdict]
    ]
    overdue = sum(each.overdue is not None for each in said)
    late = f"; {overdue} could have gone on" if overdue else ""
    return f"{_counted(said)}: {', '.join(parts)}{late}."


def _counted(said: list[Diagnosis]) -> str:
    schedules = sum(each.schedule is not None for each in said)
    counts = (len(said) - schedules, "run"), (schedules, "schedule")
    return " and ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count)
