"""Noticing that something blocks the event loop, and saying which step does."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

from awaitly.logs import LOGGER, line
from awaitly.replaying.host import Underway

__all__ = ["LATE", "Watchdog"]

LATE = 1.0
"""Seconds for which the event loop may do nothing else."""
_BEATS = 4
_HINT = "while it blocks the event loop nothing else goes on; make it a plain function, and it runs in a thread"


class Watchdog:
    """A thread that warns, once for each step, where the event loop is blocked for longer than `late` seconds."""

    def __init__(self, underway: Underway, late: float = LATE) -> None:
        self._underway = underway
        self._late = late
        self._beat = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heart: asyncio.TimerHandle | None = None
        self._ident = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="awaitly watchdog", daemon=True)
        self._named: set[str] = set()

    def __enter__(self) -> Self:
        """Watch the loop that runs here."""
        self._loop = asyncio.get_running_loop()
        self._ident = threading.get_ident()
        self._tick()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Watch no more."""
        self._over.set()
        if self._heart is not None:
            self._heart.cancel()
        self._thread.join()

    def _tick(self) -> None:
        self._beat = time.monotonic()
        if self._loop is not None:
            self._heart = self._loop.call_later(self._late / _BEATS, self._tick)

    def _watch(self) -> None:
        pause = self._late / _BEATS
        looked = time.monotonic()
        while not self._over.wait(pause):
            before, looked = looked, time.monotonic()
            late = looked - self._beat - pause
            if late > self._late and looked - before < self._late:  # else this thread, or the machine, stood still too
                self._warn(late)

    def _warn(self, late: float) -> None:
        task = None if self._loop is None else asyncio.current_task(self._loop)
        run_id, key = self._blocking(task)
        if key not in self._named:
            self._named.add(key)
            LOGGER.warning(line("blocked", run=run_id, step=key, seconds=late, at=self._place(), hint=_HINT))

    def _blocking(self, task: asyncio.Task[Any] | None) -> tuple[str, str]:
        if task is None:
            return "", "a callback"
        return self._underway.of(task) or ("", getattr(task.get_coro(), "__qualname__", "a task"))

    def _place(self) -> str:
        frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (there is no other way)
        frame = frames.get(self._ident)
        return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
