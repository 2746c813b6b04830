"""`run.race`: what a branch does, and what it left behind, changes nothing for the code that comes after it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from datetime import timedelta

import pytest

from awaitly import Err, MemoryStore, Ok, Orchestrator, PromiseRejected, Result, Run, TimedOut, Waiting, workflow
from awaitly.testing import TestClock
from tests.support import Effects, Refused, SharedStore, error_of

Promised = Refused | PromiseRejected


async def test_a_promise_that_lost_in_a_branch_holds_nothing_up(store: SharedStore, effects: Effects) -> None:
    """A promise made by the workflow and awaited in a branch's race, in vain, does not park the workflow itself."""

    @workflow
    async def flow(run: Run[Promised]) -> Result[str, Promised]:
        promise = run.promise("p", str)

        async def branch() -> object:
            return await run.race(promise, run.wait_for("s", str))

        await run.gather(branch(), run.step(effects.do, "beside"))
        return Ok(await run.step(effects.do, "after"))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "s", "now")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("after")


async def test_a_promise_awaited_after_a_race_keeps_its_time(store: SharedStore, clock: TestClock) -> None:
    """The end of a wait for a promise that lost a race before is not put off whenever the run is gone over again."""

    @workflow
    async def flow(run: Run[Promised]) -> Result[str, Promised]:
        promise = run.promise("p", str)
        await run.race(promise.result(timeout="10m"), run.wait_for("s", str))
        match await promise.result(timeout="1h"):
            case Err(TimedOut()):
                return Ok("in vain")
            case other:
                return Ok(str(other))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "s", "now")).unwrap()
        await orchestrator.recover()
        clock.advance("59m")
        assert await orchestrator.recover() == ()
        clock.advance("2m")
        await orchestrator.recover()
        assert (await orchestrator.resume("r")).result == Ok("in vain")


@pytest.mark.parametrize("before", [True, False])
async def test_a_task_group_may_race(store: SharedStore, *, before: bool) -> None:
    """A branch that waits in a task group of its own wins or loses like any other, named first or last."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        async def both() -> str:
            async with asyncio.TaskGroup() as group:
                a, b = group.create_task(run.wait_for("a", str)), group.create_task(run.wait_for("b", str))
            return f"{a.result().unwrap()}{b.result().unwrap()}"

        branches = [both(), run.wait_for("s", str)] if before else [run.wait_for("s", str), both()]
        return Ok(str(await run.race(branches)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        for run_id, names in (("loses", "as"), ("wins", "ab")):
            await orchestrator.start(flow(), run_id=run_id)
            for name in names:
                (await orchestrator.signal(run_id, name, name)).unwrap()
                await orchestrator.resume(run_id)
        assert (await orchestrator.resume("loses")).result == Ok("<Success: s>")
        assert (await orchestrator.resume("wins")).result == Ok("ab")


@pytest.mark.parametrize("swallowed", [BaseException, asyncio.CancelledError])
async def test_a_branch_that_swallows_its_wait_has_not_won(
    store: SharedStore, effects: Effects, swallowed: type[BaseException]
) -> None:
    """A branch that catches everything around its wait still waits: what it gives instead is no value."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        async def careless() -> str:
            with contextlib.suppress(swallowed):
                return str(await run.wait_for("a", str))
            return "swallowed"

        won = await run.race(careless(), run.wait_for("s", str))
        return Ok(await run.step(effects.do, str(won)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert isinstance(error_of((await orchestrator.start(flow(), run_id="r")).result), Waiting)
        assert effects.done == []
        (await orchestrator.signal("r", "s", "go")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("<Success: go>")
        assert effects.done == ["<Success: go>"]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("far", ["x", "xy"])
async def test_names_that_a_loser_used_are_the_same_on_a_replay(store: SharedStore, far: str, *, before: bool) -> None:
    """A wait after a race has the same key on every replay, however far a losing branch had come under that name."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        async def stages() -> str:
            for name in "xyq":
                await run.wait_for(name, str)
            return "stages"

        stop = run.wait_for("stop", str)
        await run.race([stages(), stop] if before else [stop, stages()])
        return Ok((await run.wait_for("y", str)).unwrap() + (await run.wait_for("q", str)).unwrap())

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for name in (*far, "stop"):
            (await orchestrator.signal("r", name, "lost")).unwrap()
            await orchestrator.resume("r")
        for name in "yq":
            (await orchestrator.signal("r", name, name, key="later")).unwrap()
            await orchestrator.resume("r")
        assert (await orchestrator.resume("r")).result == Ok("yq")


async def test_an_answer_that_was_there_first_beats_a_time_in_a_race(clock: TestClock) -> None:
    """A signal that came while a step ran beats the moment that passed after it, before the race was reached."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        end = run.now() + timedelta(hours=1)

        async def long() -> Result[None, Refused]:
            clock.advance("50m")
            (await orchestrator.signal("r", "s", "answer")).unwrap()
            clock.advance("20m")
            return Ok(None)

        await run.step(long)
        return Ok(str(await run.race(run.wait_for("s", str), run.sleep_until(end))))

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow], lease="10h") as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        await orchestrator.recover()
        assert (await orchestrator.resume("r")).result == Ok("<Success: answer>")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("nested", [True, False])
async def test_what_a_loser_called_need_not_be_awaited(store: SharedStore, *, before: bool, nested: bool) -> None:
    """A branch that began several waits before it awaited one, or that is a race itself, loses without an error."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        async def both() -> str:
            first, second = run.wait_for("a", str), run.wait_for("b", str)
            with contextlib.closing(second):
                return f"{await first}{await second}"

        async def either() -> object:
            return await run.race(run.race(both(), run.sleep("5h")), run.sleep("6h"))

        stop, other = run.wait_for("stop", str), run.race(either(), run.sleep("7h")) if nested else both()
        await run.race([other, stop] if before else [stop, other])
        return Ok((await run.wait_for("go", str)).unwrap())

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for name in ("stop", "go"):
            (await orchestrator.signal("r", name, name)).unwrap()
            execution = await orchestrator.resume("r")
        assert execution.result == Ok("go")
        await orchestrator.start(flow(), run_id="at once")
        for name in ("stop", "go"):
            (await orchestrator.signal("at once", name, name)).unwrap()
        assert (await orchestrator.resume("at once")).result == Ok("go")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("far", ["", "x", "xy"])
@pytest.mark.parametrize("gathered", [True, False])
async def test_branches_of_a_branch_lose_with_it(store: SharedStore, far: str, *, before: bool, gathered: bool) -> None:
    """A gather or a race that is itself a branch loses with all that its own branches recorded and waited for."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        async def stages() -> str:
            for name in "xyq":
                await run.wait_for(name, str)
            return "stages"

        inner = run.gather(stages(), run.sleep("9d")) if gathered else run.race(stages(), run.sleep("9d"))
        stop = run.wait_for("stop", str)
        branches: list[Coroutine[None, None, object]] = [inner, stop] if before else [stop, inner]
        await run.race(branches)
        return Ok((await run.wait_for("y", str)).unwrap() + (await run.wait_for("q", str)).unwrap())

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for name in (*far, "stop"):
            (await orchestrator.signal("r", name, "lost")).unwrap()
            await orchestrator.resume("r")
        for name in "yq":
            (await orchestrator.signal("r", name, name, key="later")).unwrap()
            await orchestrator.resume("r")
        assert (await orchestrator.resume("r")).result == Ok("yq")
