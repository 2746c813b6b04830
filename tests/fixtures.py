"""Fixtures that several folders of tests share; each folder's `conftest.py` imports those that it offers."""

from __future__ import annotations

import inspect
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from awaitly.testing import TestClock
from tests.support import Effects, SharedStore, shared

__all__ = ["clock", "each_store", "effects", "limit"]

LIMIT = 60
"""Seconds: far more than the slowest of these tests takes on a busy machine."""


@pytest.fixture(autouse=True)
def limit(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an async test that goes on for ever, where it stands, instead of going on with it."""

    def stop(*_: object) -> None:
        raise TimeoutError(LIMIT)

    if not inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def clock() -> TestClock:
    """Give the clock of the stores."""
    return TestClock()


@pytest.fixture
def effects() -> Effects:
    """Give steps that count."""
    return Effects()


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def each_store(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> AsyncIterator[SharedStore]:
    """Open each kind of store."""
    async with shared(request.param, tmp_path, clock) as opened:
        yield opened
