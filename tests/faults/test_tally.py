from __future__ import annotations

import pytest

from tests.faults.reporting import kind_of
from tests.faults.tally import Tally, Violated


@pytest.fixture
def tally() -> Tally:
    """Give a tally of the test's own, with a look in memory, two in Postgres, and one of these that saw a violation."""
    tally = Tally()
    tally.check("a decision stands", True)
    tally.kind = "postgres"
    tally.check("a decision stands", True)
    with pytest.raises(Violated, match="a decision stands: lost"):
        tally.check("a decision stands", False, "lost")
    return tally


def test_the_report_says_how_often_where_and_with_what_result(tally: Tally) -> None:
    """An invariant a line, a kind of store a column, and the violations of all of them at the end."""
    head, _, line = (row.replace(" ", "") for row in tally.table())
    assert head == "|invariant|memory|sqlite|postgres|redis|cluster|split|violations|"
    assert line == "|adecisionstands|1||2||||1|"
    assert len({len(row) for row in tally.table()}) == 1


def test_what_was_planted_is_not_reported(tally: Tally) -> None:
    """Neither the looks nor the violations."""
    before = tally.table()
    with tally.aside():
        tally.count("a decision stands", False)
        tally.happened("kills")
    assert tally.table() == before
    assert tally.happenings() == []


@pytest.mark.parametrize("ground", ["split on servers", "cluster"])
def test_a_test_tells_for_its_store(ground: str, request: pytest.FixtureRequest) -> None:
    """The one that it was made for."""
    assert kind_of(request.node) == ground.split(maxsplit=1)[0]


@pytest.mark.store("redis")
def test_a_test_may_say_which_store_it_is_about(request: pytest.FixtureRequest) -> None:
    """By a marker, whatever else it asks for."""
    assert kind_of(request.node) == "redis"
