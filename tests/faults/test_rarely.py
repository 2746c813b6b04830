from __future__ import annotations

import pytest

from tests.faults.orders import Place
from tests.faults.rarely import RARELY, killed_and_done_again


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("move", RARELY)
def test_a_kill_beside_what_is_rarely_done_leaves_all_or_nothing(place: Place, move: str, side: str) -> None:
    """A signal, a retry, a fork, a redaction, a cleanup and a setting aside can be made again, and count once."""
    killed_and_done_again(place, move, side)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("move", RARELY)
def test_a_kill_beside_what_is_rarely_done_leaves_all_or_nothing_wherever_runs_are_kept(
    elsewhere: Place, move: str, side: str
) -> None:
    """The same on servers and in two stores."""
    killed_and_done_again(elsewhere, move, side)
