from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.lengths import SEEDS, times
from tests.faults.lives import (
    FAILPOINTS,
    Harm,
    at_any_moment,
    at_failpoint,
    live_on,
    unharmed,
    with_bug,
    within_commits,
)
from tests.faults.tally import TALLY, Violated

pytestmark = pytest.mark.store("sqlite")
ANY, WITHIN = 6, 8
"""Lives that are struck at any moment, and within commits, each time."""
FEW = range(2)
MANY = range(2, 2 + times(SEEDS))


def live_through(seeds: Iterable[int], harm: Harm) -> None:
    """Let several runs live at a time, and raise the first violation once all are over."""
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        lives = [pool.submit(live_on, seed, harm) for seed in seeds]
    for life in lives:
        life.result()


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_a_kill_beside_a_write_loses_nothing(failpoint: str) -> None:
    """A process that is killed right before or after a commit leaves a run that others take to its end, as decided."""
    live_through(FEW, at_failpoint(failpoint))


def test_a_kill_at_any_moment_loses_nothing() -> None:
    """A process may be killed at any moment at all."""
    live_through(range(ANY), at_any_moment(0.1))


def test_a_kill_within_a_commit_loses_nothing() -> None:
    """A process may be killed between two statements of SQL, while SQLite commits, and in the body of a step."""
    live_through(range(WITHIN), within_commits)


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_many_kills_beside_a_write_lose_nothing(failpoint: str) -> None:
    """The same with two hundred lives for each failpoint."""
    live_through(MANY, at_failpoint(failpoint))


@pytest.mark.slow
def test_many_kills_at_any_moment_lose_nothing() -> None:
    """The same with two hundred lives."""
    live_through(range(ANY, ANY + times(SEEDS)), at_any_moment(0.1))


@pytest.mark.slow
def test_many_kills_within_a_commit_lose_nothing() -> None:
    """The same with two hundred lives."""
    live_through(range(WITHIN, WITHIN + times(SEEDS)), within_commits)


BUGS = {
    "steps are forgotten": (at_failpoint("end.before"), "no more steps than branches are in flight"),
    "decisions are forgotten": (unharmed, "no acknowledged decision is lost"),
    "commits are torn": (
        at_failpoint("park.after"),
        "lists exactly|the ledger has one decision|not there",
    ),
}


@pytest.mark.parametrize("planted", BUGS)
def test_lives_notice_a_store_with_a_bug(planted: str) -> None:
    """Where the store forgets steps, forgets decisions or tears a commit in two, the lives of runs show it."""
    harm, noticed = BUGS[planted]
    with TALLY.aside(), pytest.raises(Violated, match=noticed):
        live_through(range(8), with_bug(harm, planted))
