"""A run that kills whoever executes it is set aside, and a person moves it on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from signal import SIGKILL
from typing import Any

from awaitly import Execution, NeedsReview, NotApproved, Ok, Orchestrator, Result, Run, RunStatus, workflow
from awaitly.runs.running import MOST_RECOVERIES
from awaitly_sqlite import SqliteStore
from tests.faults.processes import KILLED, ended, started
from tests.faults.tally import TALLY
from tests.support import ADMIN

SHORT_LEASE = "0.05s"


async def begin(folder: str) -> Result[str, Any]:
    """Leave a mark."""
    with (Path(folder) / "begun").open("a") as marks:
        marks.write("x")
    return Ok("begun")


async def die(folder: str) -> Result[str, Any]:
    """Kill the process that runs this, unless it was healed."""
    if not (Path(folder) / "healed").exists():
        os.kill(os.getpid(), SIGKILL)
    return Ok("alive")


@workflow
async def deadly(run: Run[NotApproved], folder: str) -> Result[str, Any]:
    """Record a step, and die in the next."""
    await run.step(begin, folder)
    return Ok(await run.step(die, folder))


def opened(folder: str) -> Orchestrator:
    """Give an orchestrator over the store of a folder."""
    return Orchestrator(SqliteStore(Path(folder) / "runs.db"), workflows=[deadly], lease=SHORT_LEASE)


def start(folder: str) -> None:
    """Start the run, as a process of its own."""

    async def work() -> None:
        async with opened(folder) as orchestrator:
            await orchestrator.start(deadly(folder), run_id="r")

    asyncio.run(work())


async def _recovered(orchestrator: Orchestrator) -> Execution[Any, Any]:
    """Recover until something moves: before, the run is still on its dead process's lease."""
    async with asyncio.timeout(20):
        while True:
            for execution in await orchestrator.recover():
                if execution.status is not RunStatus.RUNNING:
                    return execution
            await asyncio.sleep(0.01)


def recover(folder: str) -> None:
    """Go on with what is due, as a process of its own."""

    async def work() -> None:
        async with opened(folder) as orchestrator:
            await _recovered(orchestrator)

    asyncio.run(work())


def worn_out(folder: str) -> list[int]:
    """Let one process after the other die of the run, until one lives; gives how each ended."""
    codes = [ended(started(start, folder))]
    while codes[-1] == KILLED and len(codes) < 20:
        codes.append(ended(started(recover, folder)))
    return codes


async def now_known(folder: str) -> tuple[RunStatus, str | None]:
    """Give where the run stands, and why."""
    async with opened(folder) as orchestrator:
        run = (await orchestrator.status("r")).unwrap().run
    return run.status, run.reason


def ran(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(work)


def test_a_run_that_kills_its_processes_is_set_aside_and_tried_again(here: Path) -> None:
    """After five recoveries without progress, with the reason; `retry` gives it as many again, and keeps its steps."""
    folder = str(here)
    codes = worn_out(folder)
    TALLY.check("a run may kill so many", codes == [KILLED] * (MOST_RECOVERIES + 1) + [0], codes)
    status, reason = ran(now_known(folder))
    TALLY.check("a deadly run is set aside", status is RunStatus.NEEDS_REVIEW, status)
    TALLY.check("with the reason", "taken over 5 times from processes that died" in str(reason), reason)

    async def requeued() -> Execution[Any, Any]:
        async with opened(folder) as orchestrator:
            assert isinstance((await orchestrator.resume("r")).result.failure(), NeedsReview)
            assert await orchestrator.recover() == ()
            (await orchestrator.requeue("r")).unwrap()
            (here / "healed").touch()
            return await _recovered(orchestrator)

    TALLY.check("a healed run goes on", ran(requeued()).result == Ok("alive"), ran(now_known(folder)))
    TALLY.check("what it recorded is kept", (here / "begun").read_text() == "x", (here / "begun").read_text())


def test_a_run_that_was_tried_again_may_kill_as_many_once_more(here: Path) -> None:
    """And is then set aside again, until somebody cancels it."""
    folder = str(here)
    worn_out(folder)

    async def requeued() -> None:
        async with opened(folder) as orchestrator:
            (await orchestrator.requeue("r")).unwrap()

    ran(requeued())
    codes = [KILLED]
    while codes[-1] == KILLED and len(codes) < 20:
        codes.append(ended(started(recover, folder)))
    TALLY.check("and so many once more", codes == [KILLED] * (MOST_RECOVERIES + 2) + [0], codes)

    async def cancelled() -> RunStatus:
        async with opened(folder) as orchestrator:
            assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.NEEDS_REVIEW
            (await orchestrator.cancel("r", by=ADMIN)).unwrap()
            return (await orchestrator.status("r")).unwrap().run.status

    TALLY.check("a deadly run can be cancelled", ran(cancelled()) is RunStatus.CANCELLED, ran(now_known(folder)))
