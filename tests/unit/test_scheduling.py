"""Schedules in a store: placed, replaced, rung by whoever comes, ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import (
    ConflictReason,
    DefinitionError,
    Err,
    Execution,
    MemoryStore,
    NeedsReview,
    Ok,
    Orchestrator,
    Priority,
    Result,
    Run,
    RunCancelled,
    RunConflict,
    RunRow,
    RunStatus,
    Scheduled,
    UnknownRun,
    UnknownSchedule,
    UnknownWorkflow,
    Waiting,
    Workflow,
    WorkflowChanged,
    from_micros,
    workflow,
)
from awaitly import sync as plain_code
from awaitly.storage.lanes import lanes_of
from awaitly.testing import Pause, TestClock
from tests.support import ADMIN, Effects, FlowError, Refused, SharedStore, error_of, shared

BERLIN = "Europe/Berlin"
NIGHTLY = "schedule:nightly"
NINE = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
"""The first 09:00 after the clock's start: it stands at 09:00 the day before."""


def reporting(effects: Effects, version: str = "1") -> Workflow[[str], str, FlowError]:
    """Make a workflow with one step."""

    @workflow(version=version)
    async def report(run: Run[FlowError], what: str) -> Result[str, FlowError]:
        return Ok(await run.step(effects.do, what))

    return report


@pytest.fixture
def report(effects: Effects) -> Workflow[[str], str, FlowError]:
    """Give the workflow that is scheduled."""
    return reporting(effects)


@pytest_asyncio.fixture
async def orchestrator(each_store: SharedStore, report: Workflow[[str], str, FlowError]) -> AsyncIterator[Orchestrator]:
    """Open an orchestrator that knows the workflow."""
    async with Orchestrator(each_store, workflows=[report]) as opened:
        yield opened


async def ended(orchestrator: Orchestrator) -> dict[str, RunStatus]:
    """Give the runs that came of schedules, with how they stand."""
    page = await orchestrator.runs(limit=1_000)
    return {run.run_id: run.status for run in page.items if run.status is not RunStatus.SCHEDULED}


async def row_of(store: SharedStore, run_id: str = NIGHTLY) -> RunRow:
    """Read a row."""
    found = (await store.load(run_id)).run
    assert found is not None
    return found


# A year


@pytest.mark.parametrize(
    ("zone", "cron", "on_the_clock"),
    [(BERLIN, "0 9 * * *", {"09:00": 365}), ("America/New_York", "30 2 * * *", {"02:30": 364, "03:00": 1})],
)
async def test_a_nightly_schedule_with_four_workers_runs_once_on_each_day_of_a_year(
    each_store: SharedStore, clock: TestClock, zone: str, cron: str, on_the_clock: dict[str, int]
) -> None:
    """Clocks change twice; of four workers that look at the same moment, and then in turn, one runs each tick."""
    effects, here = Effects(), ZoneInfo(zone)
    report = reporting(effects)
    clock.set(datetime(2027, 1, 1, 0, 1, tzinfo=here))
    end = datetime(2028, 1, 1, 0, 0, tzinfo=here)
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(Orchestrator(each_store, workflows=[report])) for _ in range(4)]
        await asyncio.gather(*(each.schedule("nightly", cron, report("r"), timezone=zone) for each in workers))
        while (following := await each_store.next_due(await each_store.now())) is not None:
            if clock.set(from_micros(following)) >= end:
                break
            await asyncio.gather(*(each.recover() for each in workers))
            clock.advance("5h")
            for each in workers:
                await each.recover()
        runs = (await workers[0].runs(prefix="nightly@", limit=1_000)).items
    ticks = [run.tick.at.astimezone(here) for run in runs if run.tick is not None]
    assert effects.done == ["r"] * 365
    assert {run.status for run in runs} == {RunStatus.COMPLETED}
    assert len(runs) == len({tick.date() for tick in ticks}) == 365
    assert Counter(f"{tick:%H:%M}" for tick in ticks) == on_the_clock
    assert all(run.created_at == run.tick.at for run in runs if run.tick is not None)


