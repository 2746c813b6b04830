"""A channel that keeps what it is given, for tests of whatever tells people."""

from __future__ import annotations

import asyncio

from awaitly.notifying.channels import Delivery
from awaitly.testing.failpoints import Action

__all__ = ["RecordingChannel"]


class RecordingChannel:
    """Keeps each delivery in `delivered`, in order, and gives a receipt for the first of each approval or run.

    `during` is what happens in each send, before it is delivered: `raising(...)`, a `Pause`, or a function of the
    test's own; None for nothing. `tried` has what came, whether or not it was delivered.
    """

    def __init__(self, name: str = "recording") -> None:
        self._name = name
        self.tried: list[Delivery] = []
        self.delivered: list[Delivery] = []
        self.during: Action | None = None
        self._came = asyncio.Condition()

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def send(self, delivery: Delivery) -> str | None:
        """Keep a delivery, unless `during` raises."""
        self.tried.append(delivery)
        await self._tell()
        if self.during is not None:
            await self.during()
        self.delivered.append(delivery)
        await self._tell()
        return f"receipt of {delivery.id}" if delivery.receipt is None else None

    async def until(self, *, delivered: int = 0, tried: int = 0) -> None:
        """Wait until so many were delivered, and so many tried, since the beginning."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.delivered) >= delivered and len(self.tried) >= tried)

    async def _tell(self) -> None:
        async with self._came:
            self._came.notify_all()
