from __future__ import annotations

import pytest

from awaitly import NotApproved, Ok, Result, Run, open_store, workflow
from awaitly.sync import Orchestrator
from tests.cli.support import SECRET, call, resumed


def test_approve_says_what_was_approved_by_whom_and_what_comes_next(url: str) -> None:
    """One clear line, and exit code 0."""
    answer = call("approve", "buy-1", "--by", "ann", "--store", url)
    assert answer.code == 0
    assert answer.out == "Approved manager of run buy-1, as ann; the run goes on when it is resumed\n"
    assert answer.err == ""


def test_the_run_goes_on_with_what_was_approved(url: str) -> None:
    """The command line decides without the workflow's code; whoever has the code resumes."""
    call("approve", "buy-1", "manager", "--by", "ann", "--store", url)
    assert str(resumed(url, "buy-1")) == "<Success: 12.50>"


def test_approve_gives_a_document(url: str) -> None:
    """The shape is for programs: what was proposed, what counts, who decided."""
    document = call("approve", "buy-1", "--by", "ann", "--store", url, "--json").document
    assert document["run_id"] == "buy-1"
    assert document["status"] == "approved"
    assert document["decided"] is True
    assert document["replayed"] is False
    assert (document["original"], document["value"]) == ("12.50", "12.50")
    assert document["closed_by"] == "ann"


def test_deciding_again_alike_changes_nothing(url: str) -> None:
    """It is no refusal: the decision is as wanted."""
    call("approve", "buy-1", "--by", "ann", "--store", url)
    answer = call("approve", "buy-1", "--by", "ann", "--store", url)
    assert answer.code == 0
    assert answer.out == "Nothing changed: you had already decided so on manager of run buy-1\n"
    assert call("approve", "buy-1", "--by", "ann", "--store", url, "--json").document["replayed"] is True


def test_reject_takes_a_reason(url: str) -> None:
    """The workflow gets to read it."""
    answer = call("reject", "buy-1", "--reason", "too dear", "--by", "ann", "--store", url)
    assert answer.out == "Rejected manager of run buy-1, as ann; the run goes on when it is resumed, and ends\n"
    assert resumed(url, "buy-1").failure().reason == "too dear"


def test_cancel_ends_the_run(url: str) -> None:
    """Here by the person who requested it."""
    answer = call("cancel", "buy-1", "--by", "zed", "--store", url)
    assert (answer.code, answer.out) == (0, "Cancelled run buy-1, as zed\n")
    document = call("cancel", "deal-1", "legal", "--reason", "moot", "--by", "ann", "--store", url, "--json").document
    assert document == {"run_id": "deal-1", "by": "ann", "reason": "moot", "children": []}


def test_roles_count_and_votes_are_noted(url: str) -> None:
    """A policy that wants two people of a role takes one vote each."""
    refusal = call("approve", "pay-1", "--by", "ann", "--store", url)
    assert refusal.code == 1
    first = call("approve", "pay-1", "--by", "ann", "--role", "staff", "--role", "finance", "--store", url)
    assert first.code == 0
    assert first.out.startswith("Noted on finance of run pay-1; it takes 2 different people of: role:finance")
    second = call("approve", "pay-1", "--by", "bob", "--role", "finance", "--store", url)
    assert second.out == "Approved finance of run pay-1, as bob; the run goes on when it is resumed\n"
    assert resumed(url, "pay-1") == Ok({"iban": SECRET, "to": "bob"})


@pytest.mark.parametrize(
    ("text", "value"),
    [("42.50", "42.50"), ('"42.50"', "42.50"), ("7", "7"), ("-5", "-5"), ("-0.5", "-0.5")],
)
def test_an_edit_of_a_decimal_needs_no_quotation_marks(url: str, text: str, value: str) -> None:
    """The stored schema says that a text is wanted, so the word is taken as it stands; minus signs too."""
    answer = call("edit", "buy-1", "manager", text, "--by", "ann", "--store", url)
    assert answer.out == f"Edited manager of run buy-1 to {value}, as ann; the run goes on when it is resumed\n"
    assert str(resumed(url, "buy-1").unwrap()) == value