# Placing and replacing


async def test_a_schedule_says_when_it_rings_next(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError]
) -> None:
    """In UTC; the same again changes nothing, and it is listed."""
    placed = await orchestrator.schedule("nightly", "0 9 * * *", report("r"), timezone=BERLIN)
    assert placed == Scheduled("nightly", "0 9 * * *", BERLIN, NINE - timedelta(hours=1), "report")
    again = await orchestrator.schedule("nightly", "0 9 * * *", report("r"), timezone=BERLIN)
    assert again == evolve(placed, replayed=True)
    other = await orchestrator.schedule("hourly", "0 * * * *", report("r"), queue="slow", priority=Priority.LOW)
    assert (other.queue, other.priority) == ("slow", Priority.LOW)
    assert await orchestrator.schedules() == (other, placed)
    assert await ended(orchestrator) == {}


async def test_many_that_schedule_at_once_place_one(
    each_store: SharedStore, report: Workflow[[str], str, FlowError]
) -> None:
    """One of them places it, and the others find it there."""
    async with Orchestrator(each_store, workflows=[report]) as orchestrator:
        placing = (orchestrator.schedule("nightly", "0 9 * * *", report("r")) for _ in range(8))
        placed = await asyncio.gather(*placing)
        assert sorted(each.replayed for each in placed) == [False] + [True] * 7
        assert len(await orchestrator.schedules()) == 1
    assert (await row_of(each_store)).version == 1


