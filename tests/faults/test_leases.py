from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

from awaitly import Execution, MemoryStore, Orchestrator, RunStatus, StoreUnavailable
from awaitly.testing import FailingStore, Failpoints, raising
from tests.faults.child import told
from tests.faults.errands import Marks, errand
from tests.faults.inspecting import reports
from tests.faults.orders import Orders, Place
from tests.faults.processes import spawn
from tests.faults.stores import store_at
from tests.faults.tally import TALLY

PATIENCE = 10.0


async def resume_through(place: Place, renewals: int) -> list[str]:
    """Try to resume a run until its lease was renewed so often; gives what the attempts met with."""
    ends: set[int | None] = set()
    met: list[str] = []
    store, workflow = store_at(place.store), errand(Marks(Path(place.marks)))
    limit = time.monotonic() + PATIENCE
    async with Orchestrator(store, workflows=[workflow]) as orchestrator:
        while len(ends) <= renewals and time.monotonic() < limit:
            found = await store.load("r1")
            ends.add(found.run.due_at if found.run else None)
            execution: Execution[Any, Any] = await orchestrator.resume("r1")
            met.append(str(told(execution).get("error")))
            await asyncio.sleep(0.01)
    assert len(ends) > renewals
    return met


def test_a_long_step_is_not_taken_over_while_its_process_lives(place: Place) -> None:
    """Through six renewals of a lease that is shorter than the step, every resume elsewhere is a conflict."""
    child = spawn(Orders(place, (("start", "r1", "s s"),), "zed", lease="0.3s", body="hold@1"))
    assert child.stdout is not None
    assert child.stdout.readline() == "holding\n"
    met = asyncio.run(resume_through(place, 6))
    child.communicate("\n", timeout=30)
    TALLY.check("a long run ends where it began", child.returncode == 0 and _completed(place), (child, reports(place)))
    TALLY.check("a run that executes is not taken over", set(met) == {"RunConflict"}, Counter(met))
    marks = Counter(Marks.read(Path(place.marks)))
    TALLY.check("a long step runs once", marks == {"s0": 1, "s1": 1}, marks)


def _completed(place: Place) -> bool:
    return [report["status"] for report in reports(place)] == ["completed"]


async def test_a_renewal_that_fails_once_is_tried_again() -> None:
    """A store that is away for the time of one renewal does not end the renewing: the step is still not taken over."""
    failpoints, marks = Failpoints(), Marks()
    failpoints.arm("renew.before", raising(StoreUnavailable("away for a moment")), hit=1)
    renewed = asyncio.Event()

    async def note() -> None:
        renewed.set()

    failpoints.arm("renew.after", note)

    async def last() -> None:
        async with asyncio.timeout(2):
            await renewed.wait()

    marks.after = {1: last}
    workflow = errand(marks)
    store = FailingStore(MemoryStore(), failpoints)
    async with Orchestrator(store, workflows=[workflow], lease="0.15s") as orchestrator:
        execution: Execution[Any, Any] = await orchestrator.start(workflow("s"), run_id="r1")
    TALLY.check(
        "a failed renewal is tried again", execution.status is RunStatus.COMPLETED, (execution, failpoints.hits)
    )
