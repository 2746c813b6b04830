from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from awaitly import exceptions
from awaitly.cli import stores
from awaitly.cli.codes import EPILOG, ExitCode
from tests.cli.support import call, environment, process
from tests.users import may_only_read

BY = ("--by", "ann")


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("show", "nope"), ExitCode.UNKNOWN, "UnknownRun"),
        (("approve", "nope", *BY), ExitCode.UNKNOWN, "UnknownApproval"),
        (("edit", "nope", "5", *BY), ExitCode.UNKNOWN, "UnknownApproval"),
        (("approve", "buy-1", "boss", *BY), ExitCode.UNKNOWN, "UnknownApproval"),
        (("cancel", "nope", *BY), ExitCode.UNKNOWN, "UnknownRun"),
        (("cancel", "deal-1", "boss", *BY), ExitCode.UNKNOWN, "UnknownApproval"),
        (("audit", "verify", "nope"), ExitCode.UNKNOWN, "UnknownRun"),
        (("audit", "verify", "buy-1", "--head", "99:abc"), ExitCode.LEDGER, "BrokenChain"),
        (("approve", "deal-1", *BY), ExitCode.REFUSED, "AmbiguousApproval"),
        (("approve", "buy-1", "--by", "zed"), ExitCode.REFUSED, "SelfApproval"),
        (("approve", "pay-1", *BY), ExitCode.REFUSED, "NotAuthorised"),
        (("edit", "buy-1", "true", *BY), ExitCode.REFUSED, "InvalidEdit"),
        (("cancel", "buy-1", *BY), ExitCode.REFUSED, "NotAuthorised"),
        (("cancel", "buy-0", *BY), ExitCode.CONFLICT, "RunEnded"),
        (("approve", "buy-1", "--revision", "7", *BY), ExitCode.CONFLICT, "StaleRevision"),
        (("pending", "--limit", "x"), ExitCode.USAGE, "UsageError"),
        (("pending", "--limit", "0"), ExitCode.USAGE, "UsageError"),
        (("pending", "--limit", "99999999999999999999"), ExitCode.USAGE, "UsageError"),
        (("pending", "--after", "garbage"), ExitCode.USAGE, "UsageError"),
        (("runs", "--after", "[1]"), ExitCode.USAGE, "UsageError"),
        (("runs", "--status", "odd"), ExitCode.USAGE, "UsageError"),
        (("pending", "--older-than", "5y"), ExitCode.USAGE, "UsageError"),
        (("pending", "--due-within", "99999999999999w"), ExitCode.USAGE, "UsageError"),
        (("audit", "verify", "buy-1", "--head", "abc"), ExitCode.USAGE, "UsageError"),
        (("approve", "buy-1", "--by", " "), ExitCode.USAGE, "UsageError"),
        (("approve", "buy-1", "--by", "\udcff"), ExitCode.USAGE, "UsageError"),
        (("show", "\udcff"), ExitCode.USAGE, "UsageError"),
        (("edit", "buy-1", *BY), ExitCode.USAGE, "UsageError"),
        (("edit", "buy-1", "a", "b", "c", *BY), ExitCode.USAGE, "UsageError"),
        (("edit", "pay-1", '{"iban":', *BY), ExitCode.USAGE, "UsageError"),
        (("edit", "pay-1", "[" * 100_000, *BY), ExitCode.USAGE, "UsageError"),
        (("edit", "buy-1", "NaN", *BY), ExitCode.REFUSED, "InvalidEdit"),
        (("show",), ExitCode.USAGE, "UsageError"),
        (("audit",), ExitCode.USAGE, "UsageError"),
        (("nosuch",), ExitCode.USAGE, "UsageError"),
        (("schema", "--store", "memory:"), ExitCode.REFUSED, "NoSchema"),
        (("runs", "--store", "ftp://somewhere"), ExitCode.USAGE, "UnknownStore"),
        (("runs", "--store", "nonsense"), ExitCode.USAGE, "UnknownStore"),
        (("runs", "--store", "http://[x"), ExitCode.USAGE, "UnknownStore"),
        (("runs", "--store", "sqlite:///"), ExitCode.USAGE, "UnknownStore"),
        (("runs", "--store", "sqlite://refunds.db"), ExitCode.USAGE, "UnknownStore"),
        (("runs", "--store", "sqlite:///a.db?colour=red"), ExitCode.USAGE, "UnknownStore"),
        (("runs", "--store", "sqlite:///a.db?mode=w"), ExitCode.USAGE, "UnknownStore"),
        (("runs", "--store", "memory:more"), ExitCode.USAGE, "UnknownStore"),
    ],
)
def test_each_refusal_has_its_code_one_line_and_a_document(
    url: str, words: tuple[str, ...], code: ExitCode, kind: str
) -> None:
    """People get a sentence on stderr, programs get a document on stdout, and nobody gets a traceback."""
    told = call("--store", url, *words)
    if words != ("audit",):
        assert told.out == ""
        assert told.err.startswith("awaitly: ")
        assert told.err.count("\n") == 1
        assert "Traceback" not in told.err
    document = call("--store", url, "--json", *words)
    assert (told.code, document.code) == (code, code)
    assert document.document["error"]["type"] == kind
    assert document.document["error"]["message"]
    assert document.err == ""


