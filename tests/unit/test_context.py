from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import field, frozen

from awaitly import (
    Actor,
    ApprovalExpired,
    ApprovalRejected,
    Approved,
    Ask,
    Edited,
    Err,
    Expired,
    InvalidEdit,
    Ok,
    Orchestrator,
    Policy,
    Rejected,
    Result,
    Retry,
    Run,
    RunStatus,
    UnexpectedError,
    Workflow,
    execute,
    step,
    workflow,
)
from awaitly.testing import TestClock
from tests.support import Effects, FlowError, Refused, SharedStore, error_of, waiting


@frozen
class Order:
    """What is proposed."""

    id: str
    total: Decimal


def _positive(_: object, __: object, value: int) -> None:
    if value <= 0:
        msg = "must be positive"
        raise ValueError(msg)


@frozen
class Amount:
    """A class that refuses some values."""

    cents: int = field(validator=_positive)


# Steps


async def test_a_step_gives_its_value_and_its_error_ends_the_workflow(effects: Effects) -> None:
    """`run.step` unwraps `Ok`; `Err` ends the workflow at once with that very error."""
    effects.failing.add("bad")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        value = await run.step(effects.do, "good")
        await run.step(effects.do, "bad")
        await run.step(effects.do, "never")
        return Ok(value)

    execution = await execute(flow())
    assert execution.result == Err(Refused("bad"))
    assert effects.done == ["good", "bad"]


async def test_an_attempt_gives_the_result_as_it_is(store: SharedStore, effects: Effects) -> None:
    """`run.attempt` hands errors and exceptions to the workflow, which goes on; a replay gives them again."""
    effects.failing.add("bad")

    async def breaks() -> Result[int, Refused]:
        effects.done.append("breaks")
        raise ValueError("no")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        good, bad = await run.attempt(effects.do, "good"), await run.attempt(effects.do, "bad")
        worse = await run.attempt(breaks)
        await run.approval("manager", proposes=1)
        return Ok(f"{good} {bad} {worse}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        execution = await orchestrator.resume("r")
    good, bad = Ok("good"), Err(Refused("bad"))
    assert execution.result == Ok(f"{good} {bad} {Err(UnexpectedError('ValueError', 'no', 'breaks'))}")
    assert effects.done == ["good", "bad", "breaks"]


async def test_keys_are_names_with_numbers(store: SharedStore, effects: Effects) -> None:
    """A key is the function's name, then `name#2`, `name#3`; a chosen key is taken as it is."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        for what in "abc":
            await run.step(effects.do, what)
        await run.step(step(effects.do, key="special"), "d")
        await run.step(step(effects.do, key="special"), "e")
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        keys = [s.key for s in (await orchestrator.history("r")).unwrap().steps]
    assert keys == ["do", "do#2", "do#3", "special", "special#2"]


async def test_a_key_is_taken_when_the_step_is_called(store: SharedStore, effects: Effects) -> None:
    """Not when it is awaited: the order of awaiting changes nothing."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        first, second = run.step(effects.do, "first"), run.step(effects.do, "second")
        await second
        await first
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        steps = (await orchestrator.history("r")).unwrap().steps
    assert [(s.key, s.place) for s in steps] == [("do#2", "1"), ("do", "0")]
    assert effects.done == ["second", "first"]


async def test_arguments_that_cannot_be_compared_later_are_refused(effects: Effects) -> None:
    """A step's argument that has no content ends the run with an error that names it; the body does not run."""

    async def uses(thing: object) -> Result[int, Refused]:
        effects.done.append("ran")
        return Ok(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(uses, [1, object()]))

    error = error_of((await execute(flow())).result)
    assert (error.kind, error.where) == ("Unstorable", "uses")
    assert "$.args[0][1]" in error.message
    assert effects.done == []


@pytest.mark.parametrize("catch", [Exception, BaseException])
async def test_the_error_of_a_step_is_not_swallowed(catch: type[BaseException], effects: Effects) -> None:
    """Once a step has ended the workflow, no `except` of the user's takes it back, and no further step begins."""
    effects.failing.add("bad")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        with contextlib.suppress(catch):
            await run.step(effects.do, "bad")
        with contextlib.suppress(catch):
            await run.step(effects.do, "never")
        return Ok("swallowed")

    assert (await execute(flow())).result == Err(Refused("bad"))
    assert effects.done == ["bad"]


async def test_the_first_error_that_ends_a_workflow_stays(effects: Effects) -> None:
    """A `finally` or an `except BaseException` that fails otherwise does not replace the error that came first."""
    effects.failing.add("bad")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        try:
            return Ok(await run.step(effects.do, "bad"))
        finally:
            run.fail(Refused("replaced"))

    assert (await execute(flow())).result == Err(Refused("bad"))


async def test_failing_ends_the_workflow_from_any_depth(effects: Effects) -> None:
    """`run.fail` called far below ends the workflow with its error, through `except Exception` too."""

    def deep(run: Run[FlowError], n: int) -> int:
        try:
            return deep(run, n - 1) if n else run.fail(Refused("deep"))
        except Exception:  # noqa: BLE001
            return 0

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(deep(run, 20))

    execution = await execute(flow())
    assert execution.result == Err(Refused("deep"))
    assert execution.status is RunStatus.FAILED


async def test_nothing_is_called_after_the_workflow_has_returned(store: SharedStore, effects: Effects) -> None:
    """A `Run` that outlives its workflow begins no step."""
    kept: list[Run[FlowError]] = []

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        kept.append(run)
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        with pytest.raises((LookupError, BaseException)):
            await kept[0].step(effects.do, "late")
    assert effects.done == []


# What would differ from replay to replay


async def test_time_uuids_and_random_numbers_are_recorded(each_store: SharedStore, clock: TestClock) -> None:
    """A replay gives the same time, UUID and number, each call its own."""
    seen: list[tuple[Any, ...]] = []

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        seen.append((run.now(), run.now(), run.uuid(), run.uuid(), run.random(), run.random()))
        return Ok(await run.approval("manager", proposes=1))

    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        assert each_store.written == 1
        clock.advance("1d")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)
    first, again = seen
    assert first == again
    assert first[2] != first[3]
    assert first[4] != first[5]
    assert all(0 <= n < 1 for n in first[4:])
    assert abs((first[0] - clock()).total_seconds() + 86400) < 60
    assert first[0].utcoffset().total_seconds() == 0


