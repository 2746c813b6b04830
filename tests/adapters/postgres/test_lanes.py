"""Lanes: what is due in some of them, and when something will be."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from psycopg.rows import TupleRow

from awaitly.result import Ok
from awaitly.storage.store import ApprovalRow, Changes, Hold, RunQuery, RunRow
from awaitly.testing.rows import T0, approval_row, changes, run_row
from awaitly_postgres import PostgresStore

Admin = psycopg.AsyncConnection[TupleRow]

STRANGE = ("", " ", "a", "a'b", '"', "{}", "a,b", "NULL", "\\", "%s", "\u00e9\U0001f600", "x" * 2000)


async def applied(store: PostgresStore, *commits: Changes) -> None:
    """Make commits, each of which must be taken."""
    for commit in commits:
        assert await store.commit(commit) == Ok(None)


async def inserted(store: PostgresStore, *rows: RunRow | ApprovalRow) -> None:
    """Insert rows, each by a commit of its own."""
    for row in rows:
        await applied(store, changes(runs=(row,)) if isinstance(row, RunRow) else changes(approvals=(row,)))


async def test_every_way_to_a_run_gives_its_lane(store: PostgresStore, admin: Admin) -> None:
    """Loaded alone or with others, listed in each way, and within a joined transaction."""
    row = run_row(lane="mail", updated_at=T0)
    await inserted(store, row, run_row("other"))
    assert (await store.load("run")).run == row
    for query in (RunQuery(), RunQuery(prefix="ru"), RunQuery(updated_before=T0 + 1)):
        assert row in (await store.page_runs(query)).items
    async with admin.transaction():
        joined = store.joined(admin)
        assert await joined.commit(changes(runs=(run_row(version=2, lane="post", due_at=T0),))) == Ok(None)
        assert (await joined.load("run")).run == run_row(version=2, lane="post", due_at=T0)
        assert await joined.due(T0, 5, ("post",)) == ("run",)
        assert await joined.next_due(T0 - 1, ("post",)) == T0
        assert await store.due(T0, 5, ("post",)) == ()


async def test_runs_that_are_loaded_together_have_their_lanes(store: PostgresStore) -> None:
    """Each its own, in one question."""
    rows = [run_row(f"run-{n}", lane=f"lane-{n}") for n in range(3)]
    await inserted(store, *rows)
    found = await asyncio.gather(*(store.load(row.run_id) for row in rows))
    assert [each.run for each in found] == rows


async def test_lanes_come_in_the_order_they_are_named_in(store: PostgresStore) -> None:
    """All of the first, by their own order, then all of the second, whatever their times and names."""
    rows = (
        run_row("a", lane="x", due_at=T0),
        run_row("b", lane="y", due_at=T0 - 5),
        run_row("c", lane="x", due_at=T0 - 1),
        run_row("d", lane="z", due_at=T0 - 9),
        run_row("e", lane="x", due_at=T0),
        run_row("f", lane="y", due_at=T0 + 1),
    )
    await inserted(store, *rows)
    assert await store.due(T0, 10, ("x", "y", "z")) == ("c", "a", "e", "b", "d")
    assert await store.due(T0, 10, ["z", "y", "x"]) == ("d", "b", "c", "a", "e")
    assert await store.due(T0, 10) == ("d", "b", "c", "a", "e")


async def test_a_lane_alone_is_asked_about(store: PostgresStore) -> None:
    """What the lanes beside it have due is not named; a lane that nobody stands in has nothing."""
    await inserted(
        store, run_row("a", lane="x", due_at=T0), run_row("b", due_at=T0), run_row("c", lane="xx", due_at=T0)
    )
    assert await store.due(T0, 10, ("x",)) == ("a",)
    assert await store.due(T0, 10, ("",)) == ("b",)
    assert await store.due(T0, 10, ("none",)) == ()


async def test_no_lanes_name_nothing(store: PostgresStore) -> None:
    """An empty list is not the same as none given."""
    await inserted(store, run_row(due_at=T0), approval_row(ready=True))
    assert await store.due(T0, 10, ()) == ()
    assert await store.next_due(T0 - 1, []) is None


async def test_ready_ones_come_behind_their_own_lane_alone(store: PostgresStore) -> None:
    """A decision makes its run due in the run's lane, after those whose time has come, and before the next lane."""
    runs = (
        run_row("a", lane="x"),
        run_row("b", lane="y", due_at=T0),
        run_row("c", lane="x", due_at=T0),
        run_row("d", lane="y", due_at=T0 + 5),
        run_row("e", lane="z"),
        run_row("f", lane="x", due_at=T0 + 9),
    )
    ready = tuple(approval_row(name, key, ready=True) for name in "acdef" for key in ("one", "two"))
    await inserted(store, *runs, *ready, approval_row("gate", ready=True))
    assert await store.due(T0, 10, ("x", "y")) == ("c", "a", "f", "b", "d")
    assert await store.due(T0, 10, ("y", "x")) == ("b", "d", "c", "a", "f")
    assert await store.due(T0, 10, ("",)) == ()


