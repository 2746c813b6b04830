from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from awaitly import Actor, Approval, ApprovalStatus, History, Policy, RunStatus
from awaitly.approvals.approval import Closing
from awaitly.errors import UnexpectedError
from awaitly.storage.journal import Raised, Returned, RunRecord, Step
from tests.cli.drawing import drawn

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ASKED = START + timedelta(minutes=40)
DECIDED = START + timedelta(days=2, hours=4)
END = DECIDED + timedelta(hours=1)

APPROVAL = Approval(
    run_id="order-7",
    key="manager",
    workflow="refund",
    place="1",
    operation="refund:manager",
    summary="Refund 1,280.00 EUR to Ingrid Solberg: Parcel never arrived",
    proposal='"1280.00"',
    schema='{"type":"string"}',
    policy=Policy(approvers=["role:manager"]),
    asked_at=ASKED,
    status=ApprovalStatus.EDITED,
    edited='"900.00"',
    editor=Actor("ann"),
    revision=2,
    closing=Closing(Actor("ann"), DECIDED),
)
STEPS = (
    Step("load_order", "0", "", Returned("null"), START, START + timedelta(minutes=40)),
    Step("pay_back", "2", "", Returned("null"), DECIDED, END, attempts=3),
)
RUN = RunRecord(
    run_id="order-7",
    workflow="refund",
    code_version="1",
    arguments="{}",
    digest="",
    created_at=START,
    updated_at=END,
    status=RunStatus.COMPLETED,
    requested_by=Actor("zed"),
    result=Returned('{"$type":"Receipt","amount":"900.00"}'),
)
HISTORY = History(RUN, STEPS, (APPROVAL,), ())

AT_80 = """\
Run order-7 of refund, for zed
Since 2026-11-02 09:00:00 UTC, took 2 d 5 h

  09:00:00  load_order  █                                        40 min
  09:40:00  manager     ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  waited 2 d 3 h
            Refund 1,280.00 EUR to Ingrid Solberg: Parcel never arrived
            proposed 1280.00
            edited to 900.00 by ann, 2026-11-04 13:00:00 UTC
  13:00:00  pay_back                                          █  1 h, 3 attempts

  completed, 2026-11-04 14:00:00 UTC: Receipt(amount="900.00")
"""

AT_40 = """\
Run order-7 of refund, for zed
Since 2026-11-02 09:00:00 UTC, took 2 d
5 h

  load_order  █          40 min
  manager     ░░░░░░░░░  waited 2 d 3 h
    Refund 1,280.00 EUR to Ingrid
    Solberg: Parcel never arrived
    proposed 1280.00
    edited to 900.00 by ann, 2026-11-04
    13:00:00 UTC
  pay_back            █  1 h, 3 attempts

  completed, 2026-11-04 14:00:00 UTC:
  Receipt(amount="900.00")
"""


def test_the_wait_is_the_long_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """All stands on one scale of time; original and edited value, who and when are told."""
    assert drawn(HISTORY, END, 80, monkeypatch) == AT_80


def test_a_narrow_terminal_gets_a_narrow_timeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times of day give way to the bars."""
    out = drawn(HISTORY, END, 40, monkeypatch)
    assert out == AT_40


@pytest.mark.parametrize("columns", [20, 25, 33, 50, 79, 100, 300])
def test_no_line_is_longer_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any width from 20 on."""
    out = drawn(HISTORY, END, columns, monkeypatch)
    assert max(map(len, out.splitlines())) <= columns


def test_ascii_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output's encoding has no blocks, other signs stand in their place."""
    out = drawn(HISTORY, END, 80, monkeypatch, encoding="ascii")
    assert out == AT_80.replace("█", "#").replace("░", ".")


def test_a_run_that_waits_says_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    """With who may decide, and until when."""
    waiting = evolve(APPROVAL, status=ApprovalStatus.PENDING, edited=None, editor=None, closing=None, revision=1)
    waiting = evolve(waiting, deadline=ASKED + timedelta(days=7))
    run = evolve(RUN, status=RunStatus.PARKED, result=None, waits=("manager",), updated_at=ASKED)
    out = drawn(History(run, STEPS[:1], (waiting,), ()), DECIDED, 80, monkeypatch)
    assert "waits 2 d 3 h" in out
    assert "may decide: role:manager" in out
    assert out.endswith("\n  parked: waits for manager (expires in 4 d 20 h)\n")


def test_a_decided_run_that_nobody_resumed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody waits in vain."""
    run = evolve(RUN, status=RunStatus.PARKED, result=None, waits=("manager",))
    out = drawn(History(run, STEPS[:1], (APPROVAL,), ()), END, 80, monkeypatch)
    assert out.endswith("\n  parked: decided; it goes on when it is resumed\n")


def test_a_crash_in_a_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the attempts that it took."""
    raised = Raised(UnexpectedError("TimeoutError", "no answer", "load_order", 2))
    run = evolve(RUN, status=RunStatus.FAILED, result=raised, ended_by="load_order")
    out = drawn(History(run, (evolve(STEPS[0], recorded=raised, attempts=2),), (), ()), END, 80, monkeypatch)
    assert "40 min, 2 attempts" in out
    assert "TimeoutError" in out


def test_a_run_that_took_no_time_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is divided by zero, and a clock that went back does no harm."""
    run = evolve(RUN, updated_at=START)
    back = evolve(STEPS[0], started_at=START, ended_at=START - timedelta(hours=1))
    assert "load_order" in drawn(History(run, (back,), (), ()), START, 80, monkeypatch)
