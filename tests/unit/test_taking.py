"""A run that somebody will not take now: what it was told still calls the next one."""

from __future__ import annotations

from datetime import datetime

from awaitly import Err, MemoryStore, Ok, Orchestrator, Result, Run, workflow
from awaitly.errors import ConflictReason, RunConflict
from awaitly.runs.moves import Moved
from awaitly.runs.running import RunRefusal
from awaitly.storage.journal import RunState
from awaitly.testing import TestClock
from awaitly.working.executor import Executor, Take


@workflow
async def waiting(run: Run[str]) -> Result[str, str]:
    """Wait to be told."""
    return Ok(str(await run.wait_for("word", str)))


def _stopping(state: RunState, _: datetime) -> Result[Moved, RunRefusal]:
    return Err(RunConflict(state.run.run_id, ConflictReason.RESUMABLE, "this worker is stopping"))


async def test_a_worker_that_stops_leaves_what_a_run_was_told_to_the_next() -> None:
    """Refused for the moment and not by its state, the run is still due: nobody else would ever look at it."""
    store = MemoryStore(clock=TestClock())
    async with Orchestrator(store, workflows=[waiting]) as orchestrator:
        await orchestrator.start(waiting(), run_id="r")
        (await orchestrator.signal("r", "word", "go on")).unwrap()
        executor: Executor = orchestrator._executor  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        await executor.take("r", waiting, Take(prepare=_stopping))
        assert await store.due(await store.now(), 5) == ("r",)
