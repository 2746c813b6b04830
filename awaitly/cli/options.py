"""Options that many commands share, and the kinds of text that they take."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import click
from attrs import define

from awaitly.actors import Actor
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import usage
from awaitly.cli.output import Output
from awaitly.durations import as_timedelta

__all__ = [
    "AFTER",
    "KEY",
    "LENGTH",
    "LIMIT",
    "NAME",
    "REVISION",
    "RUN",
    "TEXT",
    "Settings",
    "WithValue",
    "actor",
    "common",
    "named",
    "need_command",
    "settings",
    "signed",
    "signed_as",
    "with_json",
]

F = TypeVar("F", bound=Callable[..., Any])

VIA = "command line"
"""The channel by which everybody acts here."""

_LONGEST = timedelta(days=36_525)
_MOST = 1_000


@define
class Settings:
    """The options that stand before or after the command's name."""

    store: str | None = None
    as_json: bool = False

    @property
    def output(self) -> Output:
        """Where the answer goes."""
        return Output(as_json=self.as_json)

    @property
    def url(self) -> str:
        """The store's URL."""
        if not self.store:
            raise usage("which store? Name it with --store sqlite:///refunds.db, or set AWAITLY_STORE")
        return self.store


def settings() -> Settings:
    """Give the settings of the command that runs."""
    return click.get_current_context().find_root().ensure_object(Settings)


def TEXT(value: str) -> str:  # noqa: N802  (stands beside click.STRING)
    """Take text that every store can keep and every terminal can show: no bytes that are no UTF-8."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise click.BadParameter("this is not valid UTF-8") from None
    return value


def LENGTH(value: str | timedelta) -> timedelta:  # noqa: N802  (as above)
    """Take a length of time such as `30s`, `24h`, `1d12h`."""
    try:
        length = as_timedelta(value)
    except (ValueError, OverflowError):
        length = timedelta.max
    if length > _LONGEST:
        raise click.BadParameter(f"{value!r} is no duration of up to a hundred years; write it as 30s, 24h or 1d12h")
    return length


RUN = click.argument("run_id", metavar="RUN", type=TEXT)
KEY = click.argument("key", metavar="[KEY]", required=False, type=TEXT)
LIMIT = click.option("--limit", type=click.IntRange(1, _MOST), default=50, show_default=True, help="How many at most.")
AFTER = click.option("--after", type=TEXT, metavar="CURSOR", help="Go on where the list before ended.")
REVISION = click.option(
    "--revision", type=click.IntRange(1), help="Decide only if this is still the revision (`awaitly show` tells)."
)


def common(command: F) -> F:
    """Add `--store` and `--json`, which work before and after the command's name."""
    add_store = click.option(
        "--store", metavar="URL", type=TEXT, expose_value=False, callback=_keep_store, help="Default: AWAITLY_STORE."
    )
    return add_store(with_json(command))


def with_json(command: F) -> F:
    """Add `--json` alone, for a command that has its own store."""
    add_json = click.option(
        "--json", is_flag=True, expose_value=False, callback=_keep_json, help="Print one JSON document."
    )
    return add_json(command)


def _keep_store(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    kept = ctx.find_root().ensure_object(Settings)
    kept.store = value or kept.store or os.environ.get("AWAITLY_STORE")


def _keep_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  (click's own form)
    kept = ctx.find_root().ensure_object(Settings)
    kept.as_json = kept.as_json or value


class WithValue(click.Command):
    """Takes a negative number for a value, not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse."""
        ctx.ignore_unknown_options = any(arg[:1] == "-" and arg[1:2].isdigit() for arg in args)
        return super().parse_args(ctx, args)


def signed(command: F) -> F:
    """Add `--by` and `--role`."""
    add_by = _by("Who decides")
    add_role = click.option(
        "--role", "roles", metavar="ROLE", type=TEXT, multiple=True, help="A role of whoever decides; repeatable."
    )
    return add_by(add_role(command))


def signed_as(command: F) -> F:
    """Add `--as`, also called `--by`, and `--role`, where somebody looks with their own eyes."""
    add_role = click.option(
        "--role", "roles", metavar="ROLE", type=TEXT, multiple=True, help="A role of yours; repeatable."
    )
    return _by("Who you are", "--as")(add_role(command))


def named(command: F) -> F:
    """Add `--by` alone, where no role counts."""
    return _by("Who says so")(command)


def _by(who: str, *names: str) -> Callable[[F], F]:
    return click.option(
        *names,
        "--by",
        "by",
        metavar="NAME",
        type=TEXT,
        envvar="AWAITLY_ACTOR",
        callback=_named,
        help=f"{who}. Default: AWAITLY_ACTOR, or your login name.",
    )


def _named(_: click.Context, __: click.Parameter, value: str | None) -> str:
    name = value if value is not None else _login_name()
    if not name.strip():
        raise click.BadParameter("whoever does this needs a name")
    return name


def NAME(value: str) -> str:  # noqa: N802  (stands beside click.STRING)
    """Take somebody's name."""
    if not TEXT(value).strip():
        raise click.BadParameter("a person has a name")
    return value


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise click.BadParameter("this system does not know who you are; say --by NAME") from None


def need_command(ctx: click.Context) -> None:
    """Explain a group of commands that is called without one."""
    if ctx.invoked_subcommand is None:
        if settings().as_json:
            raise usage(f"which command? See `{ctx.command_path} --help`")
        click.echo(ctx.get_help())
        ctx.exit(ExitCode.USAGE)


def actor(by: str, roles: Iterable[str] = ()) -> Actor:
    """Give the actor that the options name; the ledger notes by which channel they came."""
    return Actor(by, roles, via=VIA)
