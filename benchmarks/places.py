"""Where contenders keep what they write: a fresh file or database each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

__all__ = ["Place", "databases", "files", "namespaces", "postgres_bytes", "redis_bytes", "settle_postgres"]

Place: TypeAlias = Callable[[str], str]
"""Gives the address of what is empty, for a name."""


@contextmanager
def files() -> Generator[Place]:
    """Give SQLite files, in a folder that is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="awaitly-bench-") as folder:
        yield lambda name: f"sqlite:///{Path(folder) / name.replace(' ', '-')}.db"


@contextmanager
def databases() -> Generator[Place]:
    """Give databases of a Postgres of our own, at its defaults but for 256 MB of shared buffers."""
    import psycopg  # noqa: PLC0415  (only those who ask for Postgres need it)
    from psycopg.sql import SQL, Identifier  # noqa: PLC0415

    from tests.services.guarding import guarded  # noqa: PLC0415  (imports a driver)
    from tests.services.looking import POSTGRES  # noqa: PLC0415
    from tests.services.owning import owned  # noqa: PLC0415
    from tests.services.postgres_server import PostgresServer  # noqa: PLC0415

    programs = POSTGRES.programs()
    if programs is None:
        raise SystemExit(f"no Postgres to measure on: {POSTGRES.cure}")
    settings = {"shared_buffers": "256MB", "max_wal_size": "1GB", "shared_preload_libraries": "pg_stat_statements"}
    with guarded() as guard, owned(guard, programs, lambda place: PostgresServer(*place, settings)) as server:

        def database(name: str) -> str:
            plain = name.replace(" ", "_")
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(SQL("CREATE DATABASE {}").format(Identifier(plain)))
            return server.url.rpartition("/")[0] + f"/{plain}"

        yield database


@contextmanager
def namespaces() -> Generator[Place]:
    """Give namespaces of a Redis of our own, which flushes its log every second as Redis does by default."""
    from tests.services.guarding import guarded  # noqa: PLC0415
    from tests.services.looking import REDIS  # noqa: PLC0415  (imports a driver)
    from tests.services.owning import owned  # noqa: PLC0415
    from tests.services.redis_server import RedisServer  # noqa: PLC0415

    programs = REDIS.programs()
    if programs is None:
        raise SystemExit(f"no Redis to measure on: {REDIS.cure}")
    options = ("--appendonly", "yes", "--appendfsync", "everysec")
    with (
        guarded() as guard,
        owned(guard, programs, lambda place: RedisServer(place[0] / "redis-server", place[1], options)) as server,
    ):
        yield lambda name: f"{server.url}?namespace={name.replace(' ', '-')}"


def postgres_bytes(address: str) -> int:
    """Give the size of a database on disk."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0


def redis_bytes(address: str) -> int:
    """Give the memory that a server uses for its data, that of other namespaces included."""
    from tests.services.asking import told  # noqa: PLC0415

    return int(told(urlsplit(address).port or 0, "INFO", "memory")["used_memory_dataset"])


def settle_postgres(address: str) -> None:
    """Do at once what Postgres would do on its own in the minutes after so many rows came."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
