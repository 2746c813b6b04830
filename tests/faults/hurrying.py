"""Runs whose time is up soon, and processes that go on with what is due: for answers that come just then."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from awaitly import Err, NotApproved, Ok, Orchestrator, Result, Run, TimedOut, workflow
from tests.faults.errands import Marks
from tests.faults.orders import Place
from tests.faults.stores import store_at

__all__ = ["ended_by", "hurried", "prepare", "sweep"]


async def mark(marks: str, what: str) -> Result[str, NotApproved]:
    """Leave a mark on the disk."""
    Marks(Path(marks)).leave(what)
    return Ok(what)


@workflow
async def hurried(run: Run[NotApproved], marks: str) -> Result[str, NotApproved]:
    """Wait for a signal for a moment; whichever it was is written down, and found again after a person was asked."""
    match await run.wait_for("go", str, timeout=timedelta(milliseconds=150)):
        case Ok(value):
            ended = value
        case Err(TimedOut()):
            ended = "time"
    await run.step(mark, marks, f"{run.run_id}:{ended}")
    await run.approval("boss", proposes=1)
    return Ok(ended)


def prepare(place: Place) -> None:
    """Make the file of marks."""
    Path(place.marks).touch()


def ended_by(place: Place) -> dict[str, list[str]]:
    """Give what ended the wait of each run, as often as its step ran."""
    ended: dict[str, list[str]] = {}
    for line in Marks.read(Path(place.marks)):
        run_id, what = line.split(":")
        ended.setdefault(run_id, []).append(what)
    return ended


def sweep(place: Place, count: int) -> None:
    """Be a process that goes on with whatever is due until so many runs have gone past their wait."""
    asyncio.run(_swept(place, count))


async def _swept(place: Place, count: int) -> None:
    async with Orchestrator(store_at(place.store), workflows=[hurried]) as orchestrator, asyncio.timeout(50):
        while len(ended_by(place)) < count:
            await orchestrator.recover()
