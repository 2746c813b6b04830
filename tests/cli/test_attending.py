"""The commands that hand on what waits and talk about it: what they say, what they change, what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from awaitly.cli.codes import ExitCode
from tests.cli.support import NASTY, call, is_safe, without_times

ADMIN = ("--by", "root", "--role", "admin")


def approval(url: str, run_id: str) -> Any:
    """Give the last approval of a run as a document."""
    return call("show", run_id, "--store", url, "--json").document["approvals"][-1]


def events(url: str, run_id: str) -> list[Any]:
    """Give what the ledger of a run says."""
    told: list[Any] = call("show", run_id, "--store", url, "--json").document["events"]
    return told


def test_a_claim_is_taken_and_given_up(handled: str) -> None:
    """Where the policy says so it keeps others out, with the library's own words."""
    answer = call("claim", "desk-1", "--by", "ann", "--store", handled)
    assert answer.out == "Claimed buy of run desk-1, as ann; nobody else may decide until it is released\n"
    again = call("claim", "desk-1", "--by", "ann", "--store", handled)
    assert again.out == "Nothing changed: you had claimed buy of run desk-1 before\n"
    refused = call("approve", "desk-1", "--by", "bob", "--store", handled)
    assert refused.code == ExitCode.REFUSED
    assert "ann has claimed approval 'buy' of run desk-1 since" in refused.err
    assert call("release", "desk-1", "--by", "ann", "--store", handled).out == "Released buy of run desk-1, as ann\n"
    assert call("approve", "desk-1", "--by", "bob", "--store", handled).code == ExitCode.OK


def test_a_claim_as_a_document(handled: str) -> None:
    """The approval as it now stands, with whoever took it on."""
    document = call("claim", "inv-1", "pay", "--by", "ann", "--store", handled, "--json").document
    assert (document["run_id"], document["key"], document["replayed"], document["decided"]) == (
        "inv-1",
        "pay",
        False,
        False,
    )
    assert document["claim"]["by"] == "ann"


def test_a_delegate_decides_on_behalf_of_the_giver(handled: str) -> None:
    """Both names stand beside the decision."""
    answer = call("delegate", "desk-1", "--to", "cid", "--by", "ann", "--store", handled)
    assert answer.out == "Delegated buy of run desk-1 to cid, as ann; both may decide, with one vote\n"
    again = call("delegate", "desk-1", "--to", "cid", "--by", "ann", "--store", handled)
    assert again.out == "Nothing changed: cid could decide on buy of run desk-1 for you before\n"
    decided = call("approve", "desk-1", "--by", "cid", "--store", handled)
    assert decided.out == "Approved buy of run desk-1, as cid for ann; the run goes on when it is resumed\n"


def test_an_admin_lays_it_into_other_hands(handled: str) -> None:
    """Names and roles; nobody else may."""
    words = ("reassign", "inv-1", "--to", "dan", "--to", "role:ops", "--store", handled)
    assert call(*words, "--by", "ann").code == ExitCode.REFUSED
    answer = call(*words, *ADMIN)
    assert answer.out == "Reassigned pay of run inv-1, as root: it now waits for dan or role:ops\n"
    assert call(*words, *ADMIN).out == "Nothing changed: pay of run inv-1 waited for dan or role:ops before\n"
    assert approval(handled, "inv-1")["may_decide"] == [["dan", "role:ops"]]


def test_people_talk_about_it(handled: str) -> None:
    """A comment, a question to the requester, an answer; time stands still between the last two."""
    said = [
        call("comment", "inv-1", "looks odd", "--by", "ann", "--store", handled),
        call("ask", "inv-1", "pay", "what for?", "--by", "ann", "--store", handled),
        call("answer", "inv-1", "-", "--by", "zed", "--store", handled, stdin="the roof\n"),
    ]
    assert [without_times(each.out) for each in said] == [
        "Commented on pay of run inv-1, as ann\n",
        "Asked zed about pay of run inv-1, as ann; time stands still until the answer\n",
        "Answered on pay of run inv-1, as zed; it expires THEN\n",
    ]
    remarks = approval(handled, "inv-1")["remarks"]
    assert [(each["kind"], each["by"], each["text"]) for each in remarks] == [
        ("comment", "ann", "looks odd"),
        ("question", "ann", "what for?"),
        ("answer", "zed", "the roof"),
    ]


