from __future__ import annotations

import pytest

from awaitly import (
    AlreadyDecided,
    ApprovalExpired,
    ApprovalRejected,
    ApprovalStatus,
    Err,
    Expired,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunStatus,
    Workflow,
    workflow,
)
from awaitly.storage.store import Move
from awaitly.testing import TestClock
from tests.support import Effects, FlowError, SharedStore, error_of, waiting


def refunding(effects: Effects, policy: Policy | None = None) -> Workflow[[int], int, FlowError]:
    """Make a workflow: a step, a question, a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, "before")
        approved = await run.approval("manager", proposes=amount, policy=policy or Policy())
        return Ok(await run.step(effects.pay, approved))

    return refund


async def test_a_rejection_does_not_lose_the_run_or_come_back_as_pending(store: SharedStore, effects: Effects) -> None:
    """A rejected run is found, ended, with the reason and the actor, however often it is asked for."""
    refund = refunding(effects)
    rejected = Err(ApprovalRejected("r", "manager", "ann", "no"))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.reject("r", reason="no", by="ann")).unwrap()
        assert (await orchestrator.pending()).items == ()
        for execution in (
            await orchestrator.resume("r"),
            await orchestrator.resume("r"),
            await orchestrator.start(refund(5), run_id="r"),
            await orchestrator.wait("r"),
        ):
            assert execution.result == rejected
            assert execution.pending == ()
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.FAILED
        assert (await orchestrator.history("r")).unwrap().steps[0].key == "do"
    assert effects.done == ["before"]


async def test_a_later_decision_does_not_overwrite_the_first(store: SharedStore, effects: Effects) -> None:
    """Approve, reject and edit after a decision are refused and write nothing, before and after it is taken up."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        for _ in range(2):
            store.reset()
            for answer in (
                await orchestrator.approve("r", by="bob"),
                await orchestrator.reject("r", by="bob"),
                await orchestrator.edit("r", None, 500, by="bob"),
                await orchestrator.reject("r", by="ann"),
            ):
                assert isinstance(error_of(answer), AlreadyDecided)
            assert store.written == 0
            assert (await orchestrator.resume("r")).result == Ok(5)
    assert effects.done == ["before", "pay 5"]


async def test_asking_again_does_not_reset_a_decision(store: SharedStore, effects: Effects) -> None:
    """The code passes the question again, in a resume and in a retry; the decision stands."""
    refund = refunding(effects)
    effects.failing.add("pay")
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.edit("r", None, 3, by="ann")).unwrap()
        await orchestrator.start(refund(5), run_id="r")
        await orchestrator.retry("r")
        effects.failing.clear()
        assert (await orchestrator.retry("r")).result == Ok(3)
        [approval] = (await orchestrator.status("r")).unwrap().approvals
    assert approval.status is ApprovalStatus.EDITED
    assert approval.revision == 2


async def test_a_grant_of_one_run_does_not_pass_another(store: SharedStore, effects: Effects) -> None:
    """The same workflow, arguments and key under another run id waits for a decision of its own."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="a")
        (await orchestrator.approve("a", by="ann")).unwrap()
        assert (await orchestrator.resume("a")).result == Ok(5)
        for run_id in ("b", "aa", "a ".strip() + "-2"):
            waiting((await orchestrator.start(refund(5), run_id=run_id)).result)
            waiting((await orchestrator.resume(run_id)).result)
        assert waiting((await orchestrator.fork("a", before="pay", new_id="f")).result).run_id == "f"
    assert effects.done.count("pay 5") == 1


async def test_expired_questions_do_not_stay_in_the_list(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """From the deadline on the question is gone from the list, before and after anything sweeps."""
    refund = refunding(effects, Policy(expires_in="1h"))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert len((await orchestrator.pending()).items) == 1
        clock.advance("1h")
        assert (await orchestrator.pending()).items == ()
        assert isinstance(error_of(await orchestrator.approve("r", by="ann")), Expired)
        [swept] = await orchestrator.recover()
        assert isinstance(error_of(swept.result), ApprovalExpired)
        assert (await orchestrator.pending()).items == ()
        assert await orchestrator.recover() == ()


@pytest.mark.parametrize("verb", ["approve", "edit", "reject"])
async def test_a_run_is_resumed_by_itself_after_every_kind_of_decision(
    verb: str, store: SharedStore, effects: Effects
) -> None:
    """After approve, edit and reject alike, the run is due, and a sweep brings it to its end."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert await orchestrator.recover() == ()
        match verb:
            case "approve":
                (await orchestrator.approve("r", by="ann")).unwrap()
            case "edit":
                (await orchestrator.edit("r", None, 3, by="ann")).unwrap()
            case _:
                (await orchestrator.reject("r", by="ann")).unwrap()
        assert await store.due(await store.now(), 10) == ("r",)
        [execution] = await orchestrator.recover()
        assert execution.status is (RunStatus.FAILED if verb == "reject" else RunStatus.COMPLETED)
        assert await store.due(await store.now(), 10) == ()
    assert effects.done[1:] == {"approve": ["pay 5"], "edit": ["pay 3"], "reject": []}[verb]


async def test_a_missing_decision_does_not_execute(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """No number of resumes, retries, starts or sweeps gets past a question that nobody answered."""
    refund = refunding(effects, Policy(needs=2))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        for _ in range(2):
            await orchestrator.resume("r")
            await orchestrator.retry("r")
            await orchestrator.start(refund(5), run_id="r")
            await orchestrator.recover()
            clock.advance("1d")
            await orchestrator.approve("r", by="ann")
        assert store.commits[Move.CLAIM] == 0
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.PARKED
    assert effects.done == ["before"]
