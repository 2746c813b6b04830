"""Closing an orchestrator while its runs execute in other tasks: they are given back at once, and nothing is left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from awaitly import (
    ConflictReason,
    Execution,
    MemoryStore,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunConflict,
    RunStatus,
    Workflow,
    workflow,
)
from awaitly import sync as plain_code
from awaitly.storage.store import Changes, Move
from awaitly.testing import Pause
from tests.support import Effects, FlowError, Refused, SharedStore, error_of, waiting


class Held:
    """A step that begins, and does not end before it is let or cancelled."""

    def __init__(self, effects: Effects) -> None:
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self._effects = effects

    async def __call__(self) -> Result[str, Refused]:
        """Wait the first time; be done at once the next."""
        if not self.began.is_set():
            self.began.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self._effects.done.append("tidied up")
                raise
        return await self._effects.do("held")


class Watched(SharedStore):
    """Notes what is committed once the orchestrator has closed it."""

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.closed = False
        self.late: list[Move] = []

    async def close(self) -> None:
        """Note that it is closed."""
        self.closed = True

    async def open(self) -> None:
        """Note that it is open."""
        self.closed = False

    async def commit(self, changes: Changes) -> Any:
        """Note a commit after the close."""
        if self.closed:
            self.late.append(changes.move)
        return await super().commit(changes)


Shape = Callable[[Run[FlowError], Held, Effects], Awaitable[str]]


async def _plainly(run: Run[FlowError], held: Held, effects: Effects) -> str:
    return await run.step(held)


async def _side_by_side(run: Run[FlowError], held: Held, effects: Effects) -> str:
    _, value = await run.gather(run.step(effects.do, "beside"), run.step(held))
    return value


async def _in_a_task_group(run: Run[FlowError], held: Held, effects: Effects) -> str:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run.step(held))
    return task.result()


async def _in_gather(run: Run[FlowError], held: Held, effects: Effects) -> str:
    return (await asyncio.gather(run.step(held)))[0]


async def _refusing_to_be_cancelled(run: Run[FlowError], held: Held, effects: Effects) -> str:
    try:
        return await run.step(held)
    except BaseException as exc:
        raise ValueError("anything but a cancellation") from exc


SHAPES: list[Shape] = [_plainly, _side_by_side, _in_a_task_group, _in_gather, _refusing_to_be_cancelled]


def holding(shape: Shape, held: Held, effects: Effects) -> Workflow[[], str, FlowError]:
    """Make a workflow: a step, then one that is held."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(effects.do, "before")
        return Ok(await shape(run, held, effects))

    return flow


@pytest.mark.parametrize("shape", SHAPES)
async def test_closing_gives_back_what_executes_in_other_tasks(
    shape: Shape, each_store: SharedStore, effects: Effects
) -> None:
    """The run is queued with what it recorded, its caller gets a value, and the next executes only what is left."""
    store, held = Watched(each_store), Held(effects)
    flow = holding(shape, held, effects)
    async with Orchestrator(store, workflows=[flow], lease="1h") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await held.began.wait()
    conflict = error_of((await started).result)
    assert isinstance(conflict, RunConflict)
    assert conflict.reason is ConflictReason.GIVEN_BACK
    assert (started.cancelling(), store.late) == (0, [])
    assert "tidied up" in effects.done
    async with Orchestrator(store, workflows=[flow]) as other:
        assert (await other.status("r")).unwrap().run.status is RunStatus.QUEUED
        [recovered] = await other.recover()
        assert recovered.result == Ok("held")
    assert effects.done.count("before") == 1


