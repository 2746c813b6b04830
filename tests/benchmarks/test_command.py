from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.figures import Figure, Measured, read
from benchmarks.parts import PARTS, Part, minutes_left
from tests.benchmarks.made_up import figure

STARTED = figure("start to parked", "runs/s", {"awaitly": 3_000.0, "dbos": 75.0}, ratio=40.0, against="dbos")
TIMED = figure("a timer", "ms", {"awaitly": 120.0}, row="", part="working", target="at most 100 ms", met=False)


def _whole(*, quick: bool, missing: list[str]) -> list[Figure]:
    return [STARTED, TIMED]


def _without_dbos(*, quick: bool, missing: list[str]) -> list[Figure]:
    missing.append("dbos: No module named 'dbos'")
    return [STARTED]


def _without_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:
    raise SystemExit("no Postgres to measure on")


@pytest.fixture(autouse=True)
def some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have three parts that measure nothing, and the file in which figures of some are kept."""
    measures = {"whole": _whole, "no-dbos": _without_dbos, "no-postgres": _without_postgres}
    parts = {name: Part(measure, 1) for name, measure in measures.items()}
    monkeypatch.setattr(command, "PARTS", parts)
    monkeypatch.setattr(command, "_KNOWN", parts)
    monkeypatch.setattr(command, "environment", lambda: {"Python": "3.11.7", "at": "2030-01-07T09:00:00+00:00"})
    monkeypatch.setattr(command, "LATEST", tmp_path / "latest.json")
    monkeypatch.setattr(command, "SOME", tmp_path / "some.json")
    return tmp_path / "some.json"


def test_a_run_prints_the_table_and_keeps_figures_and_picture(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table, what missed its target besides, the versions, how to repeat it; the picture lies beside the JSON."""
    assert command.main(["whole"]) == 0
    printed = capsys.readouterr().out
    assert "| SQLite | start to parked, runs/s | 3,000 | dbos 75 | 40 x |" in printed
    assert "* working: a timer" in printed
    assert "Python 3.11.7" in printed
    assert "make bench" in printed
    assert read(some).figures == [STARTED, TIMED]
    assert some.with_suffix(".svg").read_text("utf-8").startswith("<svg")


def test_a_missing_peer_is_the_last_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The command fails by it, so that nobody takes the table for a whole one."""
    assert command.main(["no-dbos", "whole"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-2] == "MISSING, so not measured: dbos: No module named 'dbos'"
    assert said[-1] == "The table is not whole; `make bench` installs all peers."


def test_a_part_that_fails_loses_no_other(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was measured before it and after it is kept, and it is named."""
    assert command.main(["whole", "no-postgres", "whole"]) == 1
    kept = read(some)
    assert kept.missing == ["no-postgres: no Postgres to measure on"]
    assert len(kept.figures) == 4
    assert "MISSING, so not measured: no-postgres: no Postgres to measure on" in capsys.readouterr().err


def test_progress_says_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    """Each part is named as it begins, with how many there are and about how long they take."""
    command.main(["whole", "no-dbos"])
    said = capsys.readouterr().err
    assert "[1/2] whole ... about 0 min left" in said
    assert "[2/2] no-dbos ... about 0 min left" in said


def test_a_name_that_no_part_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured for a typing error."""
    with pytest.raises(SystemExit):
        command.main(["whale"])
    assert "no such part: whale" in capsys.readouterr().err


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Measured]:
    """What the page was written from."""
    found: list[Measured] = []

    def keep(measured: Measured) -> list[Path]:
        found.append(measured)
        return [Path("performance.md")]

    monkeypatch.setattr(command, "keep", keep)
    return found


def test_the_page_is_written_from_a_whole_run(written: list[Measured], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the latest of all parts, whatever was measured of some since."""
    monkeypatch.setattr(command, "PARTS", {"whole": Part(_whole, 1)})
    assert command.main([]) == 0
    assert command.main(["whole"]) == 0
    assert command.main(["report"]) == 0
    assert written[0].figures == [STARTED, TIMED]


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ([], "dbos: No module named 'dbos'"),
        (["whole"], "no-dbos was not measured"),
        (["whole", "--quick"], "it is of a shortened run"),
    ],
)
def test_the_page_is_not_written_from_less(
    run: list[str], reason: str, written: list[Measured], some: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither from part of the figures nor from a shortened run, unless somebody wants that; the page then says so."""
    command.main(run)
    of = ["--file", str(some if run else some.with_name("latest.json"))]
    assert command.main(["report", *of]) == 1
    assert not written
    assert reason in capsys.readouterr().err
    assert command.main(["report", "--anyway", *of]) == 0
    assert written[0].quick or reason in written[0].missing


def test_a_slow_machine_stays_slow() -> None:
    """What is left takes as many times longer as what was done did."""
    first, second = Part(_whole, 30), Part(_whole, 60)
    assert minutes_left([], [first, second], 0.0) == 1.5
    assert minutes_left([first], [second], 90.0) == 3.0


def test_all_of_it_takes_a_quarter_of_an_hour() -> None:
    """The parts that run without being named take no more than that on two quiet cores."""
    assert minutes_left([], list(PARTS.values()), 0.0) <= 15
