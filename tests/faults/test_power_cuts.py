from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.lengths import times
from tests.faults.power_lives import look_after_cuts, recorded
from tests.faults.power_recording import compiled, why_not
from tests.faults.tally import TALLY, Violated


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the library that records writes, compiled for this machine."""
    reason = why_not()
    if reason:
        pytest.skip(f"power cuts are not tested: {reason}")
    return compiled(tmp_path_factory.mktemp("recorder"))


def live_through(library: Path, seed: int, cuts: int, planted: str = "") -> None:
    """Record the lives of runs, and cut the power at so many moments of them."""
    look_after_cuts(recorded(library, seed, planted), seed, cuts)


def test_a_power_cut_loses_nothing_acknowledged(library: Path) -> None:
    """Whatever part of the last writes a disk has lost, in whatever order, all that was acknowledged is there."""
    live_through(library, 1, 150)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_power_cuts_lose_nothing_acknowledged(library: Path, seed: int) -> None:
    """The same with ten recordings and five hundred cuts in each."""
    live_through(library, seed, times(500))


BUGS = {
    "NORMAL": "is lost|are in flight",
    "OFF": "^(?!the recorder)",  # anything may be amiss then
    "decisions are not flushed": "no acknowledged decision is lost",
}


@pytest.mark.parametrize("planted", BUGS)
def test_power_cuts_show_what_was_not_flushed(library: Path, planted: str) -> None:
    """Where SQLite waits for the disk less often than it is to, or a decision does not ask it to, cuts show it."""
    with TALLY.aside(), pytest.raises(Violated, match=BUGS[planted]):
        live_through(library, 1, 1000, planted)