async def test_closing_gives_back_what_was_resumed_and_what_was_decided(
    each_store: SharedStore, effects: Effects
) -> None:
    """A resumed run and one that was approved to go on are given back with their decisions."""
    store, helds = Watched(each_store), [Held(effects), Held(effects)]

    @workflow
    async def flow(run: Run[FlowError], n: int) -> Result[str, FlowError]:
        await run.approval("manager", proposes=n)
        return Ok(await run.step(helds[n]))

    async with Orchestrator(store, workflows=[flow], lease="1h") as orchestrator:
        for n in (0, 1):
            waiting((await orchestrator.start(flow(n), run_id=f"r{n}")).result)
        (await orchestrator.approve("r0", by="ann")).unwrap()
        resumed = asyncio.create_task(orchestrator.resume("r0"))
        decided = asyncio.create_task(orchestrator.approve("r1", by="ann", resume=flow))
        await asyncio.gather(*(held.began.wait() for held in helds))
    assert error_of((await resumed).result).reason is ConflictReason.GIVEN_BACK
    assert error_of((await decided).unwrap().result).reason is ConflictReason.GIVEN_BACK
    assert store.late == []
    async with Orchestrator(store, workflows=[flow]) as other:
        assert sorted(str(e.result) for e in await other.recover()) == [str(Ok("held"))] * 2


async def test_closing_gives_back_all_of_recovery(store: SharedStore, effects: Effects) -> None:
    """Closed in the middle of a recovery, the run under way is given back, and the next is not begun."""
    held = Held(effects)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.approval("manager", proposes=1)
        return Ok(await run.step(held))

    watched = Watched(store)
    async with Orchestrator(watched, workflows=[flow], lease="1h") as orchestrator:
        for run_id in ("a", "b"):
            await orchestrator.start(flow(), run_id=run_id)
            (await orchestrator.approve(run_id, by="ann")).unwrap()
        recovering = asyncio.create_task(orchestrator.recover())
        await held.began.wait()
    await asyncio.gather(recovering, return_exceptions=True)
    assert watched.late == []
    assert [(await store.load(run_id)).run.status for run_id in ("a", "b")] == ["queued", "parked"]  # type: ignore[union-attr]
    assert effects.done == ["tidied up"]


async def test_a_run_that_is_about_to_park_parks(each_store: SharedStore, effects: Effects) -> None:
    """Closed while the commit that parks is under way: it is awaited, and the run waits for people as it should."""
    store, pause = Watched(each_store), Pause()
    each_store.failpoints.arm("park.before", pause)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.step(effects.do, "before")
        return Ok(await run.approval("manager", proposes=1))

    async with Orchestrator(store, workflows=[flow], lease="1h") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await pause.reached.wait()
        closing = asyncio.create_task(orchestrator.__aexit__(None, None, None))
        for _ in range(20):  # turns of the loop, in which the closing comes to its wait
            await asyncio.sleep(0)
        assert not closing.done()
        pause.released.set()
        await closing
        waiting((await started).result)
    assert store.late == []


async def test_a_caller_that_is_cancelled_while_the_orchestrator_closes_is_cancelled(
    store: SharedStore, effects: Effects
) -> None:
    """The caller's own cancellation is not swallowed, and the run is given back all the same."""
    watched, held, pause = Watched(store), Held(effects), Pause()
    store.failpoints.arm("release.before", pause)
    flow = holding(_plainly, held, effects)
    async with Orchestrator(watched, workflows=[flow], lease="1h") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await held.began.wait()
        started.cancel()
        await pause.reached.wait()
        closing = asyncio.create_task(orchestrator.__aexit__(None, None, None))
        for _ in range(20):  # as above
            await asyncio.sleep(0)
        assert not closing.done()
        pause.released.set()
        await closing
        with pytest.raises(asyncio.CancelledError):
            await started
    assert watched.late == []
    assert (await store.load("r")).run.status == "queued"  # type: ignore[union-attr]


async def test_a_step_that_finishes_late_writes_nothing(store: SharedStore, effects: Effects) -> None:
    """A task that the workflow left behind records nothing once the orchestrator is closed, and breaks nothing."""
    watched, held = Watched(store), Held(effects)
    left: list[asyncio.Task[Any]] = []
    go = asyncio.Event()

    async def late() -> Result[str, Refused]:
        await go.wait()
        return await effects.do("late")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        left.append(asyncio.create_task(run.step(late)))
        return Ok(await run.step(held))

    async with Orchestrator(watched, workflows=[flow], lease="1h") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await held.began.wait()
    assert error_of((await started).result).reason is ConflictReason.GIVEN_BACK
    go.set()
    await asyncio.gather(*left, return_exceptions=True)
    for _ in range(20):  # as above
        await asyncio.sleep(0)
    assert watched.late == []
    assert (await store.load("r")).run.status == "queued"  # type: ignore[union-attr]


