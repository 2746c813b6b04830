"""The command `awaitly` itself: its subcommands, and how each of them ends."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import click

from awaitly.cli.codes import EPILOG, ExitCode
from awaitly.cli.failures import CommandFailed, Failure
from awaitly.cli.options import common, need_command
from awaitly.cli.output import Output, prepare_streams
from awaitly.visible import visible

__all__ = ["awaitly"]

_COMMANDS = {
    "demo": ("awaitly.cli.demo", "Pay back 200 refunds; the large ones wait for you."),
    "pending": ("awaitly.cli.looking", "List what waits for a decision."),
    "inbox": ("awaitly.cli.inbox", "List what waits for you, and decide it all."),
    "runs": ("awaitly.cli.looking", "List runs, the newest first."),
    "show": ("awaitly.cli.looking", "Draw a run's timeline."),
    "approve": ("awaitly.cli.deciding", "Say yes."),
    "edit": ("awaitly.cli.deciding", "Change what is proposed."),
    "reject": ("awaitly.cli.deciding", "Say no."),
    "claim": ("awaitly.cli.attending", "Take on what a run asks."),
    "release": ("awaitly.cli.attending", "Give up a claim."),
    "delegate": ("awaitly.cli.attending", "Let somebody else decide for you."),
    "reassign": ("awaitly.cli.attending", "Let others decide than the policy says."),
    "comment": ("awaitly.cli.attending", "Say something beside what a run asks."),
    "ask": ("awaitly.cli.attending", "Ask the requester for more information."),
    "answer": ("awaitly.cli.attending", "Answer what the requester was asked."),
    "away": ("awaitly.cli.staffing", "Let somebody stand in for who is away."),
    "back": ("awaitly.cli.staffing", "End somebody's absences."),
    "absences": ("awaitly.cli.staffing", "List who is away, and who stands in."),
    "signal": ("awaitly.cli.telling", "Tell a run what it waits for."),
    "resolve": ("awaitly.cli.telling", "Keep a promise of a run, or reject it."),
    "cancel": ("awaitly.cli.deciding", "End a run, and withdraw what it asks."),
    "worker": ("awaitly.cli.working", "Work off what is due."),
    "dev": ("awaitly.cli.working", "A worker that starts anew when the code changes, and the inbox."),
    "serve": ("awaitly.cli.serving", "Show the inbox to one person on this machine."),
    "mcp": ("awaitly.cli.mcp", "Put a gate before the tools of an MCP server."),
    "schedules": ("awaitly.cli.schedules", "List the schedules."),
    "unschedule": ("awaitly.cli.schedules", "End a schedule."),
    "notices": ("awaitly.cli.notices", "List what people are told."),
    "resend": ("awaitly.cli.notices", "Have what was given up sent again."),
    "settle": ("awaitly.cli.settling", "Say what came of a call that died midway."),
    "retry": ("awaitly.cli.retrying", "Put a run that failed back into its queue."),
    "doctor": ("awaitly.cli.examining", "Try today's code on every run that waits."),
    "rules": ("awaitly.cli.ruling", "Try rules about agents' tool calls."),
    "audit": ("awaitly.cli.auditing", "Check, print and redact ledgers."),
    "schema": ("awaitly.cli.looking", "Print the store's schema."),
    "cleanup": ("awaitly.cli.clearing", "Delete runs that ended long ago."),
    "migrate": ("awaitly.cli.migrating", "Bring a server's schema up to date."),
}


_INTERRUPTED = "interrupted; it does no harm to give the same command again"


class _Awaitly(click.Group):
    """Imports a subcommand when it is called, and ends without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's own form)
        """Name the subcommands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (as above)
        """Import a subcommand."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name][0]), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the command that is meant where a name is nearly one."""
        near = get_close_matches(args[0].lower(), _COMMANDS, 1) if args[0] not in _COMMANDS else []
        if near and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}; is it `{ctx.command_path} {near[0]}`?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  (as above)
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> NoReturn:
        """Run, print what went wrong, and exit."""
        given = sys.argv[1:] if args is None else list(args)
        options["standalone_mode"] = False
        try:
            prepare_streams()
            sys.exit(super().main(given, *more, **options) or ExitCode.OK)
        except CommandFailed as failed:
            failure = failed.failure
        except click.ClickException as error:
            failure = Failure(ExitCode.USAGE, "UsageError", _sentence(error))
        except (click.Abort, KeyboardInterrupt):
            failure = Failure(ExitCode.INTERRUPTED, "Interrupted", _INTERRUPTED)
        except Exception as error:  # noqa: BLE001  (the shell must see that this is no refusal)
            traceback.print_exc()
            failure = Failure(ExitCode.BUG, type(error).__name__, f"a defect in awaitly: {error!r}")
        _report(failure, as_json="--json" in given)
        sys.exit(failure.code)


def _sentence(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return text
    ended = text if text.endswith("?") else f"{text.rstrip('.')}."
    return f"{ended} See `{error.ctx.command_path} --help`"


def _report(failure: Failure, *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    output.answer(failure.document(), lambda: output.note(f"awaitly: {visible(failure.message)}"))


@click.group(
    cls=_Awaitly, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True
)
@click.version_option(package_name="awaitly", message="%(prog)s %(version)s")
@common
@click.pass_context
def awaitly(ctx: click.Context) -> None:
    """Decide what waits for people, and look at what ran.

    Try `awaitly demo` first. Every other command needs a store: --store sqlite:///refunds.db, or AWAITLY_STORE.
    """
    need_command(ctx)
