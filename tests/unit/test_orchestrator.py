from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    Actor,
    AlreadyDecided,
    AmbiguousApproval,
    ApprovalExpired,
    ApprovalRejected,
    ApprovalStatus,
    Ask,
    BrokenChain,
    Decision,
    DefinitionError,
    EditorCannotApprove,
    Err,
    Expired,
    Head,
    InvalidEdit,
    MemoryStore,
    NeedsReview,
    NotAuthorised,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunCancelled,
    RunConflict,
    RunEnded,
    RunStatus,
    SelfApproval,
    StaleRevision,
    StoreUnavailable,
    UnexpectedError,
    UnknownApproval,
    UnknownRun,
    UnknownStep,
    UnknownWorkflow,
    Workflow,
    WorkflowChanged,
    workflow,
)
from awaitly.storage.store import Changes, Move
from awaitly.testing import Pause, TestClock, raising
from tests.support import ADMIN, ALICE, BOB, CAROL, MANAGER, Effects, FlowError, Refused, SharedStore, error_of, waiting


def refunding(effects: Effects, policy: Policy | None = None, *, before: int = 0) -> Workflow[[int], int, FlowError]:
    """Make a workflow: some steps, a question, a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        for n in range(before):
            await run.step(effects.do, f"step {n}")
        approved = await run.approval("manager", proposes=amount, policy=policy or Policy())
        return Ok(await run.step(effects.pay, approved))

    return refund


@workflow
async def both(run: Run[FlowError]) -> Result[int, FlowError]:
    """Ask two people at once."""
    a, b = await run.approvals(Ask("legal", proposes=1), Ask("security", proposes=2))
    return Ok(a + b)


@workflow
async def plain(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Ask nobody."""
    return Ok(amount)


# How many commits


async def test_commits_from_start_to_parked(each_store: SharedStore, effects: Effects) -> None:
    """Two steps and a question take three commits: each result rides in the next one."""
    refund = refunding(effects, before=2)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        waiting((await orchestrator.start(refund(5), run_id="r")).result)
    assert dict(each_store.commits) == {Move.START: 1, Move.STEP: 1, Move.PARK: 1}


async def test_commits_of_a_decision_and_the_way_to_the_end(each_store: SharedStore, effects: Effects) -> None:
    """A decision takes one commit; from there to the end with one step takes two."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert each_store.written == 1
        each_store.reset()
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert dict(each_store.commits) == {Move.DECIDE: 1}
        each_store.reset()
        assert (await orchestrator.resume("r")).result == Ok(5)
        assert dict(each_store.commits) == {Move.CLAIM: 1, Move.END: 1}


async def test_commits_of_a_rejection(each_store: SharedStore, effects: Effects) -> None:
    """A rejected run comes to its end in one commit."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.reject("r", by="ann")).unwrap()
        each_store.reset()
        assert isinstance(error_of((await orchestrator.resume("r")).result), ApprovalRejected)
    assert each_store.written == 1


async def test_commits_of_a_resume_that_still_waits(each_store: SharedStore, effects: Effects) -> None:
    """Asking again while nobody has decided writes nothing; neither does asking for a run that is over."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        each_store.reset()
        waiting((await orchestrator.resume("r")).result)
        waiting((await orchestrator.start(refund(5), run_id="r")).result)
        await orchestrator.reject("r", by="ann")
        ended = (await orchestrator.resume("r")).result
        each_store.reset()
        assert (await orchestrator.resume("r")).result == ended
    assert each_store.commits[Move.CLAIM] == each_store.commits[Move.PARK] == each_store.commits[Move.END] == 0


@pytest.mark.parametrize("steps", [1, 10])
async def test_commits_of_a_workflow_that_is_durable_where_it_parks(
    steps: int, each_store: SharedStore, effects: Effects
) -> None:
    """With `durability="park"` the steps need no commits of their own: one to start, one to park."""

    @workflow(durability="park")
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        for n in range(steps):
            await run.step(effects.do, str(n))
        return Ok(await run.approval("manager", proposes=1))

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        waiting((await orchestrator.start(flow(), run_id="r")).result)
        assert each_store.written <= 2
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)
        assert len((await orchestrator.history("r")).unwrap().steps) == steps + 1
    assert len(effects.done) == steps


async def test_a_retry_of_a_workflow_that_is_durable_where_it_parks_keeps_the_new_result(
    each_store: SharedStore, effects: Effects
) -> None:
    """The failed result is gone and the new one is recorded, although both have one key."""
    effects.failing.add("x")

    @workflow(durability="park")
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.step(effects.do, "x")
        return Ok(await run.approval("manager", proposes=1))

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).result == Err(Refused("x"))
        effects.failing.clear()
        waiting((await orchestrator.retry("r")).result)
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert effects.done == ["x", "x"]


# Start


async def test_an_id_is_made_where_none_is_given(store: SharedStore) -> None:
    """Two starts without an id are two runs."""
    async with Orchestrator(store, workflows=[plain]) as orchestrator:
        one, other = await orchestrator.start(plain(1)), await orchestrator.start(plain(1))
    assert one.run_id != other.run_id


@pytest.mark.parametrize("before", [0, 2])
async def test_starting_twice_with_the_same_input_gives_the_run_there_is(
    before: int, each_store: SharedStore, effects: Effects
) -> None:
    """Parked, decided or over: the second start gives the first one's run, and its steps do not run again."""
    refund = refunding(effects, before=before)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        first = waiting((await orchestrator.start(refund(5), run_id="r")).result)
        assert waiting((await orchestrator.start(refund(5), run_id="r")).result) == first
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.start(refund(5), run_id="r")).result == Ok(5)
        assert (await orchestrator.start(refund(5), run_id="r")).result == Ok(5)
    assert effects.done == [*(f"step {n}" for n in range(before)), "pay 5"]


