"""What a step costs beside the peers: runs of many steps and nothing else, by one client."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from attrs import evolve

from benchmarks.figures import Figure
from benchmarks.peers import POSTGRES, SQLITE, Family, compared
from benchmarks.remote import Remote, all_opened

__all__ = ["measure", "measure_postgres"]

_STEPS = 50
_RUNS = 3
"""Runs a round, of which the fastest counts: a pause of the machine is nobody's cost."""


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On SQLite."""
    return [_measured(SQLITE, missing, 2 if quick else 5)]


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On a Postgres of our own."""
    return [_measured(POSTGRES, missing, 2 if quick else 5)]


def _measured(family: Family, missing: list[str], rounds: int) -> Figure:
    found: dict[str, list[float]] = defaultdict(list)
    bare: list[float] = []
    with (
        family.place() as place,
        family.limited(place) as limit,
        all_opened(family.names, place, missing) as contenders,
    ):
        for remote in contenders.values():
            _fastest(remote, "warm")
        for number in range(rounds):
            bare.append(1e6 / limit.alone())
            for name, remote in contenders.items():
                found[name].append(_fastest(remote, f"round-{number}"))
    return _figure(family, found, bare)


def _fastest(remote: Remote, name: str) -> float:
    """Give the microseconds of a step."""
    return min(remote.count(f"{name}-{number}", _STEPS) for number in range(_RUNS)) / _STEPS * 1e6


def _figure(family: Family, found: dict[str, list[float]], bare: list[float]) -> Figure:
    values = {name: median(micros) for name, micros in found.items()}
    name, part = f"a step, in a run of {_STEPS}, one client", f"stepping{family.suffix}"
    figure = Figure(part, name, "us", values, limit=median(bare), limit_of="a bare commit")
    return compared(evolve(figure, row=name, store=family.store), found)
