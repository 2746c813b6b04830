from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from awaitly import Err, Ok, PromiseRejected, Result, RunStatus, TimedOut, Waiting
from awaitly.testing import Asked, At, Ended, Simulation
from tests.simulations.flows import Declined, load, parent, pay, payment, refund, ticking, waits
from tests.support import error_of

START = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)


async def test_no_time_passes_by_itself() -> None:
    """A wait of two seconds parks the run as one of three days does."""
    async with Simulation(workflows=[waits]) as sim:
        execution = await sim.start(waits(), run_id="r")
        waiting = error_of(execution.result)
        assert isinstance(waiting, Waiting)
        assert waiting.until == START + timedelta(seconds=2)
        assert sim.clock() == START


async def test_skipping_goes_from_due_time_to_due_time() -> None:
    """What falls due on the way sees its own time, and the clock ends where it was told to."""

    def the_day(_: str) -> Result[int, Declined]:
        return Ok(sim.clock().day)

    async with Simulation(workflows=[waits, refund], steps={load: the_day}) as sim:
        await sim.start(waits(), run_id="w")
        await sim.enqueue(refund("a"), run_id="a", at=START + timedelta(days=1))
        await sim.enqueue(refund("b"), run_id="b", at=START + timedelta(days=2))
        await sim.skip("10d")
        assert sim.clock() == START + timedelta(days=10)
        assert [sim.timeline(run)[3] for run in ("a", "b")] == [At("1d", Asked("manager")), At("2d", Asked("manager"))]
        assert error_of((await sim.execution("w", waits)).result).at == START + timedelta(days=3, hours=1, seconds=2)


async def test_what_is_due_after_the_end_stays() -> None:
    """To the microsecond."""
    async with Simulation(workflows=[refund], steps={load: Ok(5)}) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.skip(timedelta(days=7) - timedelta(microseconds=1))
        assert (await sim.execution("r")).status is RunStatus.PARKED
        await sim.skip(timedelta(microseconds=1))
        assert (await sim.execution("r")).status is RunStatus.FAILED


async def test_a_hundred_days_pass_at_once() -> None:
    """A hundred waits of a day, one after the other, each at its time."""
    async with Simulation(workflows=[ticking]) as sim:
        await sim.start(ticking(), run_id="r")
        await sim.skip("100d")
        assert [at.since.days for at in sim.timeline("r")[1:]] == list(range(1, 101))


async def test_it_runs_until_nothing_is_due() -> None:
    """Through retries, sleeps and children; the clock stands at the last of them."""
    async with Simulation(workflows=[parent, payment], steps={pay: [Err(Declined("x"))] * 3 + [Ok("paid")]}) as sim:
        await sim.start(parent(5), run_id="r")
        await sim.run_until_idle()
        assert (await sim.execution("r", parent)).result == Ok("paid")
        assert sim.clock() == START + timedelta(days=1, hours=3)


async def test_what_never_ends_is_told() -> None:
    """At the limit, with the time that would be next."""
    async with Simulation(workflows=[ticking]) as sim:
        await sim.start(ticking(), run_id="r")
        with pytest.raises(AssertionError, match="10 times have come by, and the next is 2030-01-18T09:00:00"):
            await sim.run_until_idle(limit=10)


async def test_a_limit_that_just_suffices_does() -> None:
    """As many times as there are."""
    async with Simulation(workflows=[refund], steps={load: Ok(5)}) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.run_until_idle(limit=1)
        assert (await sim.execution("r")).status is RunStatus.FAILED


async def test_signals_and_promises_go_on_at_once() -> None:
    """As with a worker."""
    async with Simulation(workflows=[waits]) as sim:
        await sim.start(waits(), run_id="r")
        await sim.skip("4d")
        assert error_of((await sim.execution("r")).result) == TimedOut(
            "r", "paid", START + timedelta(days=3, seconds=3602)
        )
        await sim.start(waits(), run_id="s")
        (await sim.signal("s", "paid", "cash")).unwrap()
        await sim.skip("3d2s")
        (await sim.resolve("signed@s", "ann")).unwrap()
        assert (await sim.execution("s", waits)).result == Ok("cash, ann")


async def test_a_promise_can_be_rejected() -> None:
    """The run ends with that."""
    async with Simulation(workflows=[waits]) as sim:
        await sim.start(waits(), run_id="r")
        (await sim.signal("r", "paid", "cash")).unwrap()
        await sim.skip("3d2s")
        (await sim.reject_promise("signed@r", "never")).unwrap()
        assert error_of((await sim.execution("r")).result) == PromiseRejected("r", "signed", "never")


async def test_a_step_may_take_time() -> None:
    """An answer that moves the clock: what falls due meanwhile comes after it."""

    def two_hours(_: str) -> Result[int, Declined]:
        return Ok(sim.clock.advance("2h").hour)

    async with Simulation(workflows=[refund], steps={load: two_hours}) as sim:
        await sim.start(refund("o"), run_id="r")
        assert sim.timeline("r")[-1] == At("2h", Asked("manager"))
        await sim.skip("1s")
        assert sim.clock() == START + timedelta(hours=2, seconds=1)


async def test_a_step_may_take_longer_than_is_skipped() -> None:
    """Then the clock stands where the step left it: it never goes back."""

    def two_hours(_: str) -> Result[int, Declined]:
        return Ok(sim.clock.advance("2h").hour)

    async with Simulation(workflows=[refund], steps={load: two_hours}) as sim:
        await sim.enqueue(refund("o"), at=START + timedelta(hours=1))
        await sim.skip("90m")
        assert sim.clock() == START + timedelta(hours=3)


async def test_schedules_tick_at_their_times() -> None:
    """Every day at the same hour of the zone, over a change of its clocks."""
    moment = datetime(2027, 3, 27, 0, 0, tzinfo=UTC)
    async with Simulation(workflows=[payment], steps={pay: Ok("paid")}, start=moment) as sim:
        await sim.orchestrator.schedule("nightly", "0 9 * * *", payment(5), timezone="Europe/Berlin")
        await sim.skip("3d")
        runs = [f"nightly@2027-03-{day}T0{hour}:00:00Z" for day, hour in ((27, 8), (28, 7), (29, 7))]
        ends = [sim.timeline(run_id)[-1] for run_id in runs]
        assert ends == [At(since, Ended(RunStatus.COMPLETED)) for since in ("8h", "1d7h", "2d7h")]
        assert len(sim.calls(pay)) == 3


async def test_a_schedule_never_ends() -> None:
    """Running until idle stops at its limit, and says so."""
    async with Simulation(workflows=[payment], steps={pay: Ok("paid")}) as sim:
        await sim.orchestrator.schedule("nightly", "0 9 * * *", payment(5))
        with pytest.raises(AssertionError, match="30 times have come by"):
            await sim.run_until_idle(limit=30)
        assert len(sim.calls(pay)) == 30


async def test_the_beginning_can_be_chosen() -> None:
    """As that of a `TestClock`."""
    moment = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    async with Simulation(workflows=[refund], steps={load: Ok(5)}, start=moment) as sim:
        await sim.start(refund("o"), run_id="r")
        (pending,) = await sim.pending()
        assert pending.deadline == moment + timedelta(days=7)
        assert (await sim.status("r")).unwrap().run.created_at == moment
