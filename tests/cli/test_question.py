"""What `show` says beside a question that waits: by whom it is handled, how far it is, and what comes when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    Actor,
    Approval,
    Delegation,
    Escalation,
    Handling,
    History,
    Inquiry,
    Policy,
    Remark,
    RemarkKind,
    RunStatus,
    Vote,
)
from awaitly.approvals.handling import Taken
from awaitly.storage.journal import RunRecord
from tests.cli.drawing import drawn
from tests.cli.support import NASTY, NASTY_SHOWN, SECRET, call, is_safe
from tests.cli.terminal import Terminal

ASKED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = ASKED + 30 * HOUR
ANN, BOB, CID, EVE = (Actor(name) for name in ("ann", "bob", "cid", "eve"))

HANDLING = Handling(
    taken=Taken(BOB, ASKED + 26 * HOUR),
    delegations=(Delegation("bob", "cid", ("bob",), ASKED + 27 * HOUR, ("bob",)),),
    told=2,
    reminded=2,
    reminded_at=ASKED + DAY,
    inquiry=Inquiry(EVE, ASKED + 28 * HOUR),
    remarks=(
        Remark(RemarkKind.COMMENT, ANN, ASKED + 25 * HOUR, f"his account is {SECRET}"),
        Remark(RemarkKind.QUESTION, EVE, ASKED + 28 * HOUR, "Why now?"),
    ),
    seen=(("ann", 2), ("eve", 2)),
)
APPROVAL = Approval(
    run_id="inv-7",
    key="pay",
    workflow="invoice",
    place="0",
    operation="invoice:pay",
    summary="Pay 1,280.00 EUR to Ingrid Solberg",
    proposal=f'{{"amount":"1280.00","iban":"{SECRET}","lines":["rent"]}}',
    schema="{}",
    policy=Policy(
        approvers=["ann", "bob"],
        needs=2,
        rejections=2,
        expires_in="7d",
        remind_every="12h",
        escalations=[Escalation("1d", ["eve"]), Escalation("2d", ["role:cfo"], repeat=3, every="12h", replaces=True)],
    ),
    asked_at=ASKED,
    deadline=ASKED + 7 * DAY,
    requested_by=Actor("zed"),
    redact=("iban",),
    edited='{"amount":"900.00","iban":"NL00","lines":["rent","heat"]}',
    editor=ANN,
    revision=2,
    votes=(Vote(evolve(CID, on_behalf_of="bob"), True, 2, ASKED + 29 * HOUR), Vote(EVE, False, 2, NOW, "too dear")),
    handling=evolve(HANDLING, told=1),
)
RUN = RunRecord(
    run_id="inv-7",
    workflow="invoice",
    code_version="1",
    arguments="{}",
    digest="",
    created_at=ASKED,
    updated_at=ASKED,
    status=RunStatus.PARKED,
    waits=("pay",),
)

AT_100 = """\
  pay waits, at revision 2
    may decide: 2 different people of: ann or bob or eve
    policy:     2 different people of: ann or bob within 7 days, or it expires; 2 rejections end it;
                after 1 day also eve; after 2 days only role:cfo, 3 times every 12 hours
    votes:      1 of 2 approved, 1 of 2 rejected
                yes by cid for bob, 2026-11-03 14:00:00 UTC
                no by eve, 2026-11-03 15:00:00 UTC: too dear
    claimed:    by bob, 2026-11-03 11:00:00 UTC
    delegated:  bob to cid, 2026-11-03 12:00:00 UTC
    seen:       by ann (revision 2) and eve (revision 2)
    ladder:     1 climbed, 2026-11-03 09:00:00 UTC: also eve
                2 next, in 18 h, 2026-11-04 09:00:00 UTC: only role:cfo
    reminders:  every 12 hours; last 2026-11-03 09:00:00 UTC; next in 6 h, 2026-11-03 21:00:00 UTC
    deadline:   in 5 d 18 h, 2026-11-09 09:00:00 UTC; then it expires
    open:       zed was asked something, and there is no answer yet
    said:       by ann, 2026-11-03 10:00:00 UTC: his account is [redacted]
                question by eve, 2026-11-03 13:00:00 UTC: Why now?
    changed:    $.amount: 1280.00 -> 900.00
                $.iban: [redacted] -> [redacted]
                $.lines[1]: nothing -> heat

  parked: waits for pay (expires in 5 d 18 h)
