"""The Postgres store: for many workers on many hosts."""

from __future__ import annotations

try:
    from awaitly_postgres.store import PostgresStore
except ImportError as exc:
    if "libpq" not in str(exc):
        raise
    missing = "psycopg finds no libpq: pip install 'psycopg[binary]' brings one, and so does Debian's package libpq5"
    raise ImportError(missing, name="psycopg") from exc
from awaitly_postgres.settings import Settings
from awaitly_postgres.url import open_postgres

__all__ = ["PostgresStore", "Settings", "open_postgres"]
