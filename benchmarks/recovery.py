"""After a crash: a fresh process finds the runs that were decided while nothing ran, and completes each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.peers import POSTGRES, SQLITE, Family, compared
from benchmarks.remote import Missing, running

__all__ = ["measure", "measure_postgres"]

_ROOT = Path(__file__).parent.parent
_RUNS = 400
_CLIENTS = 16
_SETTLING = 1.0
"""Seconds before the kill: some runs count as parked a moment before that is on disk."""


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On SQLite."""
    return _measured(SQLITE, quick=quick, missing=missing)


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On a Postgres of our own."""
    return _measured(POSTGRES, quick=quick, missing=missing)


def _measured(family: Family, *, quick: bool, missing: list[str]) -> list[Figure]:
    runs = _RUNS // (4 if quick else 1)
    found: dict[str, list[float]] = {}
    with family.place() as place:
        for number in range(2 if quick else 3):
            for name in family.names:
                try:
                    seconds = _recovered(name, place(f"{name} {number}"), runs)
                except Missing as exc:
                    missing.append(str(exc))
                else:
                    found.setdefault(name, []).append(seconds)
    return [_figure(family, found, runs)]


def _recovered(name: str, address: str, runs: int) -> float:
    """Give the seconds from the start of a fresh process until it has completed all runs. Raises `Missing`."""
    names = [f"run-{number}" for number in range(runs)]
    with running(name, address) as remote:
        remote.start(names, _CLIENTS)
        time.sleep(_SETTLING)
        remote.kill()
    _done(name, "answer", address, names)
    return _done(name, "recover", address, names)


def _done(name: str, verb: str, address: str, names: Sequence[str]) -> float:
    command = [sys.executable, "-m", "benchmarks.cold", name, verb, address]
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(names), file=process.stdin, flush=True)
        said = process.stdout.readline()
        seconds = time.perf_counter() - begun
    if not said:
        raise RuntimeError(f"{name} could not {verb}; what it printed above says why")
    return seconds


def _figure(family: Family, found: dict[str, list[float]], runs: int) -> Figure:
    values = {name: median(seconds) for name, seconds in found.items()}
    name = f"a fresh process finds and completes {runs} decided runs"
    return compared(Figure(f"recovery{family.suffix}", name, "s", values, row=name, store=family.store), found)