def test_an_edit_without_a_key_means_the_one_that_waits(url: str) -> None:
    """The last word is the value."""
    assert call("edit", "buy-1", "3", "--by", "ann", "--store", url).code == 0


def test_an_edit_that_is_json_is_read_as_json(url: str) -> None:
    """Where a number is wanted, the word is a number; where a text is, it is a text."""
    assert call("edit", "deal-1", "security", "3", "--by", "ann", "--store", url).code == 0
    assert call("edit", "deal-1", "legal", "3", "--by", "ann", "--store", url).code == 0
    assert resumed(url, "deal-1") == Ok("3 x3")


def test_an_edit_can_come_from_stdin(url: str) -> None:
    """`-` reads all of it, without the last line's end."""
    assert call("edit", "buy-1", "-", "--by", "ann", "--store", url, stdin="99.10\n").code == 0
    assert str(resumed(url, "buy-1").unwrap()) == "99.10"


def test_an_edit_that_misfits_is_refused_with_the_reason(url: str) -> None:
    """The approval still waits."""
    answer = call("edit", "buy-1", "manager", "abc", "--by", "ann", "--store", url)
    assert answer.code == 1
    assert "the text is not a decimal number" in answer.err
    assert call("approve", "buy-1", "--by", "ann", "--store", url).code == 0


def test_an_object_can_be_edited(url: str) -> None:
    """Redacted members are given anew, and are not printed."""
    value = '{"iban": "NL00", "to": "eve"}'
    answer = call("edit", "pay-1", value, "--by", "ann", "--role", "finance", "--store", url, "--json")
    assert answer.document["value"] == {"iban": "[redacted]", "to": "eve"}
    assert "NL00" not in answer.out


@workflow
async def sending(run: Run[NotApproved]) -> Result[dict[str, str], NotApproved]:
    """Ask about an object."""
    return Ok(await run.approval("go", proposes={"to": "bob"}))


def test_an_edited_object_is_shown_as_everywhere(url: str) -> None:
    """As JSON on one line, and not as Python writes a dict."""
    with Orchestrator(open_store(url), workflows=[sending]) as orchestrator:
        orchestrator.start(sending(), run_id="send")
    answer = call("edit", "send", '{"to": "eve"}', "--by", "ann", "--store", url)
    assert answer.out.startswith('Edited go of run send to {"to": "eve"}, as ann')


def test_a_key_without_a_value_is_not_taken_for_the_value(url: str) -> None:
    """Somebody who forgets the value must not propose the key's name."""
    answer = call("edit", "deal-1", "legal", "--by", "ann", "--store", url)
    assert answer.code == 2
    assert "the new value is missing" in answer.err


def test_a_decision_can_be_bound_to_a_revision(url: str) -> None:
    """What was changed meanwhile is not decided."""
    answer = call("approve", "buy-1", "--revision", "2", "--by", "ann", "--store", url, "--json")
    assert answer.code == 4
    assert answer.document["error"]["type"] == "StaleRevision"


def test_the_actor_comes_from_the_environment_or_the_login(url: str) -> None:
    """`--by` comes first, then AWAITLY_ACTOR, then the login name."""
    assert "as eva;" in call("approve", "buy-1", "--store", url, AWAITLY_ACTOR="eva").out
    assert "as lou;" in call("approve", "deal-1", "legal", "--store", url, LOGNAME="lou").out


def test_the_store_comes_before_or_after_the_command_or_from_the_environment(url: str) -> None:
    """The nearest counts."""
    assert call("--store", url, "runs").code == 0
    assert call("runs", AWAITLY_STORE=url).code == 0
    assert call("--store", "sqlite:///nowhere/x.db", "runs", "--store", url, AWAITLY_STORE="bad:").code == 0
