"""Processes that die: a store that hears all, and each process's own way to it, which ends with the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from awaitly.changing import changed
from awaitly.durations import Duration
from awaitly.exceptions import StoreUnavailable
from awaitly.replaying.host import StandIn
from awaitly.replaying.workflow import Workflow
from awaitly.result import Ok, Result
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Changes, Conflict, Wakes
from awaitly.testing.timeline import Timelines
from awaitly.testing.wrapping import StoreWrapper
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["Life", "Memory", "Simulated"]

T = TypeVar("T")


class Memory(MemoryStore):
    """A memory store that tells `timelines` of all that is committed."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock=clock)
        self.timelines = Timelines(clock)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none, and tell of them."""
        committed = await super().commit(changes)
        if isinstance(committed, Ok):
            self.timelines.note(changes)
        return committed


class Life(StoreWrapper):
    """One process's way to a store. Once it has died, nothing goes through: `StoreUnavailable`."""

    def __init__(self, store: Memory) -> None:
        super().__init__(store)
        self._memory = store
        self._died = asyncio.Event()

    @property
    def dead(self) -> bool:
        """Whether the process has died."""
        return self._died.is_set()

    def die(self) -> None:
        """Let nothing through any more."""
        self._died.set()

    async def died(self) -> None:
        """Wait until the process has died."""
        await self._died.wait()

    async def open(self) -> None:
        """Leave the opening to the simulation."""

    async def close(self) -> None:
        """Leave the closing to the simulation."""

    def clock_now(self) -> int:
        """Read the store's clock."""
        return self._memory.clock_now()

    def listening(self) -> AbstractAsyncContextManager[Wakes]:
        """Hear of what is committed."""
        return self._memory.listening()

    async def reading(self, name: str, read: Awaitable[T]) -> T:
        """Read, unless the process has died. Raises `StoreUnavailable`."""
        found = await super().reading(name, read)
        self.check()
        return found

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, unless the process has died. Raises `StoreUnavailable`."""
        self.check()
        return await super().commit(changes)

    def check(self) -> None:
        """Raise `StoreUnavailable` where the process has died."""
        if self.dead:
            msg = "this process has crashed"
            raise StoreUnavailable(msg)


class Simulated(Orchestrator):
    """An orchestrator that lets no time pass on the spot, and has others stand in for steps."""

    def __init__(
        self, store: Life, workflows: Iterable[Workflow[..., Any, Any]], lease: Duration, stand_in: StandIn
    ) -> None:
        super().__init__(store, workflows=workflows, lease=lease)
        self._executor.host = changed(self._executor.host, inline=timedelta(0), stand_in=stand_in)
