from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from awaitly import Allow, Gate, MemoryStore, Rules, ToolRule
from awaitly_claude import SessionGate
from tests.fixtures import limit

__all__ = ["limit"]


@pytest_asyncio.fixture
async def gate() -> AsyncIterator[Gate]:
    """Give an open gate that lets `Read` pass."""
    rules = Rules([ToolRule(tools="Read", ruling=Allow())])
    async with Gate(MemoryStore(), rules=[rules]) as opened:
        yield opened


@pytest_asyncio.fixture
async def session(gate: Gate) -> AsyncIterator[SessionGate]:
    """Give the gate of a session."""
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as opened:
        yield opened
