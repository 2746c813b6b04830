# ruff: noqa: ASYNC240  (files and processes are what these tests are about)

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from awaitly.storage.store import NEVER, ApprovalQuery, ApprovalRow, Changes, NoticeQuery, RunQuery, cursor
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly_sqlite import SqliteStore, awaiting, listing, reading, sweeping, telling
from awaitly_sqlite.migrating import scripts
from tests.adapters.listings import (
    MINUTE,
    Query,
    fill,
    lists_as_memory_does,
)

READS = (
    *(reading.RUN_PLANS, reading.APPROVAL_PLANS, listing.RUN_PLANS, listing.APPROVAL_PLANS),
    *(awaiting.PLANS, sweeping.PLANS, telling.PLANS),
)


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    """Give a connection to the schema without rows."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("".join(scripts()))
        yield connection


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    """Ask SQLite how it would go about a statement."""
    named: defaultdict[str, int] = defaultdict(int)
    values = named if ":" in statement else (0,) * statement.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize("statement", [statement for plans in READS for statement in plans])
def test_every_read_is_served_by_an_index(empty: sqlite3.Connection, statement: str) -> None:
    """Nothing scans a table or an index."""
    steps = plan(empty, statement)
    scans = [step for step in steps if step.startswith("SCAN") and "json_each" not in step and "subquery" not in step]
    assert any(step.startswith("SEARCH") for step in steps)
    assert scans == []


def test_streams_need_no_sorting(empty: sqlite3.Connection) -> None:
    """The statements behind wide listings and what is due give rows in order, as the index has them."""
    due = (sweeping.DUE, sweeping.READY, sweeping.NEXT)
    for statement in (listing.RUNS_OF_GROUP, listing.APPROVALS_OF_GROUP, *awaiting.AWAITED, *due, *telling.PLANS):
        assert "TEMP B-TREE" not in str(plan(empty, statement))


RUN = "SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)"


@pytest.mark.parametrize(
    ("statement", "steps"),
    [
        (sweeping.DUE, ["SEARCH runs USING COVERING INDEX runs_due (lane=? AND due_at<?)"]),
        (sweeping.READY, ["SEARCH approvals USING INDEX approvals_ready (lane=?)", RUN]),
        (sweeping.NEXT, ["SEARCH runs USING COVERING INDEX runs_due (lane=? AND due_at>?)"]),
    ],
)
async def test_a_sweep_reads_one_lane(path: Path, statement: str, steps: list[str]) -> None:
    """By one index, in an empty store and in one that SQLite has gathered statistics about."""
    store = SqliteStore(path)
    await store.open()
    rows = [changes(runs=(run_row(str(n), due_at=T0 + n % 7, lane=str(n % 3)),)) for n in range(200)]
    await asyncio.gather(*map(store.commit, rows))
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert plan(connection, statement) == steps
        connection.execute("ANALYZE")
    with closing(sqlite3.connect(path)) as connection:
        assert plan(connection, statement) == steps


PLACE = "(urgency,run_id,key)>(?,?,?) AND urgency<?"
ROW = "SEARCH a USING INDEX approvals_keyed (run=? AND key=?)"


@pytest.mark.parametrize(
    ("statement", "steps"),
    [
        (
            awaiting.AWAITED[0],
            [f"SEARCH a USING INDEX approvals_awaited (waits_for=? AND {PLACE})"],
        ),
        (
            awaiting.AWAITED[1],
            [
                f"SEARCH m USING COVERING INDEX audiences_listed (name=? AND {PLACE})",
                ROW,
            ],
        ),
    ],
    ids=["alone", "among-others"],
)
def test_an_audience_is_read_from_its_place_on(empty: sqlite3.Connection, statement: str, steps: list[str]) -> None:
    """An index leads to the name, and there to the place where the page before ended."""
    assert plan(empty, statement) == steps


NOTICE_READS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "of-run": lambda connection: telling.notices(connection, "mine"),
    "due": lambda connection: telling.due_notices(connection, T0 + 9, 100, "mail"),
    "the-first-due": lambda connection: telling.due_notices(connection, T0 + 9_999, 5, "mail"),
    "next": lambda connection: telling.next_notice(connection, T0 + 9, "mail"),
    "none-left": lambda connection: telling.next_notice(connection, T0 + 9_999, "mail"),
    "dead": lambda connection: telling.page_notices(connection, NoticeQuery(limit=5)),
    "dead-of-run": lambda connection: telling.page_notices(connection, NoticeQuery(run_id="mine")),
    "dead-of-channel": lambda connection: telling.page_notices(connection, NoticeQuery(channel="mail")),
    "dead-of-both": lambda connection: telling.page_notices(connection, NoticeQuery(run_id="mine", channel="mail")),
}


async def test_notices_cost_the_same_in_a_larger_store(tmp_path: Path) -> None:
    """What was sent, is to be sent later or by another channel, and what else was given up, costs a read nothing."""
    efforts: list[list[int]] = []
    for count in (50, 2000):
        path = tmp_path / f"{count}.db"
        store = SqliteStore(path)
        await store.open()
        mine = [notice_row("mine", f"{n}", due_at=T0 + n, dead=n % 2 == 0) for n in range(8)]
        sent = [notice_row(f"sent-{n}", due_at=None) for n in range(count)]
        later = [notice_row(f"later-{n}", due_at=T0 + 10 + n) for n in range(count)]
        other = [notice_row(f"other-{n}", due_at=T0 + n, channel="chat", dead=True) for n in range(count)]
        await asyncio.gather(*(store.commit(changes(notices=(row,))) for row in (*mine, *sent, *later, *other)))
        await store.close()
        efforts.append([counted(path, read) for read in NOTICE_READS.values()])
    for name, small, large in zip(NOTICE_READS, *efforts, strict=True):
        assert large <= small + 1, name


@pytest.mark.parametrize("same_time", [False, True])
@pytest.mark.parametrize("narrow", [-1, 20, 1000])
async def test_all_ways_to_a_page_agree(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, narrow: int, same_time: bool
) -> None:
    """Sorting what a filter leaves, or merging streams: both list what the memory store lists."""
    monkeypatch.setattr(listing, "NARROW", narrow)
    await lists_as_memory_does(store, same_time=same_time)


def effort(path: Path, query: Query) -> int:
    """Count the operations, in tens, that SQLite performs for a page."""
    if isinstance(query, RunQuery):
        return counted(path, lambda connection: listing.page_runs(connection, query))
    listed = listing.page_approvals if query.audience is None else awaiting.page_awaiting
    return counted(path, lambda connection: listed(connection, query))


def counted(path: Path, read: Callable[[sqlite3.Connection], object]) -> int:
    """Count the operations, in tens, that SQLite performs for a read."""
    count = 0

    def progress() -> int:
        nonlocal count
        count += 1
        return 0

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_progress_handler(progress, 10)
        read(connection)
    return count


PAGES: tuple[Query, ...] = (
    RunQuery(),
    RunQuery(workflow="refund"),
    RunQuery(statuses=("a", "b")),
    RunQuery(prefix="a"),
    RunQuery(updated_before=T0),
    ApprovalQuery(),
    ApprovalQuery(workflow="refund"),
    ApprovalQuery(prefix="a"),
    ApprovalQuery(deadline_before=T0 + 10 * MINUTE),
    ApprovalQuery(asked_before=T0 + 20 * MINUTE),
    ApprovalQuery(run_id="none"),
    ApprovalQuery(audience=("ann",)),
    ApprovalQuery(audience=("ann", "*", "role:ops", "nobody")),
    ApprovalQuery(audience=("ann", "*"), after=cursor(NEVER, "b", ""), limit=10),  # so many both have
    ApprovalQuery(audience=("ann", "*"), alive_at=T0 + 20 * MINUTE),
    ApprovalQuery(audience=("ann", "*"), deadline_before=T0 + 20 * MINUTE),
    ApprovalQuery(audience=("ann", "*"), prefix="zz"),
    ApprovalQuery(audience=("ann", "*"), run_id="none"),
)


async def test_a_page_costs_the_same_in_a_larger_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With eight times as many rows SQLite performs no more than half as many operations again."""
    monkeypatch.setattr(listing, "NARROW", 100)
    efforts: list[list[int]] = []
    for count in (250, 2000):
        store = SqliteStore(tmp_path / f"{count}.db")
        await store.open()
        await fill(store, count)
        await store.close()
        efforts.append([effort(tmp_path / f"{count}.db", query) for query in PAGES])
    for query, small, large in zip(PAGES, *efforts, strict=True):
        assert large <= small * 1.5 + 60, query


