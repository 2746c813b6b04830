from __future__ import annotations

import asyncio
import contextlib
from itertools import permutations

import pytest

from awaitly import (
    Approved,
    Ask,
    Ok,
    Orchestrator,
    Pending,
    Result,
    Run,
    RunConflict,
    RunStatus,
    StoreUnavailable,
    Workflow,
    WorkflowChanged,
    approval_step,
    execute,
    gated_step,
    workflow,
)
from awaitly.testing import TestClock, raising
from tests.support import Effects, FlowError, Refused, SharedStore, error_of, waiting


async def test_a_second_pause_does_not_forget_the_steps_before_the_first(store: SharedStore, effects: Effects) -> None:
    """Three questions with steps between them: each step runs once, over three pauses."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        total = 0
        for n in range(3):
            await run.step(effects.do, f"before {n}")
            total += await run.approval("manager", proposes=n)
        return Ok(total)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        for _ in range(3):
            (await orchestrator.approve("r", execution.pending[0].key, by="ann")).unwrap()
            execution = await orchestrator.resume("r")
        assert execution.result == Ok(3)
    assert effects.done == ["before 0", "before 1", "before 2"]


async def test_a_pause_is_no_failure_and_compensates_nothing(store: SharedStore, effects: Effects) -> None:
    """Compensation in `except` and `finally` does not run because the run waits, and the run is not failed."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(effects.do, "reserve")
        try:
            await run.approval("manager", proposes=1)
        except BaseException:
            await run.step(effects.do, "release")
            raise
        with contextlib.suppress(Exception):
            return Ok(await run.step(effects.do, "ship"))
        return Ok("unreachable")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert execution.status is RunStatus.PARKED
        assert (await orchestrator.runs(statuses=[RunStatus.FAILED])).items == ()
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("ship")
    assert effects.done == ["reserve", "ship"]


async def test_an_approved_call_executes_and_gives_its_own_result(store: SharedStore, effects: Effects) -> None:
    """A gated call, once approved, gives what the call returned, not the decision."""

    async def send(to: str) -> Result[dict[str, int], Refused]:
        await effects.do(to)
        return Ok({"sent": 1})

    gate = gated_step(send)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[dict[str, int], FlowError]:
        return Ok(await run.step(gate, "bob"))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        assert effects.done == []
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok({"sent": 1})
    assert effects.done == ["bob"]


async def test_a_pending_answer_is_not_cached(store: SharedStore) -> None:
    """A system of record that said pending is asked again until it has decided."""
    answers: list[Pending | Approved[int]] = [Pending(), Pending(), Approved(7)]
    check = approval_step("manager", check=lambda: answers.pop(0), schema=int)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(check))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        waiting((await orchestrator.start(flow(), run_id="r")).result)
        waiting((await orchestrator.resume("r")).result)
        assert (await orchestrator.resume("r")).result == Ok(7)
        assert (await orchestrator.resume("r")).result == Ok(7)
    assert answers == []


async def test_two_resumes_do_not_both_execute(store: SharedStore, effects: Effects) -> None:
    """Many resumes by several orchestrators at once: what follows the approval runs once."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.approval("manager", proposes=1)
        return Ok(await run.step(effects.pay, 1))

    async with Orchestrator(store, workflows=[flow]) as one, Orchestrator(store, workflows=[flow]) as other:
        for n in range(10):
            run_id = f"r{n}"
            await one.start(flow(), run_id=run_id)
            (await one.approve(run_id, by="ann")).unwrap()
            executions = await asyncio.gather(*(each.resume(run_id) for _ in range(8) for each in (one, other)))
            results = [e.result for e in executions]
            assert Ok(1) in results
            assert all(result == Ok(1) or isinstance(error_of(result), RunConflict) for result in results)
            assert len(effects.done) == n + 1


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_crash_around_parking_does_not_leave_a_run_that_nobody_can_approve(
    side: str, store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Either the run is parked with its question, or neither is there; after recovery it is approved like any other."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.step(effects.do, "before")
        await run.approval("manager", proposes=1)
        return Ok(await run.step(effects.pay, 1))

    store.failpoints.arm(f"park.{side}", raising(StoreUnavailable("crashed")))
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        with pytest.raises(StoreUnavailable):
            await orchestrator.start(flow(), run_id="r")
        store.failpoints.disarm(f"park.{side}")
        found = await store.load("r")
        assert found.run is not None
        assert (found.run.status == "parked") is (len(found.approvals) == 1) is (side == "after")
        clock.advance("1m")
        await orchestrator.recover()
        assert [p.run_id for p in (await orchestrator.pending()).items] == ["r"]
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)


KEYS = ("legal", "security", "finance")


@pytest.mark.parametrize("order", list(permutations(KEYS)), ids="-".join)
async def test_parallel_questions_are_not_mixed_up_or_asked_twice(
    order: tuple[str, ...], store: SharedStore, effects: Effects
) -> None:
    """Answered in any order with a resume in between, each value stays with its question; what is answered stays so."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b, c = await run.approvals(*(Ask(key, proposes=key) for key in KEYS))
        return Ok(await run.step(effects.do, f"{a} {b} {c}"))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        for n, key in enumerate(order):
            assert {p.key for p in execution.pending} == set(KEYS) - set(order[:n])
            (await orchestrator.edit("r", key, key.upper(), by=f"for {key}")).unwrap()
            execution = await orchestrator.resume("r")
        assert execution.result == Ok("LEGAL SECURITY FINANCE")
        approvals = (await orchestrator.status("r")).unwrap().approvals
    assert {a.key: a.editor and a.editor.name for a in approvals} == {key: f"for {key}" for key in KEYS}
    assert all(a.revision == 2 for a in approvals)
    assert effects.done == ["LEGAL SECURITY FINANCE"]


