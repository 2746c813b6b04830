"""Hearing that something has changed: by a store's own wake-ups where it has them, by looking again where not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from awaitly.storage.store import Store, Wakes, Waking

__all__ = ["watching"]

_SHORTEST, _LONGEST, _GROWTH = 0.005, 0.5, 1.5
"""How long, in seconds, a store without wake-ups is left alone between two looks."""


class _Looking:
    """Wakes whoever waits to look again, at growing distances."""

    def __init__(self) -> None:
        self._pause = _SHORTEST

    async def next(self, timeout: float) -> frozenset[str]:
        await asyncio.sleep(max(0.0, min(self._pause, timeout)))
        self._pause = min(self._pause * _GROWTH, _LONGEST)
        return frozenset()


def watching(store: Store) -> AbstractAsyncContextManager[Wakes]:
    """Listen to a store; look at it once after entering, for what came before is not told."""
    return store.listening() if isinstance(store, Waking) else _looking()


@asynccontextmanager
async def _looking() -> AsyncGenerator[Wakes]:
    yield _Looking()
