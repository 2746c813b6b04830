from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from awaitly.testing import TestClock
from tests.fixtures import clock, limit
from tests.security.everywhere import Everywhere, everywhere

__all__ = ["clock", "limit"]


@pytest.fixture(params=["memory", "sqlite"])
async def world(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> AsyncIterator[Everywhere]:
    """Open all ways by which people are told and may act, over each kind of store."""
    async with everywhere(request.param, tmp_path, clock) as opened:
        yield opened