@pytest.mark.parametrize("before", [0, 2])
async def test_starting_twice_with_other_input_is_a_conflict(
    before: int, each_store: SharedStore, effects: Effects
) -> None:
    """Other arguments, or another workflow, under a known id: `RunConflict`, and the run is untouched."""
    refund = refunding(effects, before=before)
    async with Orchestrator(each_store, workflows=[refund, plain]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        found = await each_store.load("r")
        assert isinstance(error_of((await orchestrator.start(refund(6), run_id="r")).result), RunConflict)
        assert isinstance(error_of((await orchestrator.start(plain(5), run_id="r")).result), RunConflict)
        assert evolve(await each_store.load("r"), now=found.now) == found
    assert effects.done == [f"step {n}" for n in range(before)]


async def test_of_many_starts_at_once_one_executes(each_store: SharedStore, effects: Effects) -> None:
    """Thirty-two starts of one id: each step ran once, and every caller has the run or hears who has it."""
    refund = refunding(effects, before=1)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        executions = await asyncio.gather(*(orchestrator.start(refund(5), run_id="r") for _ in range(32)))
    assert effects.done == ["step 0"]
    assert any(e.status is RunStatus.PARKED for e in executions)
    for execution in executions:
        if not isinstance(error_of(execution.result), RunConflict):
            waiting(execution.result)


@pytest.mark.parametrize("run_id", ["", " a", "a\n", "x" * 201, "\x00"])
async def test_an_id_that_no_store_could_keep_is_refused(run_id: str, store: SharedStore) -> None:
    """A run id is checked where it is given."""
    async with Orchestrator(store, workflows=[plain]) as orchestrator:
        with pytest.raises(DefinitionError, match="run id"):
            await orchestrator.start(plain(1), run_id=run_id)


def test_two_workflows_of_one_name_are_refused() -> None:
    """Which of them a run belongs to could not be told."""
    with pytest.raises(DefinitionError, match="two workflows"):
        Orchestrator(MemoryStore(), workflows=[plain, plain])


async def test_a_workflow_that_raises_fails_its_run(store: SharedStore) -> None:
    """An exception of the workflow's own is a value of the run, never an exception out of `start`."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        raise ZeroDivisionError

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
    assert execution.status is RunStatus.FAILED
    assert error_of(execution.result).kind == "ZeroDivisionError"


async def test_a_workflow_that_gives_no_result_fails_its_run(store: SharedStore) -> None:
    """A bare value is no result, and the error says what was expected."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return 5  # type: ignore[return-value]

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        error = error_of((await orchestrator.start(flow(), run_id="r")).result)
    assert (error.kind, "Ok(...)" in error.message) == ("TypeError", True)


# Deciding


async def test_a_decision_names_what_was_decided(store: SharedStore, effects: Effects) -> None:
    """The verbs give the approval as it then stands."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        decision = (await orchestrator.approve("r", "manager", by="ann")).unwrap()
    assert (decision.run_id, decision.key, decision.status) == ("r", "manager", ApprovalStatus.APPROVED)
    assert decision.replayed is False


@pytest.mark.parametrize("verb", ["approve", "reject", "edit"])
async def test_the_same_decision_again_changes_nothing(verb: str, each_store: SharedStore, effects: Effects) -> None:
    """The same actor, decision and revision again is `Ok` with `replayed`, without a commit or a ledger entry."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        pending = waiting((await orchestrator.start(refund(5), run_id="r")).result)
        verbs: dict[str, Callable[[], Awaitable[Any]]] = {
            "approve": lambda: orchestrator.approve("r", "manager", by="ann", revision=pending.revision),
            "reject": lambda: orchestrator.reject("r", "manager", "no", by="ann", revision=pending.revision),
            "edit": lambda: orchestrator.edit("r", "manager", 7, by="ann", revision=pending.revision),
        }
        first = (await verbs[verb]()).unwrap()
        each_store.reset()
        for _ in range(2):
            again = (await verbs[verb]()).unwrap()
            assert again == Decision(first.approval, replayed=True)
        await orchestrator.resume("r")
        written = each_store.written
        assert (await verbs[verb]()).unwrap().replayed
        assert each_store.written == written
    assert each_store.commits[Move.DECIDE] == 0


@pytest.mark.parametrize("first", ["approve", "reject", "edit"])
@pytest.mark.parametrize("second", ["approve", "reject", "edit", "edit otherwise"])
@pytest.mark.parametrize("by", ["ann", "bob"])
async def test_the_first_decision_wins(first: str, second: str, by: str, store: SharedStore, effects: Effects) -> None:
    """Any other decision later, by whomever, is `AlreadyDecided` with the winner, and changes nothing."""
    if (first, by) == (second, "ann"):
        return
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")

        async def act(verb: str, by: str) -> Any:
            match verb:
                case "approve":
                    return await orchestrator.approve("r", by=by)
                case "reject":
                    return await orchestrator.reject("r", by=by)
                case "edit":
                    return await orchestrator.edit("r", None, 7, by=by)
                case _:
                    return await orchestrator.edit("r", None, 8, by=by)

        status = (await act(first, "ann")).unwrap().status
        found = await store.approvals("r")
        refusal = error_of(await act(second, by))
        assert isinstance(refusal, AlreadyDecided)
        assert (refusal.by, refusal.status) == ("ann", status)
        assert await store.approvals("r") == found


async def test_of_many_deciders_at_once_one_wins(each_store: SharedStore, effects: Effects) -> None:
    """Thirty-two people decide at the same time: one decision stands, and the losers are told whose."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        answers = await asyncio.gather(
            *(orchestrator.approve("r", by=f"p{n}") for n in range(16)),
            *(orchestrator.reject("r", by=f"q{n}") for n in range(16)),
        )
        winners = [a.unwrap().approval.closing for a in answers if isinstance(a, Ok)]
        assert len(winners) == 1
        assert winners[0] is not None
        assert {error_of(a).by for a in answers if isinstance(a, Err)} == {winners[0].by.name}
        (await orchestrator.verify("r")).unwrap()


async def test_a_key_is_needed_where_several_wait(store: SharedStore) -> None:
    """Without a key, `AmbiguousApproval` lists the keys; once only one waits, none is needed."""
    async with Orchestrator(store, workflows=[both]) as orchestrator:
        await orchestrator.start(both(), run_id="r")
        for answer in (
            await orchestrator.approve("r", by="ann"),
            await orchestrator.reject("r", by="ann"),
            await orchestrator.edit("r", None, 5, by="ann"),
        ):
            assert error_of(answer) == AmbiguousApproval("r", ("legal", "security"))
        (await orchestrator.approve("r", "legal", by="ann")).unwrap()
        assert (await orchestrator.approve("r", by="ann")).unwrap().key == "security"


async def test_unknown_keys_and_runs_are_refused(store: SharedStore, effects: Effects) -> None:
    """A key that the run does not have is answered with those it has; an unknown run has none."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert error_of(await orchestrator.approve("r", "boss", by="ann")) == UnknownApproval("r", "boss", ("manager",))
        assert error_of(await orchestrator.approve("s", "manager", by="ann")) == UnknownApproval("s", "manager", ())
        assert error_of(await orchestrator.approve("s", by="ann")) == UnknownApproval("s", None, ())
        assert store.commits[Move.DECIDE] == 0


async def test_a_decision_in_one_run_does_not_pass_another(store: SharedStore, effects: Effects) -> None:
    """Two runs with the same key and the same content each need their own decision."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="a")
        await orchestrator.start(refund(5), run_id="b")
        (await orchestrator.approve("a", by="ann")).unwrap()
        waiting((await orchestrator.resume("b")).result)
    assert effects.done == []


async def test_a_decision_on_stale_content_is_refused(store: SharedStore, effects: Effects) -> None:
    """After an edit, a vote that names the revision or the digest of before is `StaleRevision`."""
    policy = Policy(needs=2)
    refund = refunding(effects, policy)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        seen = waiting((await orchestrator.start(refund(5), run_id="r")).result)
        (await orchestrator.edit("r", None, 7, by=CAROL)).unwrap()
        current = (await orchestrator.pending()).items[0]
        assert current.revision == 2
        assert isinstance(error_of(await orchestrator.approve("r", by=BOB, revision=1)), StaleRevision)
        assert isinstance(error_of(await orchestrator.approve("r", by=BOB, digest=seen.digest)), StaleRevision)
        assert isinstance(error_of(await orchestrator.reject("r", by=BOB, revision=1)), StaleRevision)
        assert isinstance(error_of(await orchestrator.edit("r", None, 8, by=BOB, digest=seen.digest)), StaleRevision)
        voted = await orchestrator.approve("r", by=BOB, revision=2, digest=current.digest)
        assert voted.unwrap().status is ApprovalStatus.PENDING


async def test_nobody_decides_on_what_they_asked_for(store: SharedStore, effects: Effects) -> None:
    """The requester is refused every decision, and nothing changes; somebody else decides."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r", requested_by=ALICE)
        found = await store.load("r")
        for answer in (
            await orchestrator.approve("r", by="alice"),
            await orchestrator.reject("r", by=Actor("alice", ["admin"])),
            await orchestrator.edit("r", None, 1, by=ALICE),
            await orchestrator.approve("r", by=Actor("bot", on_behalf_of="alice")),
        ):
            assert isinstance(error_of(answer), SelfApproval)
        assert await store.load("r") == found
        assert (await orchestrator.approve("r", by=BOB)).unwrap().status is ApprovalStatus.APPROVED