SWEEPS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "due": lambda connection: sweeping.due(connection, T0 + 9, 100, None),
    "due-in-lanes": lambda connection: sweeping.due(connection, T0 + 9, 100, ["", "a", "none"]),
    "next": lambda connection: sweeping.next_due(connection, T0 + 9, None),
    "next-in-lanes": lambda connection: sweeping.next_due(connection, T0 + 9, ["", "a", "none"]),
}


async def test_a_sweep_costs_the_same_in_a_larger_store(tmp_path: Path) -> None:
    """It touches what is due: parked runs, with a time to come or without, and other lanes, cost it nothing."""
    efforts: list[list[int]] = []
    for count in (50, 2000):
        path = tmp_path / f"{count}.db"
        store = SqliteStore(path)
        await store.open()
        due = [run_row(f"due-{n}", due_at=T0 + n, lane="a" if n % 2 else "") for n in range(10)]
        later = [run_row(f"later-{n}", due_at=T0 + 10 + n, lane="a" if n % 2 else "") for n in range(count)]
        parked = [run_row(f"parked-{n}", lane="a" if n % 2 else "") for n in range(count)]
        await asyncio.gather(*(store.commit(changes(runs=(row,))) for row in (*due, *later, *parked)))
        await store.close()
        efforts.append([counted(path, sweep) for sweep in SWEEPS.values()])
    for name, small, large in zip(SWEEPS, *efforts, strict=True):
        assert large <= small + 1, name


