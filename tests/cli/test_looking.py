from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from awaitly_sqlite import SqliteStore
from tests.cli.support import NASTY, NASTY_SHOWN, SECRET, call, is_safe, without_times

ALL = ["buy-1", "deal-1", "deal-1", "pay-1", "odd-1"]


def test_pending_is_a_table(url: str) -> None:
    """One line each when it goes to a file, and no line ends in blanks."""
    lines = without_times(call("pending", "--store", url).out).split("\n")
    assert re.split(r"  +", lines[0]) == ["RUN", "KEY", "WAITS", "EXPIRES", "WHAT"]
    assert re.split(r"  +", lines[1]) == ["buy-1", "manager", "SOME TIME", "never", "Buy for 12.50"]
    assert re.split(r"  +", lines[4])[4] == "Pay bob"
    assert [line.split(" ")[0] for line in lines[1:-1]] == ALL
    assert lines == [line.rstrip() for line in lines]


def test_pending_as_a_document(url: str) -> None:
    """Everything that may be shown about each."""
    document = call("pending", "--store", url, "--json").document
    assert [item["run_id"] for item in document["items"]] == ALL
    assert document["after"] is None
    first = document["items"][0]
    assert (first["key"], first["arguments"], first["requested_by"]) == ("manager", "12.50", "zed")
    assert (first["revision"], first["deadline"], first["external"]) == (1, None, False)


def test_nothing_waits(url: str) -> None:
    """An empty table is a sentence."""
    assert call("pending", "--run", "other", "--store", url).out == "Nothing waits for a decision.\n"
    assert call("runs", "--workflow", "other", "--store", url).out == "No runs.\n"
    assert call("runs", "--workflow", "other", "--store", url, "--json").document == {"items": [], "after": None}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--run", "deal-1"], ["deal-1", "deal-1"]),
        (["--prefix", "buy-"], ["buy-1"]),
        (["--workflow", "nasty"], ["odd-1"]),
        (["--older-than", "3d"], []),
        (["--due-within", "8d"], ["pay-1"]),
        (["--due-within", "1h"], []),
        (["--limit", "2"], ["buy-1", "deal-1"]),
    ],
)
def test_pending_takes_filters(url: str, filters: list[str], found: list[str]) -> None:
    """They are those of the library."""
    items = call("pending", *filters, "--store", url, "--json").document["items"]
    assert [item["run_id"] for item in items] == found


@pytest.mark.parametrize(("command", "count"), [("pending", 5), ("runs", 5)])
def test_pages_follow_each_other(url: str, command: str, count: int) -> None:
    """`after` of one page goes into the next, and a note on stderr says so."""
    seen: list[str] = []
    after: list[str] = []
    while True:
        page = call(command, "--limit", "2", *after, "--store", url, "--json").document
        seen += [item["run_id"] for item in page["items"]]
        if page["after"] is None:
            break
        after = ["--after", page["after"]]
    assert len(seen) == count
    told = call(command, "--limit", "2", "--store", url)
    assert told.err.startswith(f"There are more: awaitly {command} ... --after '[")


def test_runs_are_listed_newest_first(url: str) -> None:
    """With what they wait for."""
    out = without_times(call("runs", "--store", url).out)
    rows = [re.split(r"  +", line) for line in out.splitlines()]
    assert rows[0] == ["RUN", "WORKFLOW", "STATUS", "STARTED", "WAITS FOR"]
    assert rows[1] == ["odd-1", "nasty", "parked", "THEN", "odd"]
    assert rows[3] == ["deal-1", "contract", "parked", "THEN", "legal, security"]
    assert rows[4] == ["buy-0", "purchase", "failed", "THEN"]


def test_runs_take_filters(url: str) -> None:
    """A status may be named several times."""
    words = ["runs", "--status", "failed", "--status", "completed", "--prefix", "buy", "--store", url, "--json"]
    (item,) = call(*words).document["items"]
    assert (item["run_id"], item["status"], item["waits"]) == ("buy-0", "failed", [])


