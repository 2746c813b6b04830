"""The Postgres store: for many workers on many hosts."""

from __future__ import annotations

from awaitly_postgres.settings import Settings
from awaitly_postgres.store import PostgresStore
from awaitly_postgres.url import open_postgres

__all__ = ["PostgresStore", "Settings", "open_postgres"]
