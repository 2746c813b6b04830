"""Hearing of commits that other processes make: one connection that listens, for all of this process."""

from __future__ import annotations

import asyncio
from asyncio import Task
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import psycopg
from psycopg import sql

from awaitly_postgres.connecting import Connection, Connections
from awaitly_postgres.core import StoreError, StoreUnavailable, Wakes
from awaitly_postgres.errors import in_short
from awaitly_postgres.place import Place
from awaitly_postgres.settings import Patience

__all__ = ["Listener"]

_BEAT = 30.0
"""After so many seconds of silence the connection is tried: it may have died without a word."""


class _Ear:
    """What one who listens has not asked for yet."""

    def __init__(self) -> None:
        self._woken: set[str] = set()
        self._missed = False
        self._any = asyncio.Event()

    def wake(self, run_id: str) -> None:
        self._woken.add(run_id)
        self._any.set()

    def miss(self) -> None:
        """Give nothing, at once: wake-ups may have been missed."""
        self._missed = True
        self._any.set()

    async def next(self, timeout: float) -> frozenset[str]:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._any.wait()
        self._any.clear()
        woken = frozenset[str]() if self._missed else frozenset(self._woken)
        self._woken.clear()
        self._missed = False
        return woken


class Listener:
    """Listens while there is anybody to tell."""

    def __init__(self, connections: Connections, place: Place, reconnect: timedelta) -> None:
        self._connections = connections
        self._place = place
        self._reconnect = reconnect
        self._ears: set[_Ear] = set()
        self._task: Task[None] | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Hear of all that is committed from now on. Raises a `StoreError` where no connection can be had."""
        ear = _Ear()
        await self._enter(ear)
        try:
            yield ear
        finally:
            await asyncio.shield(self._leave(ear))

    async def close(self) -> None:
        """Stop, whoever still listens: they wait in vain, and hear of nothing."""
        async with self._lock:
            await self._stop()

    async def _enter(self, ear: _Ear) -> None:
        async with self._lock:
            if self._task is None:
                connection = await self._listen()
                self._task = asyncio.get_running_loop().create_task(self._hear(connection))
            self._ears.add(ear)

    async def _leave(self, ear: _Ear) -> None:
        async with self._lock:
            self._ears.discard(ear)
            if not self._ears:
                await self._stop()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> Connection:
        connection = await self._connections.take(self._reconnect.total_seconds())
        try:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._place.channel)))
        except BaseException as error:
            await self._put_away(connection)
            if isinstance(error, psycopg.Error):
                raise StoreUnavailable(
                    f"the store {self._place}: it cannot be listened to ({in_short(error)})"
                ) from error
            raise
        return connection

    async def _put_away(self, connection: Connection) -> None:
        """Give a connection back; whoever has it next must not hear what is meant for us."""
        try:
            await connection.execute("UNLISTEN *")
        except psycopg.Error:
            await connection.close()
        await self._connections.give(connection)

    async def _hear(self, connection: Connection) -> None:
        """Tell what comes; where the connection is lost, make it again, and let everybody look for themselves."""
        while True:
            try:
                await self._tell(connection)
            except psycopg.Error:
                pass
            finally:
                await asyncio.shield(self._put_away(connection))
            connection = await self._again()
            for ear in self._ears:
                ear.miss()

    async def _tell(self, connection: Connection) -> None:
        while True:
            async for notify in connection.notifies(timeout=_BEAT):
                for ear in self._ears:
                    ear.wake(notify.payload)
            await connection.execute("SELECT 1")

    async def _again(self) -> Connection:
        patience = Patience(self._reconnect)
        while True:
            with suppress(StoreError):
                return await self._listen()
            await patience.pause()
