"""Step, step, approval, step: throughput at 16 clients and latency at one, beside the peers and the store alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import product
from statistics import median

from attrs import evolve, frozen

from benchmarks.figures import Figure, at_least, at_most
from benchmarks.limit import CLIENTS
from benchmarks.peers import POSTGRES, SQLITE, Family, compared
from benchmarks.remote import Remote, all_opened
from benchmarks.timing import percentile

__all__ = ["measure", "measure_postgres"]

_RUNS = {"awaitly": 480}
_RUNS_OF_PEERS = 64
"""Runs a round: each contender gets enough of them to work for about as long as the others."""
_SINGLE = 20
_BARE = "the store alone"

_Rounds = dict[str, dict[str, list[float]]]
"""What was measured, by measure and contender, one number a round."""


@frozen
class _Wanted:
    """Multiples of the best peer's throughput, and of its latency."""

    throughput: float
    latency: float


_WANTED = {"SQLite": _Wanted(10.0, 0.2), "Postgres": _Wanted(8.0, 0.33)}


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On SQLite."""
    return _measured(SQLITE, quick=quick, missing=missing)


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On a Postgres of our own."""
    return _measured(POSTGRES, quick=quick, missing=missing)


def _measured(family: Family, *, quick: bool, missing: list[str]) -> list[Figure]:
    rounds: _Rounds = defaultdict(lambda: defaultdict(list))
    with (
        family.place() as place,
        family.limited(place) as limit,
        all_opened(family.names, place, missing) as contenders,
    ):
        for name, remote in contenders.items():
            _turn(remote, "warm", defaultdict(lambda: defaultdict(list)), _runs(name, quick=quick) // 4)
        for number in range(3 if quick else 7):
            rounds["together"][_BARE].append(limit.together())
            rounds["alone"][_BARE].append(limit.alone())
            for name, remote in contenders.items():
                _turn(remote, f"round-{number}", rounds, _runs(name, quick=quick))
        memory = {name: remote.peak_megabytes() for name, remote in contenders.items()}
    return [*(_of_runs(family, rounds, *asked) for asked in product(_KINDS, _VERBS)), _memory(family, memory)]


def _runs(name: str, *, quick: bool) -> int:
    return _RUNS.get(name, _RUNS_OF_PEERS) // (2 if quick else 1)


def _turn(remote: Remote, prefix: str, rounds: _Rounds, runs: int) -> None:
    names = [f"{prefix}-{number}" for number in range(runs)]
    for verb, act in (("start", remote.start), ("decide", remote.decide)):
        rounds[f"{verb} throughput"][remote.name].append(runs / act(names, CLIENTS)[0])
    single = [f"{prefix}-single-{number}" for number in range(_SINGLE)]
    for verb, act in (("start", remote.start), ("decide", remote.decide)):
        times = act(single, 1)[1]
        for percent in (50, 95):
            rounds[f"{verb} p{percent}"][remote.name].append(percentile(times, percent) * 1_000)


_VERBS = {"start": "start to parked", "decide": "approve to completed"}
_COMMITS = {"start": 3, "decide": 2}
"""Commits that the promise of the default durability costs awaitly a run, as its design has it."""


_KINDS = {
    "throughput": (f"{CLIENTS} clients", "runs/s"),
    "p50": ("one client, p50", "ms"),
    "p95": ("one client, p95", "ms"),
}


def _of_runs(family: Family, rounds: _Rounds, kind: str, verb: str) -> Figure:
    found = rounds[f"{verb} {kind}"]
    values = {name: median(numbers) for name, numbers in found.items()}
    about, unit = _KINDS[kind]
    name = f"{_VERBS[verb]}, {about}"
    limit, limit_of = _limit(rounds, verb, kind)
    figure = Figure(f"workload{family.suffix}", name, unit, values, limit=limit, limit_of=limit_of)
    figure = compared(evolve(figure, store=family.store), found)
    return figure if kind == "p95" or figure.ratio is None else _judged(figure, figure.ratio, _WANTED[family.store])


def _judged(figure: Figure, times: float, wanted: _Wanted) -> Figure:
    more = figure.more_is_better
    target, met = at_least(times, wanted.throughput, " x") if more else at_most(times, wanted.latency, " x")
    return evolve(figure, target=target, met=met, row=figure.name)


def _limit(rounds: _Rounds, verb: str, kind: str) -> tuple[float, str]:
    """Give what the store alone would make of as many commits: runs a second, or milliseconds a run."""
    commits = _COMMITS[verb]
    together, alone = (median(rounds[name][_BARE]) for name in ("together", "alone"))
    limit = together / commits if kind == "throughput" else commits / alone * 1_000
    return limit, f"{commits} bare commits a run"


def _memory(family: Family, memory: Mapping[str, float]) -> Figure:
    name = "peak memory of the process"
    figure = Figure(f"workload{family.suffix}", name, "MB", memory, row=name, store=family.store)
    return compared(figure, {name: [megabytes] for name, megabytes in memory.items()})
