from __future__ import annotations

import pytest

from benchmarks.figures import number
from benchmarks.table import beside_peers, details, ratios, share
from tests.benchmarks.made_up import figure, measured

STARTED = figure(
    "start to parked",
    "runs/s",
    {"awaitly": 3_000.0, "langgraph": 200.0, "dbos": 75.0},
    ratio=15.0,
    against="langgraph",
    target="at least 10 x",
    met=True,
    limit=4_000.0,
    limit_of="3 bare commits a run",
)
SCRIPTED = figure(
    "start to parked",
    "us",
    {"awaitly": 400.0, "3 bare EVALSHA": 200.0},
    ratio=2.0,
    against="3 bare EVALSHA",
    target="at most 1.5 x",
    met=False,
    store="Redis",
    limit=200.0,
)
LISTED = figure("listing 50", "ms", {"awaitly": 0.84}, row="", part="growth")


def cells(table: str) -> list[list[str]]:
    """Give the rows of a table, its head first."""
    rows = [line.strip("|").split("|") for line in table.splitlines()]
    return [[cell.strip() for cell in row] for row in [rows[0], *rows[2:]]]


def test_a_row_has_the_best_peer_the_target_and_the_store_alone() -> None:
    """All that a figure is judged by stands in its row of the one table."""
    head, row = cells(ratios([STARTED]))
    assert head == ["store", "measure", "awaitly", "beside it", "ratio", "target", "", "the store alone"]
    assert row == [
        "SQLite",
        "start to parked, runs/s",
        "3,000",
        "langgraph 200",
        "15 x",
        "at least 10 x",
        "met",
        "4,000 (75%)",
    ]


def test_a_missed_target_is_told_from_a_met_one() -> None:
    """A missed one is written in capitals, so that it is found in a long table."""
    assert [row[6] for row in cells(ratios([STARTED, SCRIPTED]))[1:]] == ["met", "MISSED"]


def test_stores_stand_together_in_their_order() -> None:
    """In whatever order parts were measured, SQLite comes first and what needs no store last."""
    imported = figure("import", "ms", {"awaitly": 80.0}, store="any")
    table = cells(ratios([imported, SCRIPTED, STARTED]))
    assert [row[0] for row in table[1:]] == ["SQLite", "Redis", "any"]


def test_what_has_no_row_is_a_detail_alone() -> None:
    """The one table stays short, and nothing measured is lost: the details of its part have it."""
    assert "listing" not in ratios([STARTED, LISTED])
    assert cells(details(measured(STARTED, LISTED), "growth"))[1:] == [["listing 50, ms", "0.84"]]


def test_peers_have_a_column_each() -> None:
    """What is no contender, such as a bare script, has none; a store without a peer's figure neither."""
    beside = figure("disk", "bytes", {"awaitly": 1_300.0, "dbos": 900.0})
    table = cells(beside_peers([STARTED, SCRIPTED, beside], "SQLite"))
    assert table[0] == ["measure", "awaitly", "langgraph", "dbos", "the store alone"]
    assert table[2] == ["disk, bytes", "1,300", "", "900", ""]


def test_a_column_of_nothing_is_left_out() -> None:
    """A table of figures without targets says nothing of targets."""
    assert cells(details(measured(LISTED), "growth"))[0] == ["measure", "awaitly"]


def test_a_table_of_nothing_says_so() -> None:
    """A part that was not measured leaves no empty table."""
    assert details(measured(STARTED), "inbox") == "Not measured."


@pytest.mark.parametrize(("unit", "near"), [("runs/s", 0.75), ("ms", 4 / 3)])
def test_the_share_of_the_limit_is_1_where_awaitly_is_as_fast(unit: str, near: float) -> None:
    """It is less where awaitly is slower, both of what is done in a second and of what takes a time."""
    found = share(figure("start", unit, {"awaitly": 3.0}, limit=4.0))
    assert found == pytest.approx(near)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("value", "written"), [(3_184.4, "3,184"), (100.0, "100"), (99.96, "100"), (0.8123, "0.812"), (12.56, "12.6")]
)
def test_a_number_has_three_digits(value: float, written: str) -> None:
    """What is larger has all before its point; nobody reads more than that out of a noisy machine."""
    assert number(value) == written