def test_a_refusal_names_who_was_first(url: str) -> None:
    """Its fields are in the document too."""
    call("approve", "buy-1", "--by", "bob", "--store", url)
    error = call("reject", "buy-1", *BY, "--store", url, "--json").document["error"]
    assert error["type"] == "AlreadyDecided"
    assert (error["run_id"], error["key"], error["status"], error["by"]) == ("buy-1", "manager", "approved", "bob")


def test_without_a_store_it_says_how_to_name_one() -> None:
    """No store is guessed."""
    answer = call("pending")
    assert answer.code == ExitCode.USAGE
    assert answer.err == "awaitly: which store? Name it with --store sqlite:///refunds.db, or set AWAITLY_STORE\n"


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("refunds.db", "sqlite:///refunds.db"),
        ("./refunds.db", "sqlite:///./refunds.db"),
        ("/srv/refunds.db", "sqlite:////srv/refunds.db"),
        ("my refunds#1.db", "sqlite:///my%20refunds%231.db"),
    ],
)
def test_a_path_in_place_of_a_url_is_answered_with_the_url(path: str, url: str) -> None:
    """It can be copied as it stands."""
    answer = call("pending", "--store", path)
    assert answer.code == ExitCode.USAGE
    assert answer.err == f"awaitly: no store for {path!r}: it is no URL; for a SQLite file write {url}\n"


@pytest.mark.parametrize("words", [["pending"], ["runs"], ["show", "buy-1"], ["audit", "verify", "buy-1"]])
def test_what_changes_nothing_needs_no_right_to_write(original: Path, words: list[str], passable: Path) -> None:
    """A store that this user may only read is looked at; the decision on it is refused with what to do."""
    path = passable / "runs.db"
    shutil.copy(original, path)
    url = f"sqlite:///{path}"
    assert call(*words, "--store", url).code == ExitCode.OK  # which imports what only root may read here
    before = path.read_bytes()
    with may_only_read(passable):
        assert call(*words, "--store", url).code == ExitCode.OK
        answer = call("approve", "buy-1", *BY, "--store", url, "--json")
    assert answer.code == ExitCode.STORE
    assert answer.document["error"]["type"] == "StoreReadOnly"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "words", [("pending",), ("runs",), ("show", "r1"), ("approve", "r1"), ("audit", "verify", "r1")]
)
def test_a_path_with_a_typo_creates_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It says that there is no store."""
    answer = call(*words, "--store", f"sqlite:///{tmp_path}/typo.db")
    assert answer.code == ExitCode.STORE
    assert answer.err == f"awaitly: there is no store at {tmp_path}/typo.db; check the path (nothing was created)\n"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_store(tmp_path: Path) -> None:
    """It stays empty."""
    (tmp_path / "a.db").touch()
    assert "the file is empty" in call("runs", "--store", f"sqlite:///{tmp_path}/a.db").err
    assert (tmp_path / "a.db").stat().st_size == 0


def test_what_is_no_store_is_left_alone(tmp_path: Path) -> None:
    """Neither a text file nor the database of another program is written to."""
    (tmp_path / "a.txt").write_text("hello " * 1_000)
    other = sqlite3.connect(tmp_path / "b.db")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    for name in ("a.txt", "b.db"):
        before = (tmp_path / name).read_bytes()
        answer = call("runs", "--store", f"sqlite:///{tmp_path / name}", "--json")
        assert answer.code == ExitCode.STORE
        assert answer.document["error"]["type"] == "NotAStore"
        assert (tmp_path / name).read_bytes() == before


def test_a_store_of_a_newer_release_is_refused(url: str, tmp_path: Path) -> None:
    """It says what to do."""
    newer = sqlite3.connect(tmp_path / "runs.db")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    answer = call("runs", "--store", url)
    assert answer.code == ExitCode.STORE
    assert "upgrade awaitly" in answer.err


def test_a_damaged_store_is_refused(url: str, tmp_path: Path) -> None:
    """Damage within the file is no traceback either."""
    content = bytearray((tmp_path / "runs.db").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (tmp_path / "runs.db").write_bytes(content)
    answer = call("runs", "--store", url)
    assert answer.code == ExitCode.STORE
    assert answer.err.count("\n") == 1


def test_a_locked_store_is_refused_after_its_timeout(url: str, tmp_path: Path) -> None:
    """Another program's transaction holds the write lock."""
    other = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = call("approve", "buy-1", *BY, "--store", f"{url}?busy_timeout=50ms", "--json")
    other.close()
    assert answer.code == ExitCode.STORE
    assert answer.document["error"]["type"] == "StoreLocked"


