"""What the tests of adapters of agent frameworks share: a gate before a bank, and people who say yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from awaitly import Gate, PendingApproval
from awaitly.testing import TestClock
from tests.support import ALICE, SharedStore, shared

__all__ = ["Bank", "approve_all", "asked", "bank", "gate", "store"]


class Bank:
    """A tool that remembers what it did."""

    def __init__(self) -> None:
        self.paid: list[tuple[Any, ...]] = []
        self.fate: Exception | None = None
        self.gives: Any = "paid"

    def pay(self, to: str, amount: int, currency: str = "EUR") -> Any:
        """Pay."""
        self.paid.append((to, amount, currency))
        if self.fate is not None:
            raise self.fate
        return self.gives


@pytest.fixture
def bank() -> Bank:
    """Give a bank."""
    return Bank()


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


async def asked(gate: Gate) -> list[PendingApproval]:
    """Give what waits for people."""
    return list((await gate.pending()).items)


async def approve_all(gate: Gate) -> None:
    """Say yes to all that waits."""
    for each in await asked(gate):
        (await gate.approve(each.id, by=ALICE)).unwrap()
