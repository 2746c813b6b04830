# ruff: noqa: ASYNC240  (files and processes are what these tests are about)
"""Runs that kill the process that executes them, others beside them, and worker processes that are replaced."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

from awaitly import NotApproved, Ok, Orchestrator, Result, Run, RunStatus, workflow
from awaitly.storage.journal import RunRecord
from tests.faults.errands import Marks
from tests.faults.orders import Place
from tests.faults.processes import ended, started
from tests.faults.stores import store_at
from tests.faults.tally import TALLY

__all__ = ["DIED", "deadly", "orchestrator_at", "slow", "times_begun", "worn_down"]

LEASE = "0.4s"
DIED = 9
_MOST = 60
"""How many processes may come and go before that is an error."""


@workflow
async def deadly(run: Run[NotApproved], healed: str) -> Result[str, NotApproved]:
    """Ask if there is to be a question, and end the process before any step, unless it was healed."""
    if run.run_id.startswith("asked"):
        await run.approval("manager", proposes=1)
    if not Path(healed).exists():
        os._exit(DIED)
    return Ok("alive")


async def take_time(marks: str, run_id: str, seconds: float) -> Result[str, NotApproved]:
    """Leave a mark, and take some time."""
    Marks(Path(marks)).leave(run_id)
    await asyncio.sleep(seconds)
    return Ok(run_id)


@workflow
async def slow(run: Run[NotApproved], marks: str, seconds: float) -> Result[str, NotApproved]:
    """Take some time in one step."""
    return Ok(await run.step(take_time, marks, run.run_id, seconds))


def orchestrator_at(place: Place) -> Orchestrator:
    """Make an orchestrator whose dead are replaced soon."""
    return Orchestrator(store_at(place.store), workflows=[deadly, slow], lease=LEASE)


def be_worker(place: Place) -> None:
    """Work off what is due."""

    async def work() -> None:
        async with orchestrator_at(place) as orchestrator:
            await orchestrator.work(once=True)

    asyncio.run(work())


def times_begun(place: Place) -> Counter[str]:
    """Give how often the step of each slow run was begun."""
    return Counter(Marks.read(Path(place.marks)))


async def worn_down(gateway: Orchestrator, place: Place, names: list[str]) -> dict[str, RunRecord]:
    """Let one worker follow the other until each run is over or set aside; gives the runs as they then stand."""
    lookout, left, runs = gateway.working(), frozenset[str](), dict[str, RunRecord]()
    for _ in range(_MOST):
        with suppress(TimeoutError):  # what the last one left undone is tried again in time
            async with asyncio.timeout(1):
                await lookout.until_due(left)
        before = await lookout.due(len(names))
        code = await asyncio.to_thread(lambda: ended(started(be_worker, place)))
        TALLY.check("a worker works off what is due, or dies of it", code in {0, DIED}, code)
        TALLY.happened("workers that died of a run", int(code == DIED))
        left = frozenset[str]() if code else before & await lookout.due(len(names))
        runs = {name: (await gateway.status(name)).unwrap().run for name in names}
        if all(run.status.ended or run.status is RunStatus.NEEDS_REVIEW for run in runs.values()):
            return runs
    raise AssertionError({name: (run.status, run.recoveries) for name, run in runs.items()})
