"""What hangs is a failure, also where nothing is awaited."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.judging import LONG

LIMIT = 3_600 if LONG else 60
"""Seconds that one test may take: far more than the slowest does on a busy machine."""


@pytest.fixture(autouse=True)
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Break off what goes on for ever, where it stands; and be in an empty folder, as some texts are paths."""

    def stop(*_: object) -> None:
        raise TimeoutError(LIMIT)

    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
