"""Crews of worker processes that come, go and are killed, a gateway beside them, and what must come of it.

Each execution of a body leaves a line in one file, in the order in which the bodies begin: once a later body of a run
has begun, every earlier one is recorded, and must never begin again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from signal import SIGTERM
from uuid import uuid4

from attrs import define, field

import awaitly.working.worker
from awaitly import Ok, Orchestrator, PromiseRejected, Result, Run, RunStatus, Workflow, workflow
from awaitly.cli.stopping import stopping
from tests.faults.errands import append
from tests.faults.orders import Place
from tests.faults.processes import KILLED, ended, started
from tests.faults.stores import store_at
from tests.faults.tally import TALLY

__all__ = ["STEPS", "Crew", "Line", "check_all", "check_delivery", "delivery", "enqueue_all", "lines_in", "settle_all"]

STEPS = ("pack", "invoice", "ship", "thank")
LEASE = "0.6s"
_STEP = 0.04

Line = tuple[str, str, str, str]
"""A run, a step, what it was given, and the number of this execution."""


def delivery(marks: Path) -> Workflow[[str], str, PromiseRejected]:
    """Make the workflow: steps, a promise that the gateway keeps, a time, steps."""

    async def done(run_id: str, name: str, given: str) -> Result[str, PromiseRejected]:
        number = uuid4().hex[:8]
        append(marks, f"{run_id} {name} {given} {number}")
        await asyncio.sleep(_STEP)
        return Ok(f"{given}.{number}")

    @workflow
    async def delivery(run: Run[PromiseRejected], name: str) -> Result[str, PromiseRejected]:
        value = await run.step(done, name, "pack", name)
        paid = run.promise("paid", str)
        value = await run.step(done, name, "invoice", value)
        value = f"{value}.{await paid}"
        await run.sleep("0.05s")
        for step in ("ship", "thank"):
            value = await run.step(done, name, step, value)
        return Ok(value)

    return delivery


def orchestrator_at(place: Place) -> Orchestrator:
    """Make an orchestrator whose runs park on every time, and whose dead are replaced soon."""
    return Orchestrator(store_at(place.store), workflows=[delivery(Path(place.marks))], lease=LEASE, inline="1ms")


def be_worker(place: Place, looks: float) -> None:
    """Be a worker until SIGTERM; it looks by itself only so often."""
    awaitly.working.worker._LOOK_AGAIN = looks  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    asyncio.run(_work(orchestrator_at(place)))


async def _work(orchestrator: Orchestrator) -> None:
    worker = orchestrator.working(concurrency=8, grace="5s")
    with stopping(lambda at_once: worker.stop(at_once=at_once)):
        async with orchestrator:
            await worker.run()


@define
class Crew:
    """Worker processes; `looks`: how often each looks in the store without having been told, in seconds."""

    place: Place
    random: Random
    looks: float = 5.0
    members: list[ForkServerProcess] = field(factory=list[ForkServerProcess])

    def scale(self, size: int) -> None:
        """Start workers, or tell some to stop, whose end is awaited: each drains and ends well."""
        while len(self.members) < size:
            self.members.append(started(be_worker, self.place, self.looks))
        leaving, self.members = self.members[size:], self.members[:size]
        for one in leaving:
            if one.pid is not None:
                os.kill(one.pid, SIGTERM)
        for one in leaving:
            TALLY.check("a worker that is told to stop ends well", ended(one) in (0, -SIGTERM))

    def kill_one(self) -> None:
        """Kill one of them, and start another in its place."""
        victim = self.members.pop(self.random.randrange(len(self.members)))
        victim.kill()
        TALLY.check("a killed worker is dead", ended(victim) == KILLED)
        TALLY.happened("workers killed")
        self.scale(len(self.members) + 1)


def lines_in(place: Place) -> list[Line]:
    """Read what the bodies left, in order."""
    marks = Path(place.marks)
    text = marks.read_text() if marks.exists() else ""
    found = [line.split(" ") for line in text.splitlines()]
    return [(run_id, name, given, number) for run_id, name, given, number in found]


async def enqueue_all(gateway: Orchestrator, place: Place, names: Sequence[str]) -> None:
    """Enqueue each run twice, as somebody does who is not sure that the first call arrived."""
    order = delivery(Path(place.marks))
    for name in names:
        first, again = [(await gateway.enqueue(order(name), run_id=name)).unwrap().replayed for _ in range(2)]
        TALLY.check("an id that is enqueued twice is one run", (first, again) == (False, True), name)
        await asyncio.sleep(_STEP)


async def settle_all(gateway: Orchestrator, place: Place, names: Sequence[str], patience: float) -> None:
    """Keep each promise once its invoice is out, until all runs have ended."""
    limit, kept, over = time.monotonic() + patience, set[str](), set[str]()
    while len(over) < len(names):
        if time.monotonic() >= limit:
            left = [(name, name in kept, await gateway.history(name)) for name in sorted(set(names) - over)]
            TALLY.check("all runs end in time", holds=False, details=left)
        invoiced = {name for name, step, *_ in lines_in(place) if step == "invoice"}
        for name in invoiced.intersection(names) - kept:
            (await gateway.resolve(f"paid@{name}", "paid")).unwrap()
            kept.add(name)
        for name in kept - over:
            if (await gateway.status(name)).unwrap().run.status.ended:
                over.add(name)
        await asyncio.sleep(0.02)
    TALLY.check("all runs end in time", holds=True)


async def check_all(gateway: Orchestrator, place: Place, names: Sequence[str]) -> None:
    """Check each run's end against all that its bodies left."""
    by_run: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines_in(place):
        by_run[line[0]].append(line)
    for name in names:
        execution = await gateway.resume(name)
        ended_well = execution.status is RunStatus.COMPLETED
        TALLY.check("a run completes whoever is killed", ended_well, (name, execution))
        check_delivery(str(execution.result.unwrap()), by_run[name])


def check_delivery(value: str, lines: Sequence[Line]) -> None:
    """Check a run's value against what its bodies left."""
    order = [STEPS.index(step) for _, step, *_ in lines]
    TALLY.check("all steps of a delivery ran", set(order) == set(range(len(STEPS))), lines)
    TALLY.check("no recorded step ran again", order == sorted(order), lines)
    TALLY.happened("steps that ran again, for a kill met them", len(order) - len(STEPS))
    TALLY.check("each step got what was recorded", all(value.startswith(given) for _, _, given, _ in lines), lines)
    last = [number for _, step, _, number in lines if step == "thank"]
    TALLY.check("the value is that of one execution", value.rsplit(".", maxsplit=1)[-1] in last, (value, lines))
