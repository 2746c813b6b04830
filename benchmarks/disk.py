"""Bytes on disk for each run that waits for its approval, once the write-ahead log is back in the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.contenders import ON_SQLITE
from benchmarks.figures import Figure, at_most
from benchmarks.places import files
from benchmarks.remote import Remote, all_opened

__all__ = ["measure"]

_RUNS = {"awaitly": 10_000}
_RUNS_OF_PEERS = 300
"""Fewer, as theirs take long, and need about the same each from the first on."""


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    with files() as place, all_opened(ON_SQLITE, place, missing) as contenders:
        bytes_each = {name: _bytes_each(remote, quick=quick) for name, remote in contenders.items()}
    target, met = at_most(bytes_each["awaitly"], 2_048)
    return [Figure("disk", "disk for a parked run of two small steps", "bytes", bytes_each, target=target, met=met)]


def _bytes_each(remote: Remote, *, quick: bool) -> float:
    runs = _RUNS.get(remote.name, _RUNS_OF_PEERS) // (4 if quick else 1)
    before = _size(remote)
    remote.start([f"order-{number:06}" for number in range(runs)], 64 if remote.name == "awaitly" else 16)
    return (_size(remote) - before) / runs


def _size(remote: Remote) -> int:
    """Give the size of the file alone, in bytes, with all that was committed in it."""
    path = Path(remote.address.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size