async def test_an_idempotency_key_is_the_same_for_every_try_of_a_step(store: SharedStore, effects: Effects) -> None:
    """The same over retries within the run and over `retry` of the run; another for each step and each run."""
    keys: list[str] = []
    twice = Retry(attempts=2, base="1ms", on=(Refused,))

    async def pay(key: str) -> Result[str, Refused]:
        keys.append(key)
        return Ok("paid") if len(keys) > 3 else Err(Refused("busy"))

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.step(step(pay, retry=twice), run.idempotency_key)
        await run.step(pay, run.idempotency_key)
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert isinstance(error_of((await orchestrator.start(flow(), run_id="r")).result), Refused)
        assert (await orchestrator.retry("r")).result == Ok(1)
        assert (await orchestrator.start(flow(), run_id="s")).result == Ok(1)
    assert len(keys) == 7
    assert len(set(keys[:4])) == 1
    assert len({keys[0], keys[4], keys[5], keys[6]}) == 4


async def test_parallel_steps_have_idempotency_keys_of_their_own(effects: Effects) -> None:
    """Each call of a gather gets another key."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[list[str], FlowError]:
        a, b = await run.gather(
            run.step(effects.do, run.idempotency_key),
            run.step(effects.do, run.idempotency_key),
        )
        return Ok([a, b])

    one, other = (await execute(flow())).result.unwrap()
    assert one != other


# Questions


async def test_an_approval_gives_the_approved_or_the_edited_value(store: SharedStore) -> None:
    """The value comes back typed, as proposed or as edited."""
    order = Order("o-1", Decimal("120.00"))

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        approved = await run.approval("manager", proposes=order)
        return Ok(f"{approved.id} {approved.total + 1}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="a")
        await orchestrator.start(flow(), run_id="b")
        (await orchestrator.approve("a", by="ann")).unwrap()
        (await orchestrator.edit("b", None, Order("o-2", Decimal("1.50")), by="ann")).unwrap()
        assert (await orchestrator.resume("a")).result == Ok("o-1 121.00")
        assert (await orchestrator.resume("b")).result == Ok("o-2 2.50")


async def test_an_edit_in_the_stored_form_is_an_edit(store: SharedStore) -> None:
    """A process without the classes edits what it was shown: the arguments of the pending approval, changed."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        approved = await run.approval("manager", proposes=Order("o-1", Decimal("1.00")))
        return Ok(f"{approved.id} {approved.total}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        pending = waiting((await orchestrator.start(flow(), run_id="r")).result)
        (await orchestrator.edit("r", None, {**pending.arguments, "total": "7.00"}, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("o-1 7.00")


async def test_an_edit_that_its_class_refuses_is_refused_when_it_is_made(store: SharedStore) -> None:
    """An edit must decode as the type of what was proposed; else it is `InvalidEdit`, and breaks nothing later."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        approved = await run.approval("manager", proposes=Amount(5))
        return Ok(approved.cents)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        shown = waiting((await orchestrator.start(flow(), run_id="r")).result).arguments
        assert isinstance(error_of(await orchestrator.edit("r", None, {**shown, "cents": -5}, by="ann")), InvalidEdit)
        (await orchestrator.edit("r", None, {**shown, "cents": 7}, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(7)


async def test_questions_of_one_key_may_propose_values_of_several_types(store: SharedStore) -> None:
    """What an edit must be is a matter of its own question, whatever other runs asked under the same key since."""

    @workflow
    async def flow(run: Run[FlowError], text: bool) -> Result[str, FlowError]:
        approved: object = await run.approval("manager", proposes="five" if text else 5)
        return Ok(repr(approved))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(text=False), run_id="number")
        await orchestrator.start(flow(text=True), run_id="text")
        assert isinstance(error_of(await orchestrator.edit("number", None, "seven", by="ann")), InvalidEdit)
        (await orchestrator.edit("number", None, 7, by="ann")).unwrap()
        (await orchestrator.edit("text", None, "seven", by="ann")).unwrap()
        assert (await orchestrator.resume("number")).result == Ok("7")
        assert (await orchestrator.resume("text")).result == Ok("'seven'")


async def test_a_schema_says_what_an_edit_may_be(store: SharedStore) -> None:
    """With `schema`, an edit must fit that, and comes back as that type."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        approved: Any = await run.approval("manager", proposes=[Decimal(1)], schema=list[Decimal])
        return Ok(repr(approved))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        assert isinstance(error_of(await orchestrator.edit("r", None, ["x"], by="ann")), InvalidEdit)
        (await orchestrator.edit("r", None, ["2.5"], by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("[Decimal('2.5')]")


async def test_a_decision_gives_the_outcome_itself(store: SharedStore, clock: TestClock) -> None:
    """`run.decision` gives approved, edited, rejected or expired, and the workflow goes on with each."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        match await run.decision("manager", proposes=5, policy=Policy(expires_in="1h")):
            case Approved(value=v, by=by):
                return Ok(f"approved {v} by {by.name}")
            case Edited(original=o, value=v, by=by):
                return Ok(f"edited {o} to {v} by {by.name}")
            case Rejected(reason=why, by=by):
                return Ok(f"rejected by {by.name}: {why}")
            case Expired(key=key):
                return Ok(f"expired {key}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        for run_id in "aerx":
            await orchestrator.start(flow(), run_id=run_id)
        (await orchestrator.approve("a", by="ann")).unwrap()
        (await orchestrator.edit("e", None, 7, by="eve")).unwrap()
        (await orchestrator.reject("r", reason="no", by="rob")).unwrap()
        clock.advance("1h")
        results = [(await orchestrator.resume(run_id)).result for run_id in "aerx"]
    assert results == [
        Ok("approved 5 by ann"),
        Ok("edited 5 to 7 by eve"),
        Ok("rejected by rob: no"),
        Ok("expired manager"),
    ]


async def test_an_approval_under_edit_and_approve_names_both(store: SharedStore) -> None:
    """Edited by one and approved by another, the decision is `Edited` with the editor's value."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        match await run.decision("manager", proposes=5, policy=Policy(edit_counts_as_vote=False)):
            case Edited(original=o, value=v, by=by):
                return Ok(f"{o} {v} {by.name}")
            case other:
                return Ok(str(other))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.edit("r", None, 7, by="eve")).unwrap()
        waiting((await orchestrator.resume("r")).result)
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("5 7 eve")


async def test_not_being_approved_ends_the_workflow_with_a_typed_error(store: SharedStore, clock: TestClock) -> None:
    """A rejection carries its reason and actor, an expiry its deadline."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=5, policy=Policy(expires_in="1h")))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        deadline = waiting((await orchestrator.start(flow(), run_id="x")).result).deadline
        (await orchestrator.reject("r", reason="no", by="ann")).unwrap()
        clock.advance("1h")
        assert (await orchestrator.resume("r")).result == Err(ApprovalRejected("r", "manager", "ann", "no"))
        assert deadline is not None
        assert (await orchestrator.resume("x")).result == Err(ApprovalExpired("x", "manager", deadline))


async def test_a_second_question_under_one_key_is_another_question(store: SharedStore) -> None:
    """Asked again, a key gets a number; the first answer does not count for the second question."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        a = await run.approval("manager", proposes=1)
        return Ok(a + await run.approval("manager", proposes=1))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", "manager", by="ann")).unwrap()
        assert waiting((await orchestrator.resume("r")).result).key == "manager#2"
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(2)


async def test_a_question_shows_what_it_was_given(store: SharedStore, clock: TestClock) -> None:
    """Summary, reason, metadata, deadline and requester reach whoever is asked."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        policy = Policy(expires_in="2h")
        metadata = {"ticket": 7, "tags": ["a"]}
        return Ok(await run.approval("m", proposes=1, summary="Pay?", reason="due", metadata=metadata, policy=policy))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r", requested_by=Actor("bot", on_behalf_of="bo"))
        [shown] = (await orchestrator.pending()).items
    assert (shown.summary, shown.reason, shown.requested_by) == ("Pay?", "due", "bot")
    assert shown.metadata == {"ticket": 7, "tags": ["a"]}
    assert shown.deadline is not None
    assert (shown.deadline - clock()).total_seconds() == 7200


async def test_a_proposal_that_cannot_be_kept_is_never_asked(store: SharedStore) -> None:
    """The run ends with an error that names the question; nobody sees half of it."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.approval("manager", proposes=object())
        return Ok(1)

    @workflow
    async def noted(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=1, metadata={"x": object()}))

    async with Orchestrator(store, workflows=[flow, noted]) as orchestrator:
        for one in (flow(), noted()):
            error = error_of((await orchestrator.start(one)).result)
            assert (error.kind, error.where) == ("Unstorable", "manager")
        assert (await orchestrator.pending()).items == ()


@pytest.mark.parametrize("key", ["", " a", "a\nb", "x" * 201])
async def test_a_key_that_no_store_could_keep_is_never_asked(key: str, store: SharedStore) -> None:
    """An approval's key follows the rule for names; the error says so."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.approval(key, proposes=1))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert (await orchestrator.pending()).items == ()
    assert error_of(execution.result).kind == "DefinitionError"


async def test_several_questions_come_back_in_the_order_asked(store: SharedStore) -> None:
    """`run.approvals` parks once and gives typed values in order; one rejection ends the workflow."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b, c = await run.approvals(Ask("a", proposes=1), Ask("b", proposes="x"), Ask("c", proposes=Decimal("2.5")))
        return Ok(f"{a + 1} {b.upper()} {c * 2}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        for run_id in "rs":
            assert len((await orchestrator.start(flow(), run_id=run_id)).pending) == 3
            for key in "cba":
                if (run_id, key) == ("s", "b"):
                    (await orchestrator.reject(run_id, key, by="ann")).unwrap()
                else:
                    (await orchestrator.approve(run_id, key, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("2 X 5.0")
        assert error_of((await orchestrator.resume("s")).result).key == "b"


# Parking cannot be swallowed


async def except_exception(run: Run[FlowError], effects: Effects) -> None:
    """Catch every `Exception`."""
    try:
        await run.approval("manager", proposes=1)
    except Exception:  # noqa: BLE001
        await run.step(effects.do, "compensated")


async def except_base_exception(run: Run[FlowError], effects: Effects) -> None:
    """Catch everything, and try to compensate."""
    try:
        await run.approval("manager", proposes=1)
    except BaseException:  # noqa: BLE001
        await run.step(effects.do, "compensated")


async def swallowed_for_good(run: Run[FlowError], effects: Effects) -> None:
    """Catch everything, twice."""
    with contextlib.suppress(BaseException):
        await except_base_exception(run, effects)


async def in_a_finally(run: Run[FlowError], effects: Effects) -> None:
    """Clean up in a `finally`."""
    try:
        await run.approval("manager", proposes=1)
    finally:
        await run.step(effects.do, "cleaned up")


async def returned_from_a_finally(run: Run[FlowError], effects: Effects) -> None:
    """Return from a `finally`, which swallows whatever is raised."""
    try:
        await run.approval("manager", proposes=1)
    finally:
        return  # noqa: B012


async def in_a_task_group(run: Run[FlowError], effects: Effects) -> None:
    """Ask in a task of a group."""
    async with asyncio.TaskGroup() as group:
        group.create_task(run.approval("manager", proposes=1))


async def in_a_nested_task_group(run: Run[FlowError], effects: Effects) -> None:
    """Ask in a group within a group, in a function of its own."""

    async def inner() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(in_a_task_group(run, effects))

    async with asyncio.TaskGroup() as group:
        group.create_task(inner())


async def in_a_gather(run: Run[FlowError], effects: Effects) -> None:
    """Let `asyncio.gather` return exceptions."""
    await asyncio.gather(run.approval("manager", proposes=1), return_exceptions=True)
    await run.step(effects.do, "went on")


async def suppressed(run: Run[FlowError], effects: Effects) -> None:
    """Suppress everything."""
    with contextlib.suppress(BaseException):
        await run.approval("manager", proposes=1)


async def suppressed_in_a_branch(run: Run[FlowError], effects: Effects) -> None:
    """Suppress everything in a branch of a gather."""
    await run.gather(suppressed(run, effects), run.step(effects.do, "beside"))


async def in_a_timeout(run: Run[FlowError], effects: Effects) -> None:
    """Ask under `asyncio.wait_for`, and catch its timeout."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(run.approval("manager", proposes=1), 5)


async def in_an_except_group(run: Run[FlowError], effects: Effects) -> None:
    """Catch groups of exceptions around a group of tasks."""
    try:
        await in_a_task_group(run, effects)
    except* Exception:  # noqa: BLE001
        await run.step(effects.do, "compensated")


SWALLOWING: list[Callable[[Run[FlowError], Effects], Any]] = [
    except_exception,
    except_base_exception,
    swallowed_for_good,
    in_a_finally,
    returned_from_a_finally,
    in_a_task_group,
    in_a_nested_task_group,
    in_a_gather,
    suppressed,
    suppressed_in_a_branch,
    in_a_timeout,
    in_an_except_group,
]


@pytest.mark.parametrize("swallow", SWALLOWING, ids=lambda f: f.__name__)
async def test_no_code_of_the_users_swallows_parking(
    swallow: Callable[[Run[FlowError], Effects], Any], store: SharedStore, effects: Effects
) -> None:
    """Whatever stands around the question, the run parks on it, and no compensation runs while it waits."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await swallow(run, effects)
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert waiting(execution.result).key == "manager"
        assert execution.status is RunStatus.PARKED
        assert set(effects.done) <= {"beside"}
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert "compensated" not in effects.done


async def test_branches_of_a_task_group_park_together(store: SharedStore, effects: Effects) -> None:
    """Two tasks of a group that ask at the same time park once, on both."""

    async def ask(run: Run[FlowError], key: str) -> int:
        return await run.approval(key, proposes=1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(run, key)) for key in ("a", "b")]
        return Ok(sum(task.result() for task in tasks))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert execution.status is RunStatus.PARKED
        for _ in range(2):
            for pending in execution.pending:
                (await orchestrator.approve("r", pending.key, by="ann")).unwrap()
            execution = await orchestrator.resume("r")
        assert execution.result == Ok(2)


async def test_an_exception_beside_a_parked_branch_fails_the_run(store: SharedStore) -> None:
    """A bug in one branch is not hidden by another one that waits."""

    async def breaks() -> int:
        raise ZeroDivisionError

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        a, b = await run.gather(run.approval("manager", proposes=1), breaks())
        return Ok(a + b)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
    assert error_of(execution.result).kind == "ZeroDivisionError"
    assert execution.status is RunStatus.FAILED


async def test_a_pause_is_no_failure_and_compensates_nothing(store: SharedStore, effects: Effects) -> None:
    """The usual compensation around a payment does not run while the run waits, and does run when a step fails."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(effects.do, "reserve")
        match await run.decision("manager", proposes=1):
            case Approved():
                return Ok(await run.step(effects.do, "ship"))
            case _:
                return Ok(await run.step(effects.do, "release"))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert execution.status is RunStatus.PARKED
        assert effects.done == ["reserve"]
        (await orchestrator.reject("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("release")


# Results of workflows


async def test_a_result_that_cannot_be_kept_fails_the_run(store: SharedStore) -> None:
    """The error says what cannot be kept; the run is not left half done."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok("text")  # type: ignore[arg-type]

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert error_of(execution.result).kind == "Unstorable"
        assert (await orchestrator.resume("r")).result == execution.result


def test_a_workflow_binds_and_checks_its_arguments() -> None:
    """What does not fit the function raises where it is written, before anything runs."""

    @workflow
    async def flow(run: Run[FlowError], n: int, *, name: str = "x") -> Result[int, FlowError]:
        return Ok(n)

    assert flow(1).digest == flow(n=1, name="x").digest
    assert flow(1).digest != flow(2).digest
    for args, kwargs in (((), {}), ((1, 2), {}), ((1,), {"other": 1}), (("text",), {})):
        with pytest.raises(TypeError):
            flow(*args, **kwargs)  # type: ignore[arg-type]


def test_a_workflow_is_an_async_function() -> None:
    """A plain function is refused where it is defined."""

    def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(1)

    with pytest.raises(TypeError, match="async def"):
        workflow(flow)  # type: ignore[arg-type]


def made_of(result: object) -> Workflow[[], Any, Any]:
    """Make a workflow that gives whatever it is told."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[Any, Any]:
        return result  # type: ignore[return-value]

    return flow


async def test_an_unexpected_error_of_the_workflows_own_is_kept_as_it_is() -> None:
    """`Err(UnexpectedError(...))` from an attempt may be handed on as the workflow's error."""
    error = UnexpectedError("KeyError", "'x'", "pay", 3)
    assert (await execute(made_of(Err(error))())).result == Err(error)
