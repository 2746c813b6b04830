"""Hints of commits with `wakes`, by publish and subscribe: one connection that listens, for all who do."""

from __future__ import annotations

import asyncio
import math
from asyncio import Task
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import uniform

from awaitly_redis.core import StoreUnavailable, Wakes
from awaitly_redis.driver import Connection, Reply
from awaitly_redis.errors import FAILURES, Lost, is_forbidden, translated, unavailable
from awaitly_redis.scripts import packed
from awaitly_redis.wire import Wire

__all__ = ["Listener"]

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 1.0
_CANCEL_AGAIN = 0.1
_ENDINGS = (*FAILURES, Lost)


class Listener:
    """Listens while there is anybody to tell."""

    def __init__(self, wire: Wire, channel: bytes, base: bytes) -> None:
        self._wire = wire
        self._channel = channel
        self._base = base
        self._current: _Subscription | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Hear of all that is told from now on. Raises a `StoreError` where nothing can be heard."""
        subscription = self._subscription()
        ear = _Ear(subscription)
        subscription.ears.add(ear)
        try:
            await subscription.begin()
            yield ear
        finally:
            subscription.ears.discard(ear)
            if not subscription.ears:
                self._forget(subscription)  # in this very turn, so that nobody joins what is about to end
                await asyncio.shield(subscription.end())

    async def close(self) -> None:
        """Give the connection back; whoever still waits is told that the store is closed."""
        subscription = self._current
        if subscription is not None:
            self._forget(subscription)
            await subscription.end()

    def _subscription(self) -> _Subscription:
        """Give the one that there is, or a new one where there is none or it has failed."""
        if self._current is None or self._current.is_over:
            self._current = _Subscription(self._wire, self._channel, self._base)
        return self._current

    def _forget(self, subscription: _Subscription) -> None:
        if self._current is subscription:
            self._current = None


class _Ear:
    """What one who listens has not asked for yet."""

    def __init__(self, subscription: _Subscription) -> None:
        self._subscription = subscription
        self._woken: set[str] = set()
        self._missed = False
        self._news = asyncio.Event()

    async def next(self, timeout: float) -> frozenset[str]:
        """Give the runs that were woken since the last call, as soon as there are any.

        Empty where the time is over, or where some may have been missed. Raises a `StoreError` where nothing will come.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return frozenset()
        self._subscription.check()
        woken = frozenset[str]() if self._missed else frozenset(self._woken)
        self._woken.clear()
        self._missed = False
        self._news.clear()
        return woken

    def wake(self, run_id: str) -> None:
        self._woken.add(run_id)
        self._news.set()

    def miss(self) -> None:
        """Give nothing, at once: wake-ups may have been missed."""
        self._missed = True
        self._news.set()

    def stop(self) -> None:
        """Let whoever waits see that nothing comes any more."""
        self._news.set()


class _Subscription:
    """Tells all `ears` what comes over one connection, and connects again where that is lost."""

    def __init__(self, wire: Wire, channel: bytes, base: bytes) -> None:
        self.ears: set[_Ear] = set()
        self._wire = wire
        self._channel = channel
        self._base = base
        self._was_subscribed = False
        self._listens = asyncio.Event()
        self._ended = False
        self._task: Task[None] = asyncio.create_task(self._run(), name="awaitly-redis-listener")

    @property
    def is_over(self) -> bool:
        """Whether nothing is heard any more."""
        return self._ended or self._task.done()

    async def begin(self) -> None:
        """Wait until all that is told from now on will be heard. Raises a `StoreError`."""
        await self._listens.wait()
        self.check()

    def check(self) -> None:
        """Raise a `StoreError` where nothing is heard any more."""
        if not self.is_over:
            return
        task = self._task
        error = None if not task.done() or task.cancelled() else task.exception()
        if isinstance(error, Exception):
            raise (translated if is_forbidden(error) else unavailable)(error, self._wire.where)
        raise StoreUnavailable(f"the store {self._wire.where} was closed: nothing is heard any more")

    async def end(self) -> None:
        """Give the connection back. A driver may swallow a cancellation, so it is repeated until it is heeded."""
        self._ended = True
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=_CANCEL_AGAIN)
        if not self._task.cancelled():
            self._task.exception()  # whoever listened was told of it
        self._stop()  # a task that was cancelled before its first step has told nobody

    def _stop(self) -> None:
        self._listens.set()
        for ear in self.ears:
            ear.stop()

    async def _run(self) -> None:
        try:
            await self._keep_on()
        finally:
            self._ended = True
            self._stop()

    async def _keep_on(self) -> None:
        pause = 0.0
        while not self._ended:
            try:
                await self._hear()
            except _ENDINGS as error:
                if not self._listens.is_set() or is_forbidden(error):
                    raise
                pause = 0.0 if self._was_subscribed else min(pause * 2 + _FIRST_PAUSE, _LONGEST_PAUSE)
                self._was_subscribed = False
            if not self._ended:
                await asyncio.sleep(uniform(0, pause))  # noqa: S311  (spreads attempts; no secret)
            if not self._ended:
                await self._wire.refresh()

    async def _hear(self) -> None:
        """Listen until the connection is lost."""
        place = self._wire.place(self._base)
        connection = await self._wire.link.take(place)
        try:
            if not self._ended:
                await connection.send_packed_command((packed((b"SUBSCRIBE", self._channel)),))
            while not self._ended:
                self._take(await _message(connection))
        finally:
            await asyncio.shield(self._put_away(place, connection))

    async def _put_away(self, place: str, connection: Connection) -> None:
        """End a connection: whoever has it next must not hear what is meant for us."""
        await connection.disconnect(nowait=True)
        await self._wire.link.give(place, connection)

    def _take(self, message: Reply) -> None:
        match message:
            case [b"subscribe", *_]:
                self._subscribed()
            case [b"message", _, bytes(run_id)] if run_id:
                for ear in self.ears:
                    ear.wake(run_id.decode(errors="replace"))  # a stranger may publish anything
            case _:
                pass

    def _subscribed(self) -> None:
        self._was_subscribed = True
        if self._listens.is_set():
            for ear in self.ears:
                ear.miss()
        self._listens.set()


async def _message(connection: Connection) -> Reply:
    """Read what comes next, however long that takes."""
    return await connection.read_response(disable_decoding=True, timeout=math.inf, push_request=True)
