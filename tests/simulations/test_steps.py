from __future__ import annotations

import functools
from typing import Any

import pytest

from awaitly import Approved, Err, Ok, Pending, Result, Run, RunStatus, UnexpectedError, workflow
from awaitly.testing import Call, Simulation, Steps
from tests.simulations.flows import (
    Declined,
    RefundError,
    both,
    checked,
    gated,
    gated_pay,
    load,
    look_up,
    parent,
    patient_pay,
    pay,
    payment,
    plainly,
    real,
    refund,
    stubborn,
    talk,
)
from tests.support import error_of


async def test_one_answer_is_used_for_every_call() -> None:
    """Also of a plain function."""
    async with Simulation(workflows=[both], steps={pay: Ok("paid")}) as sim:
        assert (await sim.start(both(1, 2))).result == Ok(("paid", "paid"))


async def test_a_list_has_one_answer_for_each_call() -> None:
    """In the order of the calls, side by side too."""
    async with Simulation(workflows=[both], steps={pay: [Ok("first"), Ok("second")]}) as sim:
        assert (await sim.start(both(1, 2))).result == Ok(("first", "second"))


async def test_each_attempt_takes_an_answer() -> None:
    """A returned error, a raised exception, a class of exceptions, and at last a result."""
    steps: Steps = {pay: [Err(Declined("x")), OSError("away"), OSError, Ok("paid")]}
    async with Simulation(workflows=[payment], steps=steps) as sim:
        await sim.start(payment(5), run_id="r")
        await sim.run_until_idle()
        assert (await sim.execution("r", payment)).result == Ok("paid")
        assert sim.calls(pay) == [Call(5, "EUR")] * 4


async def test_a_function_gets_the_arguments() -> None:
    """Be it async or plain."""

    async def later(amount: int) -> Result[str, Declined]:
        return Ok(f"{amount} later")

    def plain(amount: int) -> Result[str, Declined]:
        return Ok(f"{amount} now")

    async with Simulation(workflows=[both], steps={pay: [later, plain]}) as sim:
        assert (await sim.start(both(1, 2))).result == Ok(("1 later", "2 now"))


async def test_a_function_may_give_an_exception() -> None:
    """Which is then raised, as where the script names it."""

    def away(_: int) -> OSError:
        return OSError("away")

    async with Simulation(workflows=[both], steps={pay: away}) as sim:
        error = error_of((await sim.start(both(1, 2))).result)
    assert isinstance(error, UnexpectedError)
    assert error.kind == "OSError"


async def test_an_exception_is_raised() -> None:
    """As the step itself would raise it."""
    async with Simulation(workflows=[both], steps={pay: OSError("away")}) as sim:
        error = error_of((await sim.start(both(1, 2))).result)
    assert isinstance(error, UnexpectedError)
    assert (error.kind, error.message) == ("OSError", "away")


async def test_one_call_too_many_fails_the_test() -> None:
    """And says which, with its arguments."""
    async with Simulation(workflows=[both], steps={pay: [Ok("paid")]}) as sim:
        with pytest.raises(AssertionError, match=r"call 2 of pay is not scripted, .* 1 answers: Call\(2, 'EUR'\)"):
            await sim.start(both(1, 2))


async def test_a_call_too_many_is_not_retried_away() -> None:
    """The verb in which it comes raises, although the step would be tried again."""
    async with Simulation(workflows=[payment], steps={pay: [Err(Declined("x"))]}) as sim:
        await sim.start(payment(5))
        with pytest.raises(AssertionError, match="call 2 of pay"):
            await sim.skip("1h")


async def test_what_is_asserted_in_an_answer_fails_the_test() -> None:
    """Not only the run."""

    def asserting(amount: int) -> Result[str, Declined]:
        raise AssertionError(f"not {amount}")

    async with Simulation(workflows=[payment], steps={pay: asserting}) as sim:
        with pytest.raises(AssertionError, match="not 5"):
            await sim.start(payment(5))


async def test_a_complaint_that_no_verb_raised_is_raised_at_the_end() -> None:
    """Where the test went round the simulation's verbs."""
    with pytest.raises(AssertionError, match="call 1 of pay"):
        async with Simulation(workflows=[payment], steps={pay: []}) as sim:
            await sim.orchestrator.start(payment(5))


