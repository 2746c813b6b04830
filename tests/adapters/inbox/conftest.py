from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from awaitly import MemoryStore, Orchestrator
from tests.adapters.inbox.support import Served, ask, open_served
from tests.fixtures import limit

__all__ = ["limit"]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Serve an inbox without a network."""
    async with Orchestrator(MemoryStore(), workflows=[ask]) as orchestrator, open_served(orchestrator) as opened:
        yield opened
