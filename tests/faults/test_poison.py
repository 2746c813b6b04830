from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from itertools import product
from random import Random
from typing import Any

import pytest

from awaitly import Orchestrator, Page, RunStatus, StoreCorrupt
from awaitly_sqlite import SqliteStore
from tests.faults.damage import TABLES, Damage, damages, garbled
from tests.faults.errands import Marks, errand
from tests.faults.orders import Place
from tests.faults.poisoning import FAIR, NEIGHBOURS, SHAPE, decodes, resumed
from tests.faults.stores import file_of
from tests.faults.tally import TALLY

Making = Callable[[str, str, Random], Iterable[Damage]]
KINDS = ("approved", "edited", "waiting", "left")
"""How the damaged runs stand: decided and not yet resumed, not decided, or left by a process that died."""


CASES = [*product(("runs", "approvals"), KINDS), ("steps", "approved"), ("steps", "left")]


@asynccontextmanager
async def opened(place: Place) -> AsyncGenerator[Orchestrator]:
    """Open the store of a place with the workflow that its runs are of."""
    async with Orchestrator(SqliteStore(file_of(place.store)), workflows=[errand(Marks())], lease="1s") as orchestrator:
        yield orchestrator


async def begin(orchestrator: Orchestrator, run_id: str, kind: str) -> None:
    """Start a run, and bring it to where it is to be damaged."""
    await orchestrator.start(errand(Marks())(SHAPE), run_id=run_id, requested_by="zoe")
    if kind in ("approved", "left"):
        await orchestrator.approve(run_id, by="ann")
    elif kind == "edited":
        await orchestrator.edit(run_id, None, "an edit", by="ann")


def leave(place: Place, run_id: str) -> None:
    """Make a decided run look as its process left it in the middle of a step: it runs, and its lease is over."""
    status = "UPDATE runs SET status = 'running', due_at = 1, body = json_set(body, '$.lease', json('[\"x\",1]')) "
    with closing(sqlite3.connect(file_of(place.store))) as db, db:
        db.execute(status + "WHERE run_id = ?", (run_id,))


def body_of(place: Place, table: str, run_id: str) -> str:
    """Read a body as it stands."""
    with closing(sqlite3.connect(file_of(place.store))) as db:
        row = db.execute(f"SELECT body FROM {table} WHERE {_IS[table]}", (run_id,)).fetchone()  # noqa: S608
    return str(row[0])


def harm(place: Place, run_id: str, damage: Damage) -> None:
    """Write a damaged body, as text, whatever its bytes are."""
    update = f"UPDATE {damage.table} SET body = CAST(? AS TEXT) WHERE {_IS[damage.table]}"  # noqa: S608
    with closing(sqlite3.connect(file_of(place.store))) as db, db:
        db.execute(update, (damage.body, run_id))


_OF_RUN = "run = (SELECT number FROM runs WHERE run_id = ?)"
_IS = {"runs": "run_id = ?", "steps": _OF_RUN, "approvals": _OF_RUN}


async def poisoned(place: Place, table: str, kind: str, made: Making = damages) -> dict[str, Damage]:
    """Fill a store with damaged runs, one for each damage, and with healthy ones beside them."""
    async with opened(place) as orchestrator:
        await begin(orchestrator, "model", kind)
    every = list(made(table, body_of(place, table, "model"), Random(7)))
    chosen = {f"run-{n:03}": damage for n, damage in enumerate(every)}
    async with opened(place) as orchestrator:
        await asyncio.gather(*(begin(orchestrator, run_id, kind) for run_id in chosen))
        await asyncio.gather(*(begin(orchestrator, run_id, "approved") for run_id in NEIGHBOURS))
    for run_id, damage in chosen.items():
        if kind == "left":
            leave(place, run_id)
        harm(place, run_id, damage)
    return chosen


