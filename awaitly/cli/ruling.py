"""The command about rules of tool calls: `rules test` tries a file of them on recorded calls."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import usage
from awaitly.cli.options import common, need_command, settings
from awaitly.cli.output import Output
from awaitly.cli.tables import table
from awaitly.exceptions import DefinitionError
from awaitly.gating.dry_run import DryRun, Judged, dry_run, said, tried_calls
from awaitly.gating.rules import Rules, ToolRule
from awaitly.gating.rules_file import load_rules
from awaitly.visible import visible

__all__ = ["loaded", "rules"]

RULES = click.argument("path", metavar="RULES", type=click.Path(dir_okay=False, path_type=Path))
CALLS = click.argument("calls", metavar="CALLS", type=click.Path(dir_okay=False, path_type=Path))
_LONGEST = 60


@click.group(invoke_without_command=True)
@common
@click.pass_context
def rules(ctx: click.Context) -> None:
    """Try a file of rules about agents' tool calls, before it is used."""
    need_command(ctx)


@rules.command()
@RULES
@CALLS
@common
def test(path: Path, calls: Path) -> None:
    """Judge recorded calls by the rules, and say which rule decided each; nothing is called, and nobody is asked.

    CALLS has a call on each line: {"tool": "pay", "arguments": {"amount": 100}}, and "expect": "ask", "allow" or "deny"
    where you say what should come of it. It ends with 1 where something else comes of a call, where a rule decides
    none, or where it never can, because one before it takes all of its calls.
    """
    given, known = settings(), loaded(path)
    try:
        run = dry_run(known, tried_calls(_text(calls).splitlines()))
    except DefinitionError as error:
        raise usage(f"{visible(str(calls))}: {visible(str(error))}") from error
    given.output.answer(_document(run), lambda: _draw(given.output, run))
    if not run.clean:
        for wrong in _wrong(run):
            given.output.note(f"awaitly: {wrong}")
        click.get_current_context().exit(ExitCode.REFUSED)


def loaded(path: Path) -> Rules:
    """Read a file of rules; what is wrong with it ends the command."""
    try:
        return load_rules(path)
    except DefinitionError as error:
        raise usage(visible(str(error))) from error
    except OSError as error:
        raise usage(f"{visible(str(path))} cannot be read: {error.strerror or error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise usage(f"{visible(str(path))} is not valid UTF-8") from error
    except OSError as error:
        raise usage(f"{visible(str(path))} cannot be read: {error.strerror or error}") from error


def _document(run: DryRun) -> dict[str, object]:
    return {
        "items": [_judged(each) for each in run.judged],
        "idle": [str(rule) for rule in run.idle],
        "shadowed": [{"rule": str(rule), "by": str(above)} for rule, above in run.shadowed],
    }


def _judged(each: Judged) -> dict[str, object]:
    return {
        "line": each.call.line,
        "tool": each.call.tool,
        "decide": said(each.ruling),
        "rule": None if each.rule is None else str(each.rule),
        "expect": each.call.expect,
        "unclear": each.unclear,
    }


def _draw(output: Output, run: DryRun) -> None:
    drawn = table("LINE", "TOOL", "DECIDED", "BY")
    for each in run.judged:
        decided = said(each.ruling) if each.as_expected else f"{said(each.ruling)}, not {each.call.expect}"
        texts = (str(each.call.line), each.call.tool, decided, _why(each))
        drawn.add_row(*(Text(visible(text)[:_LONGEST]) for text in texts))
    output.draw(drawn)


def _why(each: Judged) -> str:
    if each.unclear is not None:
        return f"nobody: {each.unclear}"
    return "no rule fits" if each.rule is None else str(each.rule)


def _wrong(run: DryRun) -> list[str]:
    """Say what is wrong, in words."""
    odd = (each for each in run.judged if not each.as_expected)
    unexpected = [f"line {each.call.line} comes to {said(each.ruling)}, not {each.call.expect}" for each in odd]
    never = {id(rule) for rule, _ in run.shadowed}
    idle = [f"no call is decided by rule {_name(rule)}" for rule in run.idle if id(rule) not in never]
    shadowed = [
        f"rule {_name(rule)} never counts: {_name(above)} comes first and takes all its calls{_against(rule, above)}"
        for rule, above in run.shadowed
    ]
    return [*unexpected, *shadowed, *idle]


def _against(rule: ToolRule, above: ToolRule) -> str:
    contradict = said(rule.ruling) != said(above.ruling)
    return f", and says {said(above.ruling)} where this one says {said(rule.ruling)}" if contradict else ""


def _name(rule: ToolRule) -> str:
    return repr(visible(str(rule)))
