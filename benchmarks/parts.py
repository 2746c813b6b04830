"""What can be measured, and how long each of it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from benchmarks import (
    audiences,
    disk,
    gating,
    growth,
    imports,
    inbox,
    policies,
    proxied,
    recovery,
    redis_limit,
    stepping,
    steps,
    streams,
    waking,
    working,
    workload,
)
from benchmarks.figures import Figure

__all__ = ["LONG", "PARTS", "Measure", "Part", "minutes_left"]


class Measure(Protocol):
    """Measures one part. Who could not take part is added to `missing`."""

    def __call__(self, *, quick: bool, missing: list[str]) -> list[Figure]: ...


@frozen
class Part:
    """What measures it, and about how many seconds that took on two quiet cores, for the guess of what is left."""

    measure: Measure
    seconds: float


PARTS: Mapping[str, Part] = {
    "workload": Part(workload.measure, 60),
    "workload-postgres": Part(workload.measure_postgres, 60),
    "redis": Part(redis_limit.measure, 15),
    "steps": Part(steps.measure, 40),
    "stepping": Part(stepping.measure, 15),
    "stepping-postgres": Part(stepping.measure_postgres, 20),
    "recovery": Part(recovery.measure, 60),
    "recovery-postgres": Part(recovery.measure_postgres, 60),
    "disk": Part(disk.measure, 20),
    "disk-postgres": Part(disk.measure_postgres, 20),
    "growth": Part(growth.measure, 40),
    "growth-postgres": Part(growth.measure_postgres, 60),
    "growth-redis": Part(growth.measure_redis, 50),
    "import": Part(imports.measure, 30),
    "policies": Part(policies.measure, 1),
    "gate": Part(gating.measure, 1),
    "proxy": Part(proxied.measure, 30),
    "audiences": Part(audiences.measure, 25),
    "audiences-postgres": Part(audiences.measure_postgres, 30),
    "inbox": Part(inbox.measure, 40),
    "inbox-postgres": Part(inbox.measure_postgres, 50),
    "streams": Part(streams.measure, 60),
    "waking": Part(waking.measure, 20),
    "working": Part(working.measure, 90),
}
LONG: Mapping[str, Part] = {"million-postgres": Part(growth.measure_million, 150)}
"""These take many minutes, and run only where they are named."""


def minutes_left(done: Sequence[Part], left: Sequence[Part], seconds: float) -> float:
    """Guess how long what is left takes, by what was done in so many seconds: a slow machine stays slow."""
    expected = sum(part.seconds for part in done)
    return sum(part.seconds for part in left) / 60 * (seconds / expected if expected else 1.0)
