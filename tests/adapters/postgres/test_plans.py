"""How Postgres goes about the store's statements, in a table large enough for that to matter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import psycopg
import pytest
from psycopg.errors import Diagnostic
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from awaitly.storage.store import ApprovalQuery, Changes, Hold, NoticeQuery, RunQuery, Store
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly_postgres import PostgresStore, listing
from tests.adapters.listings import (
    MINUTE,
    lists_as_memory_does,
)

Admin = psycopg.AsyncConnection[TupleRow]
Plan: TypeAlias = dict[str, Any]

COUNT = 20_000
MOST = 1100
"""As many rows as a narrow listing may look at, and a few more."""

EXPLAINED = """
LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off; SET auto_explain.log_format = 'json';
SET auto_explain.log_level = 'notice'; SET client_min_messages = 'notice'; SET auto_explain.log_buffers = on;
"""

# A run of the usual kind for each n: 4 statuses, 3 workflows, an open approval, a step and an entry. Of 100 each one is
# due and one has a decision. The nameless lane has most, each of five others has one of 100.
FILL = """
INSERT INTO awaitly.runs (namespace, run_id, version, workflow, status, created_at, updated_at, due_at, body, lane)
SELECT ns.id, 'run-' || lpad(n::text, 8, '0'), 1, 'workflow-' || n % 3, 'status-' || n % 4, n, n,
    CASE WHEN n % 100 = 0 THEN n ELSE 900000000 + n END, repeat('x', 300),
    CASE WHEN n / 100 % 20 < 5 AND n % 20 = 0 THEN 'lane-' || n / 100 % 20 ELSE '' END
FROM generate_series(1, 20000) AS n, awaitly.namespaces ns;
INSERT INTO awaitly.steps (run, key, body) SELECT number, 'pay', repeat('x', 200) FROM awaitly.runs;
INSERT INTO awaitly.entries (run, seq, hash, body) SELECT number, 1, '\\x00', '{}' FROM awaitly.runs;
INSERT INTO awaitly.approvals
    (run, namespace, run_id, key, version, workflow, open, ready, asked_at, deadline, body, waits_for, crowd)
SELECT number, namespace, run_id, 'manager', 1, workflow, created_at % 100 <> 1, created_at % 100 = 1, created_at,
    CASE WHEN created_at % 7 > 0 THEN created_at END, repeat('x', 500),
    CASE WHEN created_at % 100 = 1 THEN NULL WHEN created_at % 5 = 1 THEN '*' WHEN created_at % 5 = 2
        THEN 'name-' || created_at % 9 END,
    created_at % 5 = 3
FROM awaitly.runs;
INSERT INTO awaitly.audiences (run, urgency, namespace, key, name, run_id)
SELECT a.run, coalesce(a.deadline, 9223372036854775807), a.namespace, a.key, n.name, a.run_id
FROM awaitly.approvals a, unnest(ARRAY['*', 'name-' || a.asked_at % 9]) AS n(name) WHERE a.crowd AND a.open;
INSERT INTO awaitly.notices (run, namespace, run_id, key, version, channel, due_at, dead, body)
SELECT r.number, r.namespace, r.run_id, k.key, 2, CASE WHEN r.created_at % 3 = 0 THEN 'chat' ELSE 'mail' END,
    CASE WHEN r.created_at % 100 = 0 THEN r.created_at WHEN r.created_at % 10 = 1 THEN 900000000 + r.created_at END,
    r.created_at % 50 = 2, repeat('x', 200)
