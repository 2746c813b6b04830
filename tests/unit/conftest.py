from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from awaitly.testing import TestClock
from tests.fixtures import clock, each_store, effects, limit
from tests.support import SharedStore, shared

__all__ = ["clock", "each_store", "effects", "limit"]


@pytest_asyncio.fixture
async def store(tmp_path: Path, clock: TestClock) -> AsyncIterator[SharedStore]:
    """Open a memory store."""
    async with shared("memory", tmp_path, clock) as opened:
        yield opened