async def test_limit_is_of_all_lanes_together(store: PostgresStore) -> None:
    """Each place of the order can be where it cuts."""
    runs = (
        run_row("a", lane="x", due_at=T0 - 1),
        run_row("b", lane="x", due_at=T0),
        run_row("c", lane="x"),
        run_row("d", lane="y", due_at=T0 - 9),
        run_row("e", lane="y"),
    )
    await inserted(store, *runs, approval_row("c", ready=True), approval_row("e", ready=True))
    for limit in range(1, 7):
        assert await store.due(T0, limit, ("x", "y")) == ("a", "b", "c", "d", "e")[:limit]


async def test_a_run_changes_its_lane(store: PostgresStore) -> None:
    """With its next version it is due there, by its time or its decision, and no more where it was."""
    await inserted(store, run_row("a", lane="x", due_at=T0), run_row("b", lane="x"), approval_row("b", ready=True))
    assert await store.due(T0, 10, ("x",)) == ("a", "b")
    await inserted(store, run_row("a", 2, lane="y", due_at=T0), run_row("b", 2, lane="y"))
    assert await store.due(T0, 10, ("x",)) == ()
    assert await store.due(T0, 10, ("y",)) == ("a", "b")
    assert await store.next_due(T0 - 1, ("x",)) is None
    assert await store.next_due(T0 - 1, ("y",)) == T0


async def test_a_run_leaves_its_lane_for_the_nameless_one(store: PostgresStore) -> None:
    """An empty lane is written as any other."""
    await inserted(store, run_row(lane="x", due_at=T0), run_row(version=2, due_at=T0))
    assert await store.due(T0, 10, ("x", "")) == ("run",)
    assert (await store.load("run")).run == run_row(version=2, due_at=T0)


async def test_a_run_begins_in_its_lane_where_its_approvals_came_first(store: PostgresStore) -> None:
    """What only numbered its id stood in none."""
    await inserted(store, approval_row(ready=True), run_row(lane="x"))
    assert (await store.load("run")).run == run_row(lane="x")
    assert await store.due(T0, 10, ("x",)) == ("run",)
    assert await store.due(T0, 10, ("",)) == ()


async def test_a_renewed_lease_counts_in_its_lane(store: PostgresStore) -> None:
    """A hold puts the run off, and leaves it where it is."""
    await inserted(store, run_row(lane="x", due_at=T0))
    await applied(store, changes(holds=(Hold("run", 1, T0 + 5),)))
    assert await store.due(T0 + 4, 10, ("x",)) == ()
    assert await store.next_due(T0, ("x",)) == T0 + 5
    assert await store.due(T0 + 5, 10, ("x",)) == ("run",)


async def test_a_forgotten_run_leaves_its_lane(store: PostgresStore) -> None:
    """It is neither due there nor will be."""
    await inserted(store, run_row(lane="x", due_at=T0), approval_row(ready=True))
    await applied(store, changes(forgotten=(Hold("run", 1),)))
    assert await store.due(T0, 10, ("x",)) == ()
    assert await store.next_due(T0 - 1, ("x",)) is None


async def test_namespaces_have_lanes_of_their_own(store: PostgresStore, url: str, namespace: str) -> None:
    """A lane of the same name elsewhere is another."""
    other = PostgresStore(url, namespace=f"{namespace}-other")
    await other.open()
    await inserted(other, run_row(lane="x", due_at=T0), run_row("ready", lane="x"), approval_row("ready", ready=True))
    assert await store.due(T0, 10, ("x",)) == ()
    assert await store.next_due(T0 - 1, ("x",)) is None
    assert await store.next_due(T0 - 1) is None
    assert await other.due(T0, 10, ("x",)) == ("run", "ready")
    await other.close()


