"""Poisoned snapshots in every store but a file of SQLite, whose tests damage bytes as well."""

from __future__ import annotations

from random import Random

import pytest

from awaitly import MemoryStore, Orchestrator
from tests.faults.damage import BY_CHANCE, CHANCES, TABLES, damages
from tests.faults.errands import Marks, errand
from tests.faults.lengths import SNAPSHOTS
from tests.faults.orders import Place
from tests.faults.poisoning import SHAPE, check_poisoned
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


async def test_a_long_run_damages_a_thousand_bodies() -> None:
    """In each kind of store: those of each kind, and those that it does by chance."""
    store, flow = MemoryStore(), errand(Marks())
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(SHAPE), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        found = await store.load("r")
    assert found.run is not None
    bodies = {"runs": found.run.body, "steps": found.steps[0].body, "approvals": found.approvals[0].body}
    here = sum(len(list(damages(table, body, Random(7)))) for table, body in bodies.items())
    assert here + 2 * len(TABLES) * (CHANCES - BY_CHANCE) >= SNAPSHOTS


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
