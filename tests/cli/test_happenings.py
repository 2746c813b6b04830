"""What the timeline tells out of a run's ledger: who did what on whose behalf, and by which channel."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from awaitly import Actor, Approval, ApprovalStatus, AuditEvent, Entry, History, Part, Policy, RunStatus, Vote
from awaitly.approvals.approval import Closing
from awaitly.approvals.audit import EMPTY, Fact, chained, without
from awaitly.cli.codes import ExitCode
from awaitly.storage.journal import RunRecord
from tests.cli.drawing import drawn
from tests.cli.support import NASTY, NASTY_SHOWN, SECRET, call, is_safe

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=20)
ANN = Actor("ann", via="slack")
CID = Actor("cid", on_behalf_of="bob", via="command line")
RUN = RunRecord(
    run_id="r",
    workflow="refund",
    code_version="1",
    arguments="{}",
    digest="",
    created_at=START,
    updated_at=END,
    status=RunStatus.PARKED,
    waits=("pay",),
)


def at(hours: int) -> datetime:
    """Give a time after the start."""
    return START + timedelta(hours=hours)


APPROVAL = Approval(
    run_id="r",
    key="pay",
    workflow="refund",
    place="0",
    operation="refund:pay",
    summary="Pay",
    proposal=json.dumps({"amount": 3, "iban": SECRET}),
    schema="{}",
    policy=Policy(needs=2),
    asked_at=START,
    redact=("iban",),
    revision=2,
    edited=json.dumps({"amount": 2, "iban": SECRET}),
    editor=ANN,
    status=ApprovalStatus.APPROVED,
    votes=(Vote(CID, True, 2, at(17)), Vote(Actor("eve"), True, 2, at(18))),
    closing=Closing(Actor("eve"), at(18)),
)


def noted(event: AuditEvent, hours: int, by: Actor | None = None, reason: str | None = None, *to: str) -> Fact:
    """Give a fact about the approval, which is at revision 2 from the sixteenth hour on."""
    return Fact(event, "pay", at(hours), 1 if hours < 16 else 2, "", by, reason, to)


FACTS = (
    noted(AuditEvent.ASKED, 0),
    noted(AuditEvent.SEEN, 1, ANN),
    noted(AuditEvent.SEEN, 2, CID),
    noted(AuditEvent.CLAIMED, 3, ANN),
    noted(AuditEvent.RELEASED, 4, ANN),
    noted(AuditEvent.DELEGATED, 5, ANN, None, "cid"),
    noted(AuditEvent.REASSIGNED, 6, Actor("root"), None, "ann", "role:ops"),
    noted(AuditEvent.COMMENTED, 7, CID, f"his account is {SECRET}"),
    noted(AuditEvent.INQUIRED, 8, ANN, "why?"),
    noted(AuditEvent.ANSWERED, 9, Actor("zed"), "broken"),
    noted(AuditEvent.REMINDED, 10),
    noted(AuditEvent.REMINDED, 11),
    noted(AuditEvent.ESCALATED, 12, None, "level 1", "role:cfo"),
    noted(AuditEvent.REMINDED, 13),
    noted(AuditEvent.SPOOFED, 13, CID, "the request said by", "ann"),
    noted(AuditEvent.VOTED, 14, ANN),
    noted(AuditEvent.EDITED, 16, ANN, "votes void: ann"),
    noted(AuditEvent.VOTED, 17, CID),
    noted(AuditEvent.VOTED, 18, Actor("eve", via="web")),
    noted(AuditEvent.APPROVED, 18, Actor("eve", via="web")),
    noted(AuditEvent.CONSUMED, 19),
)
ENTRIES = chained("r", EMPTY, FACTS)

SAID = """\
            Pay
            proposed {"amount": 3, "iban": "[redacted]"}
            edited to {"amount": 2, "iban": "[redacted]"} by ann (slack), 2026-11-03 01:00:00 UTC
              $.amount: 3 -> 2
            seen by ann and cid, last 2026-11-02 11:00:00 UTC
            claimed by ann (slack), 2026-11-02 12:00:00 UTC
            released by ann (slack), 2026-11-02 13:00:00 UTC
            delegated to cid by ann (slack), 2026-11-02 14:00:00 UTC
            reassigned to ann or role:ops by root, 2026-11-02 15:00:00 UTC
            comment by cid for bob (command line), 2026-11-02 16:00:00 UTC: his account is [redacted]
            question by ann (slack), 2026-11-02 17:00:00 UTC: why?
            answer by zed, 2026-11-02 18:00:00 UTC: broken
            reminded 2 times, last 2026-11-02 20:00:00 UTC
            escalated to role:cfo, 2026-11-02 21:00:00 UTC: level 1
            reminded, 2026-11-02 22:00:00 UTC
            spoofed as ann by cid for bob (command line), 2026-11-02 22:00:00 UTC: the request said by
            voted for it by ann (slack), 2026-11-02 23:00:00 UTC, void since
            yes by cid for bob (command line), 2026-11-03 02:00:00 UTC
            yes by eve (web), 2026-11-03 03:00:00 UTC
            approved by eve (web), 2026-11-03 03:00:00 UTC
