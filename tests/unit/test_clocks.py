from __future__ import annotations

import time

import pytest

from awaitly.clocks import RemoteClock

HEARD = 1_893_456_000_000_000


def test_what_was_never_heard_is_asked_for() -> None:
    """There is nothing to run on from."""
    assert RemoteClock().read() is None


def test_it_runs_on_from_what_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """By this machine's monotonic clock, until ten seconds have gone by; then the server is asked again."""
    clock = RemoteClock()
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    clock.heard(HEARD)
    monkeypatch.setattr(time, "monotonic", lambda: 102.5)
    assert clock.read() == HEARD + 2_500_000
    monkeypatch.setattr(time, "monotonic", lambda: 110.0)
    assert clock.read() is None
    clock.heard(HEARD)
    assert clock.read() == HEARD
