"""Ringing a schedule whose tick has come: its run is put into the queue, then the schedule moves on.

In that order, each one commit, so a process that dies in between leaves the schedule due; whoever rings it next finds
the run there already, for its id is made of the tick.
"""

from __future__ import annotations

from datetime import datetime

from awaitly.errors import ConflictReason, RunConflict
from awaitly.observing import NOBODY, Observers
from awaitly.result import Err, Ok, Result
from awaitly.runs.schedules import postponed, rung
from awaitly.runs.witness import tell_enqueued
from awaitly.statuses import RunStatus
from awaitly.storage.journal import RunRecord
from awaitly.storage.records import row_of_run
from awaitly.storage.store import Changes, Move, Store

__all__ = ["ring"]


async def ring(
    store: Store, run: RunRecord, now: datetime, observers: Observers = NOBODY
) -> Result[str, RunConflict | None]:
    """Give the id to go on with: that of the run that has come of a tick, or the same again if somebody was quicker.

    None where the tick is still to come. `RunConflict` where the schedule cannot go on here: it was ended or set aside,
    or its next time cannot be told.
    """
    tick = run.tick
    if run.status is not RunStatus.SCHEDULED or tick is None:
        return Err(_conflict(run, f"it is {run.status.value.replace('_', ' ')} and no run; `schedule` it again"))
    if run.due_at is None or now < run.due_at:
        return Err(None)
    try:
        begun, after = rung(run, tick, now)
    except ValueError as exc:
        await store.commit(Changes(move=Move.SCHEDULE, runs=(row_of_run(postponed(run, str(exc), now)),)))
        return Err(_conflict(run, f"when it rings next cannot be told here: {exc}"))
    if isinstance(await store.commit(Changes(move=Move.ENQUEUE, runs=(row_of_run(begun),))), Ok):
        tell_enqueued(observers, begun)
    moved = await store.commit(Changes(move=Move.SCHEDULE, runs=(row_of_run(after),)))
    return Ok(begun.run_id if isinstance(moved, Ok) else run.run_id)


def _conflict(run: RunRecord, detail: str) -> RunConflict:
    return RunConflict(run.run_id, ConflictReason.WRONG_STATUS, detail)
