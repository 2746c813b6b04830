"""Empty databases on a Postgres, for one test or one module each."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.services.processes import is_alive

__all__ = ["database", "drop_stale"]

_SORTED_AS_PEOPLE_DO = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
"""So that whoever forgets to ask for the order of code points is found out."""

_PLAIN = "TEMPLATE template0 ENCODING 'UTF8'"


_HERE = f"awaitly_test_{sha256(platform.node().encode()).hexdigest()[:8]}_"
_NAMED = re.compile(rf"{_HERE}(\d+)_[0-9a-f]+")
"""Names tell host and process, so that what a killed process left is known for that."""


@contextmanager
def database(server: str) -> Generator[str]:
    """Make an empty database on the server at this URL, give its URL, and drop it whoever is still connected."""
    name = f"{_HERE}{os.getpid()}_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        _create(connection, name)
    try:
        yield _with_database(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            _drop(connection, name)


def drop_stale(server: str) -> None:
    """Drop the databases that processes of this host have left that are no more."""
    with psycopg.connect(server, autocommit=True) as connection:
        names = [name for (name,) in connection.execute("SELECT datname::text FROM pg_database").fetchall()]
        owners = {found[0]: int(found[1]) for found in map(_NAMED.fullmatch, names) if found}
        for name in (name for name, pid in owners.items() if not is_alive(pid)):
            _drop(connection, name)


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Create a database in the order of a language, where this server can."""
    create = sql.SQL("CREATE DATABASE {} {}")
    try:
        connection.execute(create.format(sql.Identifier(name), sql.SQL(_SORTED_AS_PEOPLE_DO)))
    except psycopg.Error:
        connection.execute(create.format(sql.Identifier(name), sql.SQL(_PLAIN)))


def _with_database(server: str, name: str) -> str:
    """Give a server's URL with another database."""
    scheme, _, rest = server.partition("://")
    place, mark, query = rest.partition("?")
    host = place.partition("/")[0]
    return f"{scheme}://{host}/{name}{mark}{query}"
