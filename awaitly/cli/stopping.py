"""Ending a program that serves until it is told to stop: the first signal is a request, the second an order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from awaitly.cli.codes import ExitCode

__all__ = ["SIGNALS", "Stops", "end_soon", "stopping"]

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LAST_MOMENT = 2.0
"""Seconds to the end of the process, whatever it is at, once nothing of it is waited for any more."""


def end_soon(code: ExitCode) -> None:
    """End the process in a moment, also where a step in a thread, or one that will not be cancelled, keeps it."""
    end = threading.Timer(_LAST_MOMENT, _end, [code])
    end.daemon = True
    end.start()


def _end(code: ExitCode) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


class Stops:
    """How often the process was told to stop."""

    def __init__(self, stop: Callable[[bool], None]) -> None:
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self.count = 0

    def hear(self, *_: object) -> None:
        """Be told: `stop` is called on the loop, with True from the second time on."""
        self.count += 1
        at_once = self.count > 1
        if at_once:
            end_soon(ExitCode.INTERRUPTED)  # the loop may be blocked
        self._loop.call_soon_threadsafe(self._stop, at_once)

    def hang_up(self, *_: object) -> None:
        """Be told that the terminal is gone: a request, however often the shell and the system say so."""
        if not self.count:
            self.hear()

    @property
    def code(self) -> ExitCode:
        """What the shell gets."""
        return ExitCode.INTERRUPTED if self.count > 1 else ExitCode.OK


@contextmanager
def stopping(stop: Callable[[bool], None]) -> Generator[Stops]:
    """Have SIGTERM and SIGINT call `stop`, and SIGHUP unless `nohup` has it ignored. Main thread only.

    A program with children of its own would leave them behind if a closed terminal ended it.
    """
    stops = Stops(stop)
    usual = {number: signal.signal(number, stops.hear) for number in SIGNALS}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        usual[signal.SIGHUP] = signal.signal(signal.SIGHUP, stops.hang_up)
    try:
        yield stops
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
