"""When schedules ring: cron expressions on the clocks of a zone, also where these are changed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awaitly import DefinitionError
from awaitly.runs.schedules import checked_schedule, next_tick, run_id_of_tick

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"


def moment(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(cron: str, zone: str, after: str, until: str) -> list[datetime]:
    """Give all ticks between two moments."""
    found: list[datetime] = []
    at = next_tick(cron, zone, moment(after))
    while at < moment(until):
        found.append(at)
        at = next_tick(cron, zone, at)
    return found


def shown(cron: str, zone: str, after: str, until: str) -> list[str]:
    """Show all ticks between two moments, in UTC."""
    return [f"{at:%d %H:%M}" for at in ticks(cron, zone, after, until)]


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Australia/Lord_Howe", "Africa/Cairo", "UTC"])
@pytest.mark.parametrize("cron", ["0 9 * * *", "30 2 * * *", "0 0 * * *", "45 1 * * *"])
def test_a_daily_tick_comes_once_on_each_day_of_a_year(cron: str, zone: str) -> None:
    """Also on the days on which clocks go forward or back; 2027 has 365 days everywhere."""
    found = ticks(cron, zone, "2026-12-31T23:59" if zone == "UTC" else "2026-12-30T12:00", "2028-01-02T12:00")
    dates = [at.astimezone(ZoneInfo(zone)).date() for at in found]
    assert len([date for date in dates if date.year == 2027]) == 365
    assert {later - earlier for earlier, later in pairwise(dates)} == {timedelta(days=1)}


def test_a_leap_day_is_a_day() -> None:
    """2028 has one more; what is to come on 29 February comes in leap years alone, wherever one asks from."""
    days = ticks("0 9 * * *", BERLIN, "2028-01-01T00:00", "2029-01-01T00:00")
    assert len(days) == 366
    leaps = ticks("0 9 29 2 *", BERLIN, "2027-01-01T00:00", "2041-01-01T00:00")
    assert [f"{at:%Y-%m-%d}" for at in leaps] == ["2028-02-29", "2032-02-29", "2036-02-29", "2040-02-29"]


def test_a_time_that_does_not_exist_comes_when_the_clock_is_changed() -> None:
    """On 28 March 2027 clocks in Berlin go from 02:00 to 03:00, which is 01:00 in UTC."""
    assert shown("30 2 * * *", BERLIN, "2027-03-27T00:00", "2027-03-30T00:00") == ["27 01:30", "28 01:00", "29 00:30"]


def test_a_time_that_exists_twice_comes_the_first_time() -> None:
    """On 31 October 2027 clocks in Berlin go from 03:00 back to 02:00, which is 01:00 in UTC."""
    assert shown("30 2 * * *", BERLIN, "2027-10-30T00:00", "2027-11-02T00:00") == ["30 00:30", "31 00:30", "01 01:30"]


def test_asked_within_the_hour_that_comes_twice_no_tick_lies_behind() -> None:
    """At 02:10 for the second time, 02:30 has been: the next one is that of tomorrow."""
    assert next_tick("30 2 * * *", BERLIN, moment("2027-10-31T01:10")) == moment("2027-11-01T01:30")


def test_what_comes_every_hour_goes_by_time_that_passes() -> None:
    """No hour is left out and none is without a tick, whatever the clocks show."""
    for day in ("2027-03-28", "2027-10-31"):
        found = ticks("30 * * * *", BERLIN, f"{day}T00:00", f"{day}T06:00")
        assert [at.hour for at in found] == [0, 1, 2, 3, 4, 5]


def test_a_star_in_front_of_the_minutes_goes_by_time_that_passes_too() -> None:
    """An hour that does not exist has no tick, one that exists twice has all of them twice."""
    assert shown("*/30 2 * * *", BERLIN, "2027-03-28T00:00", "2027-03-28T12:00") == []
    twice = ["31 00:00", "31 00:30", "31 01:00", "31 01:30"]
    assert shown("*/30 2 * * *", BERLIN, "2027-10-30T12:00", "2027-10-31T12:00") == twice


def test_several_times_that_do_not_exist_come_as_one() -> None:
    """Each of them would come at the change of the clock, and one moment is one tick."""
    assert shown("0,20,40 2 * * *", BERLIN, "2027-03-28T00:00", "2027-03-28T12:00") == ["28 01:00"]


def test_ticks_are_later_than_what_they_are_asked_after() -> None:
    """A tick is not its own next one, and a part of a second counts."""
    nine = moment("2027-01-01T09:00")
    assert next_tick("0 9 * * *", "UTC", nine) == moment("2027-01-02T09:00")
    assert next_tick("0 9 * * *", "UTC", nine - timedelta(microseconds=1)) == nine
    assert next_tick("0 9 * * *", "UTC", nine + timedelta(microseconds=1)) == moment("2027-01-02T09:00")


@given(
    cron=st.sampled_from(["30 2 * * *", "*/7 * * * *", "0,59 1-3 * * *", "15 */2 * * 0", "0 0 1 * *", "* 2 * * *"]),
    zone=st.sampled_from([BERLIN, NEW_YORK, "Australia/Lord_Howe", "Africa/Cairo", "UTC", "Asia/Kathmandu"]),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_ticks_go_forward(cron: str, zone: str, after: datetime) -> None:
    """Whenever one asks, three ticks in a row follow each other, in UTC, on whole minutes."""
    for _ in range(3):
        at = next_tick(cron, zone, after)
        assert at > after
        assert at.tzinfo is UTC
        assert (at.second, at.microsecond) == (0, 0)
        after = at


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "write five fields, as in '0 9 * * *' (minute, hour, day, month, weekday)"),
        ("0 9 * * * *", "write five fields"),
        ("@daily", "write five fields"),
        ("61 9 * * *", "not a cron expression: '61 9 * * *': bad minute"),
        ("0 9 * * MOO", "bad day-of-week"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("0 0 */31 2 MON#5", "names no moment that ever comes"),
    ],
)
def test_a_cron_expression_that_does_not_parse_is_refused_in_words(cron: str, said: str) -> None:
    """The sentence has the expression, and what is wrong in it."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the words are looked at)
        next_tick(cron, "UTC", moment("2027-01-01T00:00"))
    assert said in str(refused.value)
    assert repr(cron) in str(refused.value)