"""


def history(entries: tuple[Entry, ...] = ENTRIES, approval: Approval = APPROVAL) -> History:
    """Give a run with this ledger."""
    return History(RUN, (), (approval,), entries)


def test_the_timeline_tells_what_happened_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """With on whose behalf, by which channel, and what an edit changed; what the record says is told once."""
    assert SAID in drawn(history(), END, 120, monkeypatch)


def test_what_was_said_about_a_question_that_waits_stands_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeline says only that something was."""
    waits = evolve(APPROVAL, status=ApprovalStatus.PENDING, closing=None)
    out = drawn(history(approval=waits), END, 120, monkeypatch)
    assert "question by ann (slack), 2026-11-02 17:00:00 UTC\n" in out


def test_what_was_redacted_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of who did it, whom it concerned, and what was said."""
    every = tuple(without(entry, (Part.PEOPLE, Part.TEXT)) for entry in ENTRIES)
    out = drawn(history(every), END, 120, monkeypatch)
    assert "claimed by [redacted], 2026-11-02 12:00:00 UTC\n" in out
    assert "delegated to [redacted] by [redacted], 2026-11-02 14:00:00 UTC\n" in out
    assert "escalated to [redacted], 2026-11-02 21:00:00 UTC: [redacted]\n" in out
    assert "question by [redacted], 2026-11-02 17:00:00 UTC: [redacted]\n" in out


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "7",
        "{}",
        '{"event":"odd"}',
        '{"event":"claimed","key":7,"at":0,"revision":1}',
        '{"event":"claimed","key":"pay","at":1e300,"revision":1}',
        '{"event":"claimed","key":"pay","at":0,"revision":1,"open":{"people":["s",{"by":7}]}}',
        '{"event":"claimed","key":"pay","at":0,"revision":1,"open":{"people":["s",{"by":" "}]}}',
        '{"event":"claimed","key":"pay","at":0,"revision":1,"open":7}',
        "[" * 100_000,
    ],
)
def test_an_entry_that_is_none_is_left_out(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`audit verify` names it; the rest is told."""
    out = drawn(history((Entry("r", 1, "", body), *ENTRIES[3:4])), END, 120, monkeypatch)
    assert out.count("claimed by") == 1


def test_hostile_names_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """And channels, grants and words."""
    odd = Actor(NASTY, on_behalf_of=NASTY, via=NASTY)
    entries = chained("r", EMPTY, (noted(AuditEvent.DELEGATED, 1, odd, NASTY, NASTY),))
    out = drawn(history(entries), END, 600, monkeypatch)
    assert is_safe(out)
    assert out.count(NASTY_SHOWN) == 5


def test_the_ledger_is_in_the_document(handled: str) -> None:
    """Each entry as far as it can be read, with what was redacted named."""
    call("comment", "inv-1", "odd", "--by", "ann", "--store", handled)
    call("audit", "redact", "inv-1", "--store", handled)
    asked, comment = call("show", "inv-1", "--store", handled, "--json").document["events"]
    assert (asked["event"], asked["by"], asked["via"], asked["key"]) == ("asked", "zed", None, "pay")
    assert (comment["event"], comment["by"], comment["via"]) == ("commented", "ann", "command line")
    assert (comment["reason"], comment["redacted"], comment["seq"]) == (None, ["text"], 2)


def test_a_decision_by_a_delegate_is_told_with_both(handled: str) -> None:
    """From the store, as the commands left it."""
    call("delegate", "desk-1", "--to", "cid", "--by", "ann", "--store", handled)
    assert call("approve", "desk-1", "--by", "cid", "--store", handled).code == ExitCode.OK
    out = call("show", "desk-1", "--store", handled, COLUMNS="120").out
    assert "delegated to cid by ann (command line), " in out
    assert "approved by cid for ann (command line), " in out
