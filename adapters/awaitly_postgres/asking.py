"""Asking: a statement goes to the server, once more where the connection was lost, and its rows come back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

import psycopg
from psycopg.rows import tuple_row

from awaitly_postgres.connecting import Connection, Connections
from awaitly_postgres.errors import is_lost, is_passing, translated
from awaitly_postgres.place import Place
from awaitly_postgres.scripts import queries
from awaitly_postgres.settings import Patience

__all__ = ["Asks", "PoolAsks", "Questions", "Row"]

Row: TypeAlias = tuple[Any, ...]


class Asks(Protocol):
    """Who runs the statement in the file of that name, within one namespace, in one round trip."""

    async def rows(self, name: str, **values: object) -> list[Row]:
        """Give all rows of the answer. Raises a `StoreError`."""
        ...


class Questions:
    """The statements that read a schema, for one of its namespaces."""

    def __init__(self, place: Place, namespace: int) -> None:
        self.place = place
        self.namespace = namespace
        self._queries: Mapping[str, bytes] = queries(place.schema)

    async def put(self, connection: Connection, name: str, values: dict[str, object]) -> list[Row]:
        """Run one of them. Raises what psycopg raises."""
        values["namespace"] = self.namespace
        async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            await cursor.execute(self._queries[name], values, prepare=True)
            return await cursor.fetchall()


class PoolAsks:
    """Asks by any connection of the pool."""

    def __init__(self, connections: Connections, questions: Questions, reconnect: timedelta) -> None:
        self._connections = connections
        self._questions = questions
        self._reconnect = reconnect

    async def rows(self, name: str, **values: object) -> list[Row]:
        """Give all rows of the answer; a lost connection is made again. Raises a `StoreError`."""
        patience = Patience(self._reconnect)
        while True:
            connection = await self._connections.take(patience.left)
            try:
                return await self._questions.put(connection, name, values)
            except (psycopg.Error, UnicodeEncodeError) as error:
                if not (is_lost(connection, error) or is_passing(error)) or not patience.left:
                    raise translated(error, self._questions.place) from error
            finally:
                await self._connections.give(connection)
            await patience.pause()
