"""`inbox`: what waits for one person, and deciding all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from awaitly.cli.codes import ExitCode
from tests.cli.support import NASTY, NASTY_SHOWN, SECRET, call, is_safe, without_times
from tests.cli.terminal import Terminal

BOB = """\
desk-1 buy: Buy a desk
  expires in SOON
  it takes ann or bob within 2 days, or it expires

inv-1 pay: Pay 12.50
  expires in LATER
  1 of 2 have approved (ann)
  it takes 2 different people of: ann or bob or role:finance within 7 days, or it expires; after 2 days also role:cfo;
  after 4 days also eve, 2 times every 1 day

spend-1 purchase.finance: Spend 500
  expires never
  it takes role:finance or bob
"""


def waiting(url: str, *words: str) -> list[str]:
    """Name the runs that wait for somebody."""
    return [each["run_id"] for each in call("inbox", *words, "--store", url, "--json").document["items"]]


def test_the_nearest_deadline_comes_first(handled: str) -> None:
    """With votes, and who else may decide; in words."""
    call("approve", "inv-1", "--by", "ann", "--store", handled)
    answer = call("inbox", "--as", "bob", "--store", handled, COLUMNS="120")
    told = re.sub(r"in (1 d 23 h|2 d)$", "in SOON", answer.out, flags=re.MULTILINE)
    assert re.sub(r"in (6 d 23 h|7 d)$", "in LATER", told, flags=re.MULTILINE) == BOB


def test_roles_and_filters_count(handled: str) -> None:
    """Nobody sees what they may not decide, or have decided."""
    assert waiting(handled, "--as", "kim") == []
    assert call("inbox", "--as", "kim", "--store", handled).out == "Nothing waits for kim.\n"
    assert waiting(handled, "--as", "kim", "--role", "ops", "--role", "finance") == ["inv-1", "spend-1"]
    assert waiting(handled, "--as", "bob", "--prefix", "inv") == ["inv-1"]
    assert waiting(handled, "--as", "bob", "--workflow", "order") == ["desk-1"]
    assert waiting(handled, "--by", "bob", "--due-within", "3d") == ["desk-1"]
    call("reject", "desk-1", "--by", "bob", "--store", handled)
    assert waiting(handled, "--as", "bob") == ["inv-1", "spend-1"]


def test_claims_edits_and_questions_are_told(handled: str) -> None:
    """Somebody is at it already, or there is an answer to wait for."""
    call("claim", "inv-1", "--by", "ann", "--store", handled)
    call("ask", "inv-1", "why?", "--by", "ann", "--store", handled)
    call("edit", "inv-1", '{"amount": "9", "iban": "NL00", "lines": []}', "--by", "ann", "--store", handled)
    out = call("inbox", "--as", "bob", "--prefix", "inv", "--store", handled).out
    assert "  claimed by ann\n" in out
    assert "  revision 2, edited by ann\n" in out
    assert "  zed was asked something, and there is no answer yet\n" in out


def test_pages_follow_each_other(handled: str) -> None:
    """A note says how to go on."""
    first = call("inbox", "--as", "bob", "--limit", "2", "--store", handled, "--json").document
    assert [each["run_id"] for each in first["items"]] == ["desk-1", "inv-1"]
    assert waiting(handled, "--as", "bob", "--after", first["after"]) == ["spend-1"]
    told = call("inbox", "--as", "bob", "--limit", "2", "--store", handled)
    assert told.err.startswith("There are more: awaitly inbox ... --after '[")
    assert call("inbox", "--as", "bob", "--after", "garbage", "--store", handled).code == ExitCode.USAGE


def test_all_of_it_is_approved(handled: str) -> None:
    """Each one's result is printed, also where one vote is not the last."""
    answer = call("inbox", "--as", "bob", "--approve-all", "--yes", "--store", handled)
    assert answer.code == ExitCode.OK
    lines = answer.out.splitlines()
    assert lines[0] == "Approved buy of run desk-1, as bob; the run goes on when it is resumed"
    assert lines[1].startswith("Noted on pay of run inv-1; it takes 2 different people")
    assert lines[2] == "Approved purchase.finance of run spend-1, as bob; the run goes on when it is resumed"
    assert lines[3] == "3 decided, 0 refused."
    assert waiting(handled, "--as", "bob") == []


