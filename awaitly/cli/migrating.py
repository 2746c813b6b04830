"""Bringing a store's schema up to date apart from the programs that use it: before a deploy, or by another user."""

from __future__ import annotations

import click

from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import CommandFailed, Failure, store_trouble
from awaitly.cli.interrupts import Runner
from awaitly.cli.options import common, settings
from awaitly.cli.stores import named_store
from awaitly.exceptions import StoreError
from awaitly.storage.store import Migrating

__all__ = ["migrate"]


@click.command()
@common
@click.option("--print", "prints", is_flag=True, help="Print the migrations, and change nothing.")
def migrate(*, prints: bool) -> None:
    """Bring the store's schema up to date; the store need not exist yet."""
    given = settings()
    store = named_store(given.url)
    if not isinstance(store, Migrating):
        message = f"{type(store).__name__} needs no migrations of its own: opening it brings it up to date"
        raise CommandFailed(Failure(ExitCode.REFUSED, "NothingToMigrate", message))
    if prints:
        text = store.migrations()
        given.output.answer({"migrations": text}, lambda: given.output.raw(text))
        return
    applied = _applied(store)
    given.output.answer({"applied": list(applied)}, lambda: given.output.line(_sentence(applied)))


def _applied(store: Migrating) -> tuple[str, ...]:
    try:
        with Runner() as runner:
            return runner.finish(store.migrate())
    except StoreError as error:
        raise store_trouble(error) from error


def _sentence(applied: tuple[str, ...]) -> str:
    return f"Applied {', '.join(applied)}." if applied else "The schema is up to date; nothing was to do."
