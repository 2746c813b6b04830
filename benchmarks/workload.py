"""Step, step, approval, step: throughput at 16 clients and latency at one, beside the peers and the bare store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import median

from benchmarks.figures import Figure, at_least, at_most
from benchmarks.limit import Limit, limit_on_disk
from benchmarks.remote import Remote, all_opened
from benchmarks.timing import percentile, ratio

__all__ = ["measure"]

_CLIENTS = 16
_RUNS = {"awaitly": 480}
_RUNS_OF_PEERS = 64
"""Runs a round: each contender gets enough of them to work for about as long as the others."""
_SINGLE = 20
_BARE = "bare SQLite"

_Rounds = dict[str, dict[str, list[float]]]
"""What was measured, by measure and contender, one number a round."""


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    rounds: _Rounds = defaultdict(lambda: defaultdict(list))
    with all_opened(missing) as contenders, limit_on_disk() as limit:
        for name, remote in contenders.items():
            _turn(remote, "warm", defaultdict(lambda: defaultdict(list)), _runs(name, quick=quick) // 4)
        for number in range(3 if quick else 7):
            _bare(limit, rounds)
            for name, remote in contenders.items():
                _turn(remote, f"round-{number}", rounds, _runs(name, quick=quick))
        memory = {name: remote.peak_megabytes() for name, remote in contenders.items()}
    return [*_throughputs(rounds), *_latencies(rounds), _memory(memory)]


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


def _throughputs(rounds: _Rounds) -> list[Figure]:
    figures = [_against_peers(rounds, verb, "throughput", "runs/s", 10.0) for verb in _VERBS]
    return [*figures, *(_of_limit(rounds, verb) for verb in _VERBS)]


def _latencies(rounds: _Rounds) -> list[Figure]:
    return [
        _against_peers(rounds, verb, f"p{percent}", "ms", 0.2 if percent == 50 else None)
        for verb in _VERBS
        for percent in (50, 95)
    ]


def _against_peers(rounds: _Rounds, verb: str, kind: str, unit: str, target: float | None) -> Figure:
    found = rounds[f"{verb} {kind}"]
    values = {name: median(numbers) for name, numbers in found.items()}
    name = f"{_VERBS[verb]}, {f'{kind}, {_CLIENTS} clients' if kind == 'throughput' else f'{kind}, one client'}"
    peers = {peer: value for peer, value in values.items() if peer != "awaitly"}
    if not peers:
        return Figure("workload", name, unit, values, notes=["no peer is installed"])
    more_is_better = kind == "throughput"
    best = (max if more_is_better else min)(peers, key=lambda peer: peers[peer])
    times = ratio(found["awaitly"], found[best])
    if target is None:
        return Figure("workload", name, unit, values, times, best)
    judged = (at_least if more_is_better else at_most)(times, target, " x")
    return Figure("workload", name, unit, values, times, best, *judged)


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


def _memory(memory: Mapping[str, float]) -> Figure:
    return Figure("workload", "peak memory of the process", "MB", memory)