FROM awaitly.runs r, unnest(ARRAY['1', '2']) AS k(key);
"""

LANES = (
    ("lane-1",),
    ("lane-3", "", "lane-1"),
    ("none", "lane-4", "zzz"),
    ("",),
    tuple(f"lane-{n}" for n in range(20)),
    (),
)
RUNS = (
    RunQuery(),
    RunQuery(after='[10000,"run-00010000"]'),
    RunQuery(workflow="workflow-1"),
    RunQuery(statuses=("status-1", "status-2")),
    RunQuery(statuses=("status-1",), workflow="workflow-1"),
    RunQuery(prefix="run-000101"),
    RunQuery(prefix="run-"),
    RunQuery(updated_before=500),
    RunQuery(updated_before=19_990, statuses=("status-1",)),
)
APPROVALS = (
    ApprovalQuery(),
    ApprovalQuery(after='[10000,"run-00010000","manager"]'),
    ApprovalQuery(workflow="workflow-1"),
    ApprovalQuery(prefix="run-000101"),
    ApprovalQuery(prefix="run-"),
    ApprovalQuery(run_id="run-00000007"),
    ApprovalQuery(deadline_before=500),
    ApprovalQuery(deadline_before=19_990),
    ApprovalQuery(asked_before=500),
    ApprovalQuery(alive_at=5),
    ApprovalQuery(audience=("name-1",)),
    ApprovalQuery(audience=("*", *(f"name-{n}" for n in range(9)), "nobody")),
    ApprovalQuery(audience=("*", "name-1"), after='[10000,"run-00010000","manager"]'),
    ApprovalQuery(audience=("*", "name-1"), after='[9223372036854775807,"run-00010000","manager"]'),
    ApprovalQuery(audience=("*", "name-1"), alive_at=10_000),
    ApprovalQuery(audience=("*", "name-1"), deadline_before=10_000),
    ApprovalQuery(audience=("*", "name-1"), workflow="workflow-1"),
    ApprovalQuery(audience=("*", "name-1"), prefix="run-000101"),
    ApprovalQuery(audience=("*", "name-1"), prefix="run-"),
    ApprovalQuery(audience=("*", "name-1"), run_id="run-00000007"),
)


NOTICES = (
    NoticeQuery(),
    NoticeQuery(after='["run-00010000","2"]'),
    NoticeQuery(channel="mail"),
    NoticeQuery(channel="none"),
    NoticeQuery(channel="chat", after='["run-00010000","2"]'),
    NoticeQuery(run_id="run-00000052"),
    NoticeQuery(run_id="run-00000052", channel="mail"),
)


class Plans:
    """What Postgres tells of each statement that it has carried out."""

    def __init__(self) -> None:
        self.seen: list[Plan] = []

    def note(self, notice: Diagnostic) -> None:
        """Keep a plan; other notices are none."""
        _, told, plan = (notice.message_primary or "").partition("plan:\n")
        if told:
            self.seen.append(json.loads(plan))

    def nodes(self) -> Iterator[tuple[str, Plan]]:
        """Give every node of every plan, with its statement."""
        for plan in self.seen:
            for node in _within(plan["Plan"]):
                yield plan["Query Text"], node


def _within(node: Plan) -> Iterator[Plan]:
    yield node
    for part in node.get("Plans", ()):
        yield from _within(part)


def is_cheap(node: Plan) -> bool:
    """Whether a part of a plan goes by an index, and handles few rows."""
    rows: int = (node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)) * node.get("Actual Loops", 1)
    return node["Node Type"] != "Seq Scan" and rows <= MOST


@asynccontextmanager
async def explained(url: str, plans: Plans) -> AsyncGenerator[PostgresStore]:
    """Have a store whose every statement is explained, those within functions too."""

    async def configure(connection: Admin) -> None:
        await connection.execute(EXPLAINED.encode())
        connection.add_notice_handler(plans.note)

    kwargs = {"autocommit": True}
    async with AsyncConnectionPool(url, min_size=1, max_size=1, open=False, kwargs=kwargs, configure=configure) as pool:
        store = PostgresStore(pool)
        await store.open()
        yield store
        await store.close()


async def use(store: Store, times: int) -> None:
    """Do all that a store does, so often that Postgres has settled on its plans."""
    for n in range(times):
        name = f"run-{n + 1:08}"
        new = f"new-{n}"
        commits = (
            changes(runs=(run_row(new, due_at=n),), steps=(step_row(new),)),
            changes(
                runs=(run_row(new, 2, due_at=n),),
                approvals=(approval_row(new, audience=("name-1",)), approval_row(new, "b", audience=("*", "name-1"))),
                notices=(notice_row(new), notice_row(new, "2", dead=True)),
                entries=(entry_row(new),),
            ),
            changes(approvals=(approval_row(new, version=2, open=False, ready=True),), entries=(entry_row(new, 2),)),
            changes(approvals=(approval_row(new, "b", 2, audience=("*", "name-2")),), redacted=(entry_row(new, 2),)),
            changes(approvals=(approval_row(new, "b", 3, open=False),)),
            changes(notices=(notice_row(new, version=2, due_at=None), notice_row(new, "2", 2), notice_row(new, "3"))),
            changes(holds=(Hold(new, 2, n + 1),), dropped=((new, "pay"),), steps=(step_row(new), step_row(new, "b"))),
            changes(runs=(run_row(new, 2),)),  # a conflict
            changes(approvals=(approval_row(new, version=2),)),  # another
            changes(notices=(notice_row(new),)),
            changes(notices=(notice_row(new, version=2),)),
            changes(forgotten=(Hold(new, 2),)),
        )
        for commit in commits:
            await store.commit(commit)
        await asyncio.gather(store.load(name), store.approvals(name), store.entries(name), store.due(10_000, 20))
        await store.next_due(10_000)
        for lanes in LANES:
            await store.due(10_000, 20, lanes)
            await store.next_due(10_000, lanes)
        for run_query in RUNS:
            await store.page_runs(run_query)
        for approval_query in APPROVALS:
            await store.page_approvals(approval_query)
        await store.notices(name)
        for channel in ("mail", "chat", "none"):
            await store.due_notices(10_000, 16, channel)
            await store.next_notice(10_000, channel)
        for notice_query in NOTICES:
            await store.page_notices(notice_query)


@pytest.mark.parametrize("grown", [False, True], ids=["analysed", "grown"])
async def test_every_statement_is_served_by_an_index(own_database: str, grown: bool) -> None:
    """Nothing scans a table, nor sorts or looks at more rows than a page and a narrow filter may have.

    So it is in a large store that was analysed, and in one that has grown since its statements were planned.
    """
    plans = Plans()
    await PostgresStore(own_database).migrate()
    async with await psycopg.AsyncConnection.connect(own_database, autocommit=True) as admin:
        await admin.execute("ALTER TABLE awaitly.runs SET (autovacuum_enabled = off)")
        await admin.execute("ALTER TABLE awaitly.approvals SET (autovacuum_enabled = off)")
        await admin.execute("ALTER TABLE awaitly.audiences SET (autovacuum_enabled = off)")
        await admin.execute("ALTER TABLE awaitly.notices SET (autovacuum_enabled = off)")
        async with explained(own_database, plans) as store:
            if grown:
                await use(store, 8)
            await admin.execute(FILL.encode())
            if not grown:
                await admin.execute("ANALYZE")
            plans.seen.clear()
            await use(store, 8)
    assert len(plans.seen) > 500
    assert {statement: node for statement, node in plans.nodes() if not is_cheap(node)} == {}


# Everybody is parked in one lane, for long.
FILL_ONE_LANE = """
INSERT INTO awaitly.runs (namespace, run_id, version, workflow, status, created_at, updated_at, due_at, body)
SELECT ns.id, 'run-' || lpad(n::text, 8, '0'), 1, 'workflow', 'parked', n, n, 900000000 + n, repeat('x', 300)
FROM generate_series(1, 20000) AS n, awaitly.namespaces ns;
ANALYZE;
"""


def blocks(plan: Plan) -> int:
    """How many pages of tables and indexes a whole plan has looked at."""
    root = plan["Plan"]
    return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])


@pytest.mark.parametrize("lane", ["none", ""])
async def test_a_lane_is_one_lookup_however_many_are_parked(own_database: str, lane: str) -> None:
    """Also where the planner has only ever seen one lane, and takes it for granted that everybody stands in it."""
    plans = Plans()
    lanes = (lane, *(f"lane-{n}" for n in range(19)))
    await PostgresStore(own_database).migrate()
    async with (
        await psycopg.AsyncConnection.connect(own_database, autocommit=True) as admin,
        explained(own_database, plans) as store,
    ):
        await admin.execute(FILL_ONE_LANE.encode())
        await store.due(10_000, 20)  # the catalogue is read by now
        plans.seen.clear()
        for _ in range(8):
            assert await store.due(10_000, 20, lanes) == ()
            assert await store.next_due(10_000, lanes) == (900_000_001 if lane == "" else None)
    asked = [plan for plan in plans.seen if "unnest" in plan["Query Text"]]
    assert len(asked) == 16
    assert max(map(blocks, asked)) < 5 * len(lanes)


# Two notices were sent for each run, and one of 20 runs has one that is to be sent later, by either of two channels.
FILL_NOTICES = """
INSERT INTO awaitly.runs (namespace, run_id)
SELECT ns.id, 'run-' || n FROM generate_series(1, 20000) AS n, awaitly.namespaces ns;
INSERT INTO awaitly.notices (run, namespace, run_id, key, version, channel, due_at, dead, body)
SELECT number, namespace, run_id, k.key, 3, CASE WHEN number % 2 = 0 THEN 'mail' ELSE 'chat' END,
    CASE WHEN k.key = '3' THEN 900000000 + number END, k.key = '2' AND number % 7 = 0, repeat('x', 200)
