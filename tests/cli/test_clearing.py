from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from awaitly import Entry, Head, Ok
from awaitly.approvals.audit import verify
from awaitly.cli.codes import ExitCode
from tests.cli.support import SECRET, call, process, resumed

OLD = ("--older-than", "1ms")
BY = ("--by", "ann")


def listed(url: str) -> set[str]:
    """Name the runs of a store."""
    return {run["run_id"] for run in call("runs", "--store", url, "--json").document["items"]}


def lines(archive: Path) -> list[dict[str, Any]]:
    """Read an archive."""
    return [json.loads(line) for line in archive.read_text("utf-8").splitlines()]


def test_cleanup_deletes_what_ended_and_says_how_many(url: str) -> None:
    """What waits stays; the second time there is nothing to delete."""
    assert call("cleanup", *OLD, "--store", url).out == "Deleted 1 run.\n"
    assert listed(url) == {"buy-1", "deal-1", "pay-1", "odd-1"}
    assert call("cleanup", *OLD, "--store", url).out == "Deleted nothing: no run ended that long ago.\n"


def test_cleanup_leaves_what_ended_lately(url: str) -> None:
    """The age is counted from the end of the run."""
    assert call("cleanup", "--older-than", "90d", "--store", url, "--json").document["deleted"] == 0
    assert "buy-0" in listed(url)


def test_cleanup_as_a_document(url: str, tmp_path: Path) -> None:
    """How many, and where they were kept."""
    where = tmp_path / "old.jsonl"
    assert call("cancel", "deal-1", *BY, "--store", url).code == 0
    answer = call("cleanup", *OLD, "--archive", str(where), "--store", url, "--json")
    assert answer.document == {"deleted": 2, "archived": 2, "archive": str(where)}
    answer = call("cleanup", *OLD, "--store", url, "--json")
    assert answer.document == {"deleted": 0, "archived": None, "archive": None}


def test_an_archive_has_a_line_for_each_run(url: str, tmp_path: Path) -> None:
    """What `show --json` prints, with the entries of the ledger, which can be verified."""
    where = tmp_path / "old.jsonl"
    call("approve", "buy-1", *BY, "--store", url)
    resumed(url, "buy-1")
    shown = {run_id: call("show", run_id, "--store", url, "--json").document for run_id in ("buy-0", "buy-1")}
    told = call("cleanup", *OLD, "--archive", str(where), "--store", url)
    assert told.out == f"Deleted 2 runs, archived in {where}.\n"
    kept = {line["run_id"]: line for line in lines(where)}
    for run_id, document in shown.items():
        entries = kept[run_id].pop("entries")
        assert kept[run_id] == document
        ledger = [Entry(run_id, entry["seq"], entry["hash"], entry["body"]) for entry in entries]
        assert verify(run_id, ledger) == Ok(Head(len(ledger), ledger[-1].hash if ledger else ""))
    assert listed(url) == {"deal-1", "pay-1", "odd-1"}


def test_an_archive_grows(url: str, tmp_path: Path) -> None:
    """Later runs are added; a line that a crash cut off is closed first, and spoils no other."""
    where = tmp_path / "old.jsonl"
    where.write_text('{"run_id": "an earlier one"}\n{"run_id": "cut o')
    call("cleanup", *OLD, "--archive", str(where), "--store", url)
    call("cancel", "deal-1", *BY, "--store", url)
    call("cleanup", *OLD, "--archive", str(where), "--store", url)
    first, cut, *rest = where.read_text("utf-8").splitlines()
    assert (json.loads(first)["run_id"], cut) == ("an earlier one", '{"run_id": "cut o')
    assert [json.loads(line)["run_id"] for line in rest] == ["buy-0", "deal-1"]


def test_an_archive_shows_no_secrets_and_is_its_owners(url: str, tmp_path: Path) -> None:
    """Redacted members are blanked there too, and nobody else may read the file."""
    where = tmp_path / "old.jsonl"
    assert call("cancel", "pay-1", *BY, "--store", url).code == 0
    call("cleanup", *OLD, "--archive", str(where), "--store", url)
    assert {line["run_id"] for line in lines(where)} == {"buy-0", "pay-1"}
    assert SECRET not in where.read_text("utf-8")
    assert stat.S_IMODE(where.stat().st_mode) == 0o600


def test_each_line_is_on_the_disk_before_its_run_is_deleted(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the archive is synced, its run is still in the store."""
    where = tmp_path / "old.jsonl"
    seen: list[tuple[list[str], bool]] = []
    sync = os.fsync

    def look(handle: int) -> None:
        sync(handle)
        written = [line["run_id"] for line in lines(where)]
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
            seen.append((written, db.execute("SELECT count(*) FROM runs WHERE run_id = 'buy-0'").fetchone() == (1,)))

    monkeypatch.setattr(os, "fsync", look)
    call("cleanup", *OLD, "--archive", str(where), "--store", url)
    assert (["buy-0"], True) in seen
    assert "buy-0" not in listed(url)


def test_an_archive_that_cannot_be_written_deletes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk ends the command with one sentence, and the run whose line is missing stays."""
    where = tmp_path / "old.jsonl"

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    told = call("cleanup", *OLD, "--archive", str(where), "--store", url)
    assert told.code == ExitCode.OUTPUT
    assert told.err.startswith(f"awaitly: the archive {where} could not be written: No space left on device")
    assert told.err.count("\n") == 1
    assert "buy-0" in listed(url)
    document = call("cleanup", *OLD, "--archive", str(where), "--store", url, "--json")
    assert document.document["error"]["archived"] == 0


@pytest.mark.parametrize("name", ["no/such/folder/old.jsonl", "."])
def test_an_archive_that_cannot_be_opened_deletes_nothing(url: str, tmp_path: Path, name: str) -> None:
    """It is opened before anything is listed."""
    told = call("cleanup", *OLD, "--archive", str(tmp_path / name), "--store", url)
    assert told.code in (ExitCode.OUTPUT, ExitCode.USAGE)
    assert "Traceback" not in told.err
    assert "buy-0" in listed(url)


def test_cleanup_wants_an_age(url: str) -> None:
    """Without one the command line is wrong, and nothing is deleted."""
    told = call("cleanup", "--store", url)
    assert told.code == ExitCode.USAGE
    assert "--older-than" in told.err
    assert call("cleanup", "--older-than", "0s", "--store", url).code == ExitCode.USAGE
    assert "buy-0" in listed(url)


def test_cleanup_as_a_process(url: str, tmp_path: Path) -> None:
    """The command works from a shell as well."""
    answer = process("cleanup", *OLD, "--archive", "old.jsonl", folder=tmp_path, AWAITLY_STORE=url)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "Deleted 1 run, archived in old.jsonl.\n"
    assert [line["run_id"] for line in lines(tmp_path / "old.jsonl")] == ["buy-0"]


def test_a_store_is_no_archive(url: str, tmp_path: Path) -> None:
    """A file that holds anything but such lines is left alone, above all the store itself; nothing is deleted."""
    path = tmp_path / "runs.db"
    before = path.read_bytes()
    refused = call("cleanup", "--older-than", "1s", "--archive", str(path), "--store", url)
    assert refused.code == 2
    assert "name another file" in refused.err
    assert path.read_bytes() == before
