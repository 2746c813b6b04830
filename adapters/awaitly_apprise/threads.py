"""Threads that may be left behind: what apprise calls blocks, and nobody can make it stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from awaitly_apprise.errors import AppriseFailed

__all__ = ["Threads"]

T = TypeVar("T")


class Threads:
    """Runs plain calls in threads of their own, at most `most` at a time; none holds up the end of the program."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = threading.BoundedSemaphore(most)

    async def run(self, call: Callable[[], T], timeout: float) -> T:
        """Give what a call gives. After `timeout` seconds it is left to itself: `TimeoutError`.

        Raises `AppriseFailed` where that many are left to themselves already.
        """
        if not self._free.acquire(blocking=False):
            raise AppriseFailed(f"{self._most} sends hang; none is begun before one of these ends")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def tell(act: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if future.done() else act())

        def work() -> None:
            try:
                result = call()
            except Exception as error:  # noqa: BLE001  (raised again where it is waited for)
                raised = error
                tell(lambda: future.set_exception(raised))
            else:
                tell(lambda: future.set_result(result))
            finally:
                self._free.release()

        threading.Thread(target=work, name="awaitly-apprise", daemon=True).start()
        async with asyncio.timeout(timeout):
            return await future
