from __future__ import annotations

import pytest

from awaitly import (
    ApprovalRejected,
    Approved,
    DefinitionError,
    Err,
    Ok,
    Orchestrator,
    Pending,
    PendingApproval,
    Policy,
    Result,
    Run,
    RunConflict,
    RunStatus,
    SelfApproval,
    Snapshot,
    Workflow,
    WorkflowChanged,
    approval_step,
    execute,
    is_approval_rejected,
    is_pending_approval,
    workflow,
)
from tests.support import ALICE, Effects, FlowError, Refused, SharedStore, error_of, waiting


def refunding(effects: Effects, *, first: str = "before") -> Workflow[[int], int, FlowError]:
    """Make a workflow: a step, a question, a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, first)
        approved = await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, approved))

    return refund


async def test_a_workflow_runs_without_a_store(effects: Effects) -> None:
    """What asks nobody comes to its end in one call."""

    @workflow
    async def flow(run: Run[FlowError], n: int) -> Result[str, FlowError]:
        return Ok(await run.step(effects.do, f"n={n}"))

    execution = await execute(flow(3), run_id="mine")
    assert (execution.run_id, execution.status, execution.result) == ("mine", RunStatus.COMPLETED, Ok("n=3"))


async def test_a_waiting_run_ends_its_call_with_what_it_waits_for(effects: Effects) -> None:
    """The typed pending error names run, key, summary and arguments."""
    execution = await execute(refunding(effects)(5), run_id="r", requested_by=ALICE)
    pending = waiting(execution.result)
    assert (pending.run_id, pending.key, pending.workflow, pending.arguments) == ("r", "manager", "refund", 5)
    assert (pending.requested_by, pending.deadline, execution.status) == ("alice", None, RunStatus.PARKED)
    assert is_pending_approval(pending)
    assert not is_approval_rejected(pending)


async def test_approve_edit_and_reject_lead_to_their_ends(effects: Effects) -> None:
    """The approved value, the edited value, or the rejection with its reason and actor."""
    refund = refunding(effects)
    parked = (await execute(refund(5), run_id="r")).snapshot
    approved, edited = parked.approve(by="ann").unwrap(), parked.edit(None, 3, by="ann").unwrap()
    rejected = parked.reject(None, "too much", by="ann").unwrap()
    assert (await execute(refund(5), snapshot=approved)).result == Ok(5)
    assert (await execute(refund(5), snapshot=edited)).result == Ok(3)
    refused = await execute(refund(5), snapshot=rejected)
    assert refused.result == Err(ApprovalRejected("r", "manager", "ann", "too much"))
    assert is_approval_rejected(error_of(refused.result))


async def test_an_undecided_snapshot_still_waits(effects: Effects) -> None:
    """Running on changes nothing, and gives the same pending error."""
    refund = refunding(effects)
    first = await execute(refund(5), run_id="r")
    again = await execute(refund(5), snapshot=first.snapshot)
    assert again.result == first.result
    assert again.snapshot == first.snapshot
    assert effects.done == ["before"]


async def test_a_failed_run_is_tried_again_with_its_approvals_kept(effects: Effects) -> None:
    """The snapshot of a failed run asks nobody again and reruns only the step that failed."""
    refund = refunding(effects)
    effects.failing.add("pay")
    parked = (await execute(refund(5))).snapshot
    failed = await execute(refund(5), snapshot=parked.approve(by="ann").unwrap())
    assert failed.result == Err(Refused("pay"))
    effects.failing.clear()
    saved = Snapshot.from_json(failed.snapshot.to_json())
    assert (await execute(refund(5), snapshot=saved)).result == Ok(5)
    assert effects.done == ["before", "pay 5", "pay 5"]


async def test_a_completed_snapshot_gives_its_result_again(effects: Effects) -> None:
    """Nothing runs twice from the snapshot of a run that is over."""
    refund = refunding(effects)
    parked = (await execute(refund(5))).snapshot
    done = await execute(refund(5), snapshot=parked.approve(by="ann").unwrap())
    assert (await execute(refund(5), snapshot=done.snapshot)).result == Ok(5)
    assert effects.done == ["before", "pay 5"]


async def test_other_arguments_do_not_go_on_with_a_snapshot(effects: Effects) -> None:
    """A snapshot belongs to the workflow and arguments that it was taken of."""
    refund = refunding(effects)
    parked = (await execute(refund(5))).snapshot.approve(by="ann").unwrap()
    assert isinstance(error_of((await execute(refund(6), snapshot=parked)).result), RunConflict)
    assert effects.done == ["before"]


async def test_other_code_leaves_a_snapshot_as_it_was(effects: Effects) -> None:
    """Drift answers `WorkflowChanged` with the run still parked; with the old code back its snapshot runs on."""
    old, new = refunding(effects), refunding(effects, first="other")
    parked = (await execute(old(5))).snapshot.approve(by="ann").unwrap()
    drifted = await execute(new(5), snapshot=parked)
    assert isinstance(error_of(drifted.result), WorkflowChanged)
    assert drifted.status is RunStatus.PARKED
    assert drifted.snapshot == parked
    assert (await execute(old(5), snapshot=drifted.snapshot)).result == Ok(5)
    assert effects.done == ["before", "pay 5"]


async def test_an_old_snapshot_runs_its_steps_under_the_same_idempotency_keys(effects: Effects) -> None:
    """Run on twice, the same snapshot gives a tool the same key both times, so that it can tell."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.approval("manager", proposes=1)
        return Ok(await run.step(effects.do, run.idempotency_key))

    parked = (await execute(flow())).snapshot.approve(by="ann").unwrap()
    await execute(flow(), snapshot=parked)
    await execute(flow(), snapshot=parked)
    assert len(effects.done) == 2
    assert len(set(effects.done)) == 1