@pytest.mark.parametrize("zone", ["", "Europe", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "\0", "Ö"])
def test_a_zone_that_is_not_known_is_refused_in_words(zone: str) -> None:
    """Whatever way it fails in."""
    with pytest.raises(ValueError, match=r"^no time zone '.*' is known here; write a name"):
        next_tick("0 9 * * *", zone, moment("2027-01-01T00:00"))


@given(st.lists(st.text("0123456789*/,-#LWMONJA", max_size=6), min_size=5, max_size=5).map(" ".join))
@example("1#2/3 * * * *")
@example("* * * * 1#2/3")
@example("* * * * 1,1#2/3")
@example("* * L/2 * *")
def test_no_text_fails_in_another_way(cron: str) -> None:
    """It names a moment, or is refused."""
    with suppress(ValueError):
        assert next_tick(cron, BERLIN, moment("2027-01-01T00:00")) > moment("2027-01-01T00:00")


def test_the_id_of_a_run_says_its_tick_in_utc() -> None:
    """Whatever zone it is said in."""
    at = datetime(2027, 3, 28, 9, 0, tzinfo=ZoneInfo(BERLIN))
    assert run_id_of_tick("nightly", at) == "nightly@2027-03-28T07:00:00Z"


@pytest.mark.parametrize("name", ["", " nightly", "n" * 180, "a\nb"])
def test_a_name_must_leave_room_for_the_ids_of_its_runs(name: str) -> None:
    """It is refused before anything is written."""
    with pytest.raises(DefinitionError, match="a schedule's name"):
        checked_schedule(name)


def test_no_run_of_a_schedule_can_be_taken_for_a_schedule() -> None:
    """The ids of ticks begin with the name: one that begins as the rows of schedules do is refused."""
    with pytest.raises(DefinitionError, match="a schedule's name must not begin with 'schedule:'"):
        checked_schedule("schedule:nightly")
    assert checked_schedule("my schedule:nightly")
