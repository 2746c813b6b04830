"""Turns: those who decide on one run go one after the other within a process, instead of refusing one another."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

__all__ = ["Turn", "Turns"]

LONGEST_TURN = 1.0
"""Seconds after which the next no longer waits: a turn saves work, and what decides is the store's swap by version."""


class Turn:
    """One's turn, from entering until it is ended, left, or has lasted too long."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Wait until those who came before have ended theirs."""
        await self._lock.acquire()
        self._timer = asyncio.get_running_loop().call_later(LONGEST_TURN, self.end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self.end()

    def end(self) -> None:
        """Let the next begin; nothing happens where it has ended already."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self._lock.release()


class Turns:
    """The turns of all runs; one that nobody has or waits for takes no memory."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, run_id: str) -> Turn:
        """Give a turn on a run, to be entered."""
        return Turn(self._locks.get(run_id) or self._locks.setdefault(run_id, asyncio.Lock()))