"""


def history(approval: Approval = APPROVAL) -> History:
    """Give a run that waits for this."""
    return History(RUN, (), (approval,), ())


def handled(**changes: Any) -> Approval:
    """Give the approval, handled otherwise."""
    return evolve(APPROVAL, handling=evolve(APPROVAL.handling, **changes))


def told(approval: Approval, monkeypatch: pytest.MonkeyPatch, now: datetime = NOW) -> list[str]:
    """Give the lines that stand beside a question, each on one."""
    out = drawn(history(approval), now, 300, monkeypatch)
    return [line.strip() for line in out[out.index("  pay waits") :].splitlines()]


def test_all_that_a_decider_wants_to_know_stands_beside_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may decide now, votes, hands, ladder, reminders, deadline, what was said, and what was changed."""
    assert drawn(history(), NOW, 100, monkeypatch).endswith(AT_100)


@pytest.mark.parametrize("columns", [20, 33, 59, 60, 80, 120])
def test_it_fits_at_any_width(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The labels give way on a narrow terminal, and nothing is lost."""
    out = drawn(history(), NOW, columns, monkeypatch)
    assert max(map(len, out.splitlines())) <= columns
    assert "Whynow?" in re.sub(r"\s+", "", out)


def test_what_is_redacted_is_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """In remarks and differences too."""
    assert SECRET not in drawn(history(), NOW, 100, monkeypatch)


def test_a_level_that_is_told_again_says_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose time has come before anybody looked says since when."""
    lines = told(handled(told=2), monkeypatch, ASKED + 3 * DAY)
    assert "2 next again (1 of 3 times told), due 2026-11-04 21:00:00 UTC: only role:cfo" in lines
    assert "may decide: 2 different people of: role:cfo" in lines
    lines = told(handled(told=4), monkeypatch, ASKED + 4 * DAY)
    assert "2 climbed, 2026-11-05 09:00:00 UTC: only role:cfo" in lines


def test_time_that_stands_still_is_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how much is left once the answer has come."""
    inquiry = Inquiry(EVE, ASKED + 28 * HOUR, stops_clock=True, deadline=APPROVAL.deadline)
    lines = told(evolve(handled(inquiry=inquiry), deadline=None), monkeypatch)
    assert "deadline:   stands still until the answer; 5 d 20 h are left then" in lines
    assert "2 next, once time goes on: only role:cfo" in lines
    assert "reminders:  every 12 hours; last 2026-11-03 09:00:00 UTC; stopped until the answer" in lines
    assert lines[-1] == "parked: waits for pay (time stands still)"


def test_other_hands_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those whom an admin named, and a claim that keeps others out."""
    alone = evolve(handled(assigned=("dan", "role:ops"), told=0), policy=Policy(exclusive_claims=True), votes=())
    lines = told(alone, monkeypatch)
    assert "may decide: dan or role:ops" in lines
    assert "reassigned: to dan or role:ops, instead of those whom the policy names" in lines
    assert "claimed:    by bob, 2026-11-03 11:00:00 UTC; nobody else may decide" in lines


def test_a_plain_question_takes_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """What says nothing is left out; anyone is anyone but the requester, by name."""
    plain = evolve(APPROVAL, policy=Policy(), handling=Handling(), votes=(), edited=None, editor=None, revision=1)
    lines = told(evolve(plain, deadline=None), monkeypatch)
    assert lines[:3] == ["pay waits", "may decide: anyone but zed", "deadline:   none"]
    lines = told(evolve(plain, deadline=ASKED), monkeypatch)
    assert lines[2] == "deadline:   past since 2026-11-02 09:00:00 UTC"


def test_a_question_to_a_system_of_record_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """People have no say there."""
    lines = told(evolve(APPROVAL, external=True, votes=(), handling=Handling()), monkeypatch)
    assert lines[0] == "pay waits for a system of record"
    assert not any("may decide" in line for line in lines)


def test_many_and_long_remarks_are_cut_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones count."""
    remarks = tuple(Remark(RemarkKind.COMMENT, ANN, NOW, f"{number} {'x' * 2_000}") for number in range(15))
    out = drawn(history(handled(remarks=remarks)), NOW, 1_500, monkeypatch)
    assert "said:       (5 earlier: see --json)\n" in out
    assert out.count("~ (1,002 characters more: see --json)\n") == 5
    assert out.count("~ (1,003 characters more: see --json)\n") == 5


def test_an_ended_run_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its approvals say."""
    ended = History(evolve(RUN, status=RunStatus.CANCELLED, by=ANN), (), (APPROVAL,), ())
    assert "pay waits" not in drawn(ended, NOW, 100, monkeypatch)


def test_hostile_words_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is named, and whatever they said."""
    nasty = Actor(NASTY, on_behalf_of=NASTY)
    odd = handled(
        taken=Taken(nasty, NOW),
        delegations=(Delegation(NASTY, NASTY, (), NOW, (NASTY, NASTY)),),
        assigned=(NASTY,),
        remarks=(Remark(RemarkKind.ANSWER, nasty, NOW, NASTY),),
        seen=((NASTY, 2),),
    )
    odd = evolve(odd, requested_by=nasty, editor=nasty, votes=(Vote(nasty, True, 1, NOW, NASTY),))
    odd = evolve(odd, edited='{"amount":"\\u001b[31m","\\u202e":1}')
    for columns in (20, 80, 300):
        assert is_safe(drawn(history(odd), NOW, columns, monkeypatch))
    assert drawn(history(odd), NOW, 300, monkeypatch).count(NASTY_SHOWN) >= 10


def test_it_is_all_in_the_document(handled: str) -> None:
    """For programs, with the time of each telling."""
    call("claim", "inv-1", "--by", "bob", "--store", handled)
    call("delegate", "inv-1", "--to", "cid", "--by", "bob", "--store", handled)
    call("edit", "inv-1", '{"amount": "9", "iban": "NL00", "lines": []}', "--by", "ann", "--store", handled)
    call("approve", "inv-1", "--by", "cid", "--store", handled)
    (said,) = call("show", "inv-1", "--store", handled, "--json").document["approvals"]
    assert (said["needs"], said["may_decide"], said["claim"]["by"]) == (2, [["ann", "bob", "role:finance"]], "bob")
    assert [(each["owner"], each["to"], each["through"]) for each in said["delegations"]] == [("bob", "cid", ["bob"])]
    assert [(each["by"], each["on_behalf_of"], each["approves"]) for each in said["votes"]] == [("cid", "bob", True)]
    assert said["changes"] == [
        {"path": "$.amount", "before": "12.50", "after": "9"},
        {"path": "$.iban", "before": "[redacted]", "after": "[redacted]"},
        {"path": "$.lines[0]", "before": "rent"},
    ]
    ladder = [(each["level"], each["nth"], each["to"], each["told"]) for each in said["ladder"]]
    assert ladder == [(1, 1, ["role:cfo"], False), (2, 1, ["eve"], False), (2, 2, ["eve"], False)]
    asked = datetime.fromisoformat(said["asked_at"])
    assert datetime.fromisoformat(said["ladder"][2]["at"]) - asked == 5 * DAY
    assert datetime.fromisoformat(said["next_reminder"]) - asked == DAY
    call("ask", "inv-1", "why?", "--by", "ann", "--store", handled)
    (said,) = call("show", "inv-1", "--store", handled, "--json").document["approvals"]
    assert (said["deadline"], said["next_reminder"], said["ladder"][0]["at"]) == (None, None, None)
    assert (said["inquiry"]["by"], said["inquiry"]["stops_clock"]) == ("ann", True)


@pytest.mark.parametrize("columns", [80, 120])
def test_it_is_drawn_in_a_terminal(handled: str, columns: int, tmp_path: Path) -> None:
    """In colour, and no line goes beyond the edge."""
    call("comment", "inv-1", "looks odd " * 30, "--by", "ann", "--store", handled)
    with Terminal("show", "inv-1", "--store", handled, folder=tmp_path, columns=columns) as terminal:
        out = terminal.finish()
    assert "\x1b[1mpay\x1b[0m waits" in out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert is_safe(plain)
    assert max(map(len, plain.splitlines())) <= columns