async def test_the_person_behind_a_bot_does_not_decide_on_its_run(store: SharedStore, effects: Effects) -> None:
    """A run that a program started on somebody's behalf counts as that person's."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r", requested_by=Actor("bot", on_behalf_of="alice"))
        assert isinstance(error_of(await orchestrator.approve("r", by="alice")), SelfApproval)
        assert isinstance(error_of(await orchestrator.approve("r", by="bot")), SelfApproval)
        assert isinstance(
            error_of(await orchestrator.approve("r", by=Actor("other-bot", on_behalf_of="alice"))), SelfApproval
        )
        (await orchestrator.approve("r", by=BOB)).unwrap()


async def test_a_policy_can_let_the_requester_decide(store: SharedStore, effects: Effects) -> None:
    """With `self_approval` the requester may decide."""
    refund = refunding(effects, Policy(self_approval=True))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r", requested_by=ALICE)
        (await orchestrator.approve("r", by=ALICE)).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(5)


async def test_only_the_approvers_decide(store: SharedStore, effects: Effects) -> None:
    """Names and roles of the policy decide who may; a refused actor changes nothing."""
    refund = refunding(effects, Policy(approvers=["role:manager", "bob"]))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        for actor in (ALICE, Actor("manager"), Actor("role:manager"), Actor("x", ["Manager"]), Actor("Bob")):
            assert isinstance(error_of(await orchestrator.approve("r", by=actor)), NotAuthorised)
        (await orchestrator.approve("r", by=MANAGER)).unwrap()


async def test_two_people_are_two_people(store: SharedStore, effects: Effects) -> None:
    """The same person twice is one vote; the second person's vote decides."""
    refund = refunding(effects, Policy(approvers=["alice", "role:manager"], needs=2))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert (await orchestrator.approve("r", by=ALICE)).unwrap().status is ApprovalStatus.PENDING
        assert (await orchestrator.approve("r", by=ALICE)).unwrap().replayed
        waiting((await orchestrator.resume("r")).result)
        assert (await orchestrator.approve("r", by=MANAGER)).unwrap().status is ApprovalStatus.APPROVED
        assert (await orchestrator.resume("r")).result == Ok(5)


async def test_an_editor_does_not_approve_their_own_edit(store: SharedStore, effects: Effects) -> None:
    """Under a two-person rule the editor of the current revision cannot vote for it."""
    refund = refunding(effects, Policy(needs=2))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.edit("r", None, 4, by=BOB)).unwrap()
        assert error_of(await orchestrator.approve("r", by=BOB)) == EditorCannotApprove("r", "manager", "bob", 2)
        (await orchestrator.approve("r", by=ALICE)).unwrap()
        (await orchestrator.approve("r", by=CAROL)).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(4)


async def test_the_status_shows_what_was_proposed_and_what_was_edited(store: SharedStore, effects: Effects) -> None:
    """Original, edited value and editor are kept."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.edit("r", None, 4, by=BOB)).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(4)
        [approval] = (await orchestrator.status("r")).unwrap().approvals
    assert (approval.proposal, approval.edited, approval.editor) == ("5", "4", BOB)
    assert approval.status is ApprovalStatus.EDITED


@pytest.mark.parametrize("value", ["5", 5.0, True, None, [5], {"n": 5}, float("nan"), object], ids=repr)
async def test_an_edit_that_does_not_fit_is_refused(value: object, store: SharedStore, effects: Effects) -> None:
    """What is no integer is `InvalidEdit` when it is made, and the approval waits on unchanged."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        found = await store.load("r")
        assert isinstance(error_of(await orchestrator.edit("r", None, value, by="ann")), InvalidEdit)
        assert await store.load("r") == found


async def test_deciding_needs_no_workflows(store: SharedStore, effects: Effects) -> None:
    """A process without the code lists, decides and edits; only running needs the code."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as worker, Orchestrator(store) as desk:
        await worker.start(refund(5), run_id="r")
        assert [p.key for p in (await desk.pending()).items] == ["manager"]
        (await desk.edit("r", "manager", 3, by="ann")).unwrap()
        with pytest.raises(UnknownWorkflow, match="refund"):
            await desk.resume("r")
        assert (await worker.resume("r")).result == Ok(3)


# Deadlines


@pytest.mark.parametrize("swept", [False, True])
async def test_at_the_deadline_it_is_too_late(
    swept: bool, each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """One microsecond before the deadline a vote counts; at the deadline it is `Expired`, sweeper or not."""
    refund = refunding(effects, Policy(expires_in="1h"))
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        for run_id in ("early", "late"):
            await orchestrator.start(refund(5), run_id=run_id)
        clock.advance(timedelta(hours=1) - timedelta(microseconds=1))
        assert len((await orchestrator.pending()).items) == 2
        (await orchestrator.approve("early", by="ann")).unwrap()
        clock.advance(timedelta(microseconds=1))
        if swept:
            await orchestrator.recover()
        assert isinstance(error_of(await orchestrator.approve("late", by="ann")), Expired)
        assert isinstance(error_of(await orchestrator.reject("late", by="ann")), Expired)
        assert isinstance(error_of(await orchestrator.edit("late", None, 1, by="ann")), Expired)
        assert (await orchestrator.resume("early")).result == Ok(5)
        assert isinstance(error_of((await orchestrator.resume("late")).result), ApprovalExpired)
        entries = (await orchestrator.history("late")).unwrap().entries
    assert [json.loads(e.body)["event"] for e in entries] == ["asked", "expired", "consumed"]


async def test_what_expired_is_listed_nowhere_as_pending(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """From the deadline on, with nobody having resumed the run, no listing shows it as waiting."""
    refund = refunding(effects, Policy(expires_in="1h"))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        clock.advance("1h")
        assert (await orchestrator.pending()).items == ()
        assert (await orchestrator.pending(run_id="r")).items == ()
        assert (await orchestrator.status("r")).unwrap().pending == ()


@pytest.mark.parametrize(
    ("on_expiry", "status"),
    [
        ("expire", ApprovalStatus.EXPIRED),
        ("reject", ApprovalStatus.REJECTED),
        ("approve", ApprovalStatus.APPROVED),
    ],
)
async def test_what_silence_means_is_the_policys_choice(
    on_expiry: str, status: ApprovalStatus, each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """An unanswered question expires, is rejected, or is approved by `system:timeout`."""
    refund = refunding(effects, Policy(expires_in="1h", on_expiry=on_expiry))
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        clock.advance("90m")
        [execution] = await orchestrator.recover()
        [approval] = (await orchestrator.status("r")).unwrap().approvals
        assert await orchestrator.recover() == ()
    assert approval.status is status
    assert approval.closing is not None
    assert approval.closing.by == Actor("system:timeout")
    match on_expiry:
        case "expire":
            assert isinstance(error_of(execution.result), ApprovalExpired)
        case "reject":
            assert error_of(execution.result).by == "system:timeout"
        case _:
            assert execution.result == Ok(5)


async def test_the_time_to_decide_counts_from_the_asking(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """The deadline of a later question counts from when that question was asked, by the store's clock."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        policy = Policy(expires_in="1h")
        await run.approval("first", proposes=1, policy=policy)
        return Ok(await run.approval("second", proposes=2, policy=policy))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        asked = clock.advance("50m")
        second = waiting((await orchestrator.resume("r")).result)
    assert (second.asked_at, second.deadline) == (asked, asked + timedelta(hours=1))


async def test_a_policy_stays_as_it_was_asked(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """A change of the code's policy does not touch what already waits."""
    strict = refunding(effects, Policy(approvers=["alice"], expires_in="1h"))
    loose = refunding(effects, Policy())
    async with Orchestrator(store, workflows=[strict]) as before:
        await before.start(strict(5), run_id="r")
    async with Orchestrator(store, workflows=[loose]) as after:
        assert isinstance(error_of(await after.approve("r", by=BOB)), NotAuthorised)
        (await after.approve("r", by=ALICE)).unwrap()
        assert (await after.resume("r")).result == Ok(5)


async def test_a_time_to_decide_beyond_all_calendars_is_refused_where_it_is_said() -> None:
    """A policy whose deadline could not be written down is no policy."""
    with pytest.raises(ValueError, match=r"expires_in|duration"):
        Policy(expires_in=timedelta.max)


# Retry


async def test_a_retry_keeps_the_approval_and_reruns_only_what_failed(
    each_store: SharedStore, effects: Effects
) -> None:
    """After a failed payment, nobody is asked again and the earlier steps do not run again."""
    refund = refunding(effects, before=2)
    effects.failing.add("pay")
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Err(Refused("pay"))
        assert (await orchestrator.resume("r")).result == Err(Refused("pay"))
        effects.failing.clear()
        assert (await orchestrator.retry("r")).result == Ok(5)
        assert (await orchestrator.retry("r")).result == Ok(5)
    assert effects.done == ["step 0", "step 1", "pay 5", "pay 5"]


async def test_a_retry_of_a_rejection_is_still_a_rejection(store: SharedStore, effects: Effects) -> None:
    """No retry turns a no into a yes."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.reject("r", by="ann")).unwrap()
        rejected = (await orchestrator.resume("r")).result
        assert (await orchestrator.retry("r")).result == rejected
    assert effects.done == []


async def test_a_question_that_a_failure_superseded_is_asked_anew_by_a_retry(
    each_store: SharedStore, effects: Effects
) -> None:
    """A run failed while another of its questions waited: the retry asks that one again, and it can be decided."""
    effects.failing.add("x")

    async def after_legal(run: Run[FlowError]) -> str:
        await run.approval("legal", proposes=1)
        return await run.step(effects.do, "x")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        text, amount = await run.gather(after_legal(run), run.approval("security", proposes=2))
        return Ok(f"{text}{amount}")

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", "legal", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Err(Refused("x"))
        assert (await orchestrator.pending()).items == ()
        effects.failing.clear()
        assert waiting((await orchestrator.retry("r")).result).key == "security"
        assert [p.key for p in (await orchestrator.pending()).items] == ["security"]
        (await orchestrator.approve("r", "security", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("x2")


async def test_a_retry_runs_every_step_again_that_failed_side_by_side(store: SharedStore, effects: Effects) -> None:
    """Two branches failed in one execution: one retry is enough once both would succeed."""
    effects.failing |= {"a", "b"}
    begun: set[str] = set()
    both_begun = asyncio.Event()

    async def together(what: str) -> Result[str, Refused]:
        begun.add(what)
        if len(begun) == 2:
            both_begun.set()
        await both_begun.wait()
        return await effects.do(what)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b = await run.gather(run.step(together, "a"), run.step(together, "b"))
        return Ok(a + b)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        effects.failing.clear()
        assert (await orchestrator.retry("r")).result == Ok("ab")


@pytest.mark.parametrize("status", [RunStatus.PARKED, RunStatus.COMPLETED, RunStatus.CANCELLED])
async def test_only_what_failed_or_was_set_aside_is_retried(
    status: RunStatus, store: SharedStore, effects: Effects
) -> None:
    """A retry of a run that waits, is completed or was cancelled changes nothing."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        if status is RunStatus.COMPLETED:
            await orchestrator.approve("r", by="ann")
            await orchestrator.resume("r")
        if status is RunStatus.CANCELLED:
            await orchestrator.cancel("r", by="ann")
        store.reset()
        assert (await orchestrator.retry("r")).status is status
    assert store.written == 0


# Fork


async def test_a_fork_has_the_steps_before_and_asks_anew(each_store: SharedStore, effects: Effects) -> None:
    """A fork reuses the recorded steps, takes no decision along, and leaves the original as it is."""
    refund = refunding(effects, before=2)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        await orchestrator.resume("r")
        original = await each_store.load("r")
        forked = await orchestrator.fork("r", before="pay", new_id="f")
        assert waiting(forked.result).run_id == "f"
        assert (await orchestrator.status("f")).unwrap().run.forked_from == "r"
        (await orchestrator.approve("f", by="ann")).unwrap()
        assert (await orchestrator.resume("f")).result == Ok(5)
        assert evolve(await each_store.load("r"), now=original.now) == original
    assert effects.done == ["step 0", "step 1", "pay 5", "pay 5"]


async def test_a_fork_before_an_early_step_runs_what_follows_again(store: SharedStore, effects: Effects) -> None:
    """What was recorded from the named step on is not taken along."""
    refund = refunding(effects, before=2)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        waiting((await orchestrator.fork("r", before="do#2", new_id="f")).result)
    assert effects.done == ["step 0", "step 1", "step 1"]


@pytest.mark.parametrize("before", [0, 1])
async def test_a_fork_to_an_id_that_is_taken_is_a_conflict(before: int, store: SharedStore, effects: Effects) -> None:
    """The run that has the id is untouched, no step runs, and the answer says so."""
    refund = refunding(effects, before=before + 1)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await orchestrator.start(refund(6), run_id="f")
        done, found = list(effects.done), await store.load("f")
        for key in ("do", "do#2")[: before + 1]:
            forked = await orchestrator.fork("r", before=key, new_id="f")
            assert isinstance(error_of(forked.result), RunConflict)
            assert "choose another" in error_of(forked.result).detail
        assert await store.load("f") == found
    assert effects.done == done


async def test_a_fork_names_a_recorded_step_of_a_known_run(store: SharedStore, effects: Effects) -> None:
    """An unknown run is `UnknownRun`, an unknown step `UnknownStep` with those there are."""
    refund = refunding(effects, before=1)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert error_of((await orchestrator.fork("x", before="do")).result) == UnknownRun("x")
        assert error_of((await orchestrator.fork("r", before="nope")).result) == UnknownStep("r", "nope", ("do",))


# Cancel


async def test_a_cancelled_run_is_over(each_store: SharedStore, effects: Effects) -> None:
    """Its questions are withdrawn, nobody decides on them any more, and a resume says so."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        cancelled = RunCancelled("r", "ann", "not needed")
        assert await orchestrator.cancel("r", reason="not needed", by="ann") == Ok(cancelled)
        assert (await orchestrator.pending()).items == ()
        refusal = error_of(await orchestrator.approve("r", "manager", by="bob"))
        assert (refusal.status, refusal.by) == (ApprovalStatus.CANCELLED, "ann")
        assert (await orchestrator.resume("r")).result == Err(cancelled)
        assert (await orchestrator.start(refund(5), run_id="r")).result == Err(cancelled)
        each_store.reset()
        assert await orchestrator.cancel("r", by="ann") == Ok(cancelled)
        assert each_store.written == 0
        assert isinstance(error_of(await orchestrator.cancel("r", by="bob")), RunEnded)
        (await orchestrator.verify("r")).unwrap()
    assert effects.done == []


async def test_only_the_requester_or_an_admin_cancels(store: SharedStore, effects: Effects) -> None:
    """Where the requester is known, others are refused, and the run waits on."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        for run_id in "abc":
            await orchestrator.start(refund(5), run_id=run_id, requested_by=Actor("bot", on_behalf_of="alice"))
        store.reset()
        assert isinstance(error_of(await orchestrator.cancel("a", by=BOB)), NotAuthorised)
        assert store.written == 0
        (await orchestrator.cancel("a", by=ALICE)).unwrap()
        (await orchestrator.cancel("b", by=ADMIN)).unwrap()
        (await orchestrator.cancel("c", by="bot")).unwrap()


async def test_cancelling_names_a_known_run_and_question(store: SharedStore, effects: Effects) -> None:
    """An unknown run or key is refused; a completed run has nothing left to cancel."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund, plain]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert error_of(await orchestrator.cancel("x", by="ann")) == UnknownRun("x")
        assert error_of(await orchestrator.cancel("r", "boss", by="ann")) == UnknownApproval("r", "boss", ("manager",))
        await orchestrator.start(plain(1), run_id="p")
        assert error_of(await orchestrator.cancel("p", by="ann")) == RunEnded("p", RunStatus.COMPLETED)


async def test_a_run_that_is_cancelled_while_it_executes_stops(each_store: SharedStore, effects: Effects) -> None:
    """No step begins after the cancel, nothing is recorded, and the caller of `start` hears of the cancel."""
    began, go = asyncio.Event(), asyncio.Event()

    async def slow() -> Result[str, Refused]:
        began.set()
        await go.wait()
        return await effects.do("slow")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(slow)
        return Ok(await run.step(effects.do, "never"))

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await began.wait()
        (await orchestrator.cancel("r", by="ann")).unwrap()
        go.set()
        execution = await started
        assert execution.status is RunStatus.CANCELLED
        assert execution.result == Err(RunCancelled("r", "ann"))
    assert effects.done == ["slow"]


# Look


async def test_pending_is_filtered_and_paged(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """By run, prefix, workflow, age and deadline; the oldest first; in pages that leave nothing out."""
    short, long = refunding(effects, Policy(expires_in="2h")), refunding(effects)
    other = workflow(name="other")(long.function)
    async with Orchestrator(store, workflows=[long]) as orchestrator:
        await orchestrator.start(short(1), run_id="a-1")
        clock.advance("1m")
        await orchestrator.start(long(1), run_id="a-2")
        clock.advance("59m")
        await orchestrator.start(other(1), run_id="b%1")

        async def ids(**filters: Any) -> list[str]:
            return [p.run_id for p in (await orchestrator.pending(**filters)).items]

        assert await ids() == ["a-1", "a-2", "b%1"]
        assert await ids(run_id="a-2") == ["a-2"]
        assert await ids(prefix="a-") == ["a-1", "a-2"]
        assert await ids(prefix="%") == await ids(prefix="a_") == []
        assert await ids(workflow="other") == ["b%1"]
        assert await ids(older_than="59m") == ["a-1"]
        assert await ids(due_within="1h") == []
        assert await ids(due_within="61m") == ["a-1"]
        first = await orchestrator.pending(limit=2)
        rest = await orchestrator.pending(limit=2, after=first.after)
        assert [p.run_id for p in (*first.items, *rest.items)] == ["a-1", "a-2", "b%1"]
        assert rest.after is None


async def test_runs_are_filtered_and_paged(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """By prefix, workflow and status; the newest first."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund, plain]) as orchestrator:
        for n in range(3):
            await orchestrator.start(refund(n), run_id=f"a{n}")
            clock.advance("1s")
        await orchestrator.start(plain(1), run_id="b")

        async def ids(**filters: Any) -> list[str]:
            return [r.run_id for r in (await orchestrator.runs(**filters)).items]

        assert await ids() == ["b", "a2", "a1", "a0"]
        assert await ids(prefix="a") == ["a2", "a1", "a0"]
        assert await ids(workflow="plain") == await ids(statuses=[RunStatus.COMPLETED]) == ["b"]
        assert await ids(statuses=[]) == []
        first = await orchestrator.runs(limit=3)
        assert first.after is not None
        assert [r.run_id for r in (await orchestrator.runs(limit=3, after=first.after)).items] == ["a0"]


async def test_looking_at_a_run_runs_nothing(store: SharedStore, effects: Effects) -> None:
    """`status` and `history` read; an unknown run is `UnknownRun`."""
    refund = refunding(effects, before=1)
    async with Orchestrator(store) as orchestrator:
        assert error_of(await orchestrator.status("x")) == UnknownRun("x")
        assert error_of(await orchestrator.history("x")) == UnknownRun("x")
        await orchestrator.start(refund(5), run_id="r")
        store.reset()
        assert (await orchestrator.status("r")).unwrap().run.waits == ("manager",)
        history = (await orchestrator.history("r")).unwrap()
        assert [s.key for s in history.steps] == ["do"]
        assert [json.loads(e.body)["event"] for e in history.entries] == ["asked"]
    assert store.written == 0


async def test_the_ledger_of_a_run_is_verified_against_an_exported_head(store: SharedStore, effects: Effects) -> None:
    """A head that was exported before is contained in the chain; another one is not."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        head = (await orchestrator.verify("r")).unwrap()
        (await orchestrator.approve("r", by="ann")).unwrap()
        await orchestrator.resume("r")
        assert (await orchestrator.verify("r", head)).unwrap().seq == 3
        assert isinstance(error_of(await orchestrator.verify("r", Head(head.seq, "0" * 64))), BrokenChain)
        assert isinstance(error_of(await orchestrator.verify("r", Head(9, head.hash))), BrokenChain)


async def test_an_execution_of_an_unknown_run_has_no_snapshot(store: SharedStore) -> None:
    """`resume`, `retry` and `wait` answer `UnknownRun`, with no status and no snapshot."""
    async with Orchestrator(store) as orchestrator:
        for execution in (await orchestrator.resume("x"), await orchestrator.retry("x"), await orchestrator.wait("x")):
            assert execution.result == Err(UnknownRun("x"))
            assert execution.status is None
            with pytest.raises(LookupError, match="'x'"):
                _ = execution.snapshot


# Wait


async def test_waiting_ends_when_the_run_does(store: SharedStore, effects: Effects) -> None:
    """`wait` gives the run once it has ended, wherever that happens."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        waiter = asyncio.create_task(orchestrator.wait("r"))
        (await orchestrator.approve("r", by="ann")).unwrap()
        await orchestrator.resume("r")
        assert (await asyncio.wait_for(waiter, 5)).result == Ok(5)


async def test_waiting_gives_up_at_its_timeout(store: SharedStore, effects: Effects) -> None:
    """At the timeout `wait` gives the run as it then stands, and has run nothing."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        store.reset()
        assert waiting((await orchestrator.wait("r", timeout="20ms")).result).key == "manager"
    assert store.written == 0


# Clean up


async def test_cleanup_deletes_what_ended_long_ago(each_store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """Runs that ended before the age go with all that belongs to them; what waits stays, however old."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund, plain]) as orchestrator:
        await orchestrator.start(refund(5), run_id="waits")
        await orchestrator.start(refund(5), run_id="ended")
        (await orchestrator.approve("ended", by="ann")).unwrap()
        await orchestrator.resume("ended")
        clock.advance("1h")
        await orchestrator.start(plain(1), run_id="young")
        clock.advance("1s")
        assert await orchestrator.cleanup(older_than="1h") == 1
        assert await orchestrator.cleanup(older_than="1h") == 0
        assert {r.run_id for r in (await orchestrator.runs()).items} == {"waits", "young"}
        assert await each_store.entries("ended") == ()
        assert (await each_store.load("ended")).steps == ()
        assert (await orchestrator.start(plain(2), run_id="ended")).result == Ok(2)


# Leases, crashes and recovery


async def test_recovery_goes_on_with_what_is_decided_or_expired(
    each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Decided and expired runs move; what waits is left alone, and so is a workflow that is not known here."""
    refund, timed = refunding(effects), refunding(effects, Policy(expires_in="1h"))
    stranger = workflow(name="stranger")(refund.function)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(1), run_id="decided")
        await orchestrator.start(refund(2), run_id="waits")
        await orchestrator.start(timed(3), run_id="expired")
        await orchestrator.start(stranger(4), run_id="stranger")
        (await orchestrator.approve("decided", by="ann")).unwrap()
        (await orchestrator.approve("stranger", by="ann")).unwrap()
        clock.advance("1h")
        executions = await orchestrator.recover()
        assert {e.run_id for e in executions} == {"decided", "expired"}
        assert (await orchestrator.recover()) == ()
        assert (await orchestrator.status("stranger")).unwrap().run.status is RunStatus.PARKED
    assert effects.done == ["pay 1"]


async def test_a_run_whose_process_died_is_taken_over_after_its_lease(
    each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Before the lease ends nobody takes it; afterwards recorded steps are kept and the one in flight runs again."""

    class Died(BaseException):
        pass

    refund = refunding(effects, before=2)
    each_store.failpoints.arm("step.after", raising(Died()))
    async with Orchestrator(each_store, workflows=[refund], lease="30s") as first:
        with pytest.raises(Died):
            await first.start(refund(5), run_id="r")
    each_store.failpoints.disarm("step.after")
    assert effects.done == ["step 0"]
    async with Orchestrator(each_store, workflows=[refund]) as second:
        clock.advance(timedelta(seconds=30) - timedelta(microseconds=1))
        assert isinstance(error_of((await second.resume("r")).result), RunConflict)
        assert await second.recover() == ()
        clock.advance(timedelta(microseconds=1))
        [execution] = await second.recover()
        waiting(execution.result)
    assert effects.done == ["step 0", "step 1"]


async def test_the_writes_of_a_holder_that_lost_its_lease_are_refused(
    each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """A holder that slept past its lease cannot write over who took the run; its steps after that do not begin."""
    began, go = asyncio.Event(), asyncio.Event()

    async def slow() -> Result[str, Refused]:
        if not began.is_set():
            began.set()
            await go.wait()
            return await effects.do("stale")
        return await effects.do("fresh")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        value = await run.step(slow)
        await run.step(effects.do, f"after {value}")
        return Ok(value)

    async with Orchestrator(each_store, workflows=[flow]) as one, Orchestrator(each_store, workflows=[flow]) as other:
        started = asyncio.create_task(one.start(flow(), run_id="r"))
        await began.wait()
        clock.advance("1h")
        assert (await other.resume("r")).result == Ok("fresh")
        go.set()
        stale = await started
        assert stale.result == Ok("fresh") or isinstance(error_of(stale.result), RunConflict)
        assert (await other.resume("r")).result == Ok("fresh")
    assert effects.done == ["fresh", "after fresh", "stale"]


async def test_of_many_resumes_at_once_one_executes(each_store: SharedStore, effects: Effects) -> None:
    """Thirty-two resumes of a decided run pay once; the others get the outcome or hear that it runs."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        executions = await asyncio.gather(*(orchestrator.resume("r") for _ in range(32)))
    assert effects.done == ["pay 5"]
    assert Ok(5) in [e.result for e in executions]
    for execution in executions:
        assert execution.result == Ok(5) or isinstance(error_of(execution.result), RunConflict)


async def test_a_resume_that_meets_a_decision_goes_on_anyway(each_store: SharedStore, effects: Effects) -> None:
    """Another question of the run is decided between the load and the claim: the resume looks again, and executes."""
    pause = Pause()
    each_store.failpoints.arm("claim.before", pause, hit=1)

    async def after(run: Run[FlowError], key: str) -> int:
        await run.approval(key, proposes=1)
        await run.step(effects.do, key)
        return 1

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        a, b = await run.gather(after(run, "legal"), after(run, "security"))
        return Ok(a + b)

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", "legal", by="ann")).unwrap()
        resumed = asyncio.create_task(orchestrator.resume("r"))
        await pause.reached.wait()
        (await orchestrator.approve("r", "security", by="ann")).unwrap()
        pause.released.set()
        assert (await resumed).result == Ok(2)
    assert sorted(effects.done) == ["legal", "security"]


async def test_a_run_that_makes_no_progress_is_set_aside(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Five takeovers without a recorded step are enough: the next one sets the run aside and executes nothing."""
    effects_before = 7

    class Died(BaseException):
        pass

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(dies))

    async def dies() -> Result[int, Refused]:
        effects.done.append("try")
        raise Died

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        with pytest.raises(Died):
            await orchestrator.start(flow(), run_id="r")
        status = None
        while status is not RunStatus.NEEDS_REVIEW and len(effects.done) < effects_before:
            clock.advance("1m")
            try:
                status = (await orchestrator.resume("r")).status
            except Died:
                continue
        assert len(effects.done) == 6
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.NEEDS_REVIEW
        assert await orchestrator.recover() == ()


async def test_a_cancelled_caller_gives_the_run_back(each_store: SharedStore, effects: Effects) -> None:
    """A process that shuts down releases what it holds: another goes on at once, with what was recorded."""
    began = asyncio.Event()

    async def slow() -> Result[str, Refused]:
        if not began.is_set():
            began.set()
            await asyncio.Event().wait()
        return await effects.do("slow")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(effects.do, "before")
        return Ok(await run.step(slow))

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await began.wait()
        started.cancel()
        with pytest.raises(asyncio.CancelledError):
            await started
        assert (await orchestrator.status("r")).unwrap().run.status is RunStatus.QUEUED
        assert [e.result for e in await orchestrator.recover()] == [Ok("slow")]
    assert effects.done == ["before", "slow"]


class SlowToTell(MemoryStore):
    """A store that tells a renewal the time only once the run has parked."""

    def __init__(self, renewing: asyncio.Event, parked: asyncio.Event) -> None:
        super().__init__()
        self.starter: asyncio.Task[Any] | None = None
        self._renewing = renewing
        self._parked = parked

    async def now(self) -> int:
        """Tell the starter at once, everybody else after the run has parked."""
        if self.starter is not None and asyncio.current_task() is not self.starter:
            self._renewing.set()
            await self._parked.wait()
        return await super().now()


async def test_a_renewal_that_comes_too_late_gives_a_parked_run_no_lease() -> None:
    """A run that parks while its renewal is under way is not due: nobody is called to look at it."""
    renewing, parked = asyncio.Event(), asyncio.Event()
    store = SlowToTell(renewing, parked)

    async def slow() -> Result[int, Refused]:
        await renewing.wait()
        return Ok(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=await run.step(slow)))

    async with Orchestrator(store, workflows=[flow], lease="60ms") as orchestrator:
        store.starter = asyncio.current_task()
        waiting((await orchestrator.start(flow(), run_id="r")).result)
        parked.set()
        for _ in range(50):  # turns of the loop, in which the renewal goes on
            await asyncio.sleep(0)
        run = (await store.load("r")).run
        assert run is not None
        assert run.due_at is None


async def test_a_lease_is_renewed_after_the_store_failed_once(store: SharedStore, effects: Effects) -> None:
    """One refused renewal does not stop those that follow."""
    renewed = asyncio.Event()
    renewals = 0

    async def once() -> None:
        nonlocal renewals
        renewals += 1
        if renewals == 1:
            raise StoreUnavailable("for a moment")
        renewed.set()

    store.failpoints.arm("renew.before", once)

    async def slow() -> Result[int, Refused]:
        await asyncio.wait_for(renewed.wait(), 2)
        return Ok(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(slow))

    async with Orchestrator(store, workflows=[flow], lease="60ms") as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).result == Ok(1)