async def unfairly_fared(place: Place, chosen: dict[str, Damage]) -> list[str]:
    """Resume each damaged run, and say which of them fared as none should."""
    unfair: list[str] = []
    store = SqliteStore(file_of(place.store))
    async with Orchestrator(store, workflows=[errand(Marks())], lease="1s") as orchestrator:
        for run_id, damage in chosen.items():
            readable = await _readable(store, run_id)
            fared = await resumed(orchestrator, run_id)
            if fared != "is set aside" and not (readable and fared in FAIR):
                unfair.append(f"{damage.what}: {fared}")
    TALLY.happened("damaged runs", len(chosen))
    return unfair


async def _readable(store: SqliteStore, run_id: str) -> bool:
    try:
        return decodes(await store.load(run_id))
    except StoreCorrupt:
        return False


@pytest.mark.parametrize(("table", "kind"), CASES)
async def test_a_damaged_run_is_set_aside(place: Place, table: str, kind: str) -> None:
    """A run with a damaged record is set aside with a reason, or goes on where the damage means nothing."""
    unfair = await unfairly_fared(place, await poisoned(place, table, kind))
    TALLY.check(f"a damaged row of {table} sets its run aside", not unfair, "\n" + "\n".join(unfair))


@pytest.mark.parametrize("table", TABLES)
async def test_a_run_with_garbled_text_is_set_aside(place: Place, table: str) -> None:
    """A run is set aside also where one of its bodies is no UTF-8."""
    unfair = await unfairly_fared(place, await poisoned(place, table, "approved", garbled))
    TALLY.check(f"a garbled row of {table} sets its run aside", not unfair, "\n" + "\n".join(unfair))


@pytest.mark.parametrize("made", [damages, garbled])
@pytest.mark.parametrize("kind", ["approved", "left"])
@pytest.mark.parametrize("table", TABLES)
async def test_damaged_runs_leave_their_neighbours_alone(place: Place, table: str, kind: str, made: Making) -> None:
    """Recovery goes past all damaged runs, and again, and the healthy ones complete."""
    chosen = await poisoned(place, table, kind, made)
    async with opened(place) as orchestrator, asyncio.timeout(30):
        first = await _outcome(orchestrator.recover())
        second = await _outcome(orchestrator.recover())
        statuses = Counter([(await orchestrator.resume(run_id)).status for run_id in NEIGHBOURS])
    TALLY.check("recovery goes past damaged runs", first == second == "", (len(chosen), first, second))
    TALLY.check("neighbours of damaged runs complete", statuses == {RunStatus.COMPLETED: 2}, statuses)


@pytest.mark.parametrize("made", [damages, garbled])
@pytest.mark.parametrize("table", TABLES)
async def test_listings_leave_no_damaged_run_out(place: Place, table: str, made: Making) -> None:
    """`runs()` and `pending()` still list everything, the damaged ones too."""
    chosen = await poisoned(place, table, "waiting", made)
    async with opened(place) as orchestrator:
        runs, approvals = orchestrator.runs(limit=1000), orchestrator.pending(limit=1000)
        listed, waiting = await _listed(runs), await _listed(approvals)
    every = {*chosen, *NEIGHBOURS, "model"}
    TALLY.check("runs lists damaged runs", listed == every, listed if isinstance(listed, str) else every ^ listed)
    expected = {*chosen, "model"}
    found = waiting if isinstance(waiting, str) else expected ^ waiting
    TALLY.check("pending lists damaged approvals", waiting == expected, found)


async def _outcome(doing: Awaitable[object]) -> str:
    """Say what a call raised; nothing where it did not."""
    try:
        await doing
    except Exception as exc:  # noqa: BLE001  (whatever leaves a call is what the test is about)
        return f"{type(exc).__name__}: {exc}"
    return ""


async def _listed(listing: Awaitable[Page[Any]]) -> set[str] | str:
    try:
        return {item.run_id for item in (await listing).items}
    except Exception as exc:  # noqa: BLE001  (as above)
        return f"{type(exc).__name__}: {exc}"
