from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awaitly import Retry
from awaitly.retry import ONCE


def test_waits_double_up_to_the_cap() -> None:
    """Without jitter the wait before retry n is base * 2**(n-1), at most the cap."""
    retry = Retry(attempts=9, base="1s", cap="10s", jitter=False)
    assert [retry.wait(n).total_seconds() for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@given(st.integers(1, 10_000))
def test_a_wait_is_never_longer_than_the_cap(attempt: int) -> None:
    """However many attempts there were, jitter draws between zero and the bound."""
    retry = Retry(base="1s", cap="1h")
    bound = Retry(base="1s", cap="1h", jitter=False).wait(attempt)
    assert timedelta(0) <= retry.wait(attempt) <= bound <= timedelta(hours=1)


def test_jitter_differs() -> None:
    """Two waits after the same attempt are not the same, so that clients spread out."""
    retry = Retry(base="1h")
    assert len({retry.wait(3) for _ in range(20)}) > 1


def test_the_default_is_five_attempts_with_a_cap_of_an_hour() -> None:
    """Four retries, exponential, with jitter, capped at an hour."""
    retry = Retry()
    assert (retry.attempts, retry.base, retry.cap, retry.jitter) == (5, timedelta(seconds=1), timedelta(hours=1), True)


@pytest.mark.parametrize("attempts", [0, -1])
def test_there_is_at_least_one_attempt(attempts: int) -> None:
    """The first try counts too."""
    with pytest.raises(ValueError, match="at least 1"):
        Retry(attempts=attempts)


@pytest.mark.parametrize("base", ["0s", "-1s", timedelta(0), "soon"])
def test_a_base_is_longer_than_zero(base: str) -> None:
    """What is no duration is refused where it is written."""
    with pytest.raises(ValueError, match="duration"):
        Retry(base=base)


@pytest.mark.parametrize(("base", "cap"), [("2s", "1s"), ("1d", "1h"), ("1h", "59m59s")])
def test_a_cap_is_no_shorter_than_the_base(base: str, cap: str) -> None:
    """The base would never be waited; that is refused where it is written."""
    with pytest.raises(ValueError, match="give a longer cap"):
        Retry(base=base, cap=cap)
    assert Retry(base=base, cap=base).wait(1) <= Retry(base=base, cap=base).cap


def test_a_base_above_an_hour_needs_a_cap() -> None:
    """For the cap that nobody gave is an hour."""
    with pytest.raises(ValueError, match="give a longer cap"):
        Retry(base="2h")


def test_attempts_run_out() -> None:
    """After the last attempt nothing is tried again, whatever the failure."""
    retry = Retry(attempts=3, on=(ValueError, str))
    assert [retry.after_raising(ValueError(), n) for n in (1, 2, 3, 4)] == [True, True, False, False]
    assert [retry.after_returning("busy", n) for n in (1, 2, 3, 4)] == [True, True, False, False]
    assert ONCE.after_raising(ValueError(), 1) is False


def test_what_is_not_named_is_not_retried() -> None:
    """`on` names classes of what is raised and of what is returned; subclasses count."""
    retry = Retry(on=(OSError,))
    assert retry.after_raising(ConnectionResetError(), 1)
    assert retry.after_returning(ConnectionResetError(), 1)
    assert not retry.after_raising(ValueError(), 1)
    assert not retry.after_returning("an error value", 1)


def test_by_default_what_is_raised_is_retried_and_what_is_returned_is_not() -> None:
    """A returned error is an answer, also where it is an exception."""
    assert Retry().after_raising(ValueError(), 1)
    assert not Retry().after_returning(ValueError(), 1)


def test_naming_nothing_retries_nothing() -> None:
    """An empty `on` is a list of nothing, not the default."""
    assert not Retry(on=()).after_raising(ValueError(), 1)


def test_waits_never_shrink() -> None:
    """Without jitter each wait is at least as long as the one before."""
    waits = [Retry(jitter=False).wait(n) for n in range(1, 100)]
    assert all(a <= b for a, b in pairwise(waits))