def test_whoever_acts_here_acts_by_the_command_line(handled: str) -> None:
    """The ledger says by which channel, of each verb."""
    call("claim", "desk-1", "--by", "ann", "--store", handled)
    call("comment", "desk-1", "fine", "--by", "ann", "--store", handled)
    call("approve", "desk-1", "--by", "ann", "--store", handled)
    told = [(each["event"], each["via"]) for each in events(handled, "desk-1")]
    assert told == [
        ("asked", None),
        ("claimed", "command line"),
        ("commented", "command line"),
        ("approved", "command line"),
    ]


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("claim", "nope"), ExitCode.UNKNOWN, "UnknownApproval"),
        (("claim", "inv-1", "nope"), ExitCode.UNKNOWN, "UnknownApproval"),
        (("claim", "inv-1", "--by", "kim"), ExitCode.REFUSED, "NotAuthorised"),
        (("release", "inv-1"), ExitCode.REFUSED, "NotPossible"),
        (("delegate", "inv-1", "--to", "zed", "--by", "ann"), ExitCode.REFUSED, "NotPossible"),
        (("delegate", "inv-1"), ExitCode.USAGE, "UsageError"),
        (("delegate", "inv-1", "--to", " "), ExitCode.USAGE, "UsageError"),
        (("reassign", "inv-1", *ADMIN), ExitCode.USAGE, "UsageError"),
        (("reassign", "inv-1", "--to", "boss:kim", *ADMIN), ExitCode.USAGE, "UsageError"),
        (("comment", "inv-1"), ExitCode.USAGE, "UsageError"),
        (("comment", "inv-1", "pay", "--by", "ann"), ExitCode.USAGE, "UsageError"),
        (("comment", "inv-1", "pay", "much", "ado"), ExitCode.USAGE, "UsageError"),
        (("comment", "inv-1", " ", "--by", "ann"), ExitCode.REFUSED, "NotPossible"),
        (("comment", "inv-1", "x", "--by", "kim"), ExitCode.REFUSED, "NotAuthorised"),
        (("answer", "inv-1", "x", "--by", "zed"), ExitCode.REFUSED, "NotPossible"),
        (("ask", "nope", "x"), ExitCode.UNKNOWN, "UnknownApproval"),
    ],
)
def test_what_cannot_be_is_refused(handled: str, words: tuple[str, ...], code: ExitCode, kind: str) -> None:
    """With one line for people, a document for programs, and the exit code of its kind."""
    told = call(*words, "--store", handled, AWAITLY_ACTOR="ann")
    assert (told.code, told.out, told.err.count("\n")) == (code, "", 1)
    document = call(*words, "--store", handled, "--json", AWAITLY_ACTOR="ann")
    assert (document.code, document.document["error"]["type"]) == (code, kind)


def test_hostile_words_are_shown(handled: str) -> None:
    """Names and grants come out as text that shows what it is."""
    told = [
        call("claim", "inv-1", "--by", NASTY, "--role", "finance", "--store", handled),
        call("delegate", "inv-1", "--to", NASTY, "--by", "ann", "--store", handled),
        call("reassign", "inv-1", "--to", NASTY, *ADMIN, "--store", handled),
        call("comment", "inv-1", NASTY, "--by", "ann", "--store", handled),
    ]
    assert [each.code for each in told] == [0, 1, 2, 0]
    assert all(is_safe(each.out + each.err) for each in told)
