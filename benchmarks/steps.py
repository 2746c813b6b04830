"""What a step costs over the one commit that makes it durable, and whether that grows with the run."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from attrs import evolve, field, frozen

from awaitly import (
    Changes,
    Conflict,
    Move,
    NotApproved,
    Ok,
    Orchestrator,
    Result,
    Run,
    Workflow,
    workflow,
)
from awaitly_sqlite import SqliteStore
from benchmarks.figures import Figure, at_most
from benchmarks.timing import ratio
from benchmarks.watching import WatchedStore

__all__ = ["measure"]

_SIZES = (50, 100, 200, 400, 800)
_FLAT = 1.25
"""How much dearer a step of the longest run may be than one of the shortest, to count as flat."""


_begun: list[float] = []
"""When each step of the latest run began, in seconds."""


async def _tick(number: int) -> Result[int, NotApproved]:
    _begun.append(time.perf_counter())
    return Ok(number + 1)


async def _count(run: Run[NotApproved], upto: int) -> Result[int, NotApproved]:
    number = 0
    while number < upto:
        number = await run.step(_tick, number)
    return Ok(number)


_BY_STEP = workflow(name="by-step")(_count)
_AT_PARK = workflow(name="at-park", durability="park")(_count)
_Count = Workflow[[int], int, NotApproved]


@frozen
class _Times:
    """Microseconds a step, by size of the run, one number a round.

    `steps` and `commits` are medians within a run; `parked` is the whole run's time, its end included, over its steps.
    """

    steps: dict[int, list[float]] = field(factory=lambda: {size: [] for size in _SIZES})
    commits: dict[int, list[float]] = field(factory=lambda: {size: [] for size in _SIZES})
    parked: dict[int, list[float]] = field(factory=lambda: {size: [] for size in _SIZES})


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    times = asyncio.run(_rounds(3 if quick else 5))
    return [*(_step(times, size) for size in _SIZES), _flatness("a step", times.steps), _park(times), _flat_park(times)]


async def _rounds(rounds: int) -> _Times:
    times = _Times()
    with tempfile.TemporaryDirectory(prefix="awaitly-bench-") as folder:
        store = SqliteStore(Path(folder) / "steps.db")
        watched = WatchedStore(store)
        async with Orchestrator(watched, workflows=[_BY_STEP, _AT_PARK]) as orchestrator:
            await _counted(orchestrator, _BY_STEP, 50, "warm")
            for number in range(rounds):
                for size in _SIZES:
                    await _round(orchestrator, store, watched.seen, times, size, f"{number}-{size}")
    return times


async def _round(
    orchestrator: Orchestrator, store: SqliteStore, seen: list[Changes], times: _Times, size: int, name: str
) -> None:
    seen.clear()
    await _counted(orchestrator, _BY_STEP, size, f"step-{name}")
    times.steps[size].append(_typical(_begun))
    alike = [_renamed(changes, f"alike-{name}") for changes in seen if changes.move is Move.STEP]
    await store.commit(_renamed(seen[0], f"alike-{name}"))
    times.commits[size].append(await _each(store.commit, alike))
    times.parked[size].append(await _counted(orchestrator, _AT_PARK, size, f"park-{name}"))


async def _counted(orchestrator: Orchestrator, counting: _Count, size: int, run_id: str) -> float:
    _begun.clear()
    begun = time.perf_counter()
    execution = await orchestrator.start(counting(size), run_id=run_id)
    seconds = time.perf_counter() - begun
    assert execution.result == Ok(size), execution
    return seconds / size * 1e6


async def _each(commit: Callable[[Changes], Awaitable[Result[None, Conflict]]], alike: Sequence[Changes]) -> float:
    """Commit one after the other what a run committed, and give the microseconds of one."""
    begun: list[float] = []
    for changes in alike:
        begun.append(time.perf_counter())
        assert await commit(changes) == Ok(None)
    return _typical(begun)


def _typical(begun: Sequence[float]) -> float:
    """Give the median time from one beginning to the next, in microseconds: a pause of the machine does not count."""
    return median(after - before for before, after in pairwise(begun)) * 1e6


def _renamed(changes: Changes, run_id: str) -> Changes:
    """Give the same changes to another run."""
    return evolve(
        changes,
        runs=tuple(evolve(row, run_id=run_id) for row in changes.runs),
        holds=tuple(evolve(hold, run_id=run_id) for hold in changes.holds),
        steps=tuple(evolve(row, run_id=run_id) for row in changes.steps),
    )


def _step(times: _Times, size: int) -> Figure:
    found = ratio(times.steps[size], times.commits[size])
    values = {"awaitly": median(times.steps[size]), "the store's own commit": median(times.commits[size])}
    name, against = f"a step, in a run of {size}", "the store's own commit"
    row = f"{name}, over the commit that keeps it" if size == _SIZES[-1] else ""
    target = at_most(found, 1.5, " x")
    return Figure("steps", name, "us", values, found, against, *target, row=row, store="SQLite")


def _flatness(name: str, by_size: dict[int, list[float]]) -> Figure:
    short, long = _SIZES[0], _SIZES[-1]
    found = ratio(by_size[long], by_size[short])
    values = {"awaitly": median(by_size[long]), f"in a run of {short}": median(by_size[short])}
    target = at_most(found, _FLAT, " x")
    name, against = f"{name}, in a run of {long} over one of {short}", f"in a run of {short}"
    return Figure("steps", name, "us", values, found, against, *target)


def _park(times: _Times) -> Figure:
    found = median(times.parked[_SIZES[-1]])
    target = at_most(found, 30, " us")
    name = f'a step with durability="park", in a run of {_SIZES[-1]}'
    return Figure("steps", name, "us", {"awaitly": found}, None, "", *target, row=name, store="SQLite")


def _flat_park(times: _Times) -> Figure:
    return _flatness('a step with durability="park"', times.parked)
