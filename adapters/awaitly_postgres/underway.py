"""What is under way, to be waited for."""

from __future__ import annotations

import asyncio
from contextlib import suppress

__all__ = ["Underway"]


class Underway:
    """Counts who is within it; belongs to one event loop. Nobody waits for them longer than `limit` seconds."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._count += 1
        self._none.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    async def drain(self) -> None:
        """Wait until nobody is within, or for as long as is allowed: somebody may hold a lock on a whole table."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limit):
                await self._none.wait()
