from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from subprocess import Popen

import pytest
from attrs import frozen

from tests.faults.inspecting import Sight, look, reports
from tests.faults.orders import Orders, Place
from tests.faults.processes import forked, spawn
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


def dump(place: Place) -> list[str]:
    """Give all that stands in the store, as SQL."""
    with sqlite3.connect(place.store) as db:
        dumped = list(db.iterdump())
    db.close()
    return dumped


def overtaken(place: Place, case: Case, zombies: list[Popen[str]], plant: str = "") -> tuple[Sight, Sight]:
    """Stop a process past its lease, let another end the run, let the first go on; gives the run before and after."""
    orders = Orders(
        place, (("start", RUN, case.shape),), "zed", lease="0.15s", hold=case.held, body=case.body, planted=plant
    )
    zombie = spawn(orders)
    zombies.append(zombie)
    assert zombie.stdout is not None
    assert zombie.stdout.readline() == "holding\n"
    zombie.send_signal(signal.SIGSTOP)
    successor = Orders(place, (("start", RUN, case.shape), ("finish", RUN)), "ann")
    assert forked(successor) == 0
    before, stored = look(place, RUN), dump(place)
    zombie.send_signal(signal.SIGCONT)
    zombie.communicate("\n", timeout=30)
    TALLY.check("a zombie writes nothing", dump(place) == stored, case)
    TALLY.check("a zombie ends well", zombie.returncode == 0, zombie.returncode)
    return before, look(place, RUN)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.held or case.body}-{case.refused}")
def test_a_process_that_lost_its_lease_writes_nothing(place: Place, case: Case, zombies: list[Popen[str]]) -> None:
    """A process that is stopped past its lease, and overtaken, has its next write refused when it goes on."""
    before, after = overtaken(place, case, zombies)
    TALLY.check("a run keeps its one outcome", before.run == after.run and after.recorded == before.recorded, case)
    mine = [report for report in reports(place) if report["name"] == "zed"]
    refused = [move for report in mine if report["deed"][0] == "refused" for move in report["deed"][1:]]
    TALLY.check("a stale write is refused", case.refused in refused or "renew" in refused, (case, mine))
    told = [report for report in mine if report["deed"][0] == "start"]
    others = next(report for report in reports(place) if report["deed"][0] == "finish")
    cancelled = "cancel" in case.body and not told
    fits = cancelled or (told[0]["status"], told[0].get("value")) == (others["status"], others.get("value"))
    TALLY.check("a zombie reports the other's outcome", fits or told[0].get("error") == "RunConflict", (case, mine))


def test_the_zombie_is_noticed_where_nothing_fences(place: Place, zombies: list[Popen[str]]) -> None:
    """Where the store ignores versions, a zombie writes, and that is noticed."""
    with TALLY.aside(), pytest.raises(Violated, match="a zombie writes nothing"):
        overtaken(place, Case("end.before", "end"), zombies, "versions are ignored")