def test_show_as_a_document(url: str) -> None:
    """Steps, approvals, votes, and the result."""
    call("edit", "buy-1", "9", "--by", "ann", "--store", url)
    document = call("show", "buy-1", "--store", url, "--json").document
    (step,) = document["steps"]
    (approval,) = document["approvals"]
    assert (step["key"], step["outcome"], step["attempts"], step["error"]) == ("quote", "ok", 1, None)
    assert (approval["original"], approval["value"], approval["editor"]) == ("12.50", "9", "ann")
    assert (document["status"], document["result"]) == ("parked", None)
    failed = call("show", "buy-0", "--store", url, "--json").document
    assert failed["result"] == {"error": {"$type": "Declined", "code": NASTY}}


def test_show_draws_a_failure(url: str) -> None:
    """The error stands under its step, and at the end."""
    out = without_times(call("show", "buy-0", "--store", url).out)
    assert "failed: Declined: [red]bold[/red]" in out
    assert "\n  failed, THEN: Declined: [red]bold" in out


def test_audit_verify_prints_the_head(url: str) -> None:
    """To be kept elsewhere, and given to `--head` the next time."""
    answer = call("audit", "verify", "buy-1", "--store", url)
    document = call("audit", "verify", "buy-1", "--store", url, "--json").document
    assert document["entries"] == 1
    assert answer.out == f"The ledger of run buy-1 is whole: 1 entry. Head: {document['head']}\n"


def test_schema_is_printed_without_a_store(tmp_path: Path) -> None:
    """It creates none."""
    where = f"sqlite:///{tmp_path / 'a.db'}"
    assert call("schema", "--store", where).out.rstrip("\n") == SqliteStore(tmp_path / "a.db").schema().rstrip("\n")
    assert "CREATE TABLE" in call("schema", "--store", where, "--json").document["schema"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", ["30", "60", "80", "200"])
@pytest.mark.parametrize(
    "words", [("pending",), ("runs",), ("show", "odd-1"), ("show", "buy-0"), ("show", "deal-1"), ("approve", "odd-1")]
)
def test_no_text_can_act_on_the_terminal(url: str, words: tuple[str, ...], columns: str) -> None:
    """Hostile summaries, errors, values, reasons and names come out as text that shows what it is."""
    call("reject", "deal-1", "legal", "--by", NASTY, "--reason", NASTY, "--store", url)
    answer = (
        call(*words, "--by", NASTY, "--store", url)
        if words[0] == "approve"
        else call(*words, "--store", url, COLUMNS=columns)
    )
    assert answer.code == 0
    assert is_safe(answer.out)
    if words != ("runs",):
        assert "[red]" in answer.out
        assert NASTY_SHOWN.replace(" ", "") in re.sub(r"\s+", "", answer.out)


@pytest.mark.parametrize(
    "words", [("pending",), ("show", "odd-1"), ("show", "buy-0"), ("approve", "odd-1", "--by", NASTY), ("show", "nope")]
)
def test_documents_are_ascii(url: str, words: tuple[str, ...]) -> None:
    """JSON's own escapes keep hostile text from the terminal, and keep it whole for programs."""
    out = call(*words, "--store", url, "--json").out
    assert out.isascii()
    assert is_safe(out)
    assert json.loads(out)


def test_hostile_text_in_a_refusal_is_shown(url: str) -> None:
    """Also where the shell passed it in."""
    answer = call("approve", "odd-1", NASTY, "--by", NASTY, "--store", url)
    assert is_safe(answer.err)
    assert answer.err.count("\n") == 1
    assert is_safe(call("nosuch\x1b[31m").err)
    assert is_safe(call("runs", "--store", "odd\x1b[31m:x").err)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_redacted_members_are_blank_everywhere(url: str, form: list[str]) -> None:
    """Waiting, edited, voted on, decided, and told by an error."""
    finance = ["--role", "finance", "--store", url, *form]
    said = [call("pending", "--store", url, *form), call("show", "pay-1", "--store", url, *form)]
    other = SECRET.replace("1", "2")
    edit = json.dumps({"iban": other, "to": "eve"})
    said.append(call("edit", "pay-1", edit, "--by", "ann", *finance))
    said.append(call("approve", "pay-1", "--by", "bob", *finance))
    said.append(call("approve", "pay-1", "--by", "cid", *finance))
    said.append(call("reject", "pay-1", "--reason", other, "--by", "dan", *finance))
    said.append(call("show", "pay-1", "--store", url, *form))
    assert [each.code for each in said] == [0, 0, 0, 0, 0, 4, 0]
    assert all(SECRET not in each.out + each.err and other not in each.out + each.err for each in said)
    assert "[redacted]" in said[-1].out
