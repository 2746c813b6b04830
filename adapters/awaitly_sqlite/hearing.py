"""Hearing of commits: of this process's own at once and by name, of those of others by a look at the file now and then.

SQLite tells nobody of a commit. What a process commits itself it tells to all its listeners, whichever of its stores
over the file they listen at. That others have committed shows in `PRAGMA data_version`, which a timer reads while
anybody listens; what they have committed it does not show, so listeners are then told to look for themselves.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from awaitly_sqlite.connecting import identity
from awaitly_sqlite.core import Wakes

__all__ = ["Hearing", "Room", "room_of", "tell"]

_SHORTEST, _LONGEST, _GROWTH = 0.05, 0.15, 1.25
"""Seconds between two looks at the file: the fewest at first and after news, growing while there are none.

To wake up costs a process far more than the look itself. At the longest distance both took 0.17 percent of a core.
"""

Room: TypeAlias = tuple[int, tuple[int, int] | None]
"""Those who hear each other: the listeners of one process at one file."""


class _Ear:
    """What one who listens has not asked for yet; who commits may run on another thread's event loop."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self._loop = asyncio.get_running_loop()
        self._woken: set[str] = set()
        self._missed = False
        self._any = asyncio.Event()

    def wake(self, run_id: str) -> None:
        try:
            self._loop.call_soon_threadsafe(self._gather, run_id)
        except RuntimeError:  # its loop was closed under it, so nobody is left to hear
            _EARS.discard(self)

    def _gather(self, run_id: str) -> None:
        self._woken.add(run_id)
        self._any.set()

    def miss(self) -> None:
        """Give nothing, once all that was told by name is given: there may be more."""
        self._missed = True
        self._any.set()

    async def next(self, timeout: float) -> frozenset[str]:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._any.wait()
        woken, self._woken = frozenset(self._woken), set()
        self._missed = self._missed and bool(woken)
        if not self._missed:
            self._any.clear()
        return woken


_EARS: set[_Ear] = set()


def room_of(path: Path) -> Room:
    """Name the room of a file, whatever path leads to it; a process that was forked off has another."""
    return os.getpid(), identity(path)


def tell(room: Room, run_id: str) -> None:
    """Tell all listeners in a room of a run. Can be called on any thread."""
    for ear in tuple(_EARS):
        if ear.room == room:
            ear.wake(run_id)


class Hearing:
    """The listeners of one store; while there are any, a timer of its loop looks for commits of other processes.

    `reader` gives a connection to look by: if it can the one that this store writes by, to which its own commits do not
    count as news.
    """

    def __init__(self, room: Room, loop: AbstractEventLoop, reader: Callable[[], sqlite3.Connection]) -> None:
        self._room = room
        self._loop = loop
        self._reader = reader
        self._ears: set[_Ear] = set()
        self._seen: dict[sqlite3.Connection, int] = {}
        self._pause = _SHORTEST
        self._timer: TimerHandle | None = None

    @contextmanager
    def listening(self) -> Generator[Wakes]:
        """Hear of all that is committed from now on."""
        ear = _Ear(self._room)
        self._enter(ear)
        try:
            yield ear
        finally:
            self._leave(ear)

    def close(self) -> None:
        """Stop, whoever still listens: they wait in vain, and hear of nothing."""
        for ear in tuple(self._ears):
            self._leave(ear)

    def _enter(self, ear: _Ear) -> None:
        if not self._ears:
            self._seen.clear()
            self._has_news()
            self._timer = self._loop.call_later(_SHORTEST, self._look)
        self._pause = _SHORTEST
        self._ears.add(ear)
        _EARS.add(ear)

    def _leave(self, ear: _Ear) -> None:
        _EARS.discard(ear)
        self._ears.discard(ear)
        if not self._ears and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        news = self._has_news()
        self._pause = _SHORTEST if news else min(self._pause * _GROWTH, _LONGEST)
        self._timer = self._loop.call_later(self._pause, self._look)
        if news:
            for ear in self._ears:
                ear.miss()

    def _has_news(self) -> bool:
        """Whether there are commits since the last look by this connection, or it cannot be told."""
        connection = self._reader()
        try:
            version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:  # whoever looks in the store hears what is wrong with it
            self._seen.pop(connection, None)
            return True
        before = self._seen.get(connection)
        self._seen[connection] = version
        return version != before
