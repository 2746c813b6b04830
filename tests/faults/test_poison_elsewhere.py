"""Poisoned snapshots in every store but a file of SQLite, whose tests damage bytes as well."""

from __future__ import annotations

import pytest

from awaitly import MemoryStore
from tests.faults.damage import TABLES
from tests.faults.orders import Place
from tests.faults.poisoning import check_poisoned
from tests.faults.stores import store_at

EACH, SOME, FEW = 1, 10, 48
"""Of so many kinds of damage one is done; there are some hundred for each table."""


@pytest.mark.parametrize("table", TABLES)
async def test_damaged_runs_are_set_aside_in_memory(table: str) -> None:
    """With a reason, or they go on where the damage means nothing; and their neighbours do."""
    store = MemoryStore()
    await check_poisoned(lambda: store, table, SOME)


async def test_damaged_runs_are_set_aside_wherever_runs_are_kept(elsewhere: Place) -> None:
    """The same on servers and in two stores."""
    await check_poisoned(lambda: store_at(elsewhere.store), "approvals", FEW)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
async def test_each_damaged_run_is_set_aside_in_memory(table: str) -> None:
    """Whatever the damage."""
    store = MemoryStore()
    await check_poisoned(lambda: store, table, EACH)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
async def test_each_damaged_run_is_set_aside_wherever_runs_are_kept(table: str, elsewhere: Place) -> None:
    """Whatever the damage, and in whichever table."""
    await check_poisoned(lambda: store_at(elsewhere.store), table, EACH)