async def test_the_next_time_is_after_now(store: PostgresStore) -> None:
    """Strictly, to the microsecond; the earliest of any run, and None where none is to come."""
    await inserted(
        store, run_row("a", due_at=T0), run_row("b", due_at=T0 + 7), run_row("c"), run_row("d", due_at=T0 + 9)
    )
    assert [await store.next_due(T0 + n) for n in (-1, 0, 6, 7, 8, 9)] == [T0, T0 + 7, T0 + 7, T0 + 9, T0 + 9, None]


async def test_the_next_time_of_some_lanes_is_theirs(store: PostgresStore) -> None:
    """The earliest in any of them; what comes in lanes beside them, before or behind, does not count."""
    rows = (
        run_row("a", lane="w", due_at=T0 + 1),
        run_row("b", lane="x", due_at=T0 + 5),
        run_row("c", lane="x", due_at=T0 - 5),
        run_row("d", lane="y", due_at=T0 + 3),
        run_row("e", lane="z", due_at=T0 + 1),
    )
    await inserted(store, *rows)
    assert await store.next_due(T0, ("x",)) == T0 + 5
    assert await store.next_due(T0, ("x", "y")) == T0 + 3
    assert await store.next_due(T0, ("y", "x")) == T0 + 3
    assert await store.next_due(T0 + 3, ("x", "y")) == T0 + 5
    assert await store.next_due(T0 + 5, ("x", "y")) is None
    assert await store.next_due(T0, ("none", "")) is None


async def test_deadlines_are_nobodys_next_time(store: PostgresStore) -> None:
    """Nor are decisions: a run's own `due_at` alone counts."""
    await inserted(store, run_row(lane="x"), approval_row(deadline=T0 + 5, ready=True))
    assert await store.next_due(T0) is None
    assert await store.next_due(T0, ("x",)) is None


async def test_any_text_names_a_lane(store: PostgresStore) -> None:
    """Each is found under its own name alone; code points decide, and not a language."""
    await inserted(store, *(run_row(f"run-{n:02}", lane=lane, due_at=T0 + n) for n, lane in enumerate(STRANGE)))
    for n, lane in enumerate(STRANGE):
        assert await store.due(T0 + 99, 10, (lane,)) == (f"run-{n:02}",)
        assert await store.next_due(T0 - 1, (lane,)) == T0 + n
    assert await store.due(T0 + 99, 99, STRANGE) == tuple(f"run-{n:02}" for n in range(len(STRANGE)))


@pytest.mark.parametrize("lane", ["\0", "\ud800"], ids=["nul", "surrogate"])
async def test_what_is_no_text_names_no_lane(store: PostgresStore, lane: str) -> None:
    """It is refused, when it is written and when it is asked for; the store goes on."""
    for asking in (
        store.due(T0, 1, (lane,)),
        store.next_due(T0, (lane,)),
        store.commit(changes(runs=(run_row(lane=lane),))),
    ):
        with pytest.raises(ValueError, match=r"a value cannot be kept|surrogates"):
            await asking
    assert await store.due(T0, 1, ("",)) == ()


async def test_any_number_of_lanes_is_one_prepared_statement(store: PostgresStore, admin: Admin) -> None:
    """However often and for how many lanes one asks, the server keeps one plan of each question."""
    await inserted(store, *(run_row(f"run-{n}", lane=f"lane-{n}", due_at=T0 + n) for n in range(5)))
    async with admin.transaction():
        joined = store.joined(admin)
        for count in (1, 5, 2, 20, 3, 1, 4, 300):
            lanes = tuple(f"lane-{n}" for n in range(count))
            assert await joined.due(T0 + 9, 99, lanes) == tuple(f"run-{n}" for n in range(min(count, 5)))
            assert await joined.next_due(T0 - 1, lanes[::-1]) == T0
        rows = await admin.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%unnest(%'")
        assert len(await rows.fetchall()) == 2
        assert (await joined.due(T0 + 9, 9, ()), await joined.next_due(T0, ())) == ((), None)
