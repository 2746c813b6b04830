"""Hints of commits with `wakes`, by publish and subscribe."""

from __future__ import annotations

import asyncio
import math
from asyncio import Task
from random import uniform

from awaitly_redis.core import StoreUnavailable
from awaitly_redis.driver import Connection, Reply
from awaitly_redis.errors import FAILURES, Lost, is_forbidden, translated, unavailable
from awaitly_redis.scripts import packed
from awaitly_redis.wire import Wire

__all__ = ["Listener"]

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 1.0
_ENDINGS = (*FAILURES, Lost)


class Listener:
    """Listens on a connection of its own, and connects again where that is lost."""

    def __init__(self, wire: Wire, channel: bytes, base: bytes) -> None:
        self._wire = wire
        self._channel = channel
        self._base = base
        self._woken: set[str] = set()
        self._missed = False
        self._was_subscribed = False
        self._news = asyncio.Event()
        self._listens = asyncio.Event()
        self._task: Task[None] | None = None

    async def next(self, timeout: float) -> frozenset[str]:
        """Give the runs that were woken since the last call, as soon as there are any.

        Empty where the time is over, or where some may have been missed. Raises a `StoreError` where nothing will come.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return frozenset()
        if self._task is None or self._task.done():
            raise self._ended()
        woken = frozenset[str]() if self._missed else frozenset(self._woken)
        self._woken.clear()
        self._missed = False
        self._news.clear()
        return woken

    async def begin(self) -> None:
        """Subscribe; on return all that is told from now on will be heard. Raises a `StoreError`."""
        self._task = asyncio.create_task(self._run(), name="awaitly-redis-listener")
        try:
            await self._listens.wait()
        except BaseException:
            await self.end()
            raise
        if self._task.done():
            raise self._ended()

    async def end(self) -> None:
        """Give the connection back; whoever still waits is told that the store is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._news.set()

    def _ended(self) -> Exception:
        task = self._task
        error = None if task is None or not task.done() or task.cancelled() else task.exception()
        if isinstance(error, Exception):
            return translated(error, self._wire.where) if is_forbidden(error) else unavailable(error, self._wire.where)
        return StoreUnavailable(f"the store {self._wire.where} was closed: nothing is heard any more")

    async def _run(self) -> None:
        pause = 0.0
        try:
            while True:
                try:
                    await self._hear()
                except _ENDINGS as error:
                    if not self._listens.is_set() or is_forbidden(error):
                        raise
                    pause = 0.0 if self._was_subscribed else min(pause * 2 + _FIRST_PAUSE, _LONGEST_PAUSE)
                    self._was_subscribed = False
                await asyncio.sleep(uniform(0, pause))  # noqa: S311  (spreads attempts; no secret)
                await self._wire.refresh()
        finally:
            self._listens.set()
            self._news.set()

    async def _hear(self) -> None:
        """Listen until the connection is lost."""
        link = self._wire.link
        place = self._wire.place(self._base)
        connection = await link.take(place)
        try:
            await connection.send_packed_command((packed((b"SUBSCRIBE", self._channel)),))
            while True:
                self._take(await _message(connection))
        finally:
            await connection.disconnect(nowait=True)
            await link.give(place, connection)

    def _take(self, message: Reply) -> None:
        match message:
            case [b"subscribe", *_]:
                self._was_subscribed = True
                if self._listens.is_set():
                    self._missed = True
                    self._news.set()
                self._listens.set()
            case [b"message", _, bytes(run_id)] if run_id:
                self._woken.add(run_id.decode(errors="replace"))  # a stranger may publish anything
                self._news.set()
            case _:
                pass


async def _message(connection: Connection) -> Reply:
    """Read what comes next, however long that takes."""
    return await connection.read_response(disable_decoding=True, timeout=math.inf, push_request=True)
