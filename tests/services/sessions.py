"""The connections that a Postgres has, by the name that the application gave them."""

from __future__ import annotations

import time

import psycopg

from tests.services.processes import Broken

__all__ = ["sessions_of", "wait_for_the_end"]

_LONGEST = 30.0
_PAUSE = 0.005


def sessions_of(server: str, name: str) -> int:
    """Count the connections of this application."""
    with psycopg.connect(server, autocommit=True) as connection:
        return _count(connection, name)


def wait_for_the_end(server: str, name: str) -> None:
    """Wait until an application that was killed has no connection left: what it asked for is then done, or not."""
    limit = time.monotonic() + _LONGEST
    with psycopg.connect(server, autocommit=True) as connection:
        while _count(connection, name):
            if time.monotonic() > limit:
                raise Broken(f"connections of {name} do not end")
            time.sleep(_PAUSE)


def _count(connection: psycopg.Connection[tuple[object, ...]], name: str) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    row = connection.execute(query, (name,)).fetchone()
    return int(str(row[0])) if row else 0
