from __future__ import annotations

import pytest

from awaitly import ApprovalRejected, ApprovalStatus, Decision, NotAuthorised, Ok, RunCancelled, RunStatus
from awaitly.testing import (
    Asked,
    At,
    Call,
    Decided,
    Ended,
    Simulation,
    Started,
    StepDone,
    Withdrawn,
    approve,
    edit,
    reject,
)
from tests.simulations.flows import first_of, load, pay, refund, two_votes
from tests.support import error_of

STEPS = {load: Ok(5), pay: Ok("paid")}


async def test_deciding_goes_on() -> None:
    """As with a worker; the decision is given as ever."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        await sim.start(refund("o"), run_id="r")
        assert isinstance((await sim.approve("r", by="ann")).unwrap(), Decision)
        assert (await sim.execution("r", refund)).result == Ok("paid")


async def test_a_hand_may_edit_reject_and_cancel() -> None:
    """Each by the verb of its name."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        for run_id in ("a", "b", "c"):
            await sim.start(refund("o"), run_id=run_id)
        await sim.edit("a", None, 3, by="ann")
        await sim.reject("b", None, "no", by="bob")
        assert (await sim.cancel("c", by="root")).unwrap() == RunCancelled("c", "root")
        assert sim.calls(pay) == [Call(3, "EUR")]
        assert error_of((await sim.execution("b")).result) == ApprovalRejected("b", "manager", "bob", "no")
        assert (await sim.execution("c")).status is RunStatus.CANCELLED


async def test_a_scripted_decision_is_taken_as_soon_as_it_is_asked() -> None:
    """`start` gives the run as it then stands."""
    async with Simulation(workflows=[refund], steps=STEPS, decisions={"manager": approve(by="ann")}) as sim:
        assert (await sim.start(refund("o"))).result == Ok("paid")


async def test_a_scripted_decision_can_take_its_time() -> None:
    """From when it is asked, to the microsecond."""
    async with Simulation(workflows=[refund], steps=STEPS, decisions={"manager": approve(by="ann", after="2h")}) as sim:
        await sim.skip("1d")
        await sim.start(refund("o"), run_id="r")
        await sim.skip("1h")
        assert len(await sim.pending()) == 1
        await sim.skip("1h")
        assert At("1d2h", Decided("manager", by="ann")) in sim.timeline("r")
        assert (await sim.execution("r", refund)).result == Ok("paid")


async def test_a_list_has_a_decision_for_each_question() -> None:
    """In the order of asking; then nobody answers any more."""
    rulings = [reject("too much", by="bob"), edit(4, by="ann")]
    async with Simulation(workflows=[refund], steps=STEPS, decisions={"manager": rulings}) as sim:
        assert error_of((await sim.start(refund("o"))).result).reason == "too much"
        assert (await sim.start(refund("o"))).result == Ok("paid")
        assert sim.calls(pay) == [Call(4, "EUR")]
        assert (await sim.start(refund("o"))).status is RunStatus.PARKED


async def test_a_list_has_the_votes_of_one_question() -> None:
    """The second follows where the first did not decide."""
    votes = [approve(by="ann"), approve(by="bob", after="1h")]
    async with Simulation(workflows=[two_votes], decisions={"board": votes}) as sim:
        assert (await sim.start(two_votes(1), run_id="r")).status is RunStatus.PARKED
        await sim.skip("1h")
        assert (await sim.execution("r", two_votes)).result == Ok(1)


async def test_one_decision_is_taken_once_for_each_question() -> None:
    """Where more votes are needed, its actor has voted, and the run waits for others."""
    async with Simulation(workflows=[two_votes], decisions={"board": approve(by="ann")}) as sim:
        assert (await sim.start(two_votes(1), run_id="r")).status is RunStatus.PARKED
        await sim.approve("r", by="bob")
        assert (await sim.execution("r", two_votes)).result == Ok(1)


async def test_a_deadline_comes_before_a_late_decision() -> None:
    """One that is planned for the very moment of the deadline is too late, and is not taken."""
    async with Simulation(workflows=[refund], steps=STEPS, decisions={"manager": approve(by="ann", after="7d")}) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.run_until_idle()
        assert At("7d", Decided("manager", "system:timeout", ApprovalStatus.EXPIRED)) in sim.timeline("r")


async def test_a_question_that_is_gone_is_not_decided() -> None:
    """Something else came first."""
    async with Simulation(workflows=[first_of], decisions={"manager": approve(by="ann", after="3h")}) as sim:
        await sim.start(first_of(1), run_id="r")
        await sim.run_until_idle()
        assert At("2h", Withdrawn("manager")) in sim.timeline("r")
        assert sim.clock().hour == 11


async def test_a_scripted_decision_that_is_refused_fails_the_test() -> None:
    """With the refusal."""
    async with Simulation(workflows=[refund], steps=STEPS, decisions={"manager": edit("much", by="ann")}) as sim:
        with pytest.raises(AssertionError, match="scripted decision on 'manager' of run r was refused: "):
            await sim.start(refund("o"), run_id="r")


async def test_whoever_requested_may_not_decide() -> None:
    """`requested_by` reaches the rule."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        await sim.start(refund("o"), run_id="r", requested_by="ann")
        assert error_of(await sim.approve("r", by="ann")) is not None
        assert isinstance(error_of(await sim.cancel("r", by="bob")), NotAuthorised)


async def test_the_whole_of_it() -> None:
    """A refund that a person approves on the sixth day."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.skip("6d")
        await sim.approve("r", by="ann")
        assert sim.timeline("r") == [
            At("0s", Started()),
            At("0s", StepDone("load")),
            At("0s", Asked("manager")),
            At("6d", Decided("manager", by="ann")),
            At("6d", StepDone("pay")),
            At("6d", Ended(RunStatus.COMPLETED)),
        ]
