"""Listening to two stores at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from awaitly_split.core import Store, Wakes, Waking

__all__ = ["listening"]

_LONG = 3600.0
_SHORTEST, _LONGEST, _GROWTH = 0.005, 0.5, 1.5
"""How long, in seconds, a store without wake-ups is left alone between two looks."""


class _Both:
    """Gathers what either store tells, until somebody asks."""

    def __init__(self) -> None:
        self._woken: set[str] = set()
        self._any = asyncio.Event()
        self._failure: Exception | None = None

    async def next(self, timeout: float) -> frozenset[str]:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._any.wait()
        self._any.clear()
        if self._failure is not None:
            raise self._failure
        woken, self._woken = frozenset(self._woken), set()
        return woken

    async def hear(self, wakes: Wakes) -> None:
        """Pass on what a store tells; an empty answer, that something may have been missed, is passed on too."""
        try:
            while True:
                self._woken |= await wakes.next(_LONG)
                self._any.set()
        except Exception as exc:  # noqa: BLE001  (whatever it is, whoever listens is to get it)
            self._failure = exc
            self._any.set()

    async def look(self) -> None:
        """Have whoever listens look in a store that tells nothing, at growing distances."""
        pause = _SHORTEST
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST)
            self._any.set()


@asynccontextmanager
async def listening(*stores: Store) -> AsyncGenerator[Wakes]:
    """Hear of what is committed with `wakes` to any of the stores."""
    both = _Both()
    async with AsyncExitStack() as stack:
        for store in stores:
            telling = await stack.enter_async_context(store.listening()) if isinstance(store, Waking) else None
            await stack.enter_async_context(_going_on(both.hear(telling) if telling else both.look()))
        yield both


@asynccontextmanager
async def _going_on(work: Coroutine[object, object, None]) -> AsyncGenerator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
