"""langgraph's checkpointers: AsyncSqliteSaver, which sets WAL itself, and AsyncPostgresSaver on a pool."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["saver_at"]

_CONNECTIONS = 16
"""As many as there are clients at most."""


@asynccontextmanager
async def saver_at(address: str) -> AsyncGenerator[Any]:
    """Open the checkpointer of an address. Raises `ImportError` where its package is missing."""
    if address.startswith("sqlite:///"):
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415  (one of two drivers)

        async with AsyncSqliteSaver.from_conn_string(address.removeprefix("sqlite:///")) as saver:
            yield saver
        return
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415
    from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415

    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool = AsyncConnectionPool(address, min_size=_CONNECTIONS, max_size=_CONNECTIONS, open=False, kwargs=settings)
    async with pool:
        on_postgres = AsyncPostgresSaver(pool)
        await on_postgres.setup()
        yield on_postgres
