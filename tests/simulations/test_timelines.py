from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from awaitly import ApprovalStatus, Err, Escalation, NotApproved, Ok, Policy, Result, Run, RunStatus, workflow
from awaitly.testing import (
    CRASH,
    Asked,
    At,
    Changed,
    ChildEnded,
    ChildStarted,
    Decided,
    Ended,
    Escalated,
    PromiseBroken,
    PromiseKept,
    Queued,
    Reminded,
    Retried,
    SetAside,
    Signalled,
    Simulation,
    Slept,
    Started,
    StepDone,
    StepFailed,
    Steps,
    TakenOver,
    Voted,
    WaitedInVain,
    Withdrawn,
)
from tests.simulations.flows import (
    Declined,
    first_of,
    load,
    parent,
    pay,
    payment,
    refund,
    stubborn,
    talk,
    two_votes,
    waits,
)

STEPS: Steps = {load: Ok(5), pay: Ok("paid")}
DECLINED = Err(Declined("x"))


async def test_waits_stand_at_their_ends() -> None:
    """A sleep where the time came, a signal where it was sent, a promise where it was kept."""
    async with Simulation(workflows=[waits]) as sim:
        await sim.start(waits(), run_id="r")
        await sim.skip("1d")
        await sim.signal("r", "paid", "cash")
        await sim.skip("3d")
        await sim.resolve("signed@r", "ann")
        sim.expect(
            "r",
            [
                At("0s", Started()),
                At("2s", Slept("sleep")),
                At("1d", Signalled("paid")),
                At("3d2s", Slept("sleep#2")),
                At("4d", PromiseKept("signed")),
                At("4d", Ended(RunStatus.COMPLETED)),
            ],
        )


async def test_what_did_not_come_is_told() -> None:
    """A signal in time; a promise at all."""
    async with Simulation(workflows=[waits]) as sim:
        await sim.start(waits(), run_id="r")
        await sim.start(waits(), run_id="s")
        await sim.signal("s", "paid", "cash")
        await sim.reject_promise("signed@s")
        await sim.skip("4d")
        assert sim.timeline("r")[-2:] == [
            At("3d1h2s", WaitedInVain("paid")),
            At("3d1h2s", Ended(RunStatus.FAILED)),
        ]
        assert At("0s", PromiseBroken("signed")) in sim.timeline("s")


async def test_retries_stand_where_each_began() -> None:
    """The first attempt is none; the last may fail too."""
    async with Simulation(workflows=[payment], steps={pay: DECLINED}) as sim:
        await sim.start(payment(5), run_id="r")
        await sim.run_until_idle()
        sim.expect(
            "r",
            [
                At("0s", Started()),
                At("1h", Retried("pay", 2)),
                At("2h", Retried("pay", 3)),
                At("3h", Retried("pay", 4)),
                At("3h", StepFailed("pay")),
                At("3h", Ended(RunStatus.FAILED)),
            ],
        )


async def test_retries_of_a_run_go_by_its_workflow() -> None:
    """The step that ended an attempt is forgotten for the next one, so it stands nowhere."""
    async with Simulation(workflows=[stubborn], steps={pay: [DECLINED, Ok("paid")]}) as sim:
        await sim.start(stubborn(5), run_id="r")
        await sim.skip("1d")
        sim.expect(
            "r",
            [
                At("0s", Started()),
                At("1d", Retried("stubborn", 2)),
                At("1d", StepDone("pay")),
                At("1d", Ended(RunStatus.COMPLETED)),
            ],
        )


async def test_children_stand_in_their_parents_timeline() -> None:
    """And have one of their own, over the same axis."""
    async with Simulation(workflows=[parent, payment], steps={pay: [DECLINED, Ok("paid")]}) as sim:
        await sim.start(parent(5), run_id="r")
        await sim.run_until_idle()
        sim.expect(
            "r",
            [
                At("0s", Started()),
                At("1d", Slept("sleep")),
                At("1d", ChildStarted("child")),
                At("1d1h", ChildEnded("child")),
                At("1d1h", Ended(RunStatus.COMPLETED)),
            ],
        )
        assert sim.timeline("child")[:2] == [At("1d", Queued()), At("1d", Started())]


async def test_decisions_say_who_and_how() -> None:
    """Votes and edits that do not decide stand as such."""
    async with Simulation(workflows=[two_votes]) as sim:
        await sim.start(two_votes(1), run_id="r")
        await sim.approve("r", by="ann")
        await sim.skip("1h")
        await sim.edit("r", None, 2, by="bob")
        await sim.reject("r", by="carol")
        sim.expect(
            "r",
            [
                At("0s", Started()),
                At("0s", Asked("board")),
                At("0s", Voted("board", by="ann")),
                At("1h", Changed("board", by="bob")),
                At("1h", Decided("board", "carol", ApprovalStatus.REJECTED)),
                At("1h", Ended(RunStatus.FAILED)),
            ],
        )