async def test_what_executes_is_what_the_person_saw(store: SharedStore, effects: Effects) -> None:
    """Code that would call with other arguments after the approval is drift; nothing is executed."""
    amount = [100]

    async def pay(total: int) -> Result[int, Refused]:
        return await effects.pay(total)

    gate = gated_step(pay)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(gate, amount[0]))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        pending = waiting((await orchestrator.start(flow(), run_id="r")).result)
        assert pending.arguments == {"total": 100}
        (await orchestrator.approve("r", by="ann", digest=pending.digest)).unwrap()
        amount[0] = 9_999
        assert isinstance(error_of((await orchestrator.resume("r")).result), WorkflowChanged)
        assert effects.done == []
        amount[0] = 100
        assert (await orchestrator.resume("r")).result == Ok(100)
    assert effects.done == ["pay 100"]


async def test_new_code_does_not_strand_a_parked_run_silently(store: SharedStore, effects: Effects) -> None:
    """A run that new code does not fit says so, to a resume and a sweep; it stays parked, and the old code ends it."""

    def made(first: str) -> Workflow[[], int, FlowError]:
        @workflow
        async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
            await run.step(effects.do, first)
            await run.approval("manager", proposes=1)
            return Ok(await run.step(effects.pay, 1))

        return flow

    old, new = made("old"), made("new")
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        await orchestrator.start(old(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
    async with Orchestrator(store, workflows=[new]) as orchestrator:
        store.reset()
        changed = error_of((await orchestrator.resume("r")).result)
        assert isinstance(changed, WorkflowChanged)
        assert "resume it with the" in str(changed)
        assert [error_of(e.result) for e in await orchestrator.recover()] == [changed]
        assert store.written == 0
        assert [r.status for r in (await orchestrator.runs()).items] == [RunStatus.PARKED]
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert effects.done == ["old", "pay 1"]


async def test_an_old_state_does_not_run_the_tool_again(store: SharedStore, effects: Effects) -> None:
    """A run that a store knows is over is not run on from an earlier moment of it, whoever still holds that moment."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.approval("manager", proposes=1)
        return Ok(await run.step(effects.pay, 1))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        before = await store.load("r")
        assert (await orchestrator.resume("r")).result == Ok(1)
        assert (await orchestrator.resume("r")).result == Ok(1)
        assert (await orchestrator.approve("r", by="ann")).unwrap().replayed
        assert await orchestrator.recover() == ()
        after = await store.load("r")
        assert before.run is not None
        assert after.run is not None
        assert after.run.version > before.run.version
    assert effects.done == ["pay 1"]


async def test_an_old_snapshot_gives_the_tool_the_key_it_had(effects: Effects) -> None:
    """Without a store nothing remembers; the tool gets the same idempotency key and can tell."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.approval("manager", proposes=1)
        return Ok(await run.step(effects.do, run.idempotency_key))

    approved = (await execute(flow())).snapshot.approve(by="ann").unwrap()
    keys = {(await execute(flow(), snapshot=approved)).result.unwrap() for _ in range(3)}
    assert len(keys) == 1
