"""Taking part in a transaction that the caller has begun."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from awaitly_postgres.asking import Questions, Row
from awaitly_postgres.connecting import Connection
from awaitly_postgres.core import Changes, Conflict, Err, Ok, Result, StoreLocked, StoreUnavailable
from awaitly_postgres.encoding import conflict, encoded
from awaitly_postgres.errors import translated
from awaitly_postgres.place import Place, quoted
from awaitly_postgres.reading import Clock, Reader
from awaitly_postgres.settings import in_milliseconds

__all__ = ["JoinedStore"]


class JoinedStore(Reader):
    """A store within the caller's transaction. It reads what that transaction sees, its own commits included."""

    def __init__(self, connection: object, questions: Questions, lock_wait: timedelta, clock: Clock | None) -> None:
        if not isinstance(connection, psycopg.AsyncConnection):
            msg = f"a Postgres store joins the transaction of a psycopg.AsyncConnection, not of {connection!r}"
            raise TypeError(msg)
        asks = _ConnectionAsks(cast("Connection", connection), questions, lock_wait)
        super().__init__(asks, clock)
        self._transaction = asks
        asks.check()

    async def open(self) -> None:
        """Do nothing: it is open."""

    async def close(self) -> None:
        """Do nothing: the transaction is the caller's to end."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none, within the transaction; a conflict leaves it in good order.

        So does `StoreLocked`, raised where another transaction holds the run for longer than `lock_wait`.
        """
        return await self._transaction.commit(changes)


class _ConnectionAsks:
    """Asks by the caller's connection."""

    def __init__(self, connection: Connection, questions: Questions, lock_wait: timedelta) -> None:
        self._connection = connection
        self._questions = questions
        self._lock_wait = in_milliseconds(lock_wait)
        schema = quoted(questions.place.schema).replace("%", "%%")
        self._statement = f"SELECT {schema}.commit_joined(%s, %s, %s, %s)".encode()

    def check(self) -> None:
        """Raise `StoreUnavailable` where there is no transaction, and each statement would be one of its own."""
        connection = self._connection
        if connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE:
            raise StoreUnavailable(
                f"the store {self._questions.place}: the connection to be joined is in autocommit, and in no "
                "transaction; begin one by `async with connection.transaction():`, and join it within"
            )

    async def rows(self, name: str, **values: object) -> list[Row]:
        self.check()
        async with _translating(self._questions.place):
            return await self._questions.put(self._connection, name, values)
        raise AssertionError  # pragma: no cover

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        self.check()
        place = self._questions.place
        values = (self._questions.namespace, place.channel, self._lock_wait, encoded(changes))
        async with _translating(place), self._connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(self._statement, values, prepare=True)
            row = await cursor.fetchone()
        if row is None or row[0] is None:
            return Ok(None)
        refusal = json.loads(row[0])
        if refusal[0] == "locked":
            raise StoreLocked(
                f"the store {place}: another transaction holds run {changes.run_id!r}; end that transaction, or allow "
                "more `lock_wait`; the transaction that this commit joins is in good order"
            )
        return Err(conflict(changes.run_id, refusal))


@asynccontextmanager
async def _translating(place: Place) -> AsyncGenerator[None]:
    try:
        yield
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise translated(error, place) from error
