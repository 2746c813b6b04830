"""Runs whose bodies are damaged by commits like any other, so that it can be done in every store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from attrs import evolve

from awaitly import Changes, Execution, Move, Ok, Orchestrator, RecordCorrupt, RunStatus, Store
from awaitly.storage.records import approval_of, run_of, step_of
from awaitly.storage.store import Found
from tests.faults.child import told
from tests.faults.damage import Damage, damages
from tests.faults.errands import Marks, errand
from tests.faults.tally import TALLY

__all__ = ["FAIR", "NEIGHBOURS", "SHAPE", "check_poisoned", "decodes", "resumed"]

Stores = Callable[[], Store]
NEIGHBOURS = ("healthy-1", "healthy-2")
SHAPE = "s a s"
FAIR = {
    "completed",
    "failed ApprovalRejected",
    "failed UnexpectedError",
    "cancelled RunCancelled",
    "parked PendingApproval",
    "parked WorkflowChanged",
    "running WorkflowChanged",
    "running RunConflict",
}
"""How else a run may fare whose records can all be read."""
_AT_ONCE = 16


def orchestrator_at(stores: Stores) -> Orchestrator:
    """Make an orchestrator with the workflow of all these runs."""
    return Orchestrator(stores(), workflows=[errand(Marks())], lease="1s")


async def _poisoned(stores: Stores, table: str, every: int) -> Mapping[str, Damage]:
    """Fill a store with decided runs: healthy ones, and one for each damage, or each so many of them."""
    async with orchestrator_at(stores) as orchestrator:
        await _begin(orchestrator, "model")
        for name in NEIGHBOURS:
            await _begin(orchestrator, name)
        store = stores()
        await store.open()
        body = _body(await store.load("model"), table)
        chosen = dict(enumerate(list(damages(table, body, Random(7)))[::every]))
        names = {f"run-{number:03}": damage for number, damage in chosen.items()}
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str, damage: Damage) -> bool:
            async with turns:
                await _begin(orchestrator, name)
                return await _damaged(store, name, damage)

        taken = await asyncio.gather(*(one(name, damage) for name, damage in names.items()))
        await store.close()
    return {name: damage for (name, damage), was in zip(names.items(), taken, strict=True) if was}


async def _begin(orchestrator: Orchestrator, run_id: str) -> None:
    await orchestrator.start(errand(Marks())(SHAPE), run_id=run_id, requested_by="zoe")
    (await orchestrator.approve(run_id, by="ann")).unwrap()


def _body(found: Found, table: str) -> str:
    assert found.run is not None
    match table:
        case "runs":
            return found.run.body
        case "steps":
            return found.steps[0].body
        case _:
            return found.approvals[0].body


async def _damaged(store: Store, run_id: str, damage: Damage) -> bool:
    """Write a damaged body; False where the store refuses to keep such a text at all."""
    found, body = await store.load(run_id), damage.body.decode()
    assert found.run is not None
    run = evolve(found.run, version=found.run.version + 1)
    match damage.table:
        case "runs":
            changes = Changes(move=Move.CLAIM, runs=(evolve(run, body=body),))
        case "steps":
            step = found.steps[0]
            dropped = ((run_id, step.key),)
            changes = Changes(move=Move.STEP, runs=(run,), dropped=dropped, steps=(evolve(step, body=body),))
        case _:
            (row,) = found.approvals
            changes = Changes(move=Move.DECIDE, approvals=(evolve(row, version=row.version + 1, body=body),))
    try:
        return await store.commit(changes) == Ok(None)
    except ValueError:
        return False


async def check_poisoned(stores: Stores, table: str, every: int) -> None:
    """Recover and resume damaged runs: each is set aside or fares fairly, none is left out, and neighbours go on."""
    chosen = await _poisoned(stores, table, every)
    store = stores()
    async with orchestrator_at(lambda: store) as orchestrator:
        await orchestrator.recover()
        for run_id, damage in chosen.items():
            readable = decodes(await store.load(run_id))
            fared = await resumed(orchestrator, run_id)
            aside = fared == "is set aside"
            TALLY.happened("damaged runs that were set aside", aside)
            fair = aside or (readable and fared in FAIR)
            TALLY.check(f"a damaged row of {table} sets its run aside", fair, (damage.what, fared))
        listed = {item.run_id for item in (await orchestrator.runs(limit=2_000)).items}
        statuses = {(await orchestrator.resume(name)).status for name in NEIGHBOURS}
    TALLY.check("runs lists damaged runs", listed >= {*chosen, *NEIGHBOURS}, {*chosen} - listed)
    TALLY.check("neighbours of damaged runs complete", statuses == {RunStatus.COMPLETED}, statuses)
    TALLY.happened("damaged runs", len(chosen))


def decodes(found: Found) -> bool:
    """Whether all records of a run can be read, damaged or not."""
    try:
        assert found.run is not None
        run_of(found.run)
        for step in found.steps:
            step_of(step)
        for approval in found.approvals:
            approval_of(approval)
    except RecordCorrupt:
        return False
    return True


async def resumed(orchestrator: Orchestrator, run_id: str) -> str:
    """Resume a run and say how it fared."""
    try:
        async with asyncio.timeout(10):
            execution: Execution[Any, Any] = await orchestrator.resume(run_id)
    except BaseException as exc:  # noqa: BLE001  (whatever leaves a resume is what the test is about)
        return f"raises {type(exc).__name__}: {exc}"[:120]
    if execution.status is RunStatus.NEEDS_REVIEW:
        return "is set aside" if str(told(execution).get("text")).strip() else "is set aside without a reason"
    answer = told(execution)
    return f"{answer['status']} {answer.get('error', '')}".strip()