async def test_another_definition_replaces_what_waits(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """Other times or arguments under the name: only the last one rings."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("old"))
    replaced = await orchestrator.schedule("nightly", "0 12 * * *", report("old"))
    assert (replaced.at, replaced.replayed) == (datetime(2030, 1, 7, 12, 0, tzinfo=UTC), False)
    await orchestrator.schedule("nightly", "0 12 * * *", report("new"))
    for _ in range(4):
        clock.advance("12h")
        await orchestrator.recover()
    assert effects.done == ["new", "new"]
    assert await ended(orchestrator) == {
        "nightly@2030-01-07T12:00:00Z": RunStatus.COMPLETED,
        "nightly@2030-01-08T12:00:00Z": RunStatus.COMPLETED,
    }


@pytest.mark.parametrize(
    "other",
    [{"queue": "slow"}, {"priority": Priority.HIGH}, {"requested_by": "ann"}, {"timezone": "Asia/Tokyo"}],
)
async def test_each_part_of_a_definition_counts(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], other: dict[str, Any]
) -> None:
    """The queue, the priority, on whose behalf, the zone."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    assert not (await orchestrator.schedule("nightly", "0 9 * * *", report("r"), **other)).replayed
    assert (await orchestrator.schedule("nightly", "0 9 * * *", report("r"), **other)).replayed


async def test_a_deploy_during_an_outage_loses_no_tick(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """Where only the arguments change, the tick that is overdue stays; with other times it is dropped."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("old"))
    clock.advance("25h")
    assert (await orchestrator.schedule("nightly", "0 9 * * *", report("new"))).at == NINE
    await orchestrator.recover()
    assert effects.done == ["new"]
    clock.advance("24h")
    assert (await orchestrator.schedule("nightly", "0 12 * * *", report("new"))).at == NINE + timedelta(hours=27)
    await orchestrator.recover()
    assert effects.done == ["new"]


@pytest.mark.parametrize(
    ("cron", "timezone", "said"),
    [
        ("0 9 * *", "UTC", "not a cron expression"),
        ("0 0 30 2 *", "UTC", "not a cron expression"),
        ("0 0 */31 2 MON#5", "UTC", "no moment that ever comes"),
        ("0 9 * * *", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
    ],
)
async def test_what_does_not_parse_is_refused_before_anything_is_written(
    orchestrator: Orchestrator, each_store: SharedStore, effects: Effects, cron: str, timezone: str, said: str
) -> None:
    """As a `ValueError` with a sentence; a schedule that is there stays as it is."""
    report = reporting(effects)
    with pytest.raises(ValueError, match=said):
        await orchestrator.schedule("nightly", cron, report("r"), timezone=timezone)
    assert each_store.written == 0
    with pytest.raises(DefinitionError, match="name"):
        await orchestrator.schedule(" ", "0 9 * * *", report("r"))


# Ringing


async def test_a_tick_rings_when_it_has_come_and_not_before(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """Its run says for which tick it is, stands in the schedule's queue, and knows on whose behalf it runs."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"), queue="slow", requested_by="ann")
    clock.set(NINE - timedelta(seconds=1))
    assert await orchestrator.recover() == ()
    clock.set(NINE)
    (execution,) = await orchestrator.recover()
    assert (execution.run_id, execution.result) == ("nightly@2030-01-08T09:00:00Z", Ok("r"))
    run = (await orchestrator.status(execution.run_id)).unwrap().run
    assert run.tick is not None
    assert (run.tick.schedule, run.tick.at, run.queue) == ("nightly", NINE, "slow")
    assert run.requested_by is not None
    assert run.requested_by.name == "ann"
    assert await orchestrator.recover() == ()
    assert effects.done == ["r"]


async def test_a_schedule_stands_in_the_lane_of_its_runs(
    orchestrator: Orchestrator, each_store: SharedStore, report: Workflow[[str], str, FlowError], clock: TestClock
) -> None:
    """A worker of another queue is not told of it; one of this queue hears when the next tick is."""
    placed = await orchestrator.schedule("nightly", "0 9 * * *", report("r"), queue="slow", priority=Priority.LOW)
    slow, other, now = lanes_of(["slow"]), lanes_of(["default"]), await each_store.now()
    assert from_micros(await each_store.next_due(now, slow) or 0) == placed.at
    assert await each_store.next_due(now, other) is None
    clock.set(placed.at)
    assert await each_store.due(await each_store.now(), 5, slow) == (NIGHTLY,)
    assert await each_store.due(await each_store.now(), 5, other) == ()


async def test_of_the_ticks_missed_in_an_outage_the_oldest_runs_once(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """At once; the ticks missed after it are skipped, and the next one is the first after now."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    clock.advance("5d")
    await orchestrator.recover()
    await orchestrator.recover()
    assert list(await ended(orchestrator)) == ["nightly@2030-01-08T09:00:00Z"]
    (schedule,) = await orchestrator.schedules()
    assert (effects.done, schedule.at) == (["r"], NINE + timedelta(days=5))


async def test_an_outage_within_the_hour_that_comes_twice_fires_once(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """02:30 of 31 October 2027 in Berlin is taken at 02:10 of the second time, and at no 02:30 of that day again."""
    clock.set(datetime(2027, 10, 30, 12, 0, tzinfo=UTC))
    await orchestrator.schedule("nightly", "30 2 * * *", report("r"), timezone=BERLIN)
    for minute in (10, 30, 50):
        clock.set(datetime(2027, 10, 31, 1, minute, tzinfo=UTC))
        await orchestrator.recover()
    assert effects.done == ["r"]


async def test_a_run_that_fails_does_not_end_the_schedule(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """The next tick comes all the same."""
    effects.failing.add("r")
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    for _ in range(2):
        clock.advance("24h")
        (execution,) = await orchestrator.recover()
        assert error_of(execution.result) == Refused("r")
    assert set((await ended(orchestrator)).values()) == {RunStatus.FAILED}


async def test_a_schedule_belongs_to_a_version_as_a_run_does(
    each_store: SharedStore, effects: Effects, clock: TestClock
) -> None:
    """Other code rings nothing, and says so; scheduled by the new code it goes on, and loses no tick."""
    old, new = reporting(effects), reporting(effects, "2")
    async with Orchestrator(each_store, workflows=[old]) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", old("r"))
    clock.advance("24h")
    async with Orchestrator(each_store, workflows=[new]) as orchestrator:
        (execution,) = await orchestrator.recover()
        assert isinstance(error_of(execution.result), WorkflowChanged)
        assert not (await orchestrator.schedule("nightly", "0 9 * * *", new("r"))).replayed
        (execution,) = await orchestrator.recover()
        assert (execution.run_id, execution.result) == ("nightly@2030-01-08T09:00:00Z", Ok("r"))
    async with Orchestrator(each_store, workflows=[old, new]) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", old("both"))
        clock.advance("24h")
        (execution,) = await orchestrator.recover()
        assert (await orchestrator.status(execution.run_id)).unwrap().run.code_version == "1"


async def test_whoever_lacks_the_code_leaves_the_tick_to_others(
    orchestrator: Orchestrator, each_store: SharedStore, report: Workflow[[str], str, FlowError], clock: TestClock
) -> None:
    """Nothing is rung, and the schedule stays due."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    clock.advance("24h")
    async with Orchestrator(each_store) as other:
        assert await other.recover() == ()
        with pytest.raises(UnknownWorkflow):
            await other.resume(NIGHTLY)
    assert len(await orchestrator.recover()) == 1


async def test_children_of_scheduled_runs(each_store: SharedStore, effects: Effects, clock: TestClock) -> None:
    """A run of a schedule may start others, whose ids are made of its own."""
    report = reporting(effects)

    @workflow
    async def parent(run: Run[FlowError], what: str) -> Result[str, FlowError]:
        return Ok(await run.child(report(what)))

    async with Orchestrator(each_store, workflows=[report, parent]) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", parent("r"))
        for _ in range(2):
            clock.advance("24h")
            for _ in range(3):  # the run, its child, the run again
                await orchestrator.recover()
                clock.advance("1s")
        assert set(await ended(orchestrator)) == {
            f"nightly@2030-01-0{day}T09:00:00Z{child}" for day in (8, 9) for child in ("", ".report")
        }
        assert set((await ended(orchestrator)).values()) == {RunStatus.COMPLETED}
    assert effects.done == ["r", "r"]


async def test_a_schedule_that_cannot_be_read_ahead_here_is_left_for_another_machine(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """Where a zone is not installed nothing rings and nothing is lost: it is tried again each minute, and says why."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"), timezone=BERLIN)
    clock.advance("24h")
    with patch("awaitly.runs.schedules._zone", side_effect=ValueError("no such zone")):
        (execution,) = await orchestrator.recover()
    assert error_of(execution.result).reason is ConflictReason.WRONG_STATUS
    (schedule,) = await orchestrator.schedules()
    assert (schedule.at, schedule.trouble) == (NINE - timedelta(hours=1), "no such zone")
    assert await orchestrator.recover() == ()
    clock.advance("1m")
    (execution,) = await orchestrator.recover()
    assert execution.result == Ok("r")
    (schedule,) = await orchestrator.schedules()
    assert (schedule.at, schedule.trouble) == (NINE + timedelta(hours=23), None)


async def test_clearing_away_ended_runs_breaks_no_schedule(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """A schedule is not over, so it is not cleared away; one that was ended is."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    for _ in range(3):
        clock.advance("24h")
        await orchestrator.recover()
        clock.advance("1s")
        assert await orchestrator.cleanup(older_than="1ms") == 1
    assert effects.done == ["r"] * 3
    (await orchestrator.unschedule("nightly")).unwrap()
    clock.advance("1s")
    assert await orchestrator.cleanup(older_than="1ms") == 1
    assert not (await orchestrator.schedule("nightly", "0 9 * * *", report("r"))).replayed


# Ending


async def test_unscheduling_ends_it(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """It gives the schedule as it was; a second time there is none; placed again, it goes on."""
    placed = await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    assert await orchestrator.unschedule("nightly", by="ann") == Ok(placed)
    assert await orchestrator.unschedule("nightly") == Err(UnknownSchedule("nightly"))
    assert str(UnknownSchedule("nightly")).startswith("no schedule 'nightly' in this store")
    clock.advance("48h")
    assert await orchestrator.recover() == ()
    assert await orchestrator.schedules() == ()
    gone = (await orchestrator.status(NIGHTLY)).unwrap().run
    assert (gone.status, gone.by and gone.by.name) == (RunStatus.CANCELLED, "ann")
    assert isinstance((await orchestrator.resume(NIGHTLY)).result.failure(), RunConflict)
    assert not (await orchestrator.schedule("nightly", "0 9 * * *", report("r"))).replayed
    clock.advance("24h")
    await orchestrator.recover()
    assert effects.done == ["r"]


async def test_runs_that_have_begun_go_on(each_store: SharedStore, clock: TestClock) -> None:
    """One that waits for a person is still decided after its schedule was ended."""

    @workflow
    async def asking(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=1))

    async with Orchestrator(each_store, workflows=[asking]) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", asking())
        clock.advance("24h")
        (parked,) = await orchestrator.recover()
        await orchestrator.unschedule("nightly")
        await orchestrator.approve(parked.run_id, by="ann")
        assert (await orchestrator.resume(parked.run_id)).result == Ok(1)


async def test_whoever_is_late_cannot_bring_an_ended_schedule_back(
    each_store: SharedStore, report: Workflow[[str], str, FlowError], clock: TestClock
) -> None:
    """Given a worker that is held up between the run and the schedule, what was ended meanwhile stays ended."""
    async with Orchestrator(each_store, workflows=[report]) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
        clock.advance("24h")
        each_store.failpoints.arm("enqueue.after", pause := Pause())
        ringing = asyncio.create_task(orchestrator.recover())
        await pause.reached.wait()
        (await orchestrator.unschedule("nightly")).unwrap()
        pause.released.set()
        await ringing
        assert await orchestrator.schedules() == ()
        clock.advance("48h")
        await orchestrator.recover()
        assert set(await ended(orchestrator)) == {NIGHTLY, "nightly@2030-01-08T09:00:00Z"}


async def test_whoever_is_late_does_not_undo_a_replacement(
    each_store: SharedStore, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """The tick that had come runs once, and the new definition stands."""
    async with Orchestrator(each_store, workflows=[report]) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", report("old"))
        clock.advance("24h")
        each_store.failpoints.arm("enqueue.after", pause := Pause())
        ringing = asyncio.create_task(orchestrator.recover())
        await pause.reached.wait()
        await orchestrator.schedule("nightly", "0 9 * * *", report("new"))
        pause.released.set()
        await ringing
        clock.advance("24h")
        await orchestrator.recover()
    assert effects.done == ["old", "new"]


# A schedule is no run


async def test_a_schedule_is_not_cancelled_as_a_run_is(
    orchestrator: Orchestrator, report: Workflow[[str], str, FlowError]
) -> None:
    """It says who does that instead, so no schedule ends by mistake."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    refusal = error_of(await orchestrator.cancel(NIGHTLY, by=ADMIN))
    assert refusal.reason is ConflictReason.WRONG_STATUS
    assert "it is no run but the schedule 'nightly'" in str(refusal)
    assert "unschedule" in str(refusal)
    assert len(await orchestrator.schedules()) == 1


async def test_cancelling_one_tick_leaves_the_schedule(
    each_store: SharedStore, report: Workflow[[str], str, FlowError], effects: Effects, clock: TestClock
) -> None:
    """Given the run of a tick that stands in the queue, when it is cancelled, the next one comes all the same."""
    async with Orchestrator(each_store, workflows=[report]) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
        clock.advance("24h")
        each_store.failpoints.arm("enqueue.after", pause := Pause())
        ringing = asyncio.create_task(orchestrator.recover())
        await pause.reached.wait()
        cancelled = await orchestrator.cancel("nightly@2030-01-08T09:00:00Z", by=ADMIN)
        assert isinstance(cancelled.unwrap(), RunCancelled)
        pause.released.set()
        await ringing
        assert effects.done == []
        each_store.failpoints.disarm("enqueue.after")
        clock.advance("24h")
        await orchestrator.recover()
    assert effects.done == ["r"]


async def test_no_verb_takes_a_schedule_for_a_run(
    orchestrator: Orchestrator, each_store: SharedStore, report: Workflow[[str], str, FlowError]
) -> None:
    """Resumed before its tick it waits; it is not retried, told or forked, and no run can have such an id."""
    placed = await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    waits: Execution[Any, Any] = await orchestrator.resume(NIGHTLY)
    assert isinstance(error_of(waits.result), Waiting)
    assert error_of(waits.result).until == placed.at
    await orchestrator.retry(NIGHTLY)
    await orchestrator.fork(NIGHTLY, before="x")
    assert await orchestrator.signal(NIGHTLY, "go", 1) == Err(UnknownRun(NIGHTLY))
    for starting in (orchestrator.start, orchestrator.enqueue):
        with pytest.raises(DefinitionError, match="must not begin with 'schedule:'"):
            await starting(report("r"), run_id="schedule:mine")
    assert (await row_of(each_store)).version == 1
    assert await orchestrator.schedules() == (placed,)


async def test_a_damaged_schedule_is_set_aside_until_it_is_placed_again(
    orchestrator: Orchestrator,
    each_store: SharedStore,
    report: Workflow[[str], str, FlowError],
    effects: Effects,
    clock: TestClock,
) -> None:
    """It hinders no other, is not retried as a run, and the next process that schedules it mends it."""
    await orchestrator.schedule("nightly", "0 9 * * *", report("r"))
    row = await row_of(each_store)
    await each_store.change_run(evolve(row, version=row.version + 1, body=row.body.replace("nightly", "\x00")))
    await orchestrator.schedule("other", "0 9 * * *", report("other"))
    clock.advance("24h")
    answers = {each.run_id: each.result for each in await orchestrator.recover()}
    assert isinstance(error_of(answers[NIGHTLY]), NeedsReview)
    assert effects.done == ["other"]
    assert isinstance(error_of((await orchestrator.retry(NIGHTLY)).result), NeedsReview | RunConflict)
    assert not (await orchestrator.schedule("nightly", "0 9 * * *", report("r"))).replayed
    clock.advance("24h")
    await orchestrator.recover()
    assert sorted(effects.done) == ["other", "other", "r"]


def test_schedules_in_plain_code(effects: Effects) -> None:
    """The same verbs without `await`."""
    clock, report = TestClock(), reporting(effects)
    with plain_code.Orchestrator(MemoryStore(clock=clock), workflows=[report]) as orchestrator:
        placed = orchestrator.schedule("nightly", "0 9 * * *", report("r"), timezone=BERLIN, queue="slow")
        assert orchestrator.schedules() == (placed,)
        clock.advance("24h")
        (execution,) = orchestrator.recover()
        assert execution.result == Ok("r")
        assert orchestrator.unschedule("nightly").unwrap().queue == "slow"
        assert orchestrator.unschedule("nightly") == Err(UnknownSchedule("nightly"))


async def test_workers_ring_what_is_due_by_themselves(tmp_path: Path, clock: TestClock) -> None:
    """Of three workers on one store each tick is taken by one, and none is left."""
    names = [f"n{number}" for number in range(20)]
    done: list[str] = []
    all_done = asyncio.Event()

    async def note(name: str) -> Result[str, Refused]:
        done.append(name)
        if set(done) == set(names):
            all_done.set()
        return Ok(name)

    @workflow
    async def report(run: Run[Refused], name: str) -> Result[str, Refused]:
        return Ok(await run.step(note, name))

    async with shared("sqlite", tmp_path, clock) as store, AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(Orchestrator(store, workflows=[report])) for _ in range(3)]
        for name in names:
            await workers[0].schedule(name, "0 9 * * *", report(name))
        clock.advance("24h")
        for each in workers:
            await stack.enter_async_context(each.working())
        await all_done.wait()
        for name in names:
            assert (await workers[0].wait(f"{name}@2030-01-08T09:00:00Z")).result == Ok(name)
        assert {each.at for each in await workers[0].schedules()} == {NINE + timedelta(days=1)}
    assert sorted(done) == sorted(names)
