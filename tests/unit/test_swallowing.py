"""Code that makes another exception of parking: the run parks all the same, and fails only of what failed by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from awaitly import Ok, Orchestrator, Pending, Result, Run, RunStatus, approval_step, execute, gated_step, workflow
from awaitly.replaying.asking import Check
from tests.support import Effects, FlowError, SharedStore, error_of, waiting


class OtherError(Exception):
    """What the user's code raises in place of what it caught."""


Around = Callable[[Run[FlowError], Effects], Any]


async def ask(run: Run[FlowError], key: str = "manager") -> int:
    """Ask, in a function of its own."""
    return await run.approval(key, proposes=1)


async def breaks() -> int:
    """Be a bug."""
    raise ZeroDivisionError


# Ways to make something else of it


async def raised_from(run: Run[FlowError], effects: Effects) -> None:
    """Raise from what was caught."""
    try:
        await ask(run)
    except BaseException as exc:
        raise OtherError from exc


async def raised_within(run: Run[FlowError], effects: Effects) -> None:
    """Raise while handling."""
    try:
        await ask(run)
    except BaseException:  # noqa: BLE001
        raise OtherError  # noqa: B904


async def raised_from_none(run: Run[FlowError], effects: Effects) -> None:
    """Raise, and hide what was caught."""
    try:
        await ask(run)
    except BaseException:  # noqa: BLE001
        raise OtherError from None


async def raised_afterwards(run: Run[FlowError], effects: Effects) -> None:
    """Swallow, and raise later."""
    with contextlib.suppress(BaseException):
        await ask(run)
    raise OtherError


async def raised_in_a_finally(run: Run[FlowError], effects: Effects) -> None:
    """Fail while tidying up."""
    try:
        await ask(run)
    finally:
        raise OtherError


async def raised_twice(run: Run[FlowError], effects: Effects) -> None:
    """Wrap what was wrapped."""
    try:
        await raised_from(run, effects)
    except OtherError as exc:
        raise ValueError("again") from exc


async def raised_after_a_call(run: Run[FlowError], effects: Effects) -> None:
    """Try to compensate first."""
    try:
        await ask(run)
    except BaseException:  # noqa: BLE001
        with contextlib.suppress(BaseException):
            await run.step(effects.do, "compensated")
    raise OtherError


async def raised_from_a_decision(run: Run[FlowError], effects: Effects) -> None:
    """Ask for the decision itself."""
    try:
        await run.decision("manager", proposes=1)
    except BaseException as exc:
        raise OtherError from exc


async def raised_from_a_gate(run: Run[FlowError], effects: Effects) -> None:
    """Ask by a gate, and raise afterwards."""
    with contextlib.suppress(BaseException):
        await run.step(gated_step(effects.pay, key="manager"), 1)
    raise OtherError


async def raised_in_a_branch(run: Run[FlowError], effects: Effects) -> None:
    """Raise in a branch."""
    await run.gather(raised_from(run, effects), run.step(effects.do, "beside"))


async def raised_afterwards_in_a_branch(run: Run[FlowError], effects: Effects) -> None:
    """Swallow in a branch, and raise later."""
    await run.gather(raised_afterwards(run, effects), run.step(effects.do, "beside"))


async def raised_around_a_gather(run: Run[FlowError], effects: Effects) -> None:
    """Swallow what a gather raises, and raise later."""
    with contextlib.suppress(BaseException):
        await run.gather(ask(run), run.step(effects.do, "beside"))
    raise OtherError


async def raised_around_a_task_group(run: Run[FlowError], effects: Effects) -> None:
    """Raise from the group that a task group raises."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(run))
    except BaseException as exc:
        raise OtherError from exc


async def raised_for_a_group(run: Run[FlowError], effects: Effects) -> None:
    """Catch with `except*` around a question, and raise."""
    try:
        await ask(run)
    except* BaseException:  # noqa: BLE001
        raise OtherError  # noqa: B904


async def raised_for_a_task_group(run: Run[FlowError], effects: Effects) -> None:
    """Catch with `except*` around a task group, and raise from what was caught."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(run))
            group.create_task(ask(run, "other"))
    except* BaseException as caught:
        raise OtherError from caught


async def raised_for_nested_groups(run: Run[FlowError], effects: Effects) -> None:
    """Catch with `except*` around task groups in a task group, and wrap in a group of one's own."""

    async def inner() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(run))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(inner())
    except* BaseException as caught:
        raise ExceptionGroup("all of it", [OtherError(), ValueError()]) from caught


