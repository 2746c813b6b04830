"""What a store can do at most, with nothing before it: bare commits, each of one small row, or of several."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.places import Place

__all__ = ["CLIENTS", "Limit", "limit_of_databases", "limit_of_files"]

CLIENTS = 16
_BODY = "x" * 200
_COMMITS = 256


class Limit(Protocol):
    """A fresh store of one kind. Each gives rows a second, every row on disk once it counts."""

    def alone(self) -> float:
        """Let one client write one row after the other, each in a commit of its own."""
        ...

    def together(self) -> float:
        """Let 16 clients write side by side, as the store does it fastest."""
        ...


class _File:
    """Bare `sqlite3` in this process, WAL, synchronous=FULL. Only one can write, so 16 clients share each commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def alone(self) -> float:
        return self._writes(_COMMITS, 1)

    def together(self) -> float:
        return self._writes(_COMMITS // 4, CLIENTS)

    def _writes(self, commits: int, rows: int) -> float:
        begun = time.perf_counter()
        for number in range(commits):
            self._connection.execute("BEGIN IMMEDIATE")
            for _ in range(rows):
                self._connection.execute("INSERT INTO rows (name, body) VALUES (?, ?)", (str(number), _BODY))
            self._connection.execute("COMMIT")
        return commits * rows / (time.perf_counter() - begun)


class _Database:
    """Bare psycopg in this process, a connection a client, synchronous_commit=on; Postgres groups what it flushes."""

    def __init__(self, address: str) -> None:
        self._address = address

    def alone(self) -> float:
        return asyncio.run(self._writes(1))

    def together(self) -> float:
        return asyncio.run(self._writes(CLIENTS))

    async def _writes(self, clients: int) -> float:
        from psycopg import AsyncConnection  # noqa: PLC0415  (only those who ask for Postgres need it)

        opened = [await AsyncConnection.connect(self._address, autocommit=True) for _ in range(clients)]
        await opened[0].execute("CREATE TABLE IF NOT EXISTS rows (name text, body text)")
        rows = _COMMITS * (1 if clients == 1 else 4)
        numbers = iter(range(rows))

        async def write(connection: AsyncConnection) -> None:
            for number in numbers:
                await connection.execute("INSERT INTO rows VALUES (%s, %s)", (str(number), _BODY), prepare=True)

        begun = time.perf_counter()
        await asyncio.gather(*map(write, opened))
        seconds = time.perf_counter() - begun
        for connection in opened:
            await connection.close()
        return rows / seconds


@contextmanager
def limit_of_files() -> Generator[Limit]:
    """Open a file of its own."""
    with tempfile.TemporaryDirectory(prefix="awaitly-bench-") as folder:
        path = Path(folder) / "limit.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("CREATE TABLE rows (name TEXT, body TEXT)")
            yield _File(connection)


def limit_of_databases(place: Place) -> Limit:
    """Open a database of its own."""
    return _Database(place("limit"))
