from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from awaitly import Orchestrator
from awaitly.testing import TestClock
from tests.adapters.web.support import WORKFLOWS, Web, open_web
from tests.fixtures import clock, limit
from tests.support import SharedStore, shared

__all__ = ["clock", "limit"]


@pytest.fixture
async def store(tmp_path: Path, clock: TestClock) -> AsyncIterator[SharedStore]:
    """Open a store that counts commits."""
    async with shared("memory", tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def web(store: SharedStore) -> AsyncIterator[Web]:
    """Serve."""
    async with Orchestrator(store, workflows=WORKFLOWS) as orchestrator, open_web(orchestrator) as opened:
        yield opened
