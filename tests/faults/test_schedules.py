"""Schedules among processes that are killed, and that all begin at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from awaitly import Orchestrator, RunStatus
from awaitly.testing import FailingStore, Failpoints, TestClock
from awaitly_sqlite import SqliteStore
from tests.adapters.schedules import made_overdue
from tests.faults.crowds import Crowd, in_processes, resume
from tests.faults.errands import Marks, errand
from tests.faults.orders import Place
from tests.faults.processes import KILLED, ended, started
from tests.faults.stores import store_at

NINE = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
PLACES = [
    "enqueue.before",
    "enqueue.after",
    "schedule.before",
    "schedule.after",
    "claim.before",
    "claim.after",
    "end.before",
    "end.after",
]


def work(here: Path, at: datetime, failpoint: str = "", schedules: bool = False) -> list[str]:
    """Be a worker for one look at the store: place the schedule if told to, work off what is due, name all runs."""
    return asyncio.run(_work(here, at, failpoint, schedules=schedules))


async def _work(here: Path, at: datetime, failpoint: str, *, schedules: bool) -> list[str]:
    failpoints = Failpoints.from_env("ORDER", {"ORDER": f"{failpoint}:kill" if failpoint else ""})
    store = FailingStore(SqliteStore(here / "runs.db", clock=TestClock(at)), failpoints)
    report = errand(Marks(here / "marks"))
    async with Orchestrator(store, workflows=[report], lease=LEASE) as orchestrator:
        if schedules:
            await orchestrator.schedule("nightly", "0 9 * * *", report("s"))
        await orchestrator.recover()
        runs = (await orchestrator.runs()).items
    return [run.run_id for run in runs if run.status is RunStatus.COMPLETED]


@pytest.mark.parametrize("failpoint", PLACES)
def test_a_kill_at_any_write_neither_loses_nor_doubles_a_tick(here: Path, failpoint: str) -> None:
    """Whoever comes next takes the tick to its end, once; its step runs again only where its result was not written."""
    work(here, NINE - timedelta(hours=1), schedules=True)
    assert ended(started(work, here, NINE, failpoint)) == KILLED
    assert work(here, NINE + 2 * LEASE) == ["nightly@2030-01-08T09:00:00Z"]
    assert work(here, NINE + timedelta(days=1)) == ["nightly@2030-01-09T09:00:00Z", "nightly@2030-01-08T09:00:00Z"]
    again = ["s0"] if failpoint == "end.before" else []
    assert list(Marks.read(here / "marks")) == ["s0", "s0", *again]


@pytest.mark.parametrize("failpoint", ["schedule.before", "schedule.after"])
def test_a_kill_while_a_schedule_is_placed_leaves_all_or_nothing(here: Path, failpoint: str) -> None:
    """The next process that begins places it, or finds it there."""
    assert ended(started(work, here, NINE - timedelta(hours=1), failpoint, True)) == KILLED
    work(here, NINE - timedelta(hours=1), schedules=True)
    assert work(here, NINE) == ["nightly@2030-01-08T09:00:00Z"]


async def place_one(orchestrator: Orchestrator, name: str, number: int) -> object:
    """Schedule under a name, and say whether it was there before."""
    report = errand(Marks())
    placed = await orchestrator.schedule(name, "0 9 * * *", report("s"), timezone="Europe/Berlin")
    return "found" if placed.replayed else "placed"


def test_of_four_processes_that_schedule_at_once_one_places_it(place: Place) -> None:
    """The others find it there, each time."""
    for answers in in_processes(Crowd(place, place_one, [f"n{n}" for n in range(10)], 4)):
        assert sorted(answer["text"] for answer in answers) == ["found", "found", "found", "placed"]


async def _overdue(place: Place, names: list[str]) -> None:
    store, report = store_at(place.store), errand(Marks())
    async with Orchestrator(store) as orchestrator:
        for name in names:
            await made_overdue(store, await orchestrator.schedule(name, "0 9 * * *", report("s")))


def test_of_four_processes_that_ring_at_once_one_runs_the_tick(place: Place) -> None:
    """The step of each tick runs once, and whoever else came is told its outcome, or that others have it."""
    names = [f"n{n}" for n in range(10)]
    asyncio.run(_overdue(place, names))
    for answers in in_processes(Crowd(place, resume, [f"schedule:{name}" for name in names], 4)):
        assert {answer["error"] for answer in answers if not answer["ok"]} <= {"RunConflict", "Waiting"}
        assert [answer["value"] for answer in answers if answer["ok"]]
    assert list(Marks.read(Path(place.marks))) == ["s0"] * 10
