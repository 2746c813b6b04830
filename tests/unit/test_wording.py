"""What is refused says why in words for people, and by a closed value for programs."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    AlreadyDecided,
    ApprovalStatus,
    ConflictReason,
    MemoryStore,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunConflict,
    execute,
    workflow,
)
from awaitly import sync as plain_code
from tests.support import ADMIN, FlowError, SharedStore, error_of, waiting


@workflow
async def refund(run: Run[FlowError], order_id: str) -> Result[str, FlowError]:
    """Ask about an order."""
    return Ok(await run.approval("manager", proposes=order_id))


# Nobody decided


async def test_a_question_that_its_run_left_behind_names_nobody(store: SharedStore) -> None:
    """Given a run that ended while a question waited, then a late decision hears that, and of no decider."""
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        waiting((await orchestrator.start(refund("order-1"), run_id="r")).result)
        [row] = (await store.load("r")).approvals
        body = row.body.replace('"status":"pending"', '"status":"superseded"')
        await store.change_approval(evolve(row, version=row.version + 1, open=False, body=body))
        refusal = error_of(await orchestrator.approve("r", by="ann"))
    assert refusal == AlreadyDecided("r", "manager", ApprovalStatus.SUPERSEDED)
    assert str(refusal) == "approval 'manager' of run r was already superseded: its run ended, or went on, without it"


# The reasons of a conflict


async def slow_run(store: SharedStore, orchestrator: Orchestrator) -> None:
    """Make run `r` look as if another process executed it right now."""
    await orchestrator.start(refund("order-1"), run_id="r")
    row = (await store.load("r")).run
    assert row is not None
    until = await store.now() + 1_000_000
    body = row.body.replace('"waits":["manager"]', f'"lease":["other",{until}]')
    await store.change_run(evolve(row, version=row.version + 1, status="running", due_at=until, body=body))


async def test_a_conflict_over_an_id_says_so(store: SharedStore) -> None:
    """A start, a fork and an execution that name an id which belongs to something else: `ID_TAKEN`."""
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        snapshot = (await orchestrator.start(refund("order-1"), run_id="r")).snapshot
        (await orchestrator.approve("r", by="ann")).unwrap()
        await orchestrator.resume("r")
        started = await orchestrator.start(refund("order-2"), run_id="r")
        forked = await orchestrator.fork("r", before="manager", new_id="r")
    executed = await execute(refund("order-2"), snapshot=snapshot)
    reasons = [error_of(execution.result).reason for execution in (started, forked, executed)]
    assert reasons == [ConflictReason.ID_TAKEN] * 3


async def test_a_conflict_over_an_execution_says_so(store: SharedStore) -> None:
    """A run that another process executes: `EXECUTING_ELSEWHERE`, and the words name it."""
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await slow_run(store, orchestrator)
        resumed = error_of((await orchestrator.resume("r")).result)
        waited = error_of((await orchestrator.wait("r", timeout="1ms")).result)
    assert (resumed.reason, waited.reason) == (ConflictReason.EXECUTING_ELSEWHERE,) * 2
    assert "(other, lease until " in resumed.detail
    assert str(resumed) == f"run r: {resumed.detail}"


async def test_a_conflict_over_a_status_says_so(store: SharedStore) -> None:
    """A retry of what has not failed: `WRONG_STATUS`; a run that was decided and not resumed: `RESUMABLE`."""
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund("order-1"), run_id="r")
        retried = error_of((await orchestrator.retry("r")).result)
        (await orchestrator.approve("r", by="ann")).unwrap()
        waited = error_of((await orchestrator.wait("r", timeout="1ms")).result)
    assert (retried.reason, waited.reason) == (ConflictReason.WRONG_STATUS, ConflictReason.RESUMABLE)


async def test_a_conflict_over_a_cancellation_says_so(store: SharedStore) -> None:
    """A damaged run that moves while it is being cancelled: `MOVED`."""
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund("order-1"), run_id="r")
        row = (await store.load("r")).run
        assert row is not None
        await store.change_run(evolve(row, version=row.version + 1, body="{"))

        async def moves() -> None:
            await store.change_run(evolve(row, version=row.version + 2, body="{"))

        store.failpoints.arm("cancel.before", moves, hit=1)
        refusal = error_of(await orchestrator.cancel("r", by=ADMIN))
    assert isinstance(refusal, RunConflict)
    assert refusal.reason is ConflictReason.MOVED


# A workflow where its invocation belongs


async def test_starting_a_workflow_without_arguments_says_what_to_write(store: SharedStore) -> None:
    """`start(refund)`, `execute(refund)` and the same without await: `TypeError` with the call that was meant."""
    meant: Any = refund
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        with pytest.raises(TypeError, match=r"^write start\(refund\(order_id\)\), not start\(refund\)"):
            await orchestrator.start(meant)
    with pytest.raises(TypeError, match=r"^write execute\(refund\(order_id\)\), not execute\(refund\)"):
        await execute(meant)
    assert store.written == 0


def test_plain_code_that_starts_a_workflow_is_told_the_same() -> None:
    """The orchestrator without await raises the same `TypeError`."""
    meant: Any = refund
    unbound = pytest.raises(TypeError, match=r"not start\(refund\)")
    with plain_code.Orchestrator(MemoryStore(), workflows=[refund]) as orchestrator, unbound:
        orchestrator.start(meant)


@pytest.mark.parametrize("given", [5, None, "refund"])
async def test_starting_what_is_no_workflow_says_what_is_wanted(given: Any, store: SharedStore) -> None:
    """Anything else is named, with what `start` takes."""
    async with Orchestrator(store) as orchestrator:
        with pytest.raises(TypeError, match=r"start takes what calling a workflow gives"):
            await orchestrator.start(given)
