"""The lease of a run that writes down, while it executes, what it waits for."""

from __future__ import annotations

from datetime import timedelta

import pytest_asyncio
from attrs import evolve

from awaitly import Ok, Result, Run, workflow
from awaitly.durations import from_micros
from awaitly.replaying.execution import new_run
from awaitly.replaying.replay import Entered
from awaitly.runs.moves import Moved
from awaitly.storage.journal import Lease, RunState
from awaitly.storage.store import Changes, Move
from awaitly.working.tenure import Tenure
from tests.support import SharedStore

LEASE = timedelta(seconds=30)


@workflow
async def nothing(_: Run[str]) -> Result[None, str]:
    """Do nothing."""
    return Ok(None)


@pytest_asyncio.fixture
async def tenure(store: SharedStore) -> Tenure:
    """Give a run that was taken."""
    now = from_micros(await store.now())
    run = new_run(nothing(), "r", None, now, Lease("here", now + LEASE))
    tenure = Tenure(store, Move.START, None, Moved(RunState(run)), LEASE)
    await tenure.record(())
    return tenure


async def note(tenure: Tenure) -> None:
    """Write what the run waits for."""
    await tenure.record((), Entered(()))


async def test_a_renewal_that_meets_a_note_on_its_way_back_is_no_loss(store: SharedStore, tenure: Tenure) -> None:
    """The lease is renewed after a note stands in the store and before its writer knows: the run is still its own."""
    store.failpoints.arm("step.after", tenure.renew)
    await note(tenure)
    assert not tenure.fenced


async def test_a_renewal_that_a_note_overtakes_is_no_loss(store: SharedStore, tenure: Tenure) -> None:
    """A note is written while a renewal is on its way: the run is still its own."""

    async def overtake() -> None:
        store.failpoints.disarm("renew.before")
        await note(tenure)

    store.failpoints.arm("renew.before", overtake)
    await tenure.renew()
    assert not tenure.fenced


async def test_a_renewal_after_a_note_holds_on_to_the_run(store: SharedStore, tenure: Tenure) -> None:
    """The next renewal names the version that the note made; one of a run that moved elsewhere is a loss."""
    await note(tenure)
    await tenure.renew()
    assert not tenure.fenced
    row = (await store.load("r")).run
    assert row is not None
    (await store.commit(Changes(move=Move.CANCEL, runs=(evolve(row, version=row.version + 1),)))).unwrap()
    await tenure.renew()
    assert tenure.fenced
