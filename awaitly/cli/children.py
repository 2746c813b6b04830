"""Worker processes that a parent starts and stops."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from awaitly.logs import LOGGER, line

__all__ = ["Child", "worker_command"]


def worker_command(app: str, concurrency: int, queues: Sequence[str], grace: str, *more: str) -> tuple[str, ...]:
    """Write the command that is a worker."""
    named = [word for queue in queues for word in ("--queue", queue)]
    given = ("--concurrency", str(concurrency), "--grace", grace, *named, *more)
    return (sys.executable, "-m", "awaitly", "worker", *given, "--", app)


class Child:
    """One process at a time, in a group of its own: Ctrl-C reaches the parent alone, which hands it on."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._told = False

    async def start(self) -> None:
        """Start it."""
        self._told = False
        self._process = await asyncio.create_subprocess_exec(*self._command, process_group=0)
        LOGGER.info(line("worker_started", pid=self._process.pid))

    @property
    def lives(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def ended(self) -> int:
        """Wait until it has ended, and give its exit code."""
        if self._process is None:
            return 0
        code = await self._process.wait()
        LOGGER.info(line("worker_ended", pid=self._process.pid, code=code))
        return code

    def stop(self, *, at_once: bool = False) -> None:
        """Ask it to stop, unless it was asked; with `at_once` once more, which is how it is told to."""
        if self._process is not None and self.lives and (at_once or not self._told):
            self._told = True
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
