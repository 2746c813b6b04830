from __future__ import annotations

from awaitly_postgres import PostgresStore
from tests.adapters.schedules import rings_once


async def test_a_schedule_rings_once_for_all_workers(store: PostgresStore) -> None:
    """Four of them place it, take a missed tick and move it on; each happens once."""
    await rings_once(store)
