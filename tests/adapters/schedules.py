"""What schedules must do on a server, whose clock no test can set: the tick is moved into the past instead."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from attrs import evolve

from awaitly import Changes, Move, Ok, Orchestrator, Result, Run, Scheduled, Store, from_micros, workflow
from awaitly.storage.records import row_of_run, run_of
from tests.support import SharedStore

__all__ = ["made_overdue", "rings_once"]


async def rings_once(store: Store) -> None:
    """Check that four workers place a schedule once, take a missed tick once, move on, and that it can be ended."""
    done: list[str] = []

    async def note(what: str) -> Result[str, str]:
        done.append(what)
        return Ok(what)

    @workflow
    async def report(run: Run[str], what: str) -> Result[str, str]:
        return Ok(await run.step(note, what))

    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(Orchestrator(SharedStore(store), workflows=[report])) for _ in range(4)
        ]
        placing = (worker.schedule("nightly", "0 9 * * *", report("r"), timezone="Europe/Berlin") for worker in workers)
        placed = await asyncio.gather(*placing)
        assert sorted(each.replayed for each in placed) == [False, True, True, True]
        missed = await made_overdue(store, placed[0])
        await asyncio.gather(*(worker.recover() for worker in workers))
        assert done == ["r"]
        (run,) = (await workers[0].runs(prefix="nightly@")).items
        assert run.run_id == f"nightly@{missed.at:%Y-%m-%dT%H:%M:%SZ}"
        (after,) = await workers[0].schedules()
        now = from_micros(await store.now())
        assert now < after.at <= now + timedelta(hours=26)
        assert [await worker.recover() for worker in workers] == [()] * 4
        assert (await workers[0].unschedule("nightly")).unwrap() == after
        assert await workers[1].schedules() == ()


async def made_overdue(store: Store, placed: Scheduled) -> Scheduled:
    """Let a schedule wait for the tick of three days ago."""
    row = (await store.load(f"schedule:{placed.name}")).run
    assert row is not None
    run, at = run_of(row), placed.at - timedelta(days=3)
    assert run.tick is not None
    overdue = evolve(run, version=run.version + 1, due_at=at, tick=evolve(run.tick, at=at))
    (await store.commit(Changes(move=Move.SCHEDULE, runs=(row_of_run(overdue),)))).unwrap()
    return evolve(placed, at=at)
