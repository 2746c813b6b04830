"""Bytes on disk for each run that waits for its approval, once all is written where it stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.figures import Figure, at_most
from benchmarks.peers import POSTGRES, SQLITE, Family, compared
from benchmarks.places import postgres_bytes, settle_postgres
from benchmarks.remote import Remote, all_opened

__all__ = ["LIMIT", "measure", "measure_postgres"]

LIMIT = 2_048
"""Bytes for a parked run."""
_RUNS = {"awaitly": 10_000}
_RUNS_OF_PEERS = 300
"""Fewer, as theirs take long, and need about the same each from the first on."""


def _file_bytes(address: str) -> int:
    """Give the size of the file alone, in bytes, with all that was committed in it."""
    path = Path(address.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def _database_bytes(address: str) -> int:
    settle_postgres(address)
    return postgres_bytes(address)


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On SQLite, with the write-ahead log back in the file."""
    return _measured(SQLITE, _file_bytes, quick=quick, missing=missing)


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On a Postgres of our own, without its log."""
    return _measured(POSTGRES, _database_bytes, quick=quick, missing=missing)


def _measured(family: Family, size: Callable[[str], int], *, quick: bool, missing: list[str]) -> list[Figure]:
    with family.place() as place, all_opened(family.names, place, missing) as contenders:
        each = {name: _bytes_each(remote, size, quick=quick) for name, remote in contenders.items()}
    name, part = "disk for a parked run of two small steps", f"disk{family.suffix}"
    target, met = at_most(each["awaitly"], LIMIT)
    figure = Figure(part, name, "bytes", each, target=target, met=met, row=name, store=family.store)
    return [compared(figure, {name: [found] for name, found in each.items()})]


def _bytes_each(remote: Remote, size: Callable[[str], int], *, quick: bool) -> float:
    runs = _RUNS.get(remote.name, _RUNS_OF_PEERS) // (4 if quick else 1)
    before = size(remote.address)
    remote.start([f"order-{number:06}" for number in range(runs)], 64 if remote.name == "awaitly" else 16)
    return (size(remote.address) - before) / runs
