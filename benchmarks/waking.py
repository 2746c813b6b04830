"""How long after a decision another process goes on with the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median

from awaitly import Orchestrator, open_store
from benchmarks.contenders.with_awaitly_waking import order
from benchmarks.figures import Figure, at_most
from benchmarks.places import Place, databases, namespaces
from benchmarks.remote import running
from benchmarks.timing import percentile

__all__ = ["measure"]

_RUNS = 200
_PAUSE = 0.02
"""Seconds between two decisions: each finds the other process waiting."""
_PLACES: dict[str, Callable[[], AbstractContextManager[Place]]] = {"Postgres": databases, "Redis": namespaces}


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    return [_figure(name, place, _RUNS // (4 if quick else 1)) for name, place in _PLACES.items()]


def _figure(name: str, opened: Callable[[], AbstractContextManager[Place]], runs: int) -> Figure:
    with opened() as place:
        address = place("waking")
        with running("awaitly waking", address) as remote:
            decided = asyncio.run(_decided(address, runs))
            resumed = remote.resumed(runs)
    delays = [(resumed[run_id] - at) * 1_000 for run_id, at in decided.items()]
    target = at_most(median(delays), 10, " ms")
    values = {"awaitly": median(delays)}
    notes = (f"p95 {percentile(delays, 95):.1f}",)
    about = f"from a decision to the resumed step's first line in another process, {name}, p50"
    return Figure("waking", about, "ms", values, None, "", *target, notes=notes)


async def _decided(address: str, runs: int) -> dict[str, float]:
    """Approve one run after the other, and give when each decision was begun."""
    decided: dict[str, float] = {}
    async with Orchestrator(open_store(address), workflows=[order]) as orchestrator:
        for number in range(runs):
            run_id = f"run-{number}"
            await orchestrator.start(order(number), run_id=run_id)
            await asyncio.sleep(_PAUSE)
            decided[run_id] = time.monotonic()
            (await orchestrator.approve(run_id, "manager", by="ann")).unwrap()
    return decided