AROUND: list[Around] = [
    raised_from,
    raised_within,
    raised_from_none,
    raised_afterwards,
    raised_in_a_finally,
    raised_twice,
    raised_after_a_call,
    raised_from_a_decision,
    raised_from_a_gate,
    raised_in_a_branch,
    raised_afterwards_in_a_branch,
    raised_around_a_gather,
    raised_around_a_task_group,
    raised_for_a_group,
    raised_for_a_task_group,
    raised_for_nested_groups,
]


@pytest.mark.parametrize("around", AROUND, ids=lambda f: f.__name__)
async def test_what_is_raised_in_place_of_parking_is_no_failure(
    around: Around, store: SharedStore, effects: Effects
) -> None:
    """Whatever exception the code makes of it, the run parks on its question, and goes on once that is answered."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await around(run, effects)
        return Ok(1)

    raises_anyway = around.__name__ in {
        "raised_afterwards",
        "raised_in_a_finally",
        "raised_after_a_call",
        "raised_from_a_gate",
        "raised_afterwards_in_a_branch",
        "raised_around_a_gather",
    }
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert execution.status is RunStatus.PARKED
        while execution.status is RunStatus.PARKED:
            assert waiting(execution.result).key in {"manager", "other"}
            for pending in execution.pending:
                (await orchestrator.approve("r", pending.key, by="ann")).unwrap()
            execution = await orchestrator.resume("r")
        if raises_anyway:
            assert error_of(execution.result).kind == "OtherError"
        else:
            assert execution.result == Ok(1)
    assert "compensated" not in effects.done


async def test_it_parks_without_a_store_too(effects: Effects) -> None:
    """`execute` gives the question, not the exception that was made of it."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await raised_from(run, effects)
        return Ok(1)

    assert waiting((await execute(flow())).result).key == "manager"


async def test_a_system_of_record_that_has_not_answered_parks_too(store: SharedStore) -> None:
    """The same holds for a question that another system answers."""

    async def check() -> Check[int]:
        return Pending()

    record = approval_step("record", check=check)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        try:
            return Ok(await run.step(record))
        except BaseException as exc:
            raise OtherError from exc

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).key == "record"


async def test_nothing_runs_after_a_gather_that_parked(store: SharedStore, effects: Effects) -> None:
    """Given code that swallows what a gather raises, then its next step does not run: the run waits."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        with contextlib.suppress(BaseException):
            await run.gather(ask(run), run.step(effects.do, "beside"))
        await run.step(effects.do, "after")
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        waiting((await orchestrator.start(flow(), run_id="r")).result)
        assert effects.done == ["beside"]
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert effects.done == ["beside", "after"]


# What fails by itself


async def beside_in_a_gather(run: Run[FlowError]) -> None:
    """Fail beside a question."""
    await run.gather(ask(run), breaks())


async def beside_in_a_plain_gather(run: Run[FlowError]) -> None:
    """Fail beside a question, by `asyncio.gather`."""
    await asyncio.gather(breaks(), ask(run))


async def beside_in_a_task_group(run: Run[FlowError]) -> None:
    """Fail beside a question, in a task group."""
    async with asyncio.TaskGroup() as group:
        group.create_task(ask(run))
        group.create_task(breaks())


async def beside_and_wrapped(run: Run[FlowError]) -> None:
    """Fail beside a question, and raise from all of it."""
    try:
        await beside_in_a_task_group(run)
    except BaseException as exc:
        raise OtherError from exc


async def beside_and_picked(run: Run[FlowError]) -> None:
    """Fail beside a question, and raise from the failures alone."""
    try:
        await beside_in_a_task_group(run)
    except* ZeroDivisionError as caught:
        raise OtherError from caught


@pytest.mark.parametrize(
    ("fails", "kind"),
    [
        (beside_in_a_gather, "ZeroDivisionError"),
        (beside_in_a_plain_gather, "ZeroDivisionError"),
        (beside_in_a_task_group, "ZeroDivisionError"),
        (beside_and_wrapped, "OtherError"),
        (beside_and_picked, "OtherError"),
    ],
)
async def test_a_bug_beside_a_question_is_not_hidden_by_it(
    fails: Callable[[Run[FlowError]], Any], kind: str, store: SharedStore
) -> None:
    """What failed by itself fails the run, also where another branch waits for people."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await fails(run)
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
    assert (execution.status, error_of(execution.result).kind) == (RunStatus.FAILED, kind)