@pytest.mark.parametrize("kind", [exceptions.StoreReadOnly, exceptions.StoreFull, exceptions.StoreUnavailable])
def test_other_trouble_with_the_store_has_the_same_code(
    url: str, kind: type[exceptions.StoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here raised on purpose, for root may write to anything."""

    def fail(_: str) -> None:
        raise kind("the store is in trouble")

    monkeypatch.setattr(stores, "open_store", fail)
    answer = call("runs", "--store", url)
    assert (answer.code, answer.err) == (ExitCode.STORE, "awaitly: the store is in trouble\n")


def test_a_defect_has_a_code_of_its_own(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be mistaken for a refusal, and its traceback helps to report it."""

    def fail(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(stores, "open_store", fail)
    answer = call("runs", "--store", url)
    assert answer.code == ExitCode.BUG
    assert "Traceback" in answer.err


def test_a_tampered_ledger_is_found(url: str, tmp_path: Path) -> None:
    """It has the exit code that a script looks for."""
    head = call("audit", "verify", "buy-1", "--store", url, "--json").document["head"]
    assert call("audit", "verify", "buy-1", "--head", head, "--store", url).code == ExitCode.OK
    store = sqlite3.connect(tmp_path / "runs.db")
    store.execute("UPDATE entries SET body = replace(body, 'asked', 'voted')")
    store.commit()
    store.close()
    answer = call("audit", "verify", "buy-1", "--store", url)
    assert answer.code == ExitCode.LEDGER
    assert "is broken at entry 1" in answer.err


def test_the_exit_codes_are_documented() -> None:
    """`--help` names each."""
    text = call("--help").out
    assert all(f"  {code:>3}  " in text for code in ExitCode)
    assert all(str(int(code)) in EPILOG for code in ExitCode)


def test_a_process_with_bytes_that_are_no_text_for_an_argument(tmp_path: Path) -> None:
    """The shell passes on any bytes."""
    answer = process("show", b"\xff\xfe", "--store", "memory:", folder=tmp_path)
    assert answer.code == ExitCode.USAGE
    assert "not valid UTF-8" in answer.err


def test_a_reader_that_has_seen_enough_is_no_error(url: str, tmp_path: Path) -> None:
    """As in `awaitly runs | head -1`, here with a reader that is gone from the start."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "awaitly", "runs", "--store", url]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_is_said(url: str) -> None:
    """A full disk behind `>` has a code of its own."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "awaitly", "runs", "--store", url]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False)
    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr.startswith(b"awaitly: the answer could not be written")


def test_closed_streams_are_no_traceback(url: str, parked: Path) -> None:
    """As in `awaitly runs <&- >&-`."""
    shell = shutil.which("sh") or "sh"
    script = f'"{sys.executable}" -m awaitly --store "{url}" "$@" <&- >&-'
    for words in (["runs"], ["demo"]):
        command = [shell, "-c", script, "sh", *words]
        done = subprocess.run(command, cwd=parked, capture_output=True, env=environment(), timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