async def test_a_failing_test_keeps_its_own_failure() -> None:
    """A complaint at the end does not hide what failed first."""

    async def failing() -> None:
        async with Simulation(workflows=[payment], steps={pay: []}) as sim:
            await sim.orchestrator.start(payment(5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()


async def test_what_is_not_scripted_runs_for_real() -> None:
    """Async or plain; its calls are kept as well."""
    async with Simulation(workflows=[talk]) as sim:
        assert (await sim.start(talk("hi"))).result == Ok("really hi, plainly hi")
        assert sim.calls(real) == sim.calls(plainly) == [Call("hi")]


async def test_strict_lets_nothing_run_for_real() -> None:
    """It names what would."""
    async with Simulation(workflows=[talk], steps={plainly: Ok("x")}, strict=True) as sim:
        with pytest.raises(AssertionError, match="real is not scripted"):
            await sim.start(talk("hi"))


@pytest.mark.parametrize("key", [pay, patient_pay, gated_pay, functools.partial(pay, currency="CHF")])
async def test_a_step_is_found_by_its_function(key: Any) -> None:
    """With options, behind a gate or with bound arguments, in the script and in the workflow."""
    async with Simulation(workflows=[gated, payment], steps={key: Ok("paid")}) as sim:
        assert (await sim.start(payment(5))).result == Ok("paid")
        await sim.start(gated(7), run_id="g")
        await sim.approve("g", by="ann")
        assert (await sim.execution("g")).result == Ok("paid")
        assert sim.calls(key) == [Call(5, "EUR"), Call(7, "EUR")]


async def test_a_bound_method_is_found_again() -> None:
    """Although each look at it makes another object."""

    class Bank:
        def pay_back(self, amount: int) -> Result[str, Declined]:
            raise NotImplementedError(amount)

    bank = Bank()

    @workflow
    async def paying(run: Run[Declined]) -> Result[str, Declined]:
        return Ok(await run.step(bank.pay_back, 3))

    async with Simulation(workflows=[paying], steps={bank.pay_back: Ok("paid")}) as sim:
        assert (await sim.start(paying())).result == Ok("paid")
        assert sim.calls(bank.pay_back) == [Call(3)]


async def test_the_check_of_an_approval_step_is_scripted_alike() -> None:
    """Each look takes an answer; a pending one is never kept."""
    async with Simulation(workflows=[checked], steps={look_up: [Pending(), Pending(), Approved(7)]}) as sim:
        assert (await sim.start(checked("o"), run_id="r")).status is RunStatus.PARKED
        assert (await sim.execution("r")).status is RunStatus.PARKED
        assert (await sim.execution("r")).result == Ok(7)
        assert sim.calls(look_up) == [Call("o")] * 3


async def test_a_check_that_is_not_scripted_fails_the_test() -> None:
    """As a step's function does; the run asks again whenever somebody looks."""
    async with Simulation(workflows=[checked], steps={look_up: [Pending()]}) as sim:
        await sim.start(checked("o"), run_id="r")
        with pytest.raises(AssertionError, match="call 2 of look_up is not scripted"):
            await sim.execution("r")


async def test_a_retried_run_calls_again_only_what_ended_it() -> None:
    """By its own policy, a day later; what it recorded is not called."""
    async with Simulation(workflows=[stubborn], steps={pay: [Err(Declined("x")), Ok("paid")]}) as sim:
        await sim.start(stubborn(5), run_id="r")
        await sim.skip("1d")
        assert (await sim.execution("r", stubborn)).result == Ok("paid")


async def test_a_replay_calls_nothing() -> None:
    """The step before the question ran once, however often the run goes over it."""
    async with Simulation(workflows=[refund], steps={load: [Ok(5)], pay: [Ok("paid")]}) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.approve("r", by="ann")
        assert (await sim.execution("r", refund)).result == Ok("paid")
        assert (sim.calls(load), sim.calls(pay)) == ([Call("o")], [Call(5, "EUR")])


async def test_a_workflow_that_does_something_else_on_a_replay_fails_the_test() -> None:
    """The first decision after which its code is gone over again tells."""
    turns: list[int] = []

    @workflow
    async def fickle(run: Run[RefundError]) -> Result[str, RefundError]:
        turns.append(1)
        amount = await run.step(load, f"order-{len(turns)}")
        return Ok(await run.step(pay, await run.approval("manager", proposes=amount)))

    async with Simulation(workflows=[fickle], steps={load: Ok(5), pay: Ok("paid")}) as sim:
        await sim.start(fickle(), run_id="r")
        with pytest.raises(AssertionError, match="at 'load' it recorded other arguments"):
            await sim.approve("r", by="ann")


async def test_a_workflow_that_is_missing_fails_the_test() -> None:
    """Whoever waits for a run of it would wait for ever."""
    async with Simulation(workflows=[parent], steps={pay: Ok("paid")}) as sim:
        await sim.start(parent(5), run_id="r")
        with pytest.raises(AssertionError, match="run child needs the workflow 'payment': add it to workflows="):
            await sim.skip("1d")


@pytest.mark.parametrize("answers", [5, [Ok("x"), None], "paid"])
def test_what_is_no_answer_is_refused(answers: Any) -> None:
    """At once, with the name of the step."""
    with pytest.raises(TypeError, match=r"steps\[pay\] has .*, where a step gives Ok\(...\) or Err\(...\)"):
        Simulation(workflows=[refund], steps={pay: answers})


def test_a_key_that_is_no_function_is_refused() -> None:
    """At once: steps are not told by their names."""
    with pytest.raises(TypeError, match="the keys of steps are the functions themselves, not 'pay'"):
        Simulation(workflows=[refund], steps={"pay": Ok("paid")})


def test_a_call_is_shown_as_it_is_written() -> None:
    """With what can only be named."""
    assert repr(Call(1, "x", by=None)) == "Call(1, 'x', by=None)"
    assert Call(1) != Call(1, by=None)
