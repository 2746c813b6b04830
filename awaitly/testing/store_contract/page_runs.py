"""Listing runs."""

# ruff: noqa: S101, PLR2004  (tests assert, and numbers are what a test is about)

from __future__ import annotations

import pytest
from attrs import evolve

from awaitly.storage.store import Hold, RunQuery, Store
from awaitly.testing.rows import T0, changes, run_row
from awaitly.testing.store_contract.tools import applied, inserted, run_ids

__all__ = ["PageRunsFacts"]

IN_ORDER = ("A", "B", "a", "a-", "aa", "b", "\u00e9", "\uff5e", "\U0001f600")
"""By code point, as Python compares text; in UTF-16 the last would come before the one ahead of it."""


async def with_runs(store: Store, count: int) -> list[str]:
    """Insert runs, one a microsecond, and name them newest first."""
    await inserted(store, *(run_row(f"run-{n:04}", created_at=T0 + n) for n in range(count)))
    return [f"run-{n:04}" for n in reversed(range(count))]


class PageRunsFacts:
    """Listing runs."""

    async def test_an_empty_store_lists_no_runs(self, store: Store) -> None:
        """The one page is empty, and the last."""
        page = await store.page_runs(RunQuery())
        assert (page.items, page.after) == ((), None)

    async def test_runs_are_listed_as_stored(self, store: Store) -> None:
        """A listed row is the whole row, in its newest version."""
        new = run_row(version=2, status="done", updated_at=T0 + 1, due_at=T0 + 2, body='"new"')
        await applied(store, changes(runs=(run_row(),)), changes(runs=(new,)))
        assert (await store.page_runs(RunQuery())).items == (new,)

    async def test_runs_are_listed_newest_first(self, store: Store) -> None:
        """By `created_at`, to the microsecond, not by when they were inserted or changed."""
        rows = (run_row("b", created_at=T0 + 1), run_row("a", created_at=T0 + 2), run_row("c", created_at=T0))
        await inserted(store, *rows)
        await applied(store, changes(runs=(run_row("c", 2, created_at=T0, updated_at=T0 + 9),)))
        assert await run_ids(store, RunQuery()) == ["a", "b", "c"]

    async def test_runs_of_one_moment_are_listed_by_id_descending(self, store: Store) -> None:
        """Ids are ordered by code point, without regard to any language."""
        await inserted(store, *(run_row(run_id) for run_id in IN_ORDER[::2] + IN_ORDER[1::2]))
        assert await run_ids(store, RunQuery()) == list(reversed(IN_ORDER))

    async def test_a_page_of_runs_has_at_most_limit_items(self, store: Store) -> None:
        """It has exactly as many as are asked for, the first ones, where there are more."""
        names = await with_runs(store, 5)
        page = await store.page_runs(RunQuery(limit=3))
        assert [row.run_id for row in page.items] == names[:3]
        assert page.after is not None

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 6, 7, 8, 100])
    async def test_pages_of_runs_add_up_to_the_listing(self, store: Store, limit: int) -> None:
        """Whatever the limit: every run once, in order."""
        names = await with_runs(store, 7)
        assert await run_ids(store, RunQuery(limit=limit)) == names

    async def test_pages_of_runs_of_one_moment_add_up(self, store: Store) -> None:
        """A page may end between two runs that were created at the same microsecond."""
        await inserted(store, *(run_row(run_id) for run_id in IN_ORDER))
        assert await run_ids(store, RunQuery(limit=2)) == list(reversed(IN_ORDER))

    async def test_a_page_of_runs_that_is_not_full_is_the_last(self, store: Store) -> None:
        """Its `after` is None."""
        await with_runs(store, 2)
        assert (await store.page_runs(RunQuery(limit=3))).after is None

    async def test_default_limit_of_runs_is_kept(self, store: Store) -> None:
        """Without a limit a page has 50 items."""
        await with_runs(store, 51)
        assert len((await store.page_runs(RunQuery())).items) == 50

    async def test_new_runs_do_not_disturb_a_walk(self, store: Store) -> None:
        """Runs that are created between two pages neither appear, being newer, nor shift what follows."""
        names = await with_runs(store, 4)
        first = await store.page_runs(RunQuery(limit=2))
        await applied(store, changes(runs=(run_row("newer", created_at=T0 + 50),)))
        second = await store.page_runs(RunQuery(limit=2, after=first.after))
        assert [row.run_id for row in (*first.items, *second.items)] == names

    async def test_an_older_run_shows_up_later_in_a_walk(self, store: Store) -> None:
        """A run that is inserted behind the cursor is listed when the walk comes to it."""
        await with_runs(store, 4)
        first = await store.page_runs(RunQuery(limit=2))
        await applied(store, changes(runs=(run_row("between", created_at=T0 + 1),)))
        names = await run_ids(store, RunQuery(limit=2, after=first.after))
        assert names == ["run-0001", "between", "run-0000"]

    async def test_a_walk_goes_on_where_its_last_run_is_gone(self, store: Store) -> None:
        """A cursor is a place, not a row: the row may have been forgotten."""
        names = await with_runs(store, 4)
        first = await store.page_runs(RunQuery(limit=2))
        await applied(store, changes(forgotten=(Hold(names[1], 1),)))
        assert await run_ids(store, RunQuery(limit=2, after=first.after)) == names[2:]

    async def test_a_wrong_cursor_of_runs_is_refused(self, store: Store) -> None:
        """An `after` that no page gave is a mistake of the caller: `ValueError`."""
        with pytest.raises(ValueError, match="after"):
            await store.page_runs(RunQuery(after="no such place"))

    async def test_runs_are_filtered_by_workflow(self, store: Store) -> None:
        """To the letter."""
        rows = (run_row("a", workflow="refund"), run_row("b", workflow="Refund"), run_row("c", workflow="refund2"))
        await inserted(store, *rows)
        assert await run_ids(store, RunQuery(workflow="refund")) == ["a"]

    async def test_runs_are_filtered_by_a_status(self, store: Store) -> None:
        """Of its newest version, to the letter."""
        rows = (run_row("a", status="parked"), run_row("b", status="done"), run_row("c", status="Parked"))
        await inserted(store, *rows, run_row("d", status="parked"))
        await applied(store, changes(runs=(run_row("d", 2, status="done"),)))
        assert await run_ids(store, RunQuery(statuses=("parked",))) == ["a"]

    async def test_runs_are_filtered_by_several_statuses(self, store: Store) -> None:
        """A run is listed that has any of them."""
        rows = (run_row("a", status="parked"), run_row("b", status="done"), run_row("c", status="failed"))
        await inserted(store, *rows)
        assert await run_ids(store, RunQuery(statuses=("parked", "failed"))) == ["c", "a"]

    async def test_no_status_matches_no_run(self, store: Store) -> None:
        """An empty choice of statuses is a filter, not the absence of one."""
        await with_runs(store, 2)
        assert await run_ids(store, RunQuery(statuses=())) == []

    async def test_runs_are_filtered_by_their_last_change(self, store: Store) -> None:
        """`updated_before` leaves out those of exactly that time, and later ones."""
        rows = tuple(run_row(f"run-{n}", updated_at=T0 + n) for n in (-1, 0, 1))
        await inserted(store, *rows)
        assert await run_ids(store, RunQuery(updated_before=T0)) == ["run--1"]

    async def test_a_run_with_empty_fields_is_listed(self, store: Store) -> None:
        """Empty text is text: it passes where nothing filters, and a filter finds it."""
        empty = run_row(workflow="", status="")
        await inserted(store, empty, run_row("other"))
        assert await run_ids(store, RunQuery()) == ["run", "other"]
        assert await run_ids(store, RunQuery(workflow="", statuses=("",))) == ["run"]

    @pytest.mark.parametrize(
        "query",
        [RunQuery(), RunQuery(prefix="run-"), RunQuery(updated_before=T0 + 1), RunQuery(statuses=("parked",))],
        ids=["all", "prefix", "updated-before", "statuses"],
    )
    async def test_many_runs_are_listed_in_order(self, store: Store, query: RunQuery) -> None:
        """More than any store reads at once: every run once, in order, on several pages."""
        names = await with_runs(store, 1500)
        assert await run_ids(store, evolve(query, limit=700)) == names

    async def test_filters_of_runs_combine(self, store: Store) -> None:
        """A run is listed that passes all of them."""
        fits = run_row("x-1", workflow="refund", status="parked", updated_at=T0)
        misfits = (
            evolve(fits, run_id="y-1"),
            evolve(fits, run_id="x-2", workflow="payout"),
            evolve(fits, run_id="x-3", status="done"),
            evolve(fits, run_id="x-4", updated_at=T0 + 9),
        )
        await inserted(store, fits, *misfits)
        query = RunQuery(prefix="x-", workflow="refund", statuses=("parked",), updated_before=T0 + 9)
        assert await run_ids(store, query) == ["x-1"]

    async def test_filtered_pages_of_runs_add_up(self, store: Store) -> None:
        """Filters hold on every page, and the limit counts only what passes them."""
        rows = tuple(run_row(f"run-{n}", created_at=T0 + n, status="odd" if n % 2 else "even") for n in range(9))
        await inserted(store, *rows)
        query = RunQuery(statuses=("odd",), limit=2)
        assert [row.run_id for row in (await store.page_runs(query)).items] == ["run-7", "run-5"]
        assert await run_ids(store, query) == ["run-7", "run-5", "run-3", "run-1"]
