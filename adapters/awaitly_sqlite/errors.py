"""The one boundary where exceptions of `sqlite3` become those of `awaitly`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from awaitly_sqlite.core import (
    NotAStore,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreUnavailable,
)

__all__ = ["MOVED", "Boundary", "translated"]

MOVED = "the file was moved or deleted while it was open; put it back, then open the store anew"

_Translation: TypeAlias = tuple[Callable[[str], StoreError], str]

_BY_CODE: dict[int, _Translation] = {
    sqlite3.SQLITE_BUSY: (
        StoreLocked,
        "another process held its write lock for too long; end that transaction, or allow more `busy_timeout`",
    ),
    sqlite3.SQLITE_LOCKED: (StoreLocked, "another connection of this process holds its lock; end that transaction"),
    sqlite3.SQLITE_READONLY: (
        StoreReadOnly,
        "it cannot be written; make the file and its directory writable for this user",
    ),
    sqlite3.SQLITE_FULL: (StoreFull, "no space is left where it writes; free some, then try again"),
    sqlite3.SQLITE_CORRUPT: (
        StoreCorrupt,
        "its structure is damaged; stop writing, copy it with its -wal file, then restore a backup or try `.recover`",
    ),
    sqlite3.SQLITE_ERROR: (StoreCorrupt, "its tables are not those that awaitly made; restore a backup"),
    sqlite3.SQLITE_NOTADB: (NotAStore, "this file is no SQLite database; name another path"),
    sqlite3.SQLITE_CANTOPEN: (
        StoreUnavailable,
        "it cannot be opened; check that its directory exists and that this user may read and write there",
    ),
    sqlite3.SQLITE_PERM: (StoreUnavailable, "this user may not open it; check the permissions"),
    sqlite3.SQLITE_IOERR: (StoreUnavailable, "the operating system reports an I/O error; check the disk"),
}
_MOVED: _Translation = (StoreUnavailable, MOVED)
_UNDECODABLE: _Translation = (StoreCorrupt, "a text in it is no valid UTF-8; restore a backup")
_OTHER: _Translation = (StoreUnavailable, "SQLite refused")


def translated(error: Exception, path: Path) -> Exception:
    """Give the `awaitly` exception for an error of `sqlite3`, caused by it; any other error is given back as it is.

    Mistakes in values that a caller passed (a body that is no text, say) have no SQLite code and stay what they are.
    """
    translation = _translation(error)
    if translation is None:
        return error
    kind, advice = translation
    refusal = kind(f"the store {path}: {advice} ({error})")
    refusal.__cause__ = error
    return refusal


def _translation(error: Exception) -> _Translation | None:
    if not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.IntegrityError):
        return None
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _UNDECODABLE if isinstance(error, sqlite3.OperationalError) else None
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return _MOVED
    return _BY_CODE.get(code & 0xFF, _OTHER)


class Boundary:
    """A context manager that translates what is raised within it. Reusable, and cheap enough for every read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin to translate."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise the translation in place of the error."""
        if isinstance(error, sqlite3.Error):
            refusal = translated(error, self._path)
            if refusal is not error:
                raise refusal from error
