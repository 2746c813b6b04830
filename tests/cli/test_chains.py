"""Chains as a line of boxes, and how they go on below where the line is full."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve

from awaitly import Actor, Approval, ApprovalStatus, History, Policy, RunStatus, StagePlace
from awaitly.approvals.approval import Closing
from awaitly.storage.journal import RunRecord
from tests.cli.drawing import drawn
from tests.cli.support import NASTY, call, is_safe
from tests.cli.terminal import Terminal

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
STAGES = ("team", "legal", "finance", "director")
PLANNED = ("team", "finance", "director")
RUN = RunRecord(
    run_id="spend-7",
    workflow="purchase",
    code_version="1",
    arguments="{}",
    digest="",
    created_at=START,
    updated_at=START,
    status=RunStatus.PARKED,
    waits=("purchase.finance",),
)
FINANCE = Approval(
    run_id="spend-7",
    key="purchase.finance",
    workflow="purchase",
    place="1",
    operation="purchase",
    summary="Spend 500",
    proposal="500",
    schema="{}",
    policy=Policy(approvers=["role:finance", "bob"]),
    asked_at=START,
    stage=StagePlace("purchase", "finance", STAGES, PLANNED),
)
TEAM = evolve(
    FINANCE,
    key="purchase.team",
    status=ApprovalStatus.APPROVED,
    closing=Closing(Actor("cid", on_behalf_of="ann"), START),
    stage=StagePlace("purchase", "team", STAGES, PLANNED),
)

AT_100 = """
  purchase: 1 of 3 stages done
  ┌─────────────────────────┐   ┌╌╌╌╌╌╌╌╌╌╌┐   ┌───────────────────────────┐   ┌──────────┐
  │ team                    │─▶ ┆ legal    ┆─▶ │ finance                   │─▶ │ director │
  │ approved by cid for ann │   ┆ left out ┆   │ waits for role:finance or │   │ remains  │
  │                         │   ┆          ┆   │ bob                       │   │          │
  └─────────────────────────┘   └╌╌╌╌╌╌╌╌╌╌┘   └───────────────────────────┘   └──────────┘

"""
AT_60 = """
  purchase: 1 of 3 stages done
  ┌─────────────────────────┐   ┌╌╌╌╌╌╌╌╌╌╌┐
  │ team                    │─▶ ┆ legal    ┆
  │ approved by cid for ann │   ┆ left out ┆
  └─────────────────────────┘   └╌╌╌╌╌╌╌╌╌╌┘
     ┌───────────────────────────┐   ┌──────────┐
  ─▶ │ finance                   │─▶ │ director │
     │ waits for role:finance or │   │ remains  │
     │ bob                       │   │          │
     └───────────────────────────┘   └──────────┘

"""
AT_88 = """
  purchase: 1 of 3 stages done
  ┌─────────────────────┐   ┌╌╌╌╌╌╌╌╌╌╌┐   ┌────────────────────────┐   ┌──────────┐
  │ team                │─▶ ┆ legal    ┆─▶ │ finance                │─▶ │ director │
  │ approved by cid for │   ┆ left out ┆   │ waits for role:finance │   │ remains  │
  │ ann                 │   ┆          ┆   │ or bob                 │   │          │
"""
ASCII = """
  purchase: 1 of 3 stages done
  +-------------------------+   ............   +---------------------------+   +----------+
  | team                    |-> : legal    :-> | finance                   |-> | director |
"""


def history(*approvals: Approval) -> History:
    """Give a run that asked these."""
    return History(RUN, (), approvals or (TEAM, FINANCE), ())


def test_a_chain_is_a_line_of_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done and by whom, what waits and for whom, what remains, what is left out."""
    assert AT_100 in drawn(history(), START, 100, monkeypatch)


def test_a_full_line_goes_on_below(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the arrow at its beginning."""
    assert AT_60 in drawn(history(), START, 60, monkeypatch)


def test_narrower_boxes_are_better_than_a_second_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all of them then stand beside each other."""
    assert AT_88 in drawn(history(), START, 88, monkeypatch)


def test_ascii_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output's encoding has no frames."""
    assert ASCII in drawn(history(), START, 100, monkeypatch, encoding="ascii")


@pytest.mark.parametrize("columns", [20, 24, 31, 47, 80, 99, 200])
def test_no_line_is_longer_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any width from 20 on."""
    out = drawn(history(), START, columns, monkeypatch)
    assert max(map(len, out.splitlines())) <= columns


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ApprovalStatus.REJECTED, "rejected by bob"),
        (ApprovalStatus.EDITED, "edited by bob"),
        (ApprovalStatus.CANCELLED, "cancelled by bob"),
        (ApprovalStatus.EXPIRED, "expired"),
        (ApprovalStatus.SUPERSEDED, "superseded"),
    ],
)
def test_an_end_is_told(status: ApprovalStatus, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whom, where somebody did it."""
    ended = evolve(FINANCE, status=status, closing=Closing(Actor("bob"), START))
    assert f"│ {said} " in drawn(history(TEAM, ended), START, 100, monkeypatch)


def test_a_stage_to_which_a_rejection_led_back_waits_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came after it is to be asked again."""
    rejected = evolve(FINANCE, status=ApprovalStatus.REJECTED, closing=Closing(Actor("bob"), START))
    again = evolve(TEAM, key="purchase.team#2", status=ApprovalStatus.PENDING, closing=None, policy=Policy())
    out = drawn(history(TEAM, rejected, again), START, 100, monkeypatch)
    assert "purchase: 0 of 3 stages done" in out
    assert "│ waits for anyone │" in out
    assert "│ to be asked again │" in out


def test_a_hostile_name_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a chain, a stage and a person, in their boxes."""
    place = StagePlace(NASTY, NASTY, (NASTY, "b\u202e"), (NASTY,))
    odd = evolve(FINANCE, stage=place, policy=Policy(approvers=["name:日本 語日本語日本語日本語日本語"]))
    for columns in (20, 60, 200):
        assert is_safe(drawn(history(odd), START, columns, monkeypatch))


def test_chains_are_in_the_document(handled: str) -> None:
    """With the key of each stage's last question."""
    document = call("show", "spend-1", "--store", handled, "--json").document
    (chain,) = document["chains"]
    assert chain["chain"] == "purchase"
    assert [(each["name"], each["state"], each["key"], each["waits_for"]) for each in chain["stages"]] == [
        ("team", "completed", "purchase.team", []),
        ("legal", "skipped", None, []),
        ("finance", "waiting", "purchase.finance", ["role:finance", "bob"]),
        ("director", "remaining", None, []),
    ]
    assert document["approvals"][1]["stage"] == {"chain": "purchase", "name": "finance"}


def test_a_terminal_shows_it_in_colour(handled: str, tmp_path: Path) -> None:
    """Green is done, yellow waits, and what is left out is faint."""
    with Terminal("show", "spend-1", "--store", handled, folder=tmp_path, columns=120) as terminal:
        out = terminal.finish()
    assert "\x1b[1;32mteam\x1b[0m" in out
    assert "\x1b[1;33mfinance\x1b[0m" in out
    assert "\x1b[1;2mlegal\x1b[0m" in out
