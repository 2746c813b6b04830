"""Opening connections: what every one of them is set to, and what is checked about the file before."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from awaitly_sqlite.core import NotAStore, StoreReadOnly, StoreUnavailable

__all__ = [
    "FLUSHED",
    "NOT_FLUSHED",
    "SETTINGS",
    "check_place",
    "check_release",
    "connect",
    "identity",
    "is_busy",
    "is_io_error",
    "leniently",
    "patiently",
    "snapshot",
    "use_wal",
]

P = ParamSpec("P")
T = TypeVar("T")

_OLDEST = (3, 24, 0)
_LEAST_SIZE = 512
_LOOK = ", or open it with mode=ro, only to look"
_FIRST_WAIT = 0.0005
_LONGEST_WAIT = 0.02
FLUSHED = "PRAGMA synchronous = FULL"
"""A commit is on the disk when it returns, and with it all before it."""
NOT_FLUSHED = "PRAGMA synchronous = NORMAL"
"""A commit never waits for the disk. It survives the end of its process; a power cut may undo it, and all after it."""
SETTINGS = (
    FLUSHED,
    "PRAGMA wal_autocheckpoint = 1000",  # a commit that finds so many pages in the log moves them into the file
    "PRAGMA fullfsync = ON",  # the same on macOS, where a plain fsync leaves data in the drive
)


def connect(path: Path, timeout: float, *, waits: bool, mode: str = "rwc") -> sqlite3.Connection:
    """Open one connection, which may be used on any one thread at a time.

    `timeout` is how many seconds opening waits for locks; a connection that `waits` goes on to do so in each statement.
    `mode` is SQLite's own: `rwc` creates a missing file, `rw` does not, `ro` cannot write.
    """
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        timeout=timeout if waits else 0,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )
    try:
        for setting in SETTINGS:
            patiently(partial(connection.execute, setting), timeout)
    except BaseException:
        connection.close()
        raise
    return connection


def use_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Let readers and the writer not wait for each other, for good: the file keeps this mode."""
    mode = patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone()[0], timeout)
    if mode != "wal":
        raise StoreUnavailable(f"SQLite cannot keep a write-ahead log here ({mode!r}): put the file on a local disk")


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Generator[None]:
    """Let all reads within see the file as of one moment: that of the first."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def patiently(act: Callable[[], T], timeout: float) -> T:
    """Repeat `act` while the file is locked, for up to `timeout` seconds, with short waits of random length.

    SQLite's own waits grow to 100 ms, at the cost of those that have waited longest; here 64 processes get their turns.
    """
    end = time.monotonic() + timeout
    wait = _FIRST_WAIT
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= end:
                raise
        time.sleep(random.uniform(0, wait))  # noqa: S311  (spreads waits; no secret)
        wait = min(wait * 2, _LONGEST_WAIT)


def leniently(read: Callable[Concatenate[sqlite3.Connection, P], T]) -> Callable[Concatenate[sqlite3.Connection, P], T]:
    """Let a damaged text, which is no UTF-8, come through as one that is plainly none: it spoils its own row alone."""

    def reading(connection: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(connection, *args, **kwargs)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) is not None:
                raise
        connection.text_factory = _any_text
        try:
            return read(connection, *args, **kwargs)
        finally:
            connection.text_factory = str

    return reading


def _any_text(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def is_busy(error: Exception) -> bool:
    """Whether somebody else holds the lock that a statement needs."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def is_io_error(error: Exception) -> bool:
    """Whether the disk failed: what was being written may be found there all the same."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR


def check_release() -> None:
    """Raise `StoreUnavailable` where this Python carries too old a SQLite."""
    if sqlite3.sqlite_version_info < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}; awaitly needs {needed} or newer")


def check_place(path: Path, *, must_exist: bool = False, writes: bool = True) -> None:
    """Raise a `StoreError` where the file cannot be made, read or written; SQLite itself would say less."""
    if not path.parent.is_dir():
        raise StoreUnavailable(f"the store {path}: its directory does not exist; create it first")
    if not _may(path.parent, os.X_OK):
        raise StoreUnavailable(f"the store {path}: this user may not enter its directory; change its permissions")
    exists = path.exists()
    if must_exist and not (exists and path.stat().st_size):
        what = "the file is empty" if exists else "there is no such file"
        raise StoreUnavailable(f"the store {path}: {what}; check the path, or leave out `mode` to create it")
    if exists:
        _check_file(path, writes=writes)
    if writes and not _may(path.parent, os.W_OK):
        kind = StoreReadOnly if exists else StoreUnavailable
        advice = f"change that{_LOOK}" if exists else "change that"
        raise kind(f"the store {path}: this user may not write to its directory, where SQLite keeps its log; {advice}")


def _check_file(path: Path, *, writes: bool) -> None:
    if path.is_dir():
        raise StoreUnavailable(f"the store {path}: this is a directory; name a file in it")
    if not _may(path, os.R_OK):
        raise StoreUnavailable(f"the store {path}: this user may not read it; change its permissions")
    if writes and not _may(path, os.W_OK):
        raise StoreReadOnly(f"the store {path}: this user may not write to it; change its permissions{_LOOK}")
    if 0 < path.stat().st_size < _LEAST_SIZE:  # SQLite would take it for empty, and overwrite it
        raise NotAStore(f"the store {path}: this file is no SQLite database; name another path")


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def identity(path: Path) -> tuple[int, int] | None:
    """Tell which file stands at a path: SQLite itself would go on writing to one that is no longer there."""
    try:
        status = os.stat(path)  # noqa: PTH116  (in half the time of its own method: each commit asks)
    except OSError:
        return None
    return status.st_dev, status.st_ino
