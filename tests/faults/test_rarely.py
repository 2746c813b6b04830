from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from awaitly.testing import Failpoints
from tests.faults.chimes import CHIMES
from tests.faults.grounds import Ground
from tests.faults.lengths import SEEDS, times
from tests.faults.lives import FAILPOINTS, folder
from tests.faults.orders import Place
from tests.faults.rarely import RARELY, killed_and_done_again
from tests.faults.tellers import MOMENTS

SIDES = ("before", "after")


def live_through(ground: Ground, move: str, side: str) -> None:
    """Let many processes be killed, several at a time, each in a place of its own; raise the first violation."""

    def one() -> None:
        with folder() as here:
            killed_and_done_again(ground(here), move, side)

    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        killed = [pool.submit(one) for _ in range(times(SEEDS))]
    for each in killed:
        each.result()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("move", RARELY)
def test_a_kill_beside_what_is_rarely_done_leaves_all_or_nothing(place: Place, move: str, side: str) -> None:
    """What is enqueued, scheduled, told, settled, signalled, retried, forked, redacted or cleaned up counts once."""
    killed_and_done_again(place, move, side)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("move", ["tell", "settle"])
def test_a_kill_beside_what_others_wait_for_leaves_all_or_nothing_wherever_runs_are_kept(
    elsewhere: Place, move: str, side: str
) -> None:
    """A parent hears of its child's end, and what came of a call counts, on servers and in two stores as well."""
    killed_and_done_again(elsewhere, move, side)


@pytest.mark.slow
@pytest.mark.store("sqlite")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("move", RARELY)
def test_many_kills_beside_what_is_rarely_done_leave_all_or_nothing(move: str, side: str) -> None:
    """Two hundred in files of SQLite."""
    live_through(Place.at, move, side)


@pytest.mark.slow
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("move", RARELY)
def test_many_kills_beside_what_is_rarely_done_leave_all_or_nothing_wherever_runs_are_kept(
    ground: Ground, move: str, side: str
) -> None:
    """Two hundred on each kind of server, and in two stores."""
    live_through(ground, move, side)


def test_a_process_is_killed_on_either_side_of_each_write() -> None:
    """Of all that a store is told to write nothing is left out, here or where lives, chimes and sends are struck."""
    rarely = {f"{move}.{side}" for move in RARELY for side in SIDES}
    sends = {name for name in MOMENTS if "." in name}
    assert {*FAILPOINTS, *CHIMES, *sends, *rarely} == set(Failpoints.names())
