"""`audit`: checking, printing and redacting ledgers, of one run or of all."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from awaitly import Entry, Head, Ok
from awaitly.approvals.audit import verify
from awaitly.cli.codes import ExitCode
from tests.cli.support import call


def forged(url: str, run_id: str) -> None:
    """Rewrite an entry behind awaitly's back."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        named = "run = (SELECT number FROM runs WHERE run_id = ?)"
        file.execute(f"UPDATE entries SET body = replace(body, 'asked', 'voted') WHERE {named}", (run_id,))  # noqa: S608
        file.commit()


def lines(text: str) -> list[Any]:
    """Read lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_an_export_can_be_checked_elsewhere(handled: str, tmp_path: Path) -> None:
    """Each line has what its hash covers, and the heads are in a file of their own."""
    call("comment", "inv-1", "odd", "--by", "ann", "--store", handled)
    heads = tmp_path / "heads"
    answer = call("audit", "export", "--all", "--heads", str(heads), "--store", handled)
    assert (answer.code, answer.err) == (ExitCode.OK, "")
    exported = [Entry(**line) for line in lines(answer.out)]
    for line in heads.read_text("utf-8").splitlines():
        head, _, run_id = line.partition("  ")
        count, _, digest = head.partition(":")
        ledger = [entry for entry in exported if entry.run_id == run_id]
        assert verify(run_id, ledger) == Ok(Head(int(count), digest))
    assert {entry.run_id for entry in exported} == {"inv-1", "desk-1", "spend-1"}


def test_an_export_of_one_run_as_a_document(handled: str) -> None:
    """All of it in one, where one document is wanted."""
    (item,) = call("audit", "export", "inv-1", "--store", handled, "--json").document["items"]
    assert (item["run_id"], item["entries"]) == ("inv-1", 1)
    assert item["ledger"] == lines(call("audit", "export", "inv-1", "--store", handled).out)


def test_heads_are_printed_and_taken_again(handled: str, tmp_path: Path) -> None:
    """A ledger that grew still contains the head that was kept."""
    kept = call("audit", "head", "--all", "--store", handled).out
    (tmp_path / "heads").write_text(kept)
    call("comment", "inv-1", "odd", "--by", "ann", "--store", handled)
    answer = call("audit", "verify", "--all", "--head", str(tmp_path / "heads"), "--store", handled)
    assert answer.out == "3 ledgers are whole, 0 broken.\n"
    one = call("audit", "verify", "inv-1", "--head", str(tmp_path / "heads"), "--store", handled)
    assert one.out.startswith("The ledger of run inv-1 is whole: 2 entries. Head: 2:")
    assert call("audit", "head", "inv-1", "--store", handled).out.startswith("2:")
    assert call("audit", "head", "inv-1", "--store", handled, "--json").document["items"][0]["entries"] == 2


def test_a_ledger_that_is_gone_shows_against_its_head(handled: str, tmp_path: Path) -> None:
    """All of a run that was cut away is missing, not forgotten."""
    (tmp_path / "heads").write_text(call("audit", "head", "--all", "--store", handled).out + "4:00  lost-1\n")
    answer = call("audit", "verify", "--all", "--head", str(tmp_path / "heads"), "--store", handled)
    assert answer.code == ExitCode.LEDGER
    assert answer.out == (
        "the ledger of run lost-1 is broken at entry 1: missing; the exported head has 4 entries\n"
        "3 ledgers are whole, 1 broken.\n"
    )


def test_a_forged_ledger_is_named_everywhere(handled: str, tmp_path: Path) -> None:
    """It has no head; the others are told all the same."""
    forged(handled, "inv-1")
    every = call("audit", "verify", "--all", "--store", handled, "--json")
    assert (every.code, every.document["broken"], len(every.document["items"])) == (ExitCode.LEDGER, 1, 3)
    assert call("audit", "verify", "inv-1", "--store", handled).code == ExitCode.LEDGER
    head = call("audit", "head", "--all", "--store", handled)
    assert (head.code, head.out.count("\n"), head.err.count("is broken at entry 1")) == (ExitCode.LEDGER, 2, 1)
    exported = call("audit", "export", "--all", "--heads", str(tmp_path / "h"), "--store", handled)
    assert exported.code == ExitCode.LEDGER
    assert {line["run_id"] for line in lines(exported.out)} == {"inv-1", "desk-1", "spend-1"}
    assert "inv-1" not in (tmp_path / "h").read_text("utf-8")
    assert call("audit", "redact", "inv-1", "--store", handled).code == ExitCode.LEDGER


def test_texts_go_and_the_ledger_stays_whole(handled: str) -> None:
    """The head is the same as before; the second time there is nothing left."""
    call("comment", "inv-1", "my secret", "--by", "ann", "--store", handled)
    before = call("audit", "head", "inv-1", "--store", handled).out
    answer = call("audit", "redact", "inv-1", "--store", handled)
    assert answer.out == "Took text out of 1 entry of the ledger of run inv-1.\n"
    exported = call("audit", "export", "inv-1", "--store", handled).out
    assert "my secret" not in exported
    assert "ann" in exported
    assert call("audit", "head", "inv-1", "--store", handled).out == before
    again = call("audit", "redact", "inv-1", "--store", handled)
    assert again.out == "Nothing changed: the ledger of run inv-1 has no text left to take out.\n"


def test_people_go_of_one_approval(handled: str) -> None:
    """What was said stays, unless that is named too."""
    call("comment", "inv-1", "odd", "--by", "ann", "--store", handled)
    words = ("audit", "redact", "inv-1", "--people", "--key", "pay", "--store", handled, "--json")
    document = call(*words).document
    assert document == {"run_id": "inv-1", "key": "pay", "redacted": ["people"], "entries": 2}
    exported = call("audit", "export", "inv-1", "--store", handled).out
    assert "ann" not in exported
    assert "odd" in exported
    assert call(*words[:-1], "--text").out == "Took people and text out of 1 entry of the ledger of run inv-1.\n"


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("verify",), ExitCode.USAGE, "UsageError"),
        (("verify", "inv-1", "--all"), ExitCode.USAGE, "UsageError"),
        (("verify", "--all", "--head", "1:00"), ExitCode.USAGE, "UsageError"),
        (("verify", "inv-1", "--head", "nowhere"), ExitCode.USAGE, "UsageError"),
        (("verify", "inv-1", "--head", "1:00"), ExitCode.LEDGER, "BrokenChain"),
        (("head", "nope"), ExitCode.UNKNOWN, "UnknownRun"),
        (("export", "nope"), ExitCode.UNKNOWN, "UnknownRun"),
        (("export", "inv-1", "--heads", "/nowhere/heads"), ExitCode.OUTPUT, "FileNotFoundError"),
        (("redact", "nope"), ExitCode.UNKNOWN, "UnknownRun"),
        (("redact", "inv-1", "--key", "nope"), ExitCode.UNKNOWN, "UnknownApproval"),
    ],
)
def test_what_cannot_be_is_refused(handled: str, words: tuple[str, ...], code: ExitCode, kind: str) -> None:
    """In one line, and with the code of its kind."""
    told = call("audit", *words, "--store", handled)
    assert (told.code, told.err.count("\n")) == (code, 1)
    document = call("audit", *words, "--store", handled, "--json")
    assert document.code == code
    assert f'"type": "{kind}"' in document.out


@pytest.mark.parametrize("text", ["1:00 inv-1\n", "1:00  inv-1\n2:00  inv-1\n", "inv-1\n", "\xff"])
def test_a_file_that_has_no_heads_is_refused(handled: str, text: str, tmp_path: Path) -> None:
    """So that a ledger is not called whole against nothing."""
    (tmp_path / "heads").write_bytes(text.encode("latin-1"))
    assert (
        call("audit", "verify", "--all", "--head", str(tmp_path / "heads"), "--store", handled).code == ExitCode.USAGE
    )


def test_a_file_without_the_run_is_refused(handled: str, tmp_path: Path) -> None:
    """Its own head must be there."""
    (tmp_path / "heads").write_text("1:00  other\n")
    assert (
        call("audit", "verify", "inv-1", "--head", str(tmp_path / "heads"), "--store", handled).code == ExitCode.USAGE
    )
