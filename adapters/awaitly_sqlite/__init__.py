"""The SQLite store: the embedded default, for one host."""

from __future__ import annotations

from awaitly_sqlite.store import SqliteStore
from awaitly_sqlite.url import open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
