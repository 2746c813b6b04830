from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.figures import KEPT, read, write
from tests.benchmarks.made_up import figure, measured

STARTED = figure(
    "start to parked", "runs/s", {"awaitly": 3_000.0, "dbos": 75.0}, ratio=40.0, against="dbos", notes=("quiet",)
)


def test_the_page_shows_what_was_measured() -> None:
    """Its tables are those of the figures that are kept; else `python -m benchmarks report` writes it."""
    page = report.PAGE.read_text("utf-8")
    assert report.filled(page, read()) == page


def test_the_kept_figures_are_of_all_stores() -> None:
    """There are rows for each, so that the one table has no hole."""
    assert {found.store for found in read().figures if found.row} == {"SQLite", "Postgres", "Redis", "any"}


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Nothing of a run is lost in its file."""
    found = measured(STARTED, quick=True, missing=["dbos: not installed"])
    assert read(write(found, tmp_path / "measured.json")) == found


def test_other_figures_change_the_page() -> None:
    """What is measured anew takes the place of what was there, and all else stays."""
    page = report.PAGE.read_text("utf-8")
    written = report.filled(page, measured(STARTED))
    assert "| SQLite | start to parked, runs/s | 3,000 | dbos 75 | 40 x |" in written
    assert report.filled(written, read(KEPT)) == page


@pytest.mark.parametrize("name", ["ratios", "versions"])
def test_a_page_that_lacks_a_place_is_not_written(name: str) -> None:
    """A table that has no place would be lost without a word."""
    page = report.PAGE.read_text("utf-8").replace(f"<!-- measured: {name} -->", "")
    with pytest.raises(LookupError, match="the page has places for"):
        report.filled(page, measured(STARTED))


def test_the_page_says_of_what_its_figures_are() -> None:
    """The day, the versions, how long it took, whether it was shortened, and what was missing."""
    said = report.versions(measured(STARTED, quick=True, missing=["absurd: not installed"]))
    assert said == (
        "A shortened run of 2030-01-07, which took 2 minutes: Python 3.11.7, dbos MISSING. "
        "Missing: absurd: not installed."
    )
