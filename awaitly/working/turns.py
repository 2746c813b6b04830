"""Turns: those who decide on one run go one after the other within a process, instead of refusing one another."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Self, TypeAlias

__all__ = ["Turn", "Turns"]

LONGEST_TURN = 1.0
"""Seconds for which the next waits at most: a turn saves work, and what decides is the store's swap by version."""

_Line: TypeAlias = "deque[Turn]"
"""All who decide on one run: the first has the turn, and those behind wait in the order in which they came."""


class Turn:
    """One's turn, from entering until it is ended, left, or has made the next wait for too long."""

    __slots__ = ("_called", "_lines", "_run_id", "_timer")

    def __init__(self, lines: dict[str, _Line], run_id: str) -> None:
        self._lines = lines
        self._run_id = run_id
        self._called: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Wait until those who came before have ended theirs."""
        line = self._lines.get(self._run_id)
        if line is None:
            self._lines[self._run_id] = deque((self,))
        else:
            await self._wait_in(line)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self.end()

    def end(self) -> None:
        """Let the next begin; nothing happens where it has ended already."""
        line = self._lines.get(self._run_id)
        if line is None or line[0] is not self:
            return
        if self._timer is not None:
            self._timer.cancel()
        line.popleft()
        if line:
            line[0].begin(line)
        else:
            del self._lines[self._run_id]

    async def _wait_in(self, line: _Line) -> None:
        self._called = asyncio.get_running_loop().create_future()
        line.append(self)
        line[0].hurry()
        try:
            await self._called
        except asyncio.CancelledError:
            self.end()
            if self in line:  # where its turn has not even begun
                line.remove(self)
            raise

    def begin(self, line: _Line) -> None:
        """Let who waits for this turn go on."""
        if len(line) > 1:
            self.hurry()
        if self._called is not None and not self._called.done():  # or it was cancelled
            self._called.set_result(None)

    def hurry(self) -> None:
        """End this turn after a while, for somebody waits for it."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LONGEST_TURN, self.end)


class Turns:
    """The turns of all runs; one that nobody has or waits for takes no memory."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def of(self, run_id: str) -> Turn:
        """Give a turn on a run, to be entered."""
        return Turn(self._lines, run_id)