async def test_an_edit_that_decides_is_a_decision() -> None:
    """Its status says that it was an edit."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.edit("r", None, 2, by="bob")
        assert At("0s", Decided("manager", "bob", ApprovalStatus.EDITED)) in sim.timeline("r")


async def test_what_lost_a_race_is_withdrawn() -> None:
    """The race itself stands nowhere: what won does."""
    async with Simulation(workflows=[first_of]) as sim:
        await sim.start(first_of(1), run_id="r")
        await sim.skip("2h")
        assert sim.timeline("r")[2:] == [
            At("2h", Slept("sleep")),
            At("2h", Withdrawn("manager")),
            At("2h", Ended(RunStatus.COMPLETED)),
        ]


async def test_a_cancelled_run_withdraws_its_question() -> None:
    """And ends."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.cancel("r", by="root")
        assert sim.timeline("r")[-2:] == [At("0s", Withdrawn("manager")), At("0s", Ended(RunStatus.CANCELLED))]


async def test_crashes_stand_where_somebody_took_over() -> None:
    """Until the run is set aside; somebody who tries it again begins it again."""
    async with Simulation(workflows=[refund], steps={load: [*[CRASH] * 6, Ok(5)]}) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.run_until_idle()
        crashes = len(sim.calls(load))
        timeline = sim.timeline("r")
        assert timeline == [
            At("0s", Started()),
            *(At(timedelta(seconds=30 * n), TakenOver()) for n in range(1, crashes)),
            At(timedelta(seconds=30 * crashes), SetAside()),
        ]


async def test_random_numbers_and_times_stand_nowhere() -> None:
    """Only what a workflow's author would call a step."""
    async with Simulation(workflows=[talk]) as sim:
        await sim.start(talk("hi"), run_id="r")
        assert [at.what for at in sim.timeline("r")] == [
            Started(),
            StepDone("real"),
            StepDone("plainly"),
            Ended(RunStatus.COMPLETED),
        ]


async def test_reminders_and_levels_are_told() -> None:
    """At their own times, also where they came while somebody decided; those that were missed once."""
    ladder = Policy(remind_every="2h", escalations=[Escalation("3h", ["bob"]), Escalation("5h", ["carol"])])

    @workflow
    async def asking(run: Run[NotApproved]) -> Result[str, NotApproved]:
        return Ok(await run.approval("manager", proposes="x", policy=ladder))

    async with Simulation(workflows=[asking]) as sim:
        await sim.start(asking(), run_id="r")
        await sim.skip("4h")
        sim.clock.advance("1h")
        await sim.approve("r", by="ann")
        told = sim.timeline("r")
    assert told == [
        At("0s", Started()),
        At("0s", Asked("manager")),
        At("2h", Reminded("manager")),
        At("3h", Escalated("manager", 1)),
        At("4h", Reminded("manager")),
        At("5h", Escalated("manager", 2)),
        At("5h", Decided("manager", by="ann")),
        At("5h", Ended(RunStatus.COMPLETED)),
    ]


async def test_a_fork_does_not_do_again_what_it_copied() -> None:
    """Its timeline begins with itself."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        await sim.start(refund("o"), run_id="r")
        await sim.approve("r", by="ann")
        await sim.orchestrator.fork("r", before="manager", new_id="f")
        assert sim.timeline("f") == [At("0s", Started()), At("0s", Asked("manager"))]


async def test_another_timeline_is_shown_line_by_line() -> None:
    """As it is written: what is missing, and what was not expected."""
    async with Simulation(workflows=[refund], steps=STEPS) as sim:
        await sim.start(refund("o"), run_id="r")
        with pytest.raises(AssertionError) as raised:
            sim.expect("r", [At("0s", Started()), At("1h", StepDone("load")), At("0s", Asked("manager"))])
    shown = str(raised.value).splitlines()
    assert shown[0] == "the timeline of run r is another:"
    assert {'  At("0s", Started())', '- At("1h", StepDone("load"))', '+ At("0s", StepDone("load"))'} <= set(shown)


def test_an_unknown_run_has_no_timeline() -> None:
    """An empty one."""
    assert Simulation(workflows=[]).timeline("r") == []


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        ("0s", "0s"),
        (timedelta(0), "0s"),
        ("36h", "1d12h"),
        ("90s", "1m30s"),
        (timedelta(days=400, microseconds=1), "400d0.000001s"),
        ("1.5s", "1.5s"),
    ],
)
def test_a_time_is_shown_as_it_can_be_written(since: timedelta | str, shown: str) -> None:
    """And read again."""
    at = At(since, Started())
    assert repr(at) == f'At("{shown}", Started())'
    assert At(shown, Started()) == at


@pytest.mark.parametrize("since", ["-1h", "soon", ""])
def test_what_is_no_time_is_refused(since: str) -> None:
    """As every duration is."""
    with pytest.raises(ValueError, match="duration"):
        At(since, Started())


def test_pytest_is_not_needed() -> None:
    """Nothing that `awaitly.testing` offers imports it, or Hypothesis."""
    code = "import sys, awaitly.testing; sys.exit(bool({'pytest', 'hypothesis', '_pytest'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
