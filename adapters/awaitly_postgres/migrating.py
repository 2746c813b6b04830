"""The schema: numbered `.sql` files, applied one by one, each in a transaction of its own and by one process only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import psycopg
from psycopg.rows import tuple_row

from awaitly_postgres.connecting import Connection
from awaitly_postgres.core import NotAStore, SchemaTooNew, SchemaTooOld
from awaitly_postgres.place import Place, quoted
from awaitly_postgres.scripts import Script, migration_scripts

__all__ = ["check_schema", "migrate", "namespace_id", "printed"]

_CLASS_OF_LOCKS = 0x4157_4149  # `AWAI`: the first key of our advisory locks; the second is made of the schema's name
_LOOK = b"""
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %(schema)s),
    coalesce(array_agg(c.relname::text) FILTER (WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')), '{}')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s"""
_LOCK = "SELECT pg_advisory_xact_lock(%s, %s)"
_BEGINNING = """
CREATE TABLE IF NOT EXISTS {schema}.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""
_NOTE = "INSERT INTO {schema}.migrations (number, name) VALUES (%s, %s)"
_LIST = "SELECT number FROM {schema}.migrations"


async def check_schema(connection: Connection, place: Place) -> None:
    """Raise `SchemaTooOld` where migrations are missing, `SchemaTooNew` or `NotAStore` where it is not for us."""
    missing = await _missing(connection, place)
    if missing:
        names = ", ".join(script.name for script in missing)
        raise SchemaTooOld(
            f"the store {place}: its schema lacks {names}; run `awaitly migrate URL` as a user who may change it, "
            "or open the store with migrate=True"
        )


async def migrate(connection: Connection, place: Place) -> tuple[str, ...]:
    """Apply what is missing, and name it; many processes may do so at once.

    Nothing is written to a schema that is not a store of this release or an older one.
    """
    missing = await _missing(connection, place)
    return tuple([script.name for script in missing if await _apply(connection, place, script)])


def printed(schema: str) -> str:
    """Give all migrations as SQL that does what `migrate` does to an empty database."""
    parts = [f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)};\n", _in(schema, _BEGINNING)]
    for script in migration_scripts(schema):
        note = _in(schema, _NOTE).replace("%s, %s", f"{script.number}, '{script.name}'")
        parts.append(f"-- {script.name}\n\n{script.text}\n{note};\n")
    return "\n".join(["BEGIN;\n", *parts, "COMMIT;\n"])


async def namespace_id(connection: Connection, place: Place) -> int:
    """Give the number by which rows name this namespace; it gets one when it is first used."""
    look = _with_values(place.schema, "SELECT id FROM {schema}.namespaces WHERE name = %s")
    add = _with_values(place.schema, "INSERT INTO {schema}.namespaces (name) VALUES (%s) ON CONFLICT DO NOTHING")
    found = await _asked(connection, look, (place.namespace,))
    if not found:
        await connection.execute(add, (place.namespace,))
        found = await _asked(connection, look, (place.namespace,))
    ((number,),) = found
    return int(number)


def _in(schema: str, text: str) -> str:
    return text.replace("{schema}", quoted(schema))


def _with_values(schema: str, text: str) -> bytes:
    """The same for a statement that takes values: there a % of the name's is written twice."""
    return text.replace("{schema}", quoted(schema).replace("%", "%%")).encode()


async def _asked(
    connection: Connection, statement: bytes, values: Sequence[object] | Mapping[str, object] | None = None
) -> list[tuple[Any, ...]]:
    """Run a statement; its rows are tuples, whatever the caller of a pool likes better."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


async def _missing(connection: Connection, place: Place) -> Sequence[Script]:
    """Find what is still to do. Raises `NotAStore` and `SchemaTooNew`."""
    _, tables = await _seen(connection, place)
    if not tables:
        return migration_scripts(place.schema)
    applied = await _applied(connection, place, tables)
    scripts = migration_scripts(place.schema)
    newest = max(applied, default=0)
    if newest > scripts[-1].number:
        raise SchemaTooNew(
            f"the store {place}: a newer release of awaitly wrote it (its schema is {newest}, here is "
            f"{scripts[-1].number}); upgrade awaitly"
        )
    return [script for script in scripts if script.number not in applied]


async def _seen(connection: Connection, place: Place) -> tuple[bool, list[str]]:
    """Tell whether the schema exists, and name its tables."""
    ((exists, tables),) = await _asked(connection, _LOOK, {"schema": place.schema})
    return exists, tables


async def _applied(connection: Connection, place: Place, tables: Sequence[str]) -> set[int]:
    try:
        if "migrations" in tables:
            rows = await _asked(connection, _in(place.schema, _LIST).encode())
            return {int(number) for (number,) in rows}
    except (psycopg.errors.UndefinedColumn, ValueError, TypeError):
        pass
    raise NotAStore(
        f"the store {place}: this schema belongs to something else; name another, which awaitly then creates"
    )


async def _apply(connection: Connection, place: Place, script: Script) -> bool:
    """Apply one migration, unless another process was faster."""
    async with connection.transaction():
        await connection.execute(_LOCK, (_CLASS_OF_LOCKS, crc32(place.schema.encode()) - 2**31))
        exists, _ = await _seen(connection, place)
        if not exists:
            await connection.execute(f"CREATE SCHEMA {quoted(place.schema)}".encode())
        await connection.execute(_in(place.schema, _BEGINNING).encode())
        if script.number in await _applied(connection, place, ("migrations",)):
            return False
        await connection.execute(script.text.encode())
        await connection.execute(_with_values(place.schema, _NOTE), (script.number, script.name))
    return True
