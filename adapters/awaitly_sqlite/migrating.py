"""The schema: numbered `.sql` files, applied one by one, each in a transaction of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from awaitly_sqlite.connecting import patiently, snapshot, use_wal
from awaitly_sqlite.core import NotAStore, SchemaTooNew, SchemaTooOld

__all__ = ["APPLICATION_ID", "check_schema", "migrate", "scripts"]

APPLICATION_ID = 0x4157_4149
"""`AWAI`: what marks a SQLite file as a store of awaitly."""


@cache
def scripts() -> tuple[str, ...]:
    """Read the schema's steps; the one at index n leads from version n to version n + 1."""
    folder = files("awaitly_sqlite").joinpath("schema")
    return tuple(file.read_text("utf-8") for file in sorted(folder.iterdir(), key=lambda file: file.name))


def migrate(connection: sqlite3.Connection, path: Path, timeout: float, steps: Sequence[str] | None = None) -> None:
    """Bring the file to the newest schema; many processes may do so at once.

    Nothing is written to a file that is not a store of this release or an older one: that raises `NotAStore` or
    `SchemaTooNew`.
    """
    steps = scripts() if steps is None else steps
    version = patiently(lambda: _version_before(connection, path, len(steps)), timeout)
    use_wal(connection, timeout)
    for target in range(version + 1, len(steps) + 1):
        _step(connection, path, timeout, steps, target)


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise a `StoreError` where a file, which is not to be changed, is no store of this very schema."""
    known = len(scripts())
    with snapshot(connection):
        version = _checked_version(connection, path, known)
    if version == 0:
        raise NotAStore(f"the store {path}: nothing was ever kept in it; name another path")
    if version < known:
        raise SchemaTooOld(
            f"the store {path}: an older release of awaitly wrote it (its schema is {version}, here is {known}); "
            "open it once where it may be written to"
        )


def _version_before(connection: sqlite3.Connection, path: Path, known: int) -> int:
    with snapshot(connection):  # or another process might migrate between two looks at the file
        return _checked_version(connection, path, known)


def _step(connection: sqlite3.Connection, path: Path, timeout: float, steps: Sequence[str], target: int) -> None:
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"), timeout)
    try:
        if _checked_version(connection, path, len(steps)) < target:  # or another process was faster
            for statement in _statements(steps[target - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {target}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _checked_version(connection: sqlite3.Connection, path: Path, known: int) -> int:
    application = _pragma(connection, "application_id")
    version = _pragma(connection, "user_version")
    if application != APPLICATION_ID and (application or version or _has_tables(connection)):
        raise NotAStore(f"the store {path}: this SQLite file belongs to another program; name another path")
    if version > known:
        raise SchemaTooNew(
            f"the store {path}: a newer release of awaitly wrote it (its schema is {version}, here is {known}); "
            "upgrade awaitly",
        )
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None


def _statements(script: str) -> Iterator[str]:
    """Split a script; `executescript` would end the transaction that a step must happen in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
