"""Step, step, approval, step: throughput at 16 clients and latency at one, beside the peers and the bare store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from statistics import median

from attrs import frozen

from benchmarks.contenders import ON_POSTGRES, ON_SQLITE
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.limit import Limit, limit_on_disk
from benchmarks.places import Place, databases, files
from benchmarks.remote import Remote, all_opened
from benchmarks.timing import percentile, ratio

__all__ = ["measure", "measure_postgres"]

_CLIENTS = 16
_RUNS = {"awaitly": 480}
_RUNS_OF_PEERS = 64
"""Runs a round: each contender gets enough of them to work for about as long as the others."""
_SINGLE = 20
_BARE = "bare SQLite"

_Rounds = dict[str, dict[str, list[float]]]
"""What was measured, by measure and contender, one number a round."""


@frozen
class _Family:
    """Contenders on the same kind of store; `throughput` and `latency` are wanted as multiples of the best peer's."""

    part: str
    names: Sequence[str]
    place: Callable[[], AbstractContextManager[Place]]
    throughput: float
    latency: float


_SQLITE = _Family("workload", ON_SQLITE, files, 10.0, 0.2)
_POSTGRES = _Family("postgres", ON_POSTGRES, databases, 8.0, 1 / 3)


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On SQLite, beside the bare file."""
    rounds: _Rounds = defaultdict(lambda: defaultdict(list))
    with limit_on_disk() as limit:
        figures = _measured(_SQLITE, rounds, lambda: _bare(limit, rounds), quick=quick, missing=missing)
    return [*figures, *(_of_limit(rounds, verb) for verb in _VERBS)]


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On a Postgres of our own."""
    return _measured(_POSTGRES, defaultdict(lambda: defaultdict(list)), lambda: None, quick=quick, missing=missing)


def _measured(
    family: _Family, rounds: _Rounds, between: Callable[[], None], *, quick: bool, missing: list[str]
) -> list[Figure]:
    with family.place() as place, all_opened(family.names, place, missing) as contenders:
        for name, remote in contenders.items():
            _turn(remote, "warm", defaultdict(lambda: defaultdict(list)), _runs(name, quick=quick) // 4)
        for number in range(3 if quick else 7):
            between()
            for name, remote in contenders.items():
                _turn(remote, f"round-{number}", rounds, _runs(name, quick=quick))
        memory = {name: remote.peak_megabytes() for name, remote in contenders.items()}
    return [*_throughputs(family, rounds), *_latencies(family, rounds), _memory(family, memory)]


def _runs(name: str, *, quick: bool) -> int:
    return _RUNS.get(name, _RUNS_OF_PEERS) // (2 if quick else 1)


def _bare(limit: Limit, rounds: _Rounds) -> None:
    for together in (1, _CLIENTS):
        rounds[f"{together} a commit"][_BARE].append(limit.writes_per_second(256 // together, together))


def _turn(remote: Remote, prefix: str, rounds: _Rounds, runs: int) -> None:
    names = [f"{prefix}-{number}" for number in range(runs)]
    for verb, act in (("start", remote.start), ("decide", remote.decide)):
        rounds[f"{verb} throughput"][remote.name].append(runs / act(names, _CLIENTS)[0])
    single = [f"{prefix}-single-{number}" for number in range(_SINGLE)]
    for verb, act in (("start", remote.start), ("decide", remote.decide)):
        times = act(single, 1)[1]
        for percent in (50, 95):
            rounds[f"{verb} p{percent}"][remote.name].append(percentile(times, percent) * 1_000)


_VERBS = {"start": "start to parked", "decide": "approve to completed"}
_COMMITS = {"start": 3, "decide": 3}
"""Commits that the promise of the default durability costs awaitly a run, as its design has it."""


def _throughputs(family: _Family, rounds: _Rounds) -> list[Figure]:
    return [_against_peers(family, rounds, verb, "throughput", "runs/s", family.throughput) for verb in _VERBS]


def _latencies(family: _Family, rounds: _Rounds) -> list[Figure]:
    return [
        _against_peers(family, rounds, verb, f"p{percent}", "ms", family.latency if percent == 50 else None)
        for verb in _VERBS
        for percent in (50, 95)
    ]


def _against_peers(family: _Family, rounds: _Rounds, verb: str, kind: str, unit: str, target: float | None) -> Figure:
    found = rounds[f"{verb} {kind}"]
    values = {name: median(numbers) for name, numbers in found.items()}
    name = f"{_VERBS[verb]}, {f'{kind}, {_CLIENTS} clients' if kind == 'throughput' else f'{kind}, one client'}"
    peers = {peer: value for peer, value in values.items() if peer != "awaitly"}
    if not peers:
        return Figure(family.part, name, unit, values, notes=["no peer is installed"])
    more_is_better = kind == "throughput"
    best = (max if more_is_better else min)(peers, key=lambda peer: peers[peer])
    times = ratio(found["awaitly"], found[best])
    if target is None:
        return Figure(family.part, name, unit, values, times, best)
    judged = (at_least if more_is_better else at_most)(times, round(target, 2), " x")
    return Figure(family.part, name, unit, values, times, best, *judged)


def _of_limit(rounds: _Rounds, verb: str) -> Figure:
    single, grouped = rounds["1 a commit"][_BARE], rounds[f"{_CLIENTS} a commit"][_BARE]
    commits = [runs * _COMMITS[verb] for runs in rounds[f"{verb} throughput"]["awaitly"]]
    beside: Mapping[str, float] = {
        "awaitly": median(commits),
        f"{_BARE}, 1 a commit": median(single),
        f"{_BARE}, {_CLIENTS} a commit": median(grouped),
    }
    name = f"the same as commits ({_COMMITS[verb]} a run), {_VERBS[verb]}"
    return Figure("workload", name, "writes/s", beside, ratio(commits, single), "single bare commits")


def _memory(family: _Family, memory: Mapping[str, float]) -> Figure:
    return Figure(family.part, "peak memory of the process", "MB", memory)
