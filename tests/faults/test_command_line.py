from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

from awaitly import Approval
from tests.faults.errands import Marks
from tests.faults.inspecting import Sight, check_sight, look, reports
from tests.faults.orders import Orders, Place
from tests.faults.processes import KILLED, spawn

RUN = "r1"
SHAPE = "s s a s"


@frozen
class Verb:
    """What is typed, and what the process that resumes the run then says and executes."""

    words: tuple[str, ...]
    status: str
    told: str
    executes: bool
    closed: tuple[str, str, str | None]


VERBS = [
    Verb(("approve", RUN), "completed", "begin.s0.s1.s3", True, ("approved", "ann", None)),
    Verb(("edit", RUN, "a2", '"changed"'), "completed", "changed.s3", True, ("edited", "ann", None)),
    Verb(
        ("reject", RUN, "--reason", "too dear"),
        "failed",
        "rejected by ann: too dear",
        False,
        ("rejected", "ann", "too dear"),
    ),
    Verb(
        ("cancel", RUN, "--reason", "no need"),
        "cancelled",
        "cancelled by ann: no need",
        False,
        ("cancelled", "ann", "no need"),
    ),
]


def awaitly(place: Place, *words: str) -> str:
    """Type a command and give what it prints."""
    command = [sys.executable, "-m", "awaitly", *words, "--store", place.store, "--by", "ann"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def park_and_die(place: Place) -> None:
    """Start a run in a process of its own that is killed by SIGKILL as soon as the run is parked."""
    child = spawn(Orders(place, (("start", RUN, SHAPE),), "zed", hold="park.after"))
    assert child.stdout is not None
    assert child.stdout.readline() == "holding\n"
    child.kill()
    child.communicate()
    assert child.returncode == KILLED


def resume(place: Place) -> dict[str, object]:
    """Resume the run in a process of its own and give what it says."""
    child = spawn(Orders(place, (("resume", RUN),), "cyd"))
    child.communicate(timeout=60)
    assert child.returncode == 0
    return reports(place)[-1]


def decided_on_the_command_line(place: Place, verb: Verb) -> tuple[Sight, dict[str, object]]:
    """Let one process start and die, one decide on the command line, and one resume."""
    park_and_die(place)
    check_sight(look(place, RUN), 1)
    awaitly(place, *verb.words)
    answer = resume(place)
    sight = look(place, RUN)
    check_sight(sight, 0)
    return sight, answer


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.words[0]))
def test_three_processes_share_a_run(place: Place, verb: Verb) -> None:
    """A run is started by one process that dies, decided on by the command line, and resumed by a third process."""
    sight, answer = decided_on_the_command_line(place, verb)
    assert answer["status"] == verb.status
    assert verb.told in f"{answer.get('value')} {answer.get('text')}"
    assert Marks.read(Path(place.marks)) == ("s0", "s1", *(["s3"] if verb.executes else []))
    (approval,) = sight.approvals
    assert closed(approval) == verb.closed


def closed(approval: Approval) -> tuple[str, str, str | None]:
    """Give how an approval ended, by whom, and why."""
    closing = approval.closing
    assert closing is not None
    return approval.status.value, closing.by.name, closing.reason
