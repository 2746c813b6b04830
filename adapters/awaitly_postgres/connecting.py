"""Connections: borrowed from a pool of our own, or from the caller's, which stays as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from awaitly_postgres.core import StoreUnsuitable
from awaitly_postgres.errors import translated
from awaitly_postgres.place import Place

__all__ = ["Connection", "Connections", "Pool", "check_server", "connected"]

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[Any]

_OLDEST = 130_000


class Connections:
    """Lends connections, each to one task at a time. All of them are in autocommit while they are lent."""

    def __init__(self, pool: Pool, place: Place, *, own: bool) -> None:
        self._pool = pool
        self._place = place
        self._own = own
        self._not_in_autocommit: set[Connection] = set()

    @classmethod
    async def opened(cls, source: str | Pool, size: int, within: float, place: Place) -> Connections:
        """Take the caller's pool, or make one. Raises a `StoreError`."""
        if not isinstance(source, str):
            return cls(source, place, own=False)
        pool = AsyncConnectionPool(
            source, kwargs={"autocommit": True}, min_size=1, max_size=size, open=False, name="awaitly"
        )
        try:
            await pool.open(wait=True, timeout=within)
        except psycopg.Error as error:
            await pool.close()
            raise translated(error, place) from error
        except BaseException:
            await pool.close()
            raise
        return cls(pool, place, own=True)

    @property
    def most(self) -> int | None:
        """How many there may be at once, where that is known."""
        return self._pool.max_size or None

    async def close(self) -> None:
        """Close the pool, if it is ours."""
        if self._own:
            await self._pool.close()

    async def take(self, within: float) -> Connection:
        """Borrow one, within so many seconds; it goes back by `give`. Raises a `StoreError`."""
        connection: Connection
        try:
            connection = await self._pool.getconn(within)
        except psycopg.Error as error:
            raise translated(error, self._place) from error
        if not connection.autocommit:
            await self._use_autocommit(connection)
        return connection

    async def give(self, connection: Connection) -> None:
        """Give one back as it was; the pool replaces one that is closed."""
        if connection in self._not_in_autocommit:
            self._not_in_autocommit.discard(connection)
            if not connection.closed:
                await connection.set_autocommit(False)
        await self._pool.putconn(connection)

    @asynccontextmanager
    async def lent(self, within: float) -> AsyncGenerator[Connection]:
        """Borrow one for a while; what psycopg raises meanwhile is translated."""
        connection = await self.take(within)
        try:
            yield connection
        except psycopg.Error as error:
            raise translated(error, self._place) from error
        finally:
            await self.give(connection)

    async def _use_autocommit(self, connection: Connection) -> None:
        try:
            await connection.set_autocommit(True)
        except psycopg.Error as error:
            await self._pool.putconn(connection)
            raise translated(error, self._place) from error
        except BaseException:
            await self._pool.putconn(connection)
            raise
        self._not_in_autocommit.add(connection)


@asynccontextmanager
async def connected(source: str | Pool, within: float, place: Place) -> AsyncGenerator[Connection]:
    """Have a connection before there is a pool of ours: what is wrong with the address is told at once."""
    if not isinstance(source, str):
        async with Connections(source, place, own=False).lent(within) as lent:
            yield lent
        return
    try:
        async with await psycopg.AsyncConnection.connect(source, autocommit=True) as connection:
            yield connection
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise translated(error, place) from error


def check_server(connection: Connection, place: Place) -> None:
    """Raise `StoreUnsuitable` where the server is too old, or its database cannot hold every text."""
    info = connection.info
    if info.server_version < _OLDEST:
        version = info.server_version // 10_000
        raise StoreUnsuitable(f"the store {place}: awaitly needs Postgres 13 or newer, and this is {version}")
    encoding = info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreUnsuitable(
            f"the store {place}: this database holds text as {encoding}; create one with ENCODING 'UTF8'"
        )
