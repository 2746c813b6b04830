from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from attrs import evolve, frozen

from awaitly import ApprovalQuery, RunQuery, Store
from tests.faults.errands import Marks
from tests.faults.inspecting import Sight, look, reports
from tests.faults.orders import Orders, Place
from tests.faults.processes import forked, spawn
from tests.faults.stores import store_at
from tests.faults.tally import TALLY, Violated

RUN = "r1"
SHAPE = "s s s"


@frozen
class Case:
    """Where a process is held, and the write of its that must be refused once it goes on."""

    held: str
    refused: str
    shape: str = SHAPE
    body: str = ""


CASES = [
    Case("", "step", body="hold@2"),
    Case("", "end", body="hold@3"),
    Case("start.before", "start"),
    Case("step.before", "step"),
    Case("park.before", "park", shape="s s a"),
    Case("end.before", "end"),
    Case("renew.before", "renew", body="renew@2"),
    Case("release.before", "release", body="cancel@2"),
]


@pytest.fixture
def zombies() -> Iterator[list[Popen[str]]]:
    """Collect processes that may have been stopped, and end those that are left."""
    processes: list[Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def dump(place: Place) -> tuple[object, ...]:
    """Give all that stands in the store."""
    return asyncio.run(_dump(store_at(place.store)))


async def _dump(store: Store) -> tuple[object, ...]:
    await store.open()
    try:
        found, entries = await store.load(RUN), await store.entries(RUN)
        runs, asked = await store.page_runs(RunQuery()), await store.page_approvals(ApprovalQuery())
    finally:
        await store.close()
    return evolve(found, now=0), entries, runs, asked


def overtaken(
    place: Place, case: Case, zombies: list[Popen[str]], plant: str = "", skew: float = 0.0
) -> tuple[Sight, Sight]:
    """Stop a process past its lease, let another end the run, let the first go on; gives the run before and after.

    With a `skew` the lease is long, and nobody waits for its end: the other's clock is so many hours ahead.
    """
    orders = Orders(
        place, (("start", RUN, case.shape),), "zed", lease="0.15s", hold=case.held, body=case.body, planted=plant
    )
    zombie = spawn(orders.but(lease="1h") if skew else orders)
    zombies.append(zombie)
    assert zombie.stdout is not None
    assert zombie.stdout.readline() == "holding\n"
    zombie.send_signal(signal.SIGSTOP)
    successor = Orders(place, (("start", RUN, case.shape), ("finish", RUN)), "ann", skew=skew)
    assert forked(successor) == 0
    before, stored = look(place, RUN), dump(place)
    zombie.send_signal(signal.SIGCONT)
    zombie.communicate("\n", timeout=30)
    TALLY.check("a zombie writes nothing", dump(place) == stored, case)
    TALLY.check("a zombie ends well", zombie.returncode == 0, zombie.returncode)
    return before, look(place, RUN)


def check_zombie(place: Place, case: Case, zombies: list[Popen[str]], skew: float = 0.0) -> None:
    """Let a process be overtaken, and check that what it writes is refused and what it says is the other's."""
    before, after = overtaken(place, case, zombies, skew=skew)
    TALLY.check("a run keeps its one outcome", before.run == after.run and after.recorded == before.recorded, case)
    mine = [report for report in reports(place) if report["name"] == "zed"]
    refused = [move for report in mine if report["deed"][0] == "refused" for move in report["deed"][1:]]
    given_up = case.refused == "release"  # giving a run back is tried for as long as its lease lasts
    TALLY.check("a stale write is refused", case.refused in refused or "renew" in refused or given_up, (case, mine))
    told = [report for report in mine if report["deed"][0] == "start"]
    others = next(report for report in reports(place) if report["deed"][0] == "finish")
    cancelled = "cancel" in case.body and not told
    fits = cancelled or (told[0]["status"], told[0].get("value")) == (others["status"], others.get("value"))
    TALLY.check("a zombie reports the other's outcome", fits or told[0].get("error") == "RunConflict", (case, mine))


def named(case: Case) -> str:
    """Name a case."""
    return f"{case.held or case.body}-{case.refused}"


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_process_that_lost_its_lease_writes_nothing(place: Place, case: Case, zombies: list[Popen[str]]) -> None:
    """A process that is stopped past its lease, and overtaken, has its next write refused when it goes on."""
    check_zombie(place, case, zombies)


def test_a_zombie_writes_nothing_wherever_runs_are_kept(elsewhere: Place, zombies: list[Popen[str]]) -> None:
    """A process that was stopped as it was about to park is refused, on servers and in two stores as well."""
    check_zombie(elsewhere, CASES[4], zombies)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=named)