def test_all_of_it_is_rejected_for_a_reason(handled: str) -> None:
    """As a document too."""
    words = ("inbox", "--as", "bob", "--reject-all", "--reason", "no money", "--yes", "--store", handled, "--json")
    document = call(*words).document
    assert (document["decided"], document["refused"], document["after"]) == (3, 0, None)
    assert [(each["status"], each["reason"]) for each in document["items"]] == [("rejected", "no money")] * 3


def test_nothing_is_decided_unasked(handled: str) -> None:
    """Where there is no terminal to ask in, it is said what to do, after what would have been decided."""
    answer = call("inbox", "--as", "bob", "--approve-all", "--store", handled)
    assert answer.code == ExitCode.USAGE
    assert "desk-1 buy: Buy a desk" in answer.out
    assert answer.err == (
        "awaitly: nothing was decided: there is no terminal to ask in; say --yes to decide without being asked\n"
    )
    document = call("inbox", "--as", "bob", "--approve-all", "--store", handled, "--json")
    assert (document.code, document.document["error"]["type"]) == (ExitCode.USAGE, "UsageError")
    assert len(waiting(handled, "--as", "bob")) == 3


@pytest.mark.parametrize(
    "words", [("--approve-all", "--reject-all"), ("--reason", "x"), ("--approve-all", "--reason", "x")]
)
def test_what_makes_no_sense_is_refused(handled: str, words: tuple[str, ...]) -> None:
    """Before anything is decided."""
    assert call("inbox", "--as", "bob", *words, "--yes", "--store", handled).code == ExitCode.USAGE
    assert len(waiting(handled, "--as", "bob")) == 3


@pytest.mark.parametrize(
    ("typed", "said", "left"), [("y", "3 decided, 0 refused.", 0), ("", "Nothing was decided.", 3)]
)
def test_a_person_in_a_terminal_is_asked(handled: str, typed: str, said: str, left: int, tmp_path: Path) -> None:
    """Enter alone is no."""
    with Terminal("inbox", "--as", "bob", "--approve-all", "--store", handled, folder=tmp_path) as terminal:
        assert "spend-1 purchase.finance" in terminal.until(r"Approve these 3\? \[y/N\] > ")
        terminal.type(f"{typed}\n")
        assert said in terminal.finish()
    assert len(waiting(handled, "--as", "bob")) == left


def test_what_somebody_else_decided_meanwhile_is_told(handled: str, tmp_path: Path) -> None:
    """What was changed after it was shown is refused, with the library's words; the rest is decided."""
    with Terminal("inbox", "--as", "bob", "--approve-all", "--store", handled, folder=tmp_path) as terminal:
        terminal.until(r"\[y/N\] > ")
        call("reject", "desk-1", "--by", "ann", "--store", handled)
        terminal.type("yes\n")
        out = " ".join(terminal.finish(ExitCode.REFUSED).split())
    assert "Refused, buy of run desk-1: approval 'buy' of run desk-1 was already rejected by ann at" in out
    assert "2 decided, 1 refused." in out


def test_hostile_text_is_shown_and_secrets_are_not(handled: str, url: str) -> None:
    """In words and as a document."""
    out = call("inbox", "--as", NASTY, "--store", url).out
    assert is_safe(out)
    assert NASTY_SHOWN.replace(" ", "") in "".join(out.split())
    for form in ([], ["--json"]):
        said = without_times(call("inbox", "--as", "ann", "--store", handled, *form).out)
        assert "Pay 12.50" in said
        assert SECRET not in said
