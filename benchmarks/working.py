"""What a worker does with a backlog, how late its timers are under load, and what it costs while nothing is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from statistics import median

from awaitly import Ok, Orchestrator, Result, Run, open_store, workflow
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.growth import fill
from benchmarks.places import Place, databases, files, namespaces
from benchmarks.timing import loaded, percentile, ratio

__all__ = ["measure"]

_BACKLOG = 1_000
_ROUNDS = 3
_SIDE_BY_SIDE = 16
_TIMERS = 200
_SPREAD = 4.0
"""Seconds over which the timers are spread, while clients start runs as fast as they can."""
_PARKED = 100_000
_IDLE = 10.0
_PLACES: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "SQLite": files,
    "Postgres": databases,
    "Redis": namespaces,
}
_late: list[float] = []


async def _add_one(number: int) -> Result[int, str]:
    return Ok(number + 1)


@workflow
async def two_steps(run: Run[str], number: int) -> Result[int, str]:
    first = await run.step(_add_one, number)
    return Ok(await run.step(_add_one, first))


async def _note_lateness(until: datetime) -> Result[None, str]:
    _late.append((datetime.now(UTC) - until).total_seconds() * 1_000)
    return Ok(None)


@workflow
async def timed(run: Run[str], until: datetime) -> Result[None, str]:
    await run.sleep_until(until)
    await run.step(_note_lateness, until)
    return Ok(None)


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    figures: list[Figure] = []
    for name, opened in _PLACES.items():  # first, while this process has done nothing else that could go on costing
        with opened() as place:
            figures.append(_idle(name, place, _PARKED // (5 if quick else 1)))
    for name, opened in _PLACES.items():
        with opened() as place:
            figures += [_backlog(name, place), _timers(name, place)]
    return figures


# A backlog


def _backlog(name: str, place: Place) -> Figure:
    direct, worked = [], []
    for number in range(_ROUNDS):
        address = place(f"backlog {number}")
        seconds = asyncio.run(_started_and_worked_off(address))
        direct.append(_BACKLOG / seconds[0])
        worked.append(_BACKLOG / seconds[1])
    times = ratio(worked, direct)
    about = f"{name}, {_BACKLOG:,} due runs worked off, {_SIDE_BY_SIDE} at a time"
    values = {"awaitly": median(worked), "started directly": median(direct)}
    return Figure("working", about, "runs/s", values, times, "started directly", *at_least(times, 0.5, " x"))


async def _started_and_worked_off(address: str) -> tuple[float, float]:
    """Give the seconds for as many runs started by clients, and for as many that a worker found in its queue."""
    async with Orchestrator(open_store(address), workflows=[two_steps]) as orchestrator:

        async def start(run_id: str) -> None:
            assert (await orchestrator.start(two_steps(1), run_id=run_id)).result == Ok(3)

        direct, _ = await loaded(start, [f"direct-{number}" for number in range(_BACKLOG)], _SIDE_BY_SIDE)
        for number in range(_BACKLOG):
            (await orchestrator.enqueue(two_steps(1), run_id=f"queued-{number}")).unwrap()
        begun = time.perf_counter()
        await orchestrator.work(once=True, concurrency=_SIDE_BY_SIDE)
        worked = time.perf_counter() - begun
        last = await orchestrator.wait(f"queued-{_BACKLOG - 1}", timeout="5s")
        assert last.result == Ok(3), last
        return direct, worked


# Timers


def _timers(name: str, place: Place) -> Figure:
    asyncio.run(_timed_under_load(place("timers")))
    values = {"awaitly": percentile(_late, 99)}
    notes = (f"p50 {percentile(_late, 50):.0f}",)
    _late.clear()
    about = f"{name}, a timer's lateness while clients start runs, p99"
    return Figure("working", about, "ms", values, None, "", *at_most(values["awaitly"], 100, " ms"), notes=notes)


async def _timed_under_load(address: str) -> None:
    store = open_store(address)
    async with Orchestrator(store, workflows=[two_steps, timed], inline="1ms") as orchestrator:
        first = datetime.now(UTC) + timedelta(seconds=2)
        for number in range(_TIMERS):
            until = first + timedelta(seconds=_SPREAD * number / _TIMERS)
            await orchestrator.start(timed(until), run_id=f"timed-{number}")
        async with orchestrator.working(concurrency=_SIDE_BY_SIDE):
            while len(_late) < _TIMERS:
                names = [f"load-{len(_late)}-{time.monotonic_ns()}-{number}" for number in range(_SIDE_BY_SIDE)]
                await loaded(lambda run_id: orchestrator.start(two_steps(1), run_id=run_id), names, 2)


# Nothing to do


def _idle(name: str, place: Place, parked: int) -> Figure:
    address = place("idle")
    asyncio.run(fill(address, parked))
    percent = asyncio.run(_percent_of_a_core(address))
    about = f"{name}, CPU of a worker beside {parked:,} parked runs, of one core"
    return Figure("working", about, "%", {"awaitly": percent}, None, "", *at_most(percent, 0.5, " %"))


async def _percent_of_a_core(address: str) -> float:
    async with Orchestrator(open_store(address), workflows=[two_steps]) as orchestrator, orchestrator.working():
        await asyncio.sleep(1)
        before = time.process_time()
        await asyncio.sleep(_IDLE)
        return (time.process_time() - before) / _IDLE * 100
