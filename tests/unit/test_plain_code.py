"""The façade for plain code: what it tells runs from outside, and how it puts them into a queue."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime

import pytest

from awaitly import (
    AlreadySent,
    Enqueued,
    Err,
    MemoryStore,
    Ok,
    Priority,
    PromiseRejected,
    Result,
    Run,
    RunConflict,
    RunEnded,
    RunStatus,
    Sent,
    UnknownPromise,
    UnknownRun,
    WaitKind,
    workflow,
)
from awaitly.sync import Orchestrator
from awaitly.testing import TestClock
from tests.support import error_of


@workflow
async def parcel(run: Run[PromiseRejected]) -> Result[str, PromiseRejected]:
    """Wait for a payment, then for a signature."""
    paid = await run.wait_for("paid", int)
    signed = run.promise("signed", str)
    return Ok(f"{paid.unwrap()}, {await signed}")


@workflow
async def nap(run: Run[PromiseRejected]) -> Result[int, PromiseRejected]:
    """Let two seconds pass."""
    await run.sleep("2s")
    return Ok(1)


@pytest.fixture
def orchestrator() -> Generator[Orchestrator]:
    """Give an open orchestrator."""
    with Orchestrator(MemoryStore(clock=TestClock()), workflows=[parcel, nap]) as opened:
        yield opened


def test_a_run_is_told_what_it_waits_for(orchestrator: Orchestrator) -> None:
    """A signal, then the value of a promise, each counted once."""
    orchestrator.start(parcel(), run_id="r")
    assert orchestrator.signal("r", "paid", 5, by="ann") == Ok(Sent("r", "paid"))
    assert orchestrator.signal("r", "paid", 5) == Ok(Sent("r", "paid", replayed=True))
    assert isinstance(error_of(orchestrator.signal("r", "paid", 6)), AlreadySent)
    assert orchestrator.signal("r", "paid", 6, key="second") == Ok(Sent("r", "paid"))
    orchestrator.resume("r")
    assert orchestrator.resolve("signed@r", "Zed") == Ok(Sent("r", "signed"))
    assert orchestrator.resume("r", parcel).result == Ok("5, Zed")


def test_a_promise_is_rejected(orchestrator: Orchestrator) -> None:
    """The workflow ends with the reason."""
    orchestrator.start(parcel(), run_id="r")
    orchestrator.signal("r", "paid", 5)
    assert orchestrator.reject_promise("signed@r", "not at home") == Ok(Sent("r", "signed"))
    assert orchestrator.resume("r", parcel).result == Err(PromiseRejected("r", "signed", "not at home"))


def test_what_nobody_can_be_told_is_refused(orchestrator: Orchestrator) -> None:
    """As a value, with the same types as without the façade."""
    assert orchestrator.signal("nobody", "paid", 5) == Err(UnknownRun("nobody"))
    assert orchestrator.resolve("signed") == Err(UnknownPromise("signed"))
    orchestrator.start(parcel(), run_id="r")
    orchestrator.cancel("r", by="ann")
    assert orchestrator.signal("r", "paid", 5) == Err(RunEnded("r", RunStatus.CANCELLED))


def test_a_run_is_put_into_a_queue(orchestrator: Orchestrator) -> None:
    """Nothing runs until somebody works it off; the same again changes nothing."""
    at = datetime.fromisoformat("2100-01-01T00:00:00+00:00")
    assert orchestrator.enqueue(parcel(), run_id="r", at=at, queue="mail", priority=Priority.HIGH) == Ok(Enqueued("r"))
    assert orchestrator.enqueue(parcel(), run_id="r") == Ok(Enqueued("r", replayed=True))
    assert isinstance(error_of(orchestrator.enqueue(nap(), run_id="r")), RunConflict)
    run = orchestrator.status("r").unwrap().run
    assert (run.status, run.queue, run.priority, run.due_at) == (RunStatus.QUEUED, "mail", Priority.HIGH, at)
    assert orchestrator.recover() == ()


def test_what_is_longer_than_is_waited_for_on_the_spot_parks() -> None:
    """`inline` says how long that is; by default these two seconds would be waited for."""
    with Orchestrator(MemoryStore(), workflows=[nap], inline="1s") as orchestrator:
        orchestrator.start(nap(), run_id="r")
        (wait,) = orchestrator.status("r").unwrap().run.awaiting
    assert wait.kind is WaitKind.TIMER


async def test_it_may_be_used_where_a_loop_runs_already() -> None:
    """As in a notebook, whose cells are in one."""
    with Orchestrator(MemoryStore(clock=TestClock()), workflows=[parcel]) as orchestrator:
        assert orchestrator.start(parcel(), run_id="r").status is RunStatus.PARKED