def test_no_zombie_writes_anything_wherever_runs_are_kept(
    elsewhere: Place, case: Case, zombies: list[Popen[str]]
) -> None:
    """The same for each place where a process may be stopped."""
    check_zombie(elsewhere, case, zombies)


@frozen
class Late:
    """What somebody is about to do who is stopped, what others do meanwhile, and what the late one is told."""

    does: tuple[str, ...]
    held: str
    meanwhile: tuple[tuple[str, ...], ...]
    told: str
    decided: bool = True


_APPROVES, _REJECTS = ("approve", RUN, "a1"), ("reject", RUN, "a1", "no")
LATE = {
    "decider": Late(_APPROVES, "decide.before", (_REJECTS,), "AlreadyDecided", decided=False),
}
LATE_AS_WELL = {
    "worker with its claim": Late(("recover",), "claim.after", (("finish", RUN),), ""),
    "decider who goes on": Late(
        ("approve+", RUN, "a1"), "decide.before", (_REJECTS, ("finish", RUN)), "AlreadyDecided", decided=False
    ),
    "canceller": Late(("cancel", RUN), "cancel.before", (("finish", RUN),), "RunEnded"),
    "worker about to claim": Late(("recover",), "claim.before", (("finish", RUN),), ""),
}
EVERY_LATE = {**LATE, **LATE_AS_WELL}


def check_late(place: Place, late: Late, zombies: list[Popen[str]], plant: str = "") -> None:
    """Stop somebody as they are about to write, let others go ahead, and check that the late write is refused."""
    decided = (("approve", RUN, "a1"),) if late.decided else ()
    assert forked(Orders(place, (("start", RUN, "s a s"), *decided), "rhea")) == 0
    zombie = spawn(Orders(place, (late.does,), "zed", lease="0.15s", hold=late.held, planted=plant))
    zombies.append(zombie)
    assert zombie.stdout is not None
    assert zombie.stdout.readline() == "holding\n"
    zombie.send_signal(signal.SIGSTOP)
    assert forked(Orders(place, late.meanwhile, "ann")) == 0
    stored = dump(place)
    zombie.send_signal(signal.SIGCONT)
    zombie.communicate("\n", timeout=30)
    TALLY.check("a zombie writes nothing", dump(place) == stored, late)
    TALLY.check("a zombie ends well", zombie.returncode == 0, zombie.returncode)
    told = [report.get("error", "") for report in reports(place) if report["name"] == "zed"]
    TALLY.check("whoever comes too late is told so", late.told in told, (late, told))
    marks = Counter(Marks.read(Path(place.marks)))
    TALLY.check("no recorded step ran again", set(marks.values()) <= {1}, marks)


@pytest.mark.parametrize("late", LATE)
def test_whoever_is_stopped_before_a_decision_or_a_claim_comes_too_late(
    place: Place, late: str, zombies: list[Popen[str]]
) -> None:
    """A decider who is stopped for longer than others need to decide writes nothing afterwards."""
    check_late(place, LATE[late], zombies)


@pytest.mark.slow
@pytest.mark.parametrize("late", LATE_AS_WELL)
def test_whoever_else_is_stopped_comes_too_late(place: Place, late: str, zombies: list[Popen[str]]) -> None:
    """So does who would go on in the same commit, who would cancel, who has claimed, and who has not yet."""
    check_late(place, LATE_AS_WELL[late], zombies)


@pytest.mark.slow
@pytest.mark.parametrize("late", EVERY_LATE)
def test_whoever_is_stopped_comes_too_late_wherever_runs_are_kept(
    elsewhere: Place, late: str, zombies: list[Popen[str]]
) -> None:
    """The same on servers and in two stores."""
    check_late(elsewhere, EVERY_LATE[late], zombies)


def test_a_late_decider_is_noticed_where_nothing_is_compared(place: Place, zombies: list[Popen[str]]) -> None:
    """Where the store ignores versions, who comes too late decides."""
    with TALLY.aside(), pytest.raises(Violated, match="a zombie writes nothing"):
        check_late(place, LATE["decider"], zombies, "versions are ignored")


def test_a_clock_that_is_ahead_breaks_no_fence(place: Place, zombies: list[Popen[str]]) -> None:
    """Who takes a lease for over whose holder lives ends the run, and the holder's next write is refused."""
    check_zombie(place, CASES[0], zombies, skew=3.0)


def test_the_zombie_is_noticed_where_nothing_fences(place: Place, zombies: list[Popen[str]]) -> None:
    """Where the store ignores versions, a zombie writes, and that is noticed."""
    with TALLY.aside(), pytest.raises(Violated, match="a zombie writes nothing"):
        overtaken(place, Case("end.before", "end"), zombies, "versions are ignored")
