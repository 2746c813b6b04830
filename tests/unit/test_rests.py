from __future__ import annotations

import math

from awaitly.rests import Pace, Rests


class Moments:
    """A clock in seconds that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_each_rest_is_longer_up_to_the_longest() -> None:
    """From 50 milliseconds to 5 seconds, for as long as the run stays in the list."""
    moments = Moments()
    rests = Rests(moments)
    lengths: list[float] = []
    for _ in range(9):
        rests.leave("r")
        lengths.append(round(rests.soonest(), 3))
        assert rests.awake(["r", "s"]) == ["s"]
        moments.now += rests.soonest()
        assert rests.awake(["r", "s"]) == ["r", "s"]
    assert lengths == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_run_that_moved_need_not_rest() -> None:
    """One that stands at the same version as the last time does."""
    rests = Rests(Moments())
    assert rests.stands("r", 3)
    assert rests.awake(["r"]) == ["r"]
    assert rests.stands("r", 4)
    assert not rests.stands("r", 4)
    assert rests.awake(["r"]) == []


def test_who_is_woken_rests_no_more() -> None:
    """The next rest is longer all the same."""
    rests = Rests(Moments())
    rests.leave("r")
    rests.wake(["r", "unknown"])
    assert (rests.awake(["r"]), rests.soonest()) == (["r"], math.inf)
    rests.leave("r")
    assert round(rests.soonest(), 3) == 0.1


def test_what_is_not_due_any_more_is_forgotten() -> None:
    """Nothing is kept of runs that others went on with."""
    moments = Moments()
    rests = Rests(moments)
    rests.leave("r")
    assert rests.awake([]) == []
    assert "r" in rests
    moments.now += 1
    rests.awake([])
    assert len(rests) == 0


def test_who_is_tried_right_now_is_not_forgotten() -> None:
    """It is in no list of what is due; the next rest is longer all the same."""
    moments = Moments()
    rests = Rests(moments)
    rests.leave("r")
    moments.now += 1
    assert rests.awake([], ["r"]) == []
    rests.leave("r")
    assert round(rests.soonest(), 3) == 0.1


def test_a_pace_is_kept_once_something_has_happened_three_times_in_a_row() -> None:
    """A quiet time gives as many for nothing again, and no more of them however long it was."""
    moments = Moments()
    pace = Pace(0.01, 3, moments)
    for quiet in (0.0, 0.03, 5.0):
        moments.now += quiet
        assert [round(pace.pause(), 3) for _ in range(5)] == [0.0, 0.0, 0.01, 0.02, 0.03]
        moments.now += 0.02


def test_in_the_long_run_a_pace_leaves_its_spacing() -> None:
    """Whoever pauses as it says comes through that often, and no oftener."""
    moments = Moments()
    pace, times = Pace(0.01, 3, moments), 0
    while moments.now < 101.0:
        moments.now += pace.pause()
        times += 1
    assert 100 <= times <= 103