async def test_other_lanes_cost_a_sweep_nothing(tmp_path: Path) -> None:
    """However many of their runs are due, by their time or by a decision."""
    efforts: list[int] = []
    for count in (10, 2000):
        path = tmp_path / f"{count}.db"
        store = SqliteStore(path)
        await store.open()
        late = [changes(runs=(run_row(f"late-{n}", due_at=T0, lane="b"),)) for n in range(count)]
        ready = [
            changes(runs=(run_row(f"ready-{n}", lane="b"),), approvals=(approval_row(f"ready-{n}", ready=True),))
            for n in range(count)
        ]
        mine = changes(runs=(run_row(lane="a"),), approvals=(approval_row(ready=True),))
        await asyncio.gather(*map(store.commit, (mine, *late, *ready)))
        assert await store.due(T0, 10, ["a"]) == ("run",)
        await store.close()
        efforts.append(counted(path, SWEEPS["due-in-lanes"]))
    assert efforts[1] <= efforts[0] + 1


async def test_a_page_costs_the_same_however_many_wait(tmp_path: Path) -> None:
    """For the person who asks as for others, with a deadline or without, and far behind the first page."""
    queries = [
        ApprovalQuery(audience=("*", "ann", *(f"role:{n}" for n in range(10))), limit=10, after=after)
        for after in (None, cursor(T0 + 5, "run-05", ""), cursor(NEVER, "run-05", ""))
    ]
    efforts: list[list[int]] = []
    for count in (200, 2000):
        path = tmp_path / f"{count}.db"
        store = SqliteStore(path)
        await store.open()
        rows = [waiting(n) for n in range(count)]
        await asyncio.gather(*(store.commit(changes(approvals=(row,))) for row in rows))
        await store.close()
        efforts.append([effort(path, query) for query in queries])
    for small, large in zip(*efforts, strict=True):
        assert large <= small + 10


def waiting(n: int) -> ApprovalRow:
    """Make an approval that waits for everybody, for Ann, for a role, or for several."""
    audience = (("*",), ("ann",), (f"role:{n % 10}",), ("ann", f"role:{n % 10}"), ("eve",))[n % 5]
    return approval_row(f"run-{n:05}", deadline=None if n % 2 else T0 + n, audience=audience)


async def test_a_parked_run_takes_less_than_2100_bytes(path: Path) -> None:
    """Two steps, an approval and its ledger entry, with everything that SQLite adds, over 10,000 runs."""
    count = 10_000
    store = SqliteStore(path)
    await store.open()
    for first in range(0, count, 250):
        await asyncio.gather(*(store.commit(parked(n)) for n in range(first, first + 250)))
    await store.close()
    assert path.stat().st_size / count < 2100


def parked(n: int) -> Changes:
    """Make the commit that parks a run of the usual size."""
    name, at = f"01ja{n:022}", T0 + n * MINUTE
    return changes(
        runs=(run_row(name, created_at=at, updated_at=at, due_at=at + MINUTE, body="r" * 250),),
        steps=(step_row(name, "charge-1", "s" * 160), step_row(name, "charge-2", "s" * 160)),
        approvals=(approval_row(name, asked_at=at, deadline=at + MINUTE, body="a" * 500, audience=("role:ops",)),),
        entries=(entry_row(name, 1, "e" * 180),),
    )