async def test_an_exception_after_an_answer_fails_the_run(store: SharedStore) -> None:
    """Once the question is answered, the same code fails of its own exception."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        try:
            await ask(run)
            await breaks()
        except BaseException as exc:
            raise OtherError from exc
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        waiting((await orchestrator.start(flow(), run_id="r")).result)
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert error_of((await orchestrator.resume("r")).result).kind == "OtherError"


# What is begun behind a question that waits


async def in_a_task_opened_afterwards(run: Run[FlowError], effects: Effects) -> None:
    """Swallow, and pay in a new task."""
    with contextlib.suppress(BaseException):
        await ask(run)
    await asyncio.create_task(in_a_function(run, effects))


async def in_a_task_of_such_a_task(run: Run[FlowError], effects: Effects) -> None:
    """Swallow, and pay in a task that a new task opens."""
    with contextlib.suppress(BaseException):
        await ask(run)

    async def between() -> None:
        await asyncio.create_task(in_a_function(run, effects))

    await asyncio.create_task(between())


async def in_a_finally(run: Run[FlowError], effects: Effects) -> None:
    """Pay in a task group while tidying up."""
    try:
        await ask(run)
    finally:
        async with asyncio.TaskGroup() as group:
            group.create_task(in_a_function(run, effects))


async def called_before(run: Run[FlowError], effects: Effects) -> None:
    """Call the step first, and await it behind the question."""
    payment = run.step(effects.do, "paid")
    with contextlib.suppress(BaseException):
        await ask(run)
    await payment


async def called_before_and_opened_afterwards(run: Run[FlowError], effects: Effects) -> None:
    """Call the step first, and give it to a task behind the question."""
    payment = run.step(effects.do, "paid")
    with contextlib.suppress(BaseException):
        await ask(run)
    await asyncio.create_task(payment)


async def gathered_before(run: Run[FlowError], effects: Effects) -> None:
    """Gather first, and await it behind the question."""
    payments = run.gather(run.step(effects.do, "paid"), in_a_function(run, effects))
    with contextlib.suppress(BaseException):
        await ask(run)
    await payments


async def behind_a_waiting(run: Run[FlowError], effects: Effects) -> None:
    """Call the step first, ask in a task whose exception nobody takes, and await the step."""
    payment = run.step(effects.do, "paid")
    await asyncio.gather(run.approval("manager", proposes=1), return_exceptions=True)
    await payment


async def behind_branches_that_swallow(run: Run[FlowError], effects: Effects) -> None:
    """Make something up in a branch for what was not answered."""

    async def swallowing(key: str) -> int:
        with contextlib.suppress(BaseException):
            return await ask(run, key)
        return 7

    await run.gather(swallowing("manager"), swallowing("other"))
    await in_a_function(run, effects)


async def in_a_function(run: Run[FlowError], effects: Effects) -> None:
    """Pay."""
    await run.step(effects.do, "paid")


@pytest.mark.parametrize(
    "behind",
    [
        in_a_task_opened_afterwards,
        in_a_task_of_such_a_task,
        in_a_finally,
        called_before,
        called_before_and_opened_afterwards,
        gathered_before,
        behind_a_waiting,
        behind_branches_that_swallow,
    ],
    ids=lambda f: f.__name__,
)
async def test_nothing_begins_behind_a_question_that_waits(
    behind: Around, store: SharedStore, effects: Effects
) -> None:
    """Whatever the code swallows, the run parks, and its next step runs once the question is answered."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await behind(run, effects)
        return Ok(1)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert (execution.status, effects.done) == (RunStatus.PARKED, [])
        for pending in execution.pending:
            (await orchestrator.approve("r", pending.key, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert set(effects.done) == {"paid"}


async def test_what_was_opened_before_a_question_comes_to_its_own_end(store: SharedStore, effects: Effects) -> None:
    """Tasks beside a question go on, also with steps that they begin after it was asked."""
    asked = asyncio.Event()

    async def beside(run: Run[FlowError]) -> None:
        await asked.wait()
        await run.step(effects.do, "beside")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        task = asyncio.create_task(beside(run))
        called = asyncio.create_task(run.step(effects.do, "called"))
        try:
            return Ok(await ask(run))
        finally:
            asked.set()
            await asyncio.gather(task, called)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).key == "manager"
        assert sorted(effects.done) == ["beside", "called"]
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert sorted(effects.done) == ["beside", "called"]