async def test_nothing_begins_while_an_orchestrator_closes(store: SharedStore, effects: Effects) -> None:
    """A start that comes while others are given back gets the same answer, and leaves nothing in the store."""
    watched, held, pause = Watched(store), Held(effects), Pause()
    store.failpoints.arm("release.before", pause)
    flow = holding(_plainly, held, effects)
    async with Orchestrator(watched, workflows=[flow], lease="1h") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await held.began.wait()
        closing = asyncio.create_task(orchestrator.__aexit__(None, None, None))
        await pause.reached.wait()
        refused: Execution[str, Any] = await orchestrator.start(flow(), run_id="other")
        assert error_of(refused.result).reason is ConflictReason.GIVEN_BACK
        assert (refused.status, refused.state) == (None, None)
        pause.released.set()
        await asyncio.gather(closing, started)
    assert (await store.load("other")).run is None


async def test_an_orchestrator_that_was_closed_can_be_opened_again(store: SharedStore, effects: Effects) -> None:
    """Entered a second time, it executes as before."""
    held = Held(effects)
    flow = holding(_plainly, held, effects)
    orchestrator = Orchestrator(store, workflows=[flow], lease="1h")
    async with orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await held.began.wait()
    await started
    async with orchestrator:
        assert (await orchestrator.resume("r")).result == Ok("held")


async def test_a_failing_body_gives_its_runs_back_too(store: SharedStore, effects: Effects) -> None:
    """Where the `async with` is left by an exception, that exception goes on, and the runs are given back."""
    held = Held(effects)
    flow = holding(_plainly, held, effects)
    calls: list[asyncio.Task[Execution[str, Any]]] = []

    async def fail() -> None:
        async with Orchestrator(store, workflows=[flow], lease="1h") as orchestrator:
            calls.append(asyncio.create_task(orchestrator.start(flow(), run_id="r")))
            await held.began.wait()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert error_of((await calls[0]).result).reason is ConflictReason.GIVEN_BACK
    assert (await store.load("r")).run.status == "queued"  # type: ignore[union-attr]


async def test_a_step_that_will_not_end_holds_the_closing_up_for_its_lease_at_most(
    store: SharedStore, effects: Effects
) -> None:
    """After that the run is anybody's in any case; what the step does then is no longer recorded."""
    watched, began, go = Watched(store), asyncio.Event(), asyncio.Event()

    async def stubborn() -> Result[str, Refused]:
        began.set()
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue
        return await effects.do("stubborn")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(await run.step(stubborn))

    async with Orchestrator(watched, workflows=[flow], lease="50ms") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await began.wait()
    assert not started.done()
    go.set()
    await asyncio.gather(started, return_exceptions=True)
    assert watched.late == []


def test_plain_code_that_closes_gives_back_what_other_threads_run() -> None:
    """Another thread's call returns with the value, and the run is queued in the store."""
    store, began = MemoryStore(), threading.Event()

    async def held() -> Result[str, Refused]:
        if not began.is_set():
            began.set()
            await asyncio.Event().wait()
        return Ok("held")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(await run.step(held))

    answers: list[Execution[str, Any]] = []
    with plain_code.Orchestrator(store, workflows=[flow], lease="1h") as orchestrator:
        caller = threading.Thread(target=lambda: answers.append(orchestrator.start(flow(), run_id="r")))
        caller.start()
        began.wait(10)
    caller.join(10)
    assert [error_of(answer.result).reason for answer in answers] == [ConflictReason.GIVEN_BACK]
    with plain_code.Orchestrator(store, workflows=[flow]) as other:
        assert other.resume("r").result == Ok("held")
