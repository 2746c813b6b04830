"""Scale to zero: a small process that starts a worker when there is something to do, and none runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from attrs import define, field

from awaitly.cli.children import Child
from awaitly.exceptions import StoreError
from awaitly.logs import LOGGER, line
from awaitly.rests import Growing
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.working.worker import Worker

__all__ = ["Supervisor"]

T = TypeVar("T")

_MANY = 1_000
_SOUND = 60.0
"""Seconds after which a worker that dies is started again without a pause."""


@define
class Supervisor:
    """Starts the worker, again where it died, and then waits until it is needed again."""

    lookout: Worker
    child: Child
    idle: timedelta
    _stop: asyncio.Event = field(factory=asyncio.Event, init=False)
    _pause: Growing = field(factory=lambda: Growing(0.5, 30.0), init=False)

    def stop(self, at_once: bool) -> None:  # noqa: FBT001  (as `stopping` calls it)
        """Stop the worker and then this."""
        self._stop.set()
        self.child.stop(at_once=at_once)

    async def supervise(self, orchestrator: Orchestrator) -> None:
        """Supervise until `stop` is called."""
        async with orchestrator:
            left = frozenset[str]()
            while not self._stop.is_set():
                try:
                    left = await self._turn(left)
                except StoreError as error:
                    LOGGER.warning(line("store_away", error=error))
                    await self._unless_stopped(asyncio.sleep(self._pause.next()))

    async def _turn(self, left: frozenset[str]) -> frozenset[str]:
        """Wait until a worker is needed, let one work until it is idle, and give what it left undone."""
        await self._unless_stopped(self._needed(left))
        if self._stop.is_set():
            return left
        before, begun = await self.lookout.due(_MANY), time.monotonic()
        await self.child.start()
        if self._stop.is_set():
            self.child.stop()
        code = await self.child.ended()
        if code and not self._stop.is_set():
            if time.monotonic() - begun > _SOUND:
                self._pause.reset()
            await self._unless_stopped(asyncio.sleep(self._pause.next()))
            return frozenset()
        self._pause.reset()
        return frozenset() if self._stop.is_set() else before & await self.lookout.due(_MANY)

    async def _needed(self, left: frozenset[str]) -> None:
        """Wait until something is due besides what the last worker could do nothing with; in time try that too."""
        try:
            async with asyncio.timeout(self.idle.total_seconds() if left else None):
                await self.lookout.until_due(left)
        except TimeoutError:
            await self.lookout.until_due()

    async def _unless_stopped(self, wait: Coroutine[Any, Any, None]) -> None:
        """Wait for something, or until this is stopped."""
        waiting, stopped = asyncio.create_task(wait), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                waiting.result()
        finally:
            waiting.cancel()
            stopped.cancel()
            await asyncio.gather(waiting, stopped, return_exceptions=True)
