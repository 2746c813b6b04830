from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from awaitly import Approved, ConflictReason, Err, Ok, Pending, Result, RunConflict, RunStatus, StoreUnavailable
from awaitly.testing import CRASH, At, Call, Crash, Simulation, Started, StepDone, TakenOver
from tests.simulations.flows import (
    Declined,
    both,
    checked,
    load,
    look_up,
    mixed,
    parent,
    pay,
    payment,
    real,
    refund,
    talk,
)
from tests.support import error_of


async def test_a_crash_leaves_the_run_to_its_lease() -> None:
    """Nothing is given back: the run is taken over when the lease has ended, and the step runs again."""
    async with Simulation(workflows=[refund], steps={load: [CRASH, Ok(5)]}) as sim:
        execution = await sim.start(refund("o"), run_id="r")
        assert execution.status is RunStatus.RUNNING
        conflict = error_of(execution.result)
        assert isinstance(conflict, RunConflict)
        assert conflict.reason is ConflictReason.EXECUTING_ELSEWHERE
        await sim.skip("29s")
        assert (await sim.execution("r")).status is RunStatus.RUNNING
        await sim.skip("1s")
        assert (await sim.execution("r")).status is RunStatus.PARKED
        assert sim.timeline("r")[:3] == [At("0s", Started()), At("30s", TakenOver()), At("30s", StepDone("load"))]
        assert sim.calls(load) == [Call("o"), Call("o")]


async def test_a_crash_in_a_branch_ends_all_of_them() -> None:
    """The other branch is not called any more in the process that died, and nothing it did is recorded."""
    async with Simulation(workflows=[both], steps={pay: [CRASH, Ok("a"), Ok("b")]}) as sim:
        await sim.start(both(1, 2), run_id="r")
        await sim.run_until_idle()
        assert (await sim.execution("r", both)).result == Ok(("a", "b"))
        assert sim.calls(pay) == [Call(1, "EUR"), Call(1, "EUR"), Call(2, "EUR")]


async def test_a_crash_after_the_effect_loses_the_record() -> None:
    """A function may give it: what it did is done, and the step runs again."""
    done: list[str] = []

    def pay_and_die(amount: int) -> Crash:
        done.append(f"paid {amount}")
        return CRASH

    async with Simulation(workflows=[payment], steps={pay: [pay_and_die, Ok("paid")]}) as sim:
        await sim.start(payment(5), run_id="r")
        await sim.skip("30s")
        assert (await sim.execution("r", payment)).result == Ok("paid")
    assert done == ["paid 5"]


async def test_a_process_that_died_calls_nothing_for_real() -> None:
    """The other branch's function is first called by the process that takes over."""
    async with Simulation(workflows=[mixed], steps={pay: [CRASH, Ok("paid")]}) as sim:
        await sim.start(mixed(1), run_id="r")
        assert sim.calls(real) == []
        await sim.skip("30s")
        assert (await sim.execution("r", mixed)).result == Ok(("paid", "really x"))


async def test_a_process_that_died_writes_nothing() -> None:
    """What another branch came up with at the same moment is lost with it."""

    async def late(_: int) -> Result[str, Declined]:
        await asyncio.sleep(0)
        return Ok("late")

    async with Simulation(workflows=[both], steps={pay: [late, CRASH, Ok("a"), Ok("b")]}) as sim:
        await sim.start(both(1, 2), run_id="r")
        await sim.skip("30s")
        assert (await sim.execution("r", both)).result == Ok(("a", "b"))


async def test_a_crash_while_time_passes() -> None:
    """A child's process dies: skipping goes on with another, and all is done in the end."""
    async with Simulation(workflows=[parent, payment], steps={pay: [Err(Declined("x")), CRASH, Ok("paid")]}) as sim:
        await sim.start(parent(5), run_id="r")
        await sim.skip("1d1h30s")
        assert (await sim.execution("r", parent)).result == Ok("paid")


async def test_what_was_recorded_before_a_crash_is_not_called_again() -> None:
    """Be it real or scripted."""
    async with Simulation(workflows=[refund], steps={load: [Ok(5)], pay: [CRASH, Ok("paid")]}) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.approve("r", by="ann")
        await sim.skip("30s")
        assert (await sim.execution("r", refund)).result == Ok("paid")


async def test_a_process_can_die_between_two_verbs() -> None:
    """What is parked is only rows: another process goes on."""
    async with Simulation(workflows=[refund], steps={load: [Ok(5)], pay: Ok("paid")}) as sim:
        await sim.start(refund("o"), run_id="r")
        dead = sim.orchestrator
        await sim.crash_and_restart()
        assert sim.orchestrator is not dead
        with pytest.raises(StoreUnavailable, match="this process has crashed"):
            await dead.status("r")
        await sim.approve("r", by="ann")
        assert (await sim.execution("r", refund)).result == Ok("paid")


async def test_a_process_can_die_in_the_middle_of_a_verb() -> None:
    """Of one that another task awaits; the step's late result is not recorded."""
    reached = asyncio.Event()
    began: list[datetime] = []

    async def hang(_: str) -> Result[int, Declined]:
        began.append(sim.clock())
        if len(began) == 1:
            reached.set()
            await asyncio.Event().wait()
        return Ok(5)

    async with Simulation(workflows=[refund], steps={load: hang}, lease="2m") as sim:
        starting = asyncio.create_task(sim.start(refund("o"), run_id="r"))
        await reached.wait()
        await sim.crash_and_restart()
        assert (await starting).status is RunStatus.PARKED
        assert [moment - began[0] for moment in began] == [timedelta(0), timedelta(minutes=2)]


async def test_a_check_can_kill_too() -> None:
    """The run stays parked, so the next process may ask at once."""
    async with Simulation(workflows=[checked], steps={look_up: [Pending(), CRASH, Approved(7)]}) as sim:
        await sim.start(checked("o"), run_id="r")
        assert (await sim.execution("r")).result == Ok(7)
        assert sim.calls(look_up) == [Call("o")] * 3


async def test_a_check_that_always_kills_fails_the_test() -> None:
    """Instead of going on for ever."""
    async with Simulation(workflows=[checked], steps={look_up: [Pending(), *[CRASH] * 10]}) as sim:
        await sim.start(checked("o"), run_id="r")
        with pytest.raises(AssertionError, match="10 processes in a row have died of a look at run r"):
            await sim.execution("r")


async def test_a_run_that_was_not_yet_stored_is_gone() -> None:
    """The process died before it wrote anything, so there is nothing to go on with."""
    async with Simulation(workflows=[checked], steps={look_up: CRASH}) as sim:
        assert (await sim.start(checked("o"), run_id="r")).status is None


async def test_a_step_that_kills_again_and_again_is_set_aside() -> None:
    """The rule for poison holds: no process is lost to it for ever."""
    async with Simulation(workflows=[refund], steps={load: CRASH}) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.run_until_idle()
        assert (await sim.execution("r")).status is RunStatus.NEEDS_REVIEW


async def test_a_cancelled_verb_ends() -> None:
    """What it ran is given back, as where a caller of an orchestrator is cancelled."""
    reached = asyncio.Event()

    async def hang(_: str) -> Result[str, Declined]:
        reached.set()
        await asyncio.Event().wait()
        return Ok("never")

    async with Simulation(workflows=[talk], steps={real: hang}) as sim:
        starting = asyncio.create_task(sim.start(talk("hi"), run_id="r"))
        await reached.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert (await sim.status("r")).unwrap().run.status is RunStatus.QUEUED
