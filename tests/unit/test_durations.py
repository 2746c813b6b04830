from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awaitly import as_timedelta, from_micros, to_micros, utc_now


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30s", timedelta(seconds=30)),
        ("24h", timedelta(hours=24)),
        ("1d12h", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("1.5h", timedelta(minutes=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("1m30s500ms", timedelta(seconds=90.5)),
        (" 5m ", timedelta(minutes=5)),
        ("PT24H", timedelta(hours=24)),
        ("P1DT3600S", timedelta(hours=25)),
        ("P1W", timedelta(days=7)),
        ("P2W3DT4H5M6.5S", timedelta(days=17, hours=4, minutes=5, seconds=6.5)),
        (timedelta(microseconds=1), timedelta(microseconds=1)),
    ],
)
def test_lengths_of_time_are_read(text: str, length: timedelta) -> None:
    """Short forms, ISO 8601 and timedeltas mean what they say."""
    assert as_timedelta(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "s",
        "5 s x",
        "h5",
        "5y",
        "1.h",
        "-5s",
        "P",
        "PT",
        "P1D2H",
        "1d-1h",
        "five minutes",
        "5S",
        "p1d",
        "1e3s",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    """What is no duration is a `ValueError` that shows how to write one."""
    with pytest.raises(ValueError, match="'30s'"):
        as_timedelta(text)


@pytest.mark.parametrize("text", ["0s", "0d0h", "PT0S", timedelta(0), timedelta(seconds=-1)])
def test_a_duration_is_longer_than_zero(text: str) -> None:
    """Nothing lasts no time, or less."""
    with pytest.raises(ValueError, match="longer than zero"):
        as_timedelta(text)


@pytest.mark.parametrize("text", ["9999999999999d", "P99999999999W", f"{'9' * 400}s"])
def test_a_length_beyond_all_calendars_is_refused_alike(text: str) -> None:
    """A text that means more than a timedelta holds is a `ValueError`, as every other text that means nothing."""
    with pytest.raises(ValueError, match="duration"):
        as_timedelta(text)


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    """Any text is a length of time or a `ValueError`."""
    with contextlib.suppress(ValueError):
        assert as_timedelta(text) > timedelta(0)


@given(st.datetimes(datetime(1900, 1, 1), datetime(9990, 1, 1)), st.integers(-720, 720))  # noqa: DTZ001
def test_a_time_comes_back_from_its_microseconds(naive: datetime, offset: int) -> None:
    """Whatever its zone, a time is the same instant afterwards, to the microsecond."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    back = from_micros(to_micros(moment))
    assert back == moment
    assert back.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive time means nothing to a store."""
    with pytest.raises(TypeError):
        to_micros(datetime(2030, 1, 1))  # noqa: DTZ001


def test_this_machines_clock_is_in_utc() -> None:
    """`utc_now` is aware."""
    assert utc_now().tzinfo is UTC
