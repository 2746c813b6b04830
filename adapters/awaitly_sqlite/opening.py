"""The ways to open a file: to create it where it is missing, to use one that is there, or only to look at it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, TypeAlias

from awaitly_sqlite.connecting import check_place, check_release, connect
from awaitly_sqlite.core import StoreReadOnly, StoreUnavailable
from awaitly_sqlite.migrating import check_schema, migrate

__all__ = ["MODES", "Connections", "Mode", "open_connections"]

Mode: TypeAlias = Literal["rwc", "rw", "ro"]
MODES: tuple[Mode, ...] = ("rwc", "rw", "ro")

Connections: TypeAlias = tuple[sqlite3.Connection, sqlite3.Connection, sqlite3.Connection]
"""One to write, and two to read: on the event loop's own thread, and on another."""

_TICK = 0.02
"""Seconds: longer than the steps in which a file's time of change moves on."""
_ATTEMPTS = 50
_FORMAT_VERSIONS = slice(18, 20)
_NO_LOG = b"\x01\x01"


def open_connections(path: Path, timeout: float, mode: Mode) -> Connections:
    """Open the three connections. Raises a `StoreError` or a `sqlite3.Error`."""
    check_release()
    if mode == "ro":
        return _open_to_look(path, timeout)
    check_place(path, must_exist=mode == "rw")
    with ExitStack() as stack:
        writer = _kept(stack, connect(path, timeout, waits=False, mode=mode))
        migrate(writer, path, timeout)
        point_reader = _kept(stack, connect(path, timeout, waits=False, mode="rw"))
        list_reader = _kept(stack, connect(path, timeout, waits=True, mode="rw"))
        stack.pop_all()
    return writer, point_reader, list_reader


def _kept(stack: ExitStack, connection: sqlite3.Connection) -> sqlite3.Connection:
    stack.callback(connection.close)
    return connection


def _open_to_look(path: Path, timeout: float) -> Connections:
    """Open a file that this process will not write to, and perhaps may not.

    SQLite would make a log where there is none, and leave it there in this user's name: the file's owner could then no
    longer write. So a file without a log is read as a whole; at rest it is all there is.
    """
    check_place(path, must_exist=True, writes=False)
    if path.with_name(f"{path.name}-wal").exists() and path.with_name(f"{path.name}-shm").exists():
        return _three(lambda waits: connect(path, timeout, waits=waits, mode="ro"), path)
    content = _content_at_rest(path)
    return _three(lambda _: _copied(content), path)


def _three(begin: Callable[[bool], sqlite3.Connection], path: Path) -> Connections:
    with ExitStack() as stack:
        first, second = _kept(stack, begin(False)), _kept(stack, begin(False))  # noqa: FBT003  (`waits`)
        third = _kept(stack, begin(True))  # noqa: FBT003  (as above)
        for each in (first, second, third):
            check_schema(each, path)
        stack.pop_all()
    return first, second, third


def _content_at_rest(path: Path) -> bytearray:
    """Read the whole file as of one moment, although others may write to it meanwhile.

    They write to their log first, which stands beside the file until the last of them has closed it. So where there is
    no log, and the file's time of change is from before the reading and stays what it is, nobody has written.
    """
    log = path.with_name(f"{path.name}-wal")
    for _ in range(_ATTEMPTS):
        if log.exists():
            raise StoreReadOnly(
                f"the store {path}: it has a log beside it ({log.name}), which can be read only where this user may "
                "write to the directory; copy both files to such a place, or let their owner look"
            )
        before = _state(path)
        time.sleep(_TICK)
        content = bytearray(path.read_bytes())
        if not log.exists() and _state(path) == before:
            return content
    raise StoreUnavailable(f"the store {path}: it is written to without a pause; try again")


def _state(path: Path) -> tuple[int, ...]:
    now = path.stat()
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def _copied(content: bytearray) -> sqlite3.Connection:
    """Give a connection to a copy in memory, which nothing is written to."""
    content[_FORMAT_VERSIONS] = _NO_LOG  # a database in memory has none
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        connection.deserialize(bytes(content))
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection
