"""A run whose records do not decode: every verb answers with a value, and none loses what can still be read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    ApprovalStatus,
    Decision,
    Err,
    Execution,
    NeedsReview,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunCancelled,
    RunConflict,
    RunEnded,
    RunStatus,
    Workflow,
    workflow,
)
from tests.support import ADMIN, Effects, FlowError, Refused, SharedStore, error_of

KINDS = ["run", "step", "approval"]


def refunding(effects: Effects) -> Workflow[[int], int, FlowError]:
    """Make a workflow: a step, a question, a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, "load")
        approved = await run.approval("manager", proposes=amount)
        return Ok(await run.step(effects.pay, approved))

    return refund


async def damage(store: SharedStore, what: str, run_id: str = "r") -> None:
    """Spoil one record of a run."""
    found = await store.load(run_id)
    assert found.run is not None
    match what:
        case "run":
            await store.change_run(evolve(found.run, version=found.run.version + 1, body="{"))
        case "step":
            await store.change_step(found.run.version, evolve(found.steps[0], body="[]"))
        case _:
            row = found.approvals[0]
            await store.change_approval(evolve(row, version=row.version + 1, body='{"status":"what"}'))


async def stored_status(store: SharedStore) -> str:
    """Read the status that the store has of run `r`."""
    row = (await store.load("r")).run
    assert row is not None
    return row.status


def needs_review(execution: Execution[Any, Any]) -> bool:
    """Whether an execution says that a person must look at the run."""
    asked = isinstance(error_of(execution.result), NeedsReview)
    return asked and execution.status is RunStatus.NEEDS_REVIEW and "does not decode" in str(execution.result)


# Verbs that go on


Verb = Callable[[Orchestrator, Workflow[[int], int, FlowError]], Awaitable[Execution[Any, Any]]]


async def _start(orchestrator: Orchestrator, refund: Workflow[[int], int, FlowError]) -> Execution[Any, Any]:
    return await orchestrator.start(refund(5), run_id="r")


async def _resume(orchestrator: Orchestrator, refund: Workflow[[int], int, FlowError]) -> Execution[Any, Any]:
    return await orchestrator.resume("r", refund)


async def _retry(orchestrator: Orchestrator, refund: Workflow[[int], int, FlowError]) -> Execution[Any, Any]:
    return await orchestrator.retry("r", refund)


async def _wait(orchestrator: Orchestrator, _: Workflow[[int], int, FlowError]) -> Execution[Any, Any]:
    return await orchestrator.wait("r")


async def _fork(orchestrator: Orchestrator, _: Workflow[[int], int, FlowError]) -> Execution[Any, Any]:
    return await orchestrator.fork("r", before="manager")


VERBS: list[Verb] = [_start, _resume, _retry, _wait, _fork]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", KINDS)
async def test_every_verb_answers_that_a_damaged_run_needs_review(
    what: str, verb: Verb, store: SharedStore, effects: Effects
) -> None:
    """Whatever is damaged and whatever is tried: `NeedsReview`, again when it is tried again, and no step runs."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        await damage(store, what)
        assert needs_review(await verb(orchestrator, refund))
        assert needs_review(await verb(orchestrator, refund))
    assert effects.done == ["load"]


@pytest.mark.parametrize("verb", [_wait, _fork])
async def test_a_verb_that_only_reads_leaves_a_damaged_run_as_it_is(
    verb: Verb, store: SharedStore, effects: Effects
) -> None:
    """Waiting for a damaged run and forking it write nothing."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(store, "step")
        store.reset()
        await verb(orchestrator, refund)
        assert store.written == 0
        assert await stored_status(store) == "parked"


async def test_a_wait_for_a_run_that_was_set_aside_ends(store: SharedStore, effects: Effects) -> None:
    """A run that only a person can move is no reason to wait: the answer is `NeedsReview`, without a timeout."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(store, "run")
        await orchestrator.resume("r")
        assert needs_review(await orchestrator.wait("r"))


async def test_a_start_of_other_arguments_hears_whose_the_damaged_id_is(store: SharedStore, effects: Effects) -> None:
    """The id of a damaged run stays taken: another start gets `RunConflict`, and the run is not touched."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(store, "step")
        execution = await orchestrator.start(refund(6), run_id="r")
        assert isinstance(error_of(execution.result), RunConflict)
        assert (execution.status, execution.state) == (RunStatus.PARKED, None)
        assert await stored_status(store) == "parked"


# Decisions


@pytest.mark.parametrize("verb", ["approve", "reject", "edit"])
async def test_a_decision_does_not_need_the_steps(verb: str, each_store: SharedStore, effects: Effects) -> None:
    """A damaged step keeps nobody from deciding: the decision stands, with its entry in the ledger."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(each_store, "step")
        made = (await decided(orchestrator, verb)).unwrap()
        assert isinstance(made, Decision)
        assert made.outcome is not None
        (await orchestrator.verify("r")).unwrap()
        assert len(await each_store.entries("r")) == 2


async def decided(orchestrator: Any, verb: str, **options: Any) -> Result[Any, Any]:
    """Decide on run `r`, by one of the verbs."""
    content = (None, 4) if verb == "edit" else ()
    answer: Result[Any, Any] = await getattr(orchestrator, verb)("r", *content, by="ann", **options)
    return answer


@pytest.mark.parametrize("verb", ["approve", "reject", "edit"])
@pytest.mark.parametrize("what", ["run", "step"])
async def test_a_decision_that_is_to_go_on_stands_and_the_run_is_set_aside(
    what: str, verb: str, each_store: SharedStore, effects: Effects
) -> None:
    """With `resume=` the decision is written, the run is set aside for its damage, and no step runs."""
    refund = refunding(effects)
    async with Orchestrator(each_store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(each_store, what)
        assert needs_review((await decided(orchestrator, verb, resume=refund)).unwrap())
        [approval] = (await orchestrator.status("r")).unwrap().approvals
        assert approval.ready
        (await orchestrator.verify("r")).unwrap()
        assert await stored_status(each_store) == "needs_review"
        assert needs_review((await decided(orchestrator, verb, resume=refund)).unwrap())
    assert effects.done == ["load"]


async def test_a_decision_on_a_damaged_run_counts_once_it_is_repaired(store: SharedStore, effects: Effects) -> None:
    """Repaired and retried, the run goes on with the decision that was taken while it was damaged."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        good = (await store.load("r")).steps[0]
        await damage(store, "step")
        assert needs_review((await orchestrator.edit("r", None, 4, by="ann", resume=refund)).unwrap())
        row = (await store.load("r")).run
        assert row is not None
        await store.change_step(row.version, good)
        assert (await orchestrator.retry("r")).result == Ok(4)
    assert effects.done == ["load", "pay 4"]


@pytest.mark.parametrize("going_on", [False, True])
@pytest.mark.parametrize("verb", ["approve", "reject", "edit"])
async def test_a_decision_on_a_damaged_approval_is_refused(
    verb: str, going_on: bool, store: SharedStore, effects: Effects
) -> None:
    """Nobody knows what would be decided on: `NeedsReview`, and nothing is written."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(store, "approval")
        store.reset()
        refusal = error_of(await decided(orchestrator, verb, resume=refund if going_on else None))
        assert isinstance(refusal, NeedsReview)
        assert "approval 'manager'" in refusal.reason
        assert store.written == 0


# Runs that are over


async def over(orchestrator: Orchestrator, refund: Workflow[[int], int, FlowError], how: RunStatus) -> None:
    """Bring run `r` to an end."""
    await orchestrator.start(refund(5), run_id="r")
    match how:
        case RunStatus.CANCELLED:
            (await orchestrator.cancel("r", by=ADMIN)).unwrap()
        case _:
            (await orchestrator.approve("r", by="ann", resume=refund)).unwrap()


@pytest.mark.parametrize("verb", [_start, _resume, _wait])
@pytest.mark.parametrize("what", ["step", "approval"])
@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        (RunStatus.COMPLETED, Ok(5)),
        (RunStatus.FAILED, Err(Refused("pay"))),
        (RunStatus.CANCELLED, Err(RunCancelled("r", "root"))),
    ],
)
async def test_the_outcome_of_a_run_outlasts_damage_to_its_steps(
    how: RunStatus, outcome: Any, what: str, verb: Verb, store: SharedStore, effects: Effects
) -> None:
    """What a run came to stands in its own record: it is given, and the run is not set aside."""
    refund = refunding(effects)
    effects.failing.update({"pay"} if how is RunStatus.FAILED else ())
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await over(orchestrator, refund, how)
        await damage(store, what)
        store.reset()
        execution = await verb(orchestrator, refund)
        assert (execution.status, execution.result) == (how, outcome)
        assert store.commits.total() == (1 if verb is _start else 0)  # the start that found the id taken
        assert await stored_status(store) == how.value
        with pytest.raises(LookupError, match="do not decode"):
            _ = execution.snapshot


async def test_a_failed_run_with_a_damaged_step_is_not_retried(store: SharedStore, effects: Effects) -> None:
    """Nobody knows what it has done: `NeedsReview`, it stays failed, and no step runs."""
    refund = refunding(effects)
    effects.failing.add("pay")
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await over(orchestrator, refund, RunStatus.FAILED)
        await damage(store, "step")
        execution = await orchestrator.retry("r")
        assert isinstance(error_of(execution.result), NeedsReview)
        assert execution.status is RunStatus.FAILED
        assert await stored_status(store) == "failed"
    assert effects.done == ["load", "pay 5"]


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("how", [RunStatus.COMPLETED, RunStatus.CANCELLED])
async def test_a_damaged_run_that_is_over_stays_so(
    how: RunStatus, what: str, store: SharedStore, effects: Effects
) -> None:
    """Neither resuming, retrying nor cancelling it makes it anything else: what was cancelled never runs again."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await over(orchestrator, refund, how)
        await damage(store, what)
        done = list(effects.done)
        await orchestrator.resume("r")
        await orchestrator.retry("r")
        assert error_of(await orchestrator.cancel("r", by=ADMIN)) == RunEnded("r", how)
        assert await stored_status(store) == how.value
        assert [r.status for r in (await orchestrator.runs()).items] == [how]
    assert effects.done == done


