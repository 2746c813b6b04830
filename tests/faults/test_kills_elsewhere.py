from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.grounds import Ground
from tests.faults.lengths import SEEDS, times
from tests.faults.lives import FAILPOINTS, Harm, at_any_moment, at_failpoint, live_on, within_commits

FEW = ("step.after", "park.before", "decide.after", "claim.after", "end.before")
"""One side of the writes that matter most; the long run has both sides of all, often."""

MANY = range(100, 100 + times(SEEDS))


def live_through(lives: Iterable[tuple[int, Harm]], ground: Ground) -> None:
    """Let several runs live at a time, and raise the first violation once all are over."""
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        living = [pool.submit(live_on, seed, harm, ground) for seed, harm in lives]
    for life in living:
        life.result()


def test_kills_lose_nothing_wherever_runs_are_kept(ground: Ground) -> None:
    """A process is killed beside a write, within commits, or any time: others end its run as decided."""
    beside = [(seed, at_failpoint(name)) for seed, name in enumerate(FEW)]
    within = [(seed, within_commits) for seed in range(3)]
    live_through([*beside, *within, (0, at_any_moment(0.1))], ground)


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_many_kills_beside_a_write_lose_nothing_wherever_runs_are_kept(failpoint: str, ground: Ground) -> None:
    """The same with two hundred lives for each failpoint."""
    live_through([(seed, at_failpoint(failpoint)) for seed in MANY], ground)


@pytest.mark.slow
def test_many_kills_within_commits_lose_nothing_wherever_runs_are_kept(ground: Ground) -> None:
    """The same with two hundred lives whose victims are killed within commits, and two hundred at any moment."""
    live_through([(seed, harm) for harm in (within_commits, at_any_moment(0.1)) for seed in MANY], ground)
