from __future__ import annotations

import pytest

from benchmarks.peers import compared
from tests.benchmarks.made_up import figure


@pytest.mark.parametrize(("unit", "best"), [("runs/s", "dbos"), ("ms", "langgraph")])
def test_the_best_peer_does_most_or_takes_least(unit: str, best: str) -> None:
    """Whom awaitly is compared with depends on what is measured, and on a promise like its own."""
    values = {"awaitly": 100.0, "langgraph": 10.0, "dbos": 20.0, "langgraph tasks": 50.0 if unit == "runs/s" else 1.0}
    found = compared(figure("start", unit, values), {name: [value] for name, value in values.items()})
    assert found.against == best
    assert found.ratio == 100.0 / values[best]


def test_a_slow_round_cancels_out() -> None:
    """The ratio is the median of those within each round, so one that was slow for everybody changes nothing."""
    rounds = {"awaitly": [100.0, 10.0, 100.0], "dbos": [10.0, 1.0, 10.0]}
    found = compared(figure("start", "runs/s", {"awaitly": 100.0, "dbos": 10.0}), rounds)
    assert found.ratio == 10.0


def test_only_peers_are_compared_with() -> None:
    """Where none is installed there is no ratio, whatever else stands beside awaitly, and it is said."""
    found = compared(figure("start", "us", {"awaitly": 1.0, "3 bare EVALSHA": 0.5}), {"awaitly": [1.0]})
    assert found.ratio is None
    assert found.notes == ("no peer is installed",)
