"""What the machine can do at most: bare `sqlite3` in this process, WAL, synchronous=FULL, one small row a write."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

__all__ = ["Limit", "limit_on_disk"]

_BODY = "x" * 200


class Limit:
    """A bare connection to a fresh file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def writes_per_second(self, commits: int, together: int) -> float:
        """Make commits of so many rows each, and give rows a second."""
        begun = time.perf_counter()
        for number in range(commits):
            self._connection.execute("BEGIN IMMEDIATE")
            for _ in range(together):
                self._connection.execute("INSERT INTO rows (name, body) VALUES (?, ?)", (str(number), _BODY))
            self._connection.execute("COMMIT")
        return commits * together / (time.perf_counter() - begun)


@contextmanager
def limit_on_disk() -> Generator[Limit]:
    with tempfile.TemporaryDirectory(prefix="awaitly-bench-") as folder:
        path = Path(folder) / "limit.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("CREATE TABLE rows (name TEXT, body TEXT)")
            yield Limit(connection)
