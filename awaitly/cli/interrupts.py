"""Ctrl-C without surprises: it never breaks into the event loop's own code, and no question misses it.

asyncio raises `KeyboardInterrupt` in the midst of a loop whose task has just ended; the next coroutine on that loop is
then stopped before it is done. A read from a terminal that begins right after the signal waits for the next key.
"""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

__all__ = ["Runner", "forget_typed", "typed"]

T = TypeVar("T")


class Runner:
    """Runs coroutines one after the other on a loop of its own. To be used in the main thread."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._task: asyncio.Task[Any] | None = None
        self._pressed = False

    def __enter__(self) -> Self:
        """Make the loop."""
        self._runner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the loop."""
        self._runner.__exit__(kind, error, trace)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end. Ctrl-C cancels the coroutine, and is raised once the loop stands still."""
        return self._run(work, self._cancel)

    def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, whoever presses Ctrl-C; it is raised after that."""
        return self._run(work, lambda: None)

    def _run(self, work: Coroutine[Any, Any, T], interrupt: Any) -> T:
        loop = self._runner.get_loop()

        def pressed(*_: object) -> None:
            self._pressed = True
            loop.call_soon_threadsafe(interrupt)

        self._pressed = False
        usual = signal.getsignal(signal.SIGINT)
        if usual is signal.default_int_handler:  # else it is ignored, or in the hands of somebody who knows better
            signal.signal(signal.SIGINT, pressed)
        try:
            return self._runner.run(self._noted(work, interrupt))
        finally:
            signal.signal(signal.SIGINT, usual)
            if self._pressed:
                raise KeyboardInterrupt

    async def _noted(self, work: Coroutine[Any, Any, T], interrupt: Any) -> T:
        self._task = asyncio.current_task()
        if self._pressed:
            interrupt()
        return await work

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def typed(prompt: str, wait: Callable[[], None] | None = None) -> str:
    """Ask for a line. Raises `EOFError` and `KeyboardInterrupt`, and whatever `wait` raises, which waits for a key."""
    sys.stdout.write(prompt)
    sys.stdout.flush()
    if wait is not None:
        wait()
    elif sys.platform != "win32":  # where there is no waiting for the two at once
        _await_key()
    return input()


def forget_typed() -> None:
    """Drop what was typed and not yet read: it was meant for a question that is no more."""
    if sys.platform != "win32":
        import termios  # noqa: PLC0415  (not everywhere)

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _await_key() -> None:
    """Wait until a line can be read, or a signal has come; the signal's handler then raises."""
    woken, wake = socket.socketpair()
    with woken, wake:
        wake.settimeout(0)
        before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        try:
            select.select([sys.stdin, woken], [], [])
        finally:
            signal.set_wakeup_fd(before)
