"""What Redis itself can do at most: a bare script a commit, which keeps as many bytes, from as many clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from statistics import median

from attrs import evolve

from benchmarks.figures import Figure, at_most
from benchmarks.places import namespaces
from benchmarks.remote import Remote, running
from benchmarks.timing import ratio

__all__ = ["measure"]

_CLIENTS = 16
_RUNS = 320
_COMMITS = {"start": 3, "decide": 2}
_VERBS = {"start": "start to parked", "decide": "approve to completed"}
_BODY = b"x" * 600
_SCRIPT = b"redis.call('HSET', KEYS[1], 'b', ARGV[1]); return redis.call('HGET', KEYS[1], 'b')"


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    spent: dict[str, list[float]] = {"start": [], "decide": []}
    bare: list[float] = []
    with namespaces() as place, running("awaitly", place("limit")) as remote:
        _turn(remote, "warm", {"start": [], "decide": []})
        for number in range(3 if quick else 7):
            bare.append(asyncio.run(_bare(place("bare").partition("?")[0])))
            _turn(remote, f"round-{number}", spent)
    return [_figure(verb, spent[verb], bare) for verb in _VERBS]


def _turn(remote: Remote, prefix: str, spent: Mapping[str, list[float]]) -> None:
    """Note the microseconds of a run."""
    names = [f"{prefix}-{number}" for number in range(_RUNS)]
    spent["start"].append(remote.start(names, _CLIENTS)[0] / _RUNS * 1e6)
    spent["decide"].append(remote.decide(names, _CLIENTS)[0] / _RUNS * 1e6)


async def _bare(address: str) -> float:
    """Give the microseconds of one EVALSHA by the driver, with as many clients."""
    from redis.asyncio import Redis  # noqa: PLC0415  (only those who ask for Redis need it)

    calls = iter(range(_RUNS * 3))
    async with Redis.from_url(address) as client:
        script = client.register_script(_SCRIPT)
        await script(keys=["bare"], args=[_BODY])

        async def one() -> None:
            for number in calls:
                await script(keys=[f"bare:{number}"], args=[_BODY])

        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(_CLIENTS)))
        return (time.perf_counter() - begun) / (_RUNS * 3) * 1e6


def _figure(verb: str, spent: list[float], bare: list[float]) -> Figure:
    limit = [each * _COMMITS[verb] for each in bare]
    times = ratio(spent, limit)
    name = f"{_VERBS[verb]}, {_CLIENTS} clients, a run"
    against = f"{_COMMITS[verb]} bare EVALSHA"
    figure = Figure("redis", name, "us", {"awaitly": median(spent), against: median(limit)}, times, against)
    target, met = at_most(times, 1.5, " x")
    return evolve(
        figure, target=target, met=met, row=name, store="Redis", limit=median(limit), limit_of=f"{against} a run"
    )
