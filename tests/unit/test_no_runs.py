"""Rows that stand among the runs and are none: whoever asks for a run does not come to them, and cannot move them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from awaitly import (
    Gate,
    Happened,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Result,
    Run,
    UnknownApproval,
    UnknownPromise,
    UnknownRun,
    workflow,
)
from awaitly.replaying.promises import promise_id
from awaitly.storage.records import absence_id
from awaitly.storage.store import RunQuery
from awaitly.testing import Simulation, TestClock
from tests.support import ADMIN, error_of


@workflow
async def asking(run: Run[NotApproved]) -> Result[str, NotApproved]:
    """Ask."""
    return Ok(await run.approval("manager", proposes="x"))


async def result_of(execution: Awaitable[Any]) -> Result[Any, Any]:
    """Give the result of an execution."""
    result: Result[Any, Any] = (await execution).result
    return result


VERBS: dict[str, Callable[[Orchestrator, str], Awaitable[Result[Any, Any]]]] = {
    "resume": lambda o, run_id: result_of(o.resume(run_id)),
    "resume with code": lambda o, run_id: result_of(o.resume(run_id, asking)),
    "retry": lambda o, run_id: result_of(o.retry(run_id)),
    "retry with code": lambda o, run_id: result_of(o.retry(run_id, asking)),
    "fork": lambda o, run_id: result_of(o.fork(run_id, before="manager")),
    "wait": lambda o, run_id: result_of(o.wait(run_id)),
    "cancel": lambda o, run_id: o.cancel(run_id, by=ADMIN),
    "settle": lambda o, run_id: o.settle(run_id, Happened(1), by=ADMIN),
    "signal": lambda o, run_id: o.signal(run_id, "go", 1),
    "resolve": lambda o, run_id: o.resolve(promise_id(run_id, "kept"), 1),
    "approve": lambda o, run_id: o.approve(run_id, by=ADMIN),
    "status": lambda o, run_id: o.status(run_id),
    "history": lambda o, run_id: o.history(run_id),
}


@pytest.mark.parametrize("row", ["absence", "grant"])
@pytest.mark.parametrize("verb", VERBS)
async def test_no_verb_comes_to_what_is_no_run(verb: str, row: str) -> None:
    """An absence, or a standing grant, is an unknown run to each, and stays as it is."""
    store = MemoryStore(clock=TestClock())
    async with Gate(store) as gate:
        (await gate.orchestrator.away("ann", to="bob", until="1d")).unwrap()
        (await gate.grant("pay", uses=1, until="1d", by="ann")).unwrap()
        (before,) = (await store.page_runs(RunQuery(prefix=f"{row}:"))).items
        refusal = error_of(await VERBS[verb](gate.orchestrator, before.run_id))
        assert isinstance(refusal, UnknownRun | UnknownApproval | UnknownPromise)
        assert (await store.load(before.run_id)).run == before
        assert (await store.load(before.run_id)).approvals == ()


async def test_people_may_be_away_in_a_simulation() -> None:
    """Whoever stands in then decides, and the absence is no part of any run's timeline."""
    async with Simulation(workflows=[asking]) as sim:
        (await sim.orchestrator.away("ann", to="bob", until="1d")).unwrap()
        await sim.start(asking(), run_id="r")
        assert isinstance(await sim.approve("r", by="bob"), Ok)
        await sim.run_until_idle()
        assert (await sim.execution("r")).result == Ok("x")
        assert sim.timeline(absence_id("ann", "bob")) == []