FROM awaitly.runs, unnest(ARRAY['1', '2', '3']) AS k(key) WHERE k.key <> '3' OR number % 20 < 2;
ANALYZE;
"""


async def test_notices_are_found_by_one_lookup(own_database: str) -> None:
    """Whatever else was sent, is to be sent later or by another channel, or was given up."""
    plans = Plans()
    await PostgresStore(own_database).migrate()
    async with (
        await psycopg.AsyncConnection.connect(own_database, autocommit=True) as admin,
        explained(own_database, plans) as store,
    ):
        await admin.execute(FILL_NOTICES.encode())
        assert await store.due_notices(T0, 1, "none") == ()  # the catalogue is read by now
        plans.seen.clear()
        for _ in range(8):
            assert await store.due_notices(10_000, 16, "mail") == ()
            assert len(await store.due_notices(900_000_000 + 20_000, 3, "mail")) == 3
            assert await store.next_notice(10_000, "chat") is not None
            assert len(await store.notices("run-40")) == 3
            for query in (NoticeQuery(limit=3), NoticeQuery(limit=3, channel="mail"), NoticeQuery(limit=3, channel="")):
                assert len((await store.page_notices(query)).items) == (0 if query.channel == "" else 3)
            assert len((await store.page_notices(NoticeQuery(run_id="run-7"))).items) == 1
    assert len(plans.seen) == 64
    assert max(map(blocks, plans.seen)) <= 12


@pytest.mark.parametrize("same_time", [False, True])
@pytest.mark.parametrize("narrow", [-1, 20, 1000])
async def test_all_ways_to_a_page_agree(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, narrow: int, same_time: bool
) -> None:
    """Sorting what a filter leaves, or taking some of each group: both list what the memory store lists."""
    monkeypatch.setattr(listing, "NARROW", narrow)
    await lists_as_memory_does(store, same_time=same_time)


async def test_a_parked_run_takes_less_than_2_and_a_half_kb(postgres_database: str) -> None:
    """Two steps, an approval and its ledger entry, with everything that Postgres adds, over 10,000 runs."""
    count = 10_000
    store = PostgresStore(postgres_database)
    await store.open()
    async with await psycopg.AsyncConnection.connect(postgres_database, autocommit=True) as admin:
        for first in range(0, count, 500):
            await asyncio.gather(*(store.commit(parked(n)) for n in range(first, first + 500)))
        rows = await admin.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'awaitly'::regnamespace "
            "AND relkind = 'r'"
        )
        row = await rows.fetchone()
    await store.close()
    assert row is not None
    assert row[0] / count < 2500


def parked(n: int) -> Changes:
    """Make the commit that parks a run of the usual size."""
    name, at = f"01ja{n:022}", T0 + n * MINUTE
    return changes(
        runs=(run_row(name, created_at=at, updated_at=at, due_at=at + MINUTE, body="r" * 250),),
        steps=(step_row(name, "charge-1", "s" * 160), step_row(name, "charge-2", "s" * 160)),
        approvals=(approval_row(name, asked_at=at, deadline=at + MINUTE, body="a" * 500, audience=("role:ops",)),),
        entries=(entry_row(name, 1, "e" * 180),),
    )
