"""What a run is told at the very moment at which it parks, or at which its time is up: never lost, never twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from awaitly import Err, MemoryStore, NotApproved, Ok, Orchestrator, Result, Run, RunStatus, Store, TimedOut, workflow
from tests.faults import hurrying
from tests.faults.hurrying import sweep
from tests.faults.lengths import times
from tests.faults.orders import Place
from tests.faults.processes import ended, started
from tests.faults.stores import store_at
from tests.faults.tally import TALLY
from tests.support import SharedStore

Stores = Callable[[], Store]
AT_ONCE = 25
DONE: Counter[str] = Counter()


async def mark(run_id: str, what: str) -> Result[str, NotApproved]:
    """Leave a mark."""
    DONE[f"{run_id} {what}"] += 1
    return Ok(what)


@workflow
async def told(run: Run[NotApproved]) -> Result[str, NotApproved]:
    """Wait for a person, then for a signal; say which it was."""
    await run.approval("boss", proposes=1)
    await run.step(mark, run.run_id, "before")
    value = (await run.wait_for("go", str)).unwrap()
    return Ok(await run.step(mark, run.run_id, value))


@workflow
async def hurried(run: Run[NotApproved]) -> Result[str, NotApproved]:
    """Wait for a signal for a moment; whichever it was is written down, and found again after a person was asked."""
    match await run.wait_for("go", str, timeout=timedelta(milliseconds=30)):
        case Ok(value):
            ended = value
        case Err(TimedOut()):
            ended = "time"
    await run.step(mark, run.run_id, ended)
    await run.approval("boss", proposes=1)
    return Ok(ended)


async def moments(most: int) -> None:
    """Let others go first a few times."""
    for _ in range(random.randrange(most)):
        await asyncio.sleep(0)


async def race(stores: Stores, rounds: int) -> None:
    """Let runs park while they are told what they park on; once both are done, one recovery ends them all."""
    DONE.clear()
    async with Orchestrator(stores(), workflows=[told]) as first, Orchestrator(stores(), workflows=[told]) as second:
        for number in range(0, rounds, AT_ONCE):
            names = [f"r{n}" for n in range(number, min(number + AT_ONCE, rounds))]
            await asyncio.gather(*(first.start(told(), run_id=name) for name in names))

            async def park(name: str) -> None:
                (await first.approve(name, by="ann", resume=told)).unwrap()

            async def tell(name: str) -> None:
                await moments(60)
                (await second.signal(name, "go", "told")).unwrap()

            await asyncio.gather(*(act(name) for name in names for act in (park, tell)))
            await second.recover()
            for name in names:
                execution = await first.resume(name, told)
                TALLY.check("a signal at the moment of parking is not lost", execution.result == Ok("told"), execution)
                marks = (DONE[f"{name} before"], DONE[f"{name} told"])
                TALLY.check("a signal at the moment of parking counts once", marks == (1, 1), marks)


async def hurry(stores: Stores, rounds: int) -> None:
    """Tell runs what they wait for just when their time is up, with two that go on with whatever is due."""
    DONE.clear()
    both = Counter[str]()
    async with (
        Orchestrator(stores(), workflows=[hurried]) as first,
        Orchestrator(stores(), workflows=[hurried]) as second,
    ):
        for number in range(0, rounds, AT_ONCE):
            names = [f"h{n}" for n in range(number, min(number + AT_ONCE, rounds))]
            executions = await asyncio.gather(*(first.start(hurried(), run_id=name) for name in names))
            assert {execution.status for execution in executions} <= {RunStatus.PARKED}

            async def tell(name: str) -> None:
                await asyncio.sleep(random.uniform(0.0, 0.05))
                (await second.signal(name, "go", "told")).unwrap()

            async def sweep(orchestrator: Orchestrator, all_done: int = number + len(names)) -> None:
                while len(DONE) < all_done:
                    await orchestrator.recover()

            async with asyncio.timeout(60):
                await asyncio.gather(*map(tell, names), sweep(first), sweep(second))
            for name in names:
                while (await first.status(name)).unwrap().pending == ():
                    await first.recover()
                execution = (await second.approve(name, by="ann", resume=hurried)).unwrap()
                marked = {what.split()[1]: count for what, count in DONE.items() if what.split()[0] == name}
                outcome = execution.result.value_or("nothing")
                TALLY.check(
                    "an answer at the moment of the timeout: one of both, for ever", marked == {outcome: 1}, marked
                )
                both[outcome] += 1
    assert set(both) <= {"told", "time"}


@pytest_asyncio.fixture
async def memory() -> Stores:
    """Give the one memory store to all who ask."""
    store = MemoryStore()
    await store.open()
    return lambda: SharedStore(store)


async def test_signals_meet_parking_in_memory(memory: Stores) -> None:
    """A hundred times."""
    await race(memory, 100)


async def test_signals_meet_parking_in_a_file(place: Place) -> None:
    """A hundred times."""
    await race(lambda: store_at(place.store), 100)


async def test_signals_meet_parking_wherever_runs_are_kept(elsewhere: Place) -> None:
    """Fifty times."""
    await race(lambda: store_at(elsewhere.store), 50)


async def test_answers_meet_timeouts_in_memory(memory: Stores) -> None:
    """A hundred times."""
    await hurry(memory, 100)


async def test_answers_meet_timeouts_in_a_file(place: Place) -> None:
    """Fifty times."""
    await hurry(lambda: store_at(place.store), 50)


async def test_answers_meet_timeouts_wherever_runs_are_kept(elsewhere: Place) -> None:
    """Twenty-five times."""
    await hurry(lambda: store_at(elsewhere.store), 25)


@pytest.mark.slow
async def test_signals_meet_parking_in_memory_each_time(memory: Stores) -> None:
    """Ten thousand times."""
    await race(memory, times(10_000))


@pytest.mark.slow
async def test_signals_meet_parking_in_a_file_each_time(place: Place) -> None:
    """Ten thousand times."""
    await race(lambda: store_at(place.store), times(10_000))


@pytest.mark.slow
async def test_signals_meet_parking_wherever_runs_are_kept_each_time(elsewhere: Place) -> None:
    """Ten thousand times."""
    await race(lambda: store_at(elsewhere.store), times(10_000))


async def in_two_processes(place: Place, count: int) -> None:
    """Tell runs what they wait for just when their time is up, while two other processes go on with what is due."""
    names = [f"p{n}" for n in range(count)]
    hurrying.prepare(place)
    sweepers = [started(sweep, place, count) for _ in range(2)]
    async with Orchestrator(store_at(place.store), workflows=[hurrying.hurried]) as orchestrator:

        async def tell(name: str) -> None:
            await orchestrator.start(hurrying.hurried(place.marks), run_id=name)
            await asyncio.sleep(random.uniform(0.1, 0.2))
            (await orchestrator.signal(name, "go", "told")).unwrap()

        await asyncio.gather(*map(tell, names))
        codes = await asyncio.gather(*(asyncio.to_thread(ended, sweeper) for sweeper in sweepers))
        assert codes == [0, 0]
        await orchestrator.recover()
        for name in names:
            execution = (await orchestrator.approve(name, by="ann", resume=hurrying.hurried)).unwrap()
            marked = hurrying.ended_by(place)[name]
            one = marked == [execution.result.value_or("nothing")]
            TALLY.check("an answer at the moment of the timeout: one of both, for ever", one, (name, marked, execution))


async def test_answers_meet_timeouts_in_two_processes(place: Place) -> None:
    """Forty times, in a file."""
    await in_two_processes(place, 40)


async def test_answers_meet_timeouts_in_two_processes_wherever_runs_are_kept(elsewhere: Place) -> None:
    """Twenty times."""
    await in_two_processes(elsewhere, 20)