async def test_a_store_that_fails_is_an_exception_and_the_run_is_found_again(
    store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Broken infrastructure raises; the run is recovered after its lease, with its recorded steps kept."""
    refund = refunding(effects, before=1)
    store.failpoints.arm("park.before", raising(StoreUnavailable("gone")))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        with pytest.raises(StoreUnavailable):
            await orchestrator.start(refund(5), run_id="r")
        store.failpoints.disarm("park.before")
        clock.advance("1m")
        waiting((await orchestrator.recover())[0].result)
    assert effects.done == ["step 0", "step 0"]


async def test_a_parking_whose_answer_was_lost_is_found_parked(store: SharedStore, effects: Effects) -> None:
    """The commit was made and its answer lost: the run waits, and is decided as any other."""
    refund = refunding(effects)
    store.failpoints.arm("park.after", raising(StoreUnavailable("answer lost")))
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        with pytest.raises(StoreUnavailable):
            await orchestrator.start(refund(5), run_id="r")
        store.failpoints.disarm("park.after")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.start(refund(5), run_id="r")).result == Ok(5)


# Damage


async def damaged(store: SharedStore, what: str) -> None:
    """Spoil one record of run `r`."""
    found = await store.load("r")
    assert found.run is not None
    match what:
        case "run":
            await store.change_run(evolve(found.run, version=found.run.version + 1, body="{"))
        case "step":
            await store.change_step(found.run.version, evolve(found.steps[0], body="[]"))
        case _:
            row = found.approvals[0]
            await store.change_approval(evolve(row, version=row.version + 1, body='{"status":"what"}'))


@pytest.mark.parametrize("what", ["run", "step", "approval"])
async def test_a_run_with_a_damaged_record_is_set_aside_and_its_neighbours_go_on(
    what: str, each_store: SharedStore, effects: Effects
) -> None:
    """A record that does not decode sets its run aside; listings still name it, and other runs are recovered."""
    refund = refunding(effects, before=1)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await orchestrator.start(refund(6), run_id="neighbour")
        for run_id in ("r", "neighbour"):
            (await orchestrator.approve(run_id, by="ann")).unwrap()
        await damaged(each_store, what)
        assert {r.run_id for r in (await orchestrator.runs()).items} == {"r", "neighbour"}
        executions = {e.run_id: e for e in await orchestrator.recover()}
        assert executions["neighbour"].result == Ok(6)
        execution = await orchestrator.resume("r")
        assert execution.status is RunStatus.NEEDS_REVIEW
        assert isinstance(error_of(execution.result), NeedsReview)
        listed = {r.run_id: r.status for r in (await orchestrator.runs()).items}
        assert listed["r"] is RunStatus.NEEDS_REVIEW
    assert effects.done == ["step 0", "step 0", "pay 6"]


@pytest.mark.parametrize("what", ["run", "step", "approval"])
async def test_a_run_with_a_damaged_record_can_be_cancelled(what: str, store: SharedStore, effects: Effects) -> None:
    """What was set aside for damage can be ended by a person, as the message says."""
    refund = refunding(effects, before=1)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        await damaged(store, what)
        await orchestrator.resume("r")
        assert isinstance((await orchestrator.cancel("r", by=ADMIN)).unwrap(), RunCancelled)
        assert {r.status for r in (await orchestrator.runs()).items} == {RunStatus.CANCELLED}


async def test_a_repaired_run_goes_on_by_retry(store: SharedStore, effects: Effects) -> None:
    """Quarantine keeps what stands in the record: repaired, the run is retried to its end."""
    refund = refunding(effects, before=1)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        good = (await store.load("r")).steps[0]
        await damaged(store, "step")
        assert (await orchestrator.resume("r")).status is RunStatus.NEEDS_REVIEW
        assert (await orchestrator.retry("r")).status is RunStatus.NEEDS_REVIEW
        found = await store.load("r")
        assert found.run is not None
        await store.change_step(found.run.version, good)
        assert (await orchestrator.retry("r")).result == Ok(5)
    assert effects.done == ["step 0", "pay 5"]


async def test_a_listing_names_a_damaged_approval(store: SharedStore, effects: Effects) -> None:
    """A pending approval that does not decode is listed with what is wrong, not left out."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damaged(store, "approval")
        [listed] = (await orchestrator.pending()).items
    assert (listed.run_id, listed.key) == ("r", "manager")
    assert "does not decode" in listed.summary


# Atomicity of the two commits that matter


@pytest.mark.parametrize("side", ["before", "after"])
async def test_parking_is_all_or_nothing(side: str, each_store: SharedStore, effects: Effects) -> None:
    """Around the commit that parks there is never a parked run without its question, or a question without its run."""
    seen: list[tuple[str | None, int]] = []
    refund = refunding(effects, before=1)

    async def look() -> None:
        found = await each_store.load("r")
        seen.append((found.run.status if found.run else None, len(found.approvals)))

    each_store.failpoints.arm(f"park.{side}", look)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
    assert seen == ([("running", 0)] if side == "before" else [("parked", 1)])


async def test_a_decision_is_written_with_its_ledger_entry(store: SharedStore, effects: Effects) -> None:
    """The row and the entry of a decision are one commit, which also makes the run due."""
    made: list[Changes] = []

    class Recording(SharedStore):
        async def commit(self, changes: Changes) -> Any:
            made.append(changes)
            return await super().commit(changes)

    refund = refunding(effects)
    async with Orchestrator(Recording(store), workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
    [row] = made[-1].approvals
    assert (row.ready, row.open) == (True, False)
    assert len(made[-1].entries) == 1
    assert await store.due(await store.now(), 10) == ("r",)


async def test_the_error_of_a_step_that_raised_names_the_step(store: SharedStore) -> None:
    """An exception in a step is the run's error, with the step's key."""

    async def breaks() -> Result[int, Refused]:
        raise KeyError("x")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(breaks))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        error = error_of((await orchestrator.start(flow(), run_id="r")).result)
    assert error == UnexpectedError("KeyError", "'x'", "breaks")


# Deciding and going on in one


async def test_commits_of_a_decision_that_goes_on_at_once(each_store: SharedStore, effects: Effects) -> None:
    """The decision and the claim are one commit, the end another; what was decided is in the ledger, in order."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        each_store.reset()
        execution = (await orchestrator.edit("r", None, 3, by="ann", resume=refund)).unwrap()
        assert execution.result == Ok(3)
        assert dict(each_store.commits) == {Move.DECIDE: 1, Move.END: 1}
        entries = (await orchestrator.history("r")).unwrap().entries
        (await orchestrator.verify("r")).unwrap()
    assert [json.loads(e.body)["event"] for e in entries] == ["asked", "edited", "consumed"]
    assert effects.done == ["pay 3"]


async def test_a_rejection_that_goes_on_at_once_is_one_commit(each_store: SharedStore, effects: Effects) -> None:
    """The decision, its consumption and the end of the run."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        each_store.reset()
        execution = (await orchestrator.reject("r", reason="no", by="ann", resume=refund)).unwrap()
        assert execution.result == Err(ApprovalRejected("r", "manager", "ann", "no"))
        assert each_store.written == 1


@pytest.mark.parametrize("version", ["2", "1"])
async def test_a_decision_stands_although_the_run_cannot_go_on(
    version: str, each_store: SharedStore, effects: Effects
) -> None:
    """Code that has changed does not cost the decision: it is kept, and the old code goes on with it."""
    refund = refunding(effects)

    async def changed(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        return Ok(await run.step(effects.pay, amount))

    new = workflow(name="refund", version=version)(changed)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        execution = (await orchestrator.approve("r", by="ann", resume=new)).unwrap()
        assert isinstance(error_of(execution.result), WorkflowChanged)
        assert isinstance(error_of(await orchestrator.reject("r", by="bob")), AlreadyDecided)
        assert effects.done == []
        assert (await orchestrator.resume("r")).result == Ok(5)


async def test_a_vote_that_does_not_suffice_is_kept_too(each_store: SharedStore, effects: Effects) -> None:
    """The first of two votes leaves the run waiting; the second goes on with it."""
    refund = refunding(effects, Policy(needs=2))
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        waiting((await orchestrator.approve("r", by="ann", resume=refund)).unwrap().result)
        [approval] = (await orchestrator.status("r")).unwrap().approvals
        assert [v.by.name for v in approval.votes] == ["ann"]
        assert (await orchestrator.approve("r", by="bob", resume=refund)).unwrap().result == Ok(5)


async def test_a_refused_decision_goes_on_with_nothing(each_store: SharedStore, effects: Effects) -> None:
    """Who may not decide resumes nothing; a decision that stands already is only resumed."""
    refund = refunding(effects, Policy(approvers=["ann"]))
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert isinstance(error_of(await orchestrator.approve("r", by="eve", resume=refund)), NotAuthorised)
        assert effects.done == []
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.approve("r", by="ann", resume=refund)).unwrap().result == Ok(5)
        assert (await orchestrator.approve("r", by="ann", resume=refund)).unwrap().result == Ok(5)
    assert effects.done == ["pay 5"]


async def test_of_many_that_decide_and_go_on_one_wins(each_store: SharedStore, effects: Effects) -> None:
    """Sixteen approve and sixteen reject, all going on at once: one decision stands, and what follows it runs once."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        answers = await asyncio.gather(
            *(orchestrator.approve("r", by=f"p{n}", resume=refund) for n in range(16)),
            *(orchestrator.reject("r", by=f"q{n}", resume=refund) for n in range(16)),
        )
        assert sum(isinstance(answer, Ok) for answer in answers) == 1
        assert all(isinstance(error_of(a), AlreadyDecided) for a in answers if isinstance(a, Err))
        [approval] = (await orchestrator.status("r")).unwrap().approvals
        approved = approval.status is ApprovalStatus.APPROVED
        (await orchestrator.verify("r")).unwrap()
    assert effects.done == (["pay 5"] if approved else [])


async def test_a_crash_while_going_on_keeps_the_decision(
    each_store: SharedStore, clock: TestClock, effects: Effects
) -> None:
    """Once a step has begun on the strength of a decision, the decision is in the store."""
    refund = refunding(effects)
    each_store.failpoints.arm("end.before", raising(StoreUnavailable("crashed")))
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        with pytest.raises(StoreUnavailable):
            await orchestrator.approve("r", by="ann", resume=refund)
        each_store.failpoints.disarm("end.before")
        assert isinstance(error_of(await orchestrator.reject("r", by="bob")), AlreadyDecided)
        clock.advance("1m")
        assert [e.result for e in await orchestrator.recover()] == [Ok(5)]


async def test_many_that_find_a_run_to_be_set_aside_all_hear_so(each_store: SharedStore, effects: Effects) -> None:
    """A run whose approved content was changed, resumed by many at once: one sets it aside, every caller is told."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        [row] = (await each_store.load("r")).approvals
        body = json.dumps({**json.loads(row.body), "proposal": "500"})
        await each_store.change_approval(evolve(row, version=row.version + 1, body=body))
        executions = await asyncio.gather(*(orchestrator.resume("r") for _ in range(8)))
    assert all(isinstance(error_of(e.result), NeedsReview) for e in executions)
    assert effects.done == []
