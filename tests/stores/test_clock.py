from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from awaitly.testing import TestClock

START = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)


def test_it_starts_where_it_says() -> None:
    """On Monday, 7 January 2030, 09:00 UTC."""
    assert TestClock()() == START
    assert START.isoweekday() == 1


def test_it_stands_still() -> None:
    """Two readings are the same."""
    clock = TestClock()
    assert clock() == clock()


@pytest.mark.parametrize("by", ["90m", "PT1H30M", timedelta(minutes=90)])
def test_it_advances(by: timedelta | str) -> None:
    """By any form of a duration; the new time is given back."""
    clock = TestClock()
    assert clock.advance(by) == START + timedelta(minutes=90)
    assert clock() == START + timedelta(minutes=90)


@pytest.mark.parametrize("by", ["0s", timedelta(0), timedelta(seconds=-1), "-1h", "soon"])
def test_it_does_not_go_back_by_advancing(by: timedelta | str) -> None:
    """Nor stand still; the clock is as before."""
    clock = TestClock()
    with pytest.raises(ValueError, match="duration"):
        clock.advance(by)
    assert clock() == START


@pytest.mark.parametrize("days", [-400, 400])
def test_it_can_be_set(days: int) -> None:
    """To any moment, one in the past too."""
    clock = TestClock()
    assert clock.set(START + timedelta(days=days)) == START + timedelta(days=days)
    assert clock() == START + timedelta(days=days)


def test_it_tells_utc() -> None:
    """Whatever zone it was set in."""
    clock = TestClock()
    clock.set(datetime(2030, 6, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))))
    assert clock().isoformat() == "2030-06-01T10:00:00+00:00"


def test_a_naive_time_is_refused() -> None:
    """When it is made and when it is set."""
    naive = datetime(2030, 1, 1)  # noqa: DTZ001  (naive on purpose)
    with pytest.raises(ValueError, match="naive"):
        TestClock(naive)
    with pytest.raises(ValueError, match="naive"):
        TestClock().set(naive)


def test_it_shows_its_time() -> None:
    """In a failing test's output."""
    assert repr(TestClock()) == "TestClock(2030-01-07T09:00:00+00:00)"
