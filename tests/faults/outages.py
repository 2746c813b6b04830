"""Servers that are away for a moment, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from attrs import define, field

from tests.faults.tally import TALLY

__all__ = ["Outage", "Strikes"]


@define
class Outage:
    """How a server is struck, and how it comes back; both take place in a thread."""

    down: Callable[[], object]
    up: Callable[[], object]


@define
class Strikes:
    """Outages one after another, in turn those of each server, with random times of quiet between."""

    outages: tuple[Outage, ...]
    random: Random
    enough: bool = False
    count: int = 0
    _begins: asyncio.Event = field(factory=asyncio.Event)
    _ends: asyncio.Event = field(factory=asyncio.Event)

    async def next(self) -> None:
        """Wait until an outage has begun: the server is away, and will be for a while; not, where there are no more."""
        await self._begins.wait()

    async def over(self) -> None:
        """Wait until an outage has ended."""
        await self._ends.wait()

    async def go_on(self) -> None:
        """Strike until it is enough; the server is there at the end."""
        while not self.enough:
            await asyncio.sleep(self.random.uniform(0.3, 1.5))
            await self._strike(self.outages[self.count % len(self.outages)])
            self.count += 1
            TALLY.happened("outages")
        self._begins.set()

    async def _strike(self, outage: Outage) -> None:
        await asyncio.to_thread(outage.down)
        begun, self._begins = self._begins, asyncio.Event()
        begun.set()
        await asyncio.sleep(self.random.uniform(0, 0.3))
        await asyncio.to_thread(outage.up)
        ended, self._ends = self._ends, asyncio.Event()
        ended.set()
