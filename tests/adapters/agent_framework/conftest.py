from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from awaitly import Gate
from awaitly.testing import TestClock
from tests.fixtures import clock, limit
from tests.support import SharedStore, shared

__all__ = ["clock", "limit"]


@pytest_asyncio.fixture
async def store(tmp_path: Path, clock: TestClock) -> AsyncIterator[SharedStore]:
    """Open a memory store."""
    async with shared("memory", tmp_path, clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def gate(store: SharedStore) -> AsyncIterator[Gate]:
    """Open a gate of which every call needs a person."""
    async with Gate(store) as opened:
        yield opened