async def test_the_requester_of_a_run_without_a_store_does_not_decide(effects: Effects) -> None:
    """The rule about self-approval needs no store."""
    parked = (await execute(refunding(effects)(5), requested_by="alice")).snapshot
    assert isinstance(error_of(parked.approve(by="alice")), SelfApproval)


async def test_a_system_of_record_is_asked_again_by_each_execute() -> None:
    """A pending answer is not in the snapshot; the next `execute` asks anew."""
    answers: list[Pending | Approved[int]] = [Pending(), Pending(), Approved(4)]
    check = approval_step("manager", check=lambda: answers.pop(0), schema=int)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(check))

    execution = await execute(flow())
    execution = await execute(flow(), snapshot=execution.snapshot)
    assert isinstance(error_of(execution.result), PendingApproval)
    execution = await execute(flow(), snapshot=Snapshot.from_json(execution.snapshot.to_json()))
    assert execution.result == Ok(4)


async def test_what_an_orchestrator_executes_is_not_run_on_beside_it(store: SharedStore, effects: Effects) -> None:
    """The snapshot of a run that somebody holds right now is a conflict."""
    seen: list[Snapshot] = []

    async def look() -> Result[int, Refused]:
        seen.append((await orchestrator.wait("r", timeout="1ms")).snapshot)
        return Ok(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(look))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
    assert isinstance(error_of((await execute(flow(), snapshot=seen[0])).result), RunConflict)


async def test_silence_counts_in_a_snapshot_too(effects: Effects) -> None:
    """A question whose deadline has passed when `execute` is called has expired."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=1, policy=Policy(expires_in="1ms", on_expiry="approve")))

    parked = await execute(flow())
    deadline = waiting(parked.result).deadline
    assert deadline is not None
    while True:
        execution = await execute(flow(), snapshot=parked.snapshot)
        if execution.status is not RunStatus.PARKED:
            break
    assert execution.result == Ok(1)


@pytest.mark.parametrize("run_id", ["", "a\tb", " x"])
async def test_a_run_id_that_no_store_could_keep_is_refused(run_id: str, effects: Effects) -> None:
    """The rule for names holds without a store too, since a snapshot may move into one."""
    with pytest.raises(DefinitionError):
        await execute(refunding(effects)(1), run_id=run_id)