# Looking


@pytest.mark.parametrize("what", KINDS)
async def test_a_history_gives_what_decodes_and_names_what_does_not(
    what: str, store: SharedStore, effects: Effects
) -> None:
    """The other records and the ledger are there; `damage` has a sentence for the one that is not."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(store, what)
        history = (await orchestrator.history("r")).unwrap()
    assert [step.key for step in history.steps] == ([] if what == "step" else ["do"])
    assert [approval.key for approval in history.approvals] == ([] if what == "approval" else ["manager"])
    assert len(history.entries) == 1
    [said] = history.damage
    assert {"run": "the run", "step": "step 'do'", "approval": "approval 'manager'"}[what] in said
    assert (history.run.status is RunStatus.NEEDS_REVIEW) is (what == "run")


async def test_the_history_of_a_whole_run_names_no_damage(store: SharedStore, effects: Effects) -> None:
    """Where all records decode there is nothing to say."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        assert (await orchestrator.history("r")).unwrap().damage == ()
        assert (await orchestrator.status("r")).unwrap().damage == ()


async def test_a_history_names_a_question_that_is_missing(store: SharedStore, effects: Effects) -> None:
    """A run that waits for an approval which is not there is damaged too, although each record decodes."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        row = (await store.load("r")).run
        assert row is not None
        await store.change_run(evolve(row, version=row.version + 1, body=row.body.replace("manager", "boss")))
        [said] = (await orchestrator.history("r")).unwrap().damage
        assert "waits for boss" in said
        assert needs_review(await orchestrator.wait("r"))


@pytest.mark.parametrize("what", KINDS)
async def test_a_status_gives_what_decodes(what: str, store: SharedStore, effects: Effects) -> None:
    """`status` answers for a damaged run too; it reads no steps, so it does not miss them."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(5), run_id="r")
        await damage(store, what)
        details = (await orchestrator.status("r")).unwrap()
    assert [a.status for a in details.approvals] == ([] if what == "approval" else [ApprovalStatus.PENDING])
    assert len(details.damage) == (0 if what == "step" else 1)


@pytest.mark.parametrize("recorded", ['["told","canary"]', '{"secret":"canary"}', '[["canary"]]'])
async def test_the_words_for_damage_tell_no_content(store: SharedStore, effects: Effects, recorded: str) -> None:
    """They are logged by workers; a result of a kind that only a later version writes is such a record."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(10), run_id="r")
        found = await store.load("r")
        assert found.run is not None
        body = {**json.loads(found.steps[0].body), "is": json.loads(recorded)}
        await store.change_step(found.run.version, evolve(found.steps[0], body=json.dumps(body)))
        await orchestrator.approve("r", by="ann")
        reason = str(error_of((await orchestrator.resume("r")).result))
    assert "no recorded result" in reason
    assert "canary" not in reason
