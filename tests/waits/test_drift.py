"""Code that no longer waits for what the run waits for: nothing of it is executed, and the run stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    Err,
    MemoryStore,
    Ok,
    Orchestrator,
    PromiseRejected,
    Result,
    Retry,
    Run,
    RunStatus,
    WorkflowChanged,
    step,
    workflow,
)
from awaitly.testing import TestClock
from tests.support import Effects, FlowError, Refused, error_of

Both = FlowError | PromiseRejected
Code = Callable[[Run[Any], Effects], Coroutine[Any, Any, object]]


@workflow
async def other(run: Run[FlowError], n: int) -> Result[int, FlowError]:
    """Wait for a person."""
    return Ok(await run.approval("manager", proposes=n))


async def failing() -> Result[int, Refused]:
    """Raise."""
    raise ConnectionError


async def signal(run: Run[Any], effects: Effects) -> object:
    """Wait for a signal, then do something."""
    await run.wait_for("go", int)
    return await run.step(effects.do, "after")


async def other_signal(run: Run[Any], effects: Effects) -> object:
    """Wait for another signal under the same key of the call."""
    await run.wait_for("stop", int)
    return await run.step(effects.do, "after")


async def promise(run: Run[Any], effects: Effects) -> object:
    """Await a promise of the signal's name."""
    await run.promise("go", int)
    return await run.step(effects.do, "after")


async def timer(run: Run[Any], effects: Effects) -> object:
    """Sleep."""
    await run.sleep("3d")
    return await run.step(effects.do, "after")


async def question(run: Run[Any], effects: Effects) -> object:
    """Ask under the signal's name."""
    await run.approval("go", proposes=1)
    return await run.step(effects.do, "after")


async def named_step(run: Run[Any], effects: Effects) -> object:
    """Run a step under the signal's name."""
    return await run.step(step(effects.do, key="go"), "instead")


async def retried(run: Run[Any], effects: Effects) -> object:
    """Try a step again tomorrow, under the signal's name."""
    await run.step(step(failing, key="go", retry=Retry(base="1d", cap="1d", jitter=False)))
    return await run.step(effects.do, "after")


async def straight(run: Run[Any], effects: Effects) -> object:
    """Wait for nothing."""
    return await run.step(effects.do, "after")


async def nothing(run: Run[Any], effects: Effects) -> object:
    """Do nothing."""
    del run, effects
    return None


async def before(run: Run[Any], effects: Effects) -> object:
    """Do something before the wait."""
    await run.step(effects.do, "before")
    await run.wait_for("go", int)
    return None


async def sibling(run: Run[Any], effects: Effects) -> object:
    """Wait for another run."""
    await run.child(other(1))
    return await run.step(effects.do, "after")


async def racing(run: Run[Any], effects: Effects) -> object:
    """Race the signal against a time."""
    await run.race(run.wait_for("go", int), run.sleep("3d"))
    return await run.step(effects.do, "after")


ALL: list[Code] = [signal, promise, timer, question, named_step, retried, straight, nothing, before, sibling, racing]
PAIRS = [
    (old, new)
    for old in (signal, promise, timer, question, retried, sibling, racing)
    for new in [*ALL, other_signal]
    if old is not new and (old, new) != (signal, racing)  # it waits for the signal still
]


def moved(code: Code) -> Code:
    """Make a promise first: a call that is not recorded, and that moves those behind it by one place."""

    async def behind(run: Run[Any], effects: Effects) -> object:
        run.promise("vendor", str)
        return await code(run, effects)

    return behind


MOVED = [(old, moved(old)) for old in (signal, promise, timer, question, retried, sibling, racing)]


@pytest.mark.parametrize(("old", "new"), [*PAIRS, *MOVED], ids=lambda code: code.__name__)
async def test_other_code_is_refused_before_it_does_anything(
    clock: TestClock, effects: Effects, old: Code, new: Code
) -> None:
    """`WorkflowChanged`, no step ran, and the old code goes on with the run."""
    code = [old]

    @workflow
    async def flow(run: Run[Both]) -> Result[str, Both]:
        return Ok(str(await code[0](run, effects)))

    store = MemoryStore(clock=clock)
    async with Orchestrator(store, workflows=[flow, other]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        await orchestrator.signal("r", "go", 1)
        await orchestrator.resolve("go@r", 1)
        await orchestrator.approve("r", by="ann")
        await orchestrator.resume("r.other") if old is sibling else None
        await orchestrator.approve("r.other", by="ann")
        await orchestrator.resume("r.other") if old is sibling else None
        clock.advance("4d")
        code[0] = new
        was = await store.load("r")
        execution = await orchestrator.resume("r")
        assert isinstance(error_of(execution.result), WorkflowChanged), execution
        now = await store.load("r")
        assert was.run is not None
        assert now.run is not None
        assert evolve(now, run=evolve(now.run, version=was.run.version)) == was
        assert execution.status is RunStatus.PARKED
    assert effects.done == []


async def test_a_type_that_changed_while_the_run_waits_is_the_one_that_counts(clock: TestClock) -> None:
    """Senders are held to what the run waited with, until it has looked again; then to what it waits with now."""
    kinds: list[type[object]] = [int]

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(str(await run.wait_for("go", kinds[0])))

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        kinds[0] = str
        assert isinstance(await orchestrator.signal("r", "go", "text"), Err)
        assert isinstance(await orchestrator.signal("r", "go", 1), Ok)
        await orchestrator.recover()
        assert isinstance(await orchestrator.signal("r", "go", "text"), Ok)
        assert [e.result for e in await orchestrator.recover()] == [Ok("<Success: text>")]
