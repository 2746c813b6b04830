"""Listing open approvals."""

# ruff: noqa: S101, PLR2004  (tests assert, and numbers are what a test is about)

from __future__ import annotations

import pytest
from attrs import evolve

from awaitly.storage.store import ApprovalQuery, Hold, Store
from awaitly.testing.rows import T0, approval_row, changes, run_row
from awaitly.testing.store_contract.page_runs import IN_ORDER
from awaitly.testing.store_contract.tools import applied, approval_ids, inserted

__all__ = ["PageApprovalsFacts"]


async def with_approvals(store: Store, count: int) -> list[tuple[str, str]]:
    """Insert runs with an approval each, one a microsecond, and name them oldest first."""
    names = [f"run-{n:04}" for n in range(count)]
    rows = tuple(approval_row(name, asked_at=T0 + n, deadline=T0) for n, name in enumerate(names))
    await inserted(store, *map(run_row, names), *rows)
    return [(name, "manager") for name in names]


class PageApprovalsFacts:
    """Listing open approvals."""

    async def test_an_empty_store_lists_no_approvals(self, store: Store) -> None:
        """The one page is empty, and the last."""
        page = await store.page_approvals(ApprovalQuery())
        assert (page.items, page.after) == ((), None)

    async def test_approvals_are_listed_as_stored(self, store: Store) -> None:
        """A listed row is the whole row, in its newest version."""
        new = approval_row(version=2, asked_at=T0 + 1, deadline=T0 + 2, body='"new"')
        await applied(store, changes(approvals=(approval_row(),)), changes(approvals=(new,)))
        assert (await store.page_approvals(ApprovalQuery())).items == (new,)

    async def test_only_open_approvals_are_listed(self, store: Store) -> None:
        """Neither those that were closed when they were inserted nor those that were closed later."""
        rows = (approval_row("a"), approval_row("b", open=False), approval_row("c"))
        await inserted(store, *rows)
        await applied(store, changes(approvals=(approval_row("c", version=2, open=False, ready=True),)))
        assert await approval_ids(store, ApprovalQuery()) == [("a", "manager")]

    async def test_approvals_are_listed_oldest_first(self, store: Store) -> None:
        """By `asked_at`, to the microsecond, not by when they were inserted or changed."""
        rows = (approval_row("b", asked_at=T0 + 1), approval_row("a", asked_at=T0 + 2), approval_row("c", asked_at=T0))
        await inserted(store, *rows)
        await applied(store, changes(approvals=(approval_row("c", version=2, asked_at=T0),)))
        assert [run_id for run_id, _ in await approval_ids(store, ApprovalQuery())] == ["c", "b", "a"]

    async def test_approvals_of_one_moment_are_listed_by_run_and_key(self, store: Store) -> None:
        """Both are ordered by code point, without regard to any language."""
        places = [(run_id, key) for run_id in IN_ORDER for key in ("B", "a", "\u00e9")]
        await inserted(store, *(approval_row(*place) for place in places[::2] + places[1::2]))
        assert await approval_ids(store, ApprovalQuery(limit=100)) == places

    async def test_a_page_of_approvals_has_at_most_limit_items(self, store: Store) -> None:
        """It has exactly as many as are asked for, the first ones, where there are more."""
        names = await with_approvals(store, 5)
        page = await store.page_approvals(ApprovalQuery(limit=3))
        assert [(row.run_id, row.key) for row in page.items] == names[:3]
        assert page.after is not None

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 6, 7, 8, 100])
    async def test_pages_of_approvals_add_up_to_the_listing(self, store: Store, limit: int) -> None:
        """Whatever the limit: every approval once, in order."""
        names = await with_approvals(store, 7)
        assert await approval_ids(store, ApprovalQuery(limit=limit)) == names

    async def test_pages_of_approvals_of_one_moment_add_up(self, store: Store) -> None:
        """A page may end between two approvals of the same microsecond, and of the same run."""
        places = [(run_id, key) for run_id in IN_ORDER[:4] for key in ("a", "b", "c")]
        await inserted(store, *(approval_row(*place) for place in places))
        assert await approval_ids(store, ApprovalQuery(limit=2)) == places

    async def test_a_page_of_approvals_that_is_not_full_is_the_last(self, store: Store) -> None:
        """Its `after` is None."""
        await with_approvals(store, 2)
        assert (await store.page_approvals(ApprovalQuery(limit=3))).after is None

    async def test_default_limit_of_approvals_is_kept(self, store: Store) -> None:
        """Without a limit a page has 50 items."""
        await with_approvals(store, 51)
        assert len((await store.page_approvals(ApprovalQuery())).items) == 50

    async def test_new_approvals_come_at_the_end_of_a_walk(self, store: Store) -> None:
        """An approval that is asked between two pages shifts nothing, and is listed last."""
        names = await with_approvals(store, 4)
        first = await store.page_approvals(ApprovalQuery(limit=2))
        await applied(store, changes(approvals=(approval_row("a-new", asked_at=T0 + 50),)))
        rest = await approval_ids(store, ApprovalQuery(limit=2, after=first.after))
        assert rest == [*names[2:], ("a-new", "manager")]

    async def test_an_older_approval_does_not_disturb_a_walk(self, store: Store) -> None:
        """One that is inserted ahead of the cursor neither appears nor shifts what follows."""
        names = await with_approvals(store, 4)
        first = await store.page_approvals(ApprovalQuery(limit=2))
        await applied(store, changes(approvals=(approval_row("older", asked_at=T0 - 50),)))
        assert await approval_ids(store, ApprovalQuery(limit=2, after=first.after)) == names[2:]

    async def test_a_walk_goes_on_where_its_last_approval_is_closed(self, store: Store) -> None:
        """A cursor is a place, not a row: the row may have been decided, and its run forgotten."""
        names = await with_approvals(store, 5)
        first = await store.page_approvals(ApprovalQuery(limit=2))
        closed = approval_row(names[0][0], version=2, open=False, asked_at=T0)
        await applied(store, changes(approvals=(closed,)), changes(forgotten=(Hold(names[1][0], 1),)))
        assert await approval_ids(store, ApprovalQuery(limit=2, after=first.after)) == names[2:]

    async def test_a_wrong_cursor_of_approvals_is_refused(self, store: Store) -> None:
        """An `after` that no page gave is a mistake of the caller: `ValueError`."""
        with pytest.raises(ValueError, match="after"):
            await store.page_approvals(ApprovalQuery(after="no such place"))

    async def test_approvals_are_filtered_by_run(self, store: Store) -> None:
        """All of one run, and of no run whose id looks alike."""
        rows = (approval_row("run", "a"), approval_row("run", "b"), approval_row("run2"), approval_row("RUN"))
        await inserted(store, *rows)
        assert await approval_ids(store, ApprovalQuery(run_id="run")) == [("run", "a"), ("run", "b")]

    async def test_approvals_are_filtered_by_workflow(self, store: Store) -> None:
        """To the letter."""
        rows = (approval_row("a"), approval_row("b", workflow="Refund"), approval_row("c", workflow="refund2"))
        await inserted(store, *rows)
        assert await approval_ids(store, ApprovalQuery(workflow="refund")) == [("a", "manager")]

    async def test_alive_at_leaves_out_what_has_expired(self, store: Store) -> None:
        """A deadline at that time counts as over; one a microsecond later, or none, does not."""
        rows = tuple(approval_row(f"run-{n}", deadline=T0 + n) for n in (-1, 0, 1))
        await inserted(store, *rows, approval_row("without"))
        assert await approval_ids(store, ApprovalQuery(alive_at=T0)) == [("run-1", "manager"), ("without", "manager")]

    async def test_deadline_before_finds_what_is_urgent(self, store: Store) -> None:
        """It leaves out those whose deadline is exactly then, or later, or that have none."""
        rows = tuple(approval_row(f"run-{n}", deadline=T0 + n) for n in (-1, 0, 1))
        await inserted(store, *rows, approval_row("without"))
        assert await approval_ids(store, ApprovalQuery(deadline_before=T0)) == [("run--1", "manager")]

    async def test_asked_before_finds_what_waits_long(self, store: Store) -> None:
        """It leaves out those asked exactly then, or later."""
        rows = tuple(approval_row(f"run-{n}", asked_at=T0 + n) for n in (-1, 0, 1))
        await inserted(store, *rows)
        assert await approval_ids(store, ApprovalQuery(asked_before=T0)) == [("run--1", "manager")]

    async def test_an_approval_with_an_empty_workflow_is_listed(self, store: Store) -> None:
        """Empty text is text: it passes where nothing filters, and a filter finds it."""
        await inserted(store, approval_row("a", workflow=""), approval_row("b"))
        assert await approval_ids(store, ApprovalQuery()) == [("a", "manager"), ("b", "manager")]
        assert await approval_ids(store, ApprovalQuery(workflow="")) == [("a", "manager")]

    @pytest.mark.parametrize(
        "query",
        [ApprovalQuery(), ApprovalQuery(prefix="run-"), ApprovalQuery(deadline_before=T0 + 1)],
        ids=["all", "prefix", "deadline-before"],
    )
    async def test_many_approvals_are_listed_in_order(self, store: Store, query: ApprovalQuery) -> None:
        """More than any store reads at once: every approval once, in order, on several pages."""
        names = await with_approvals(store, 1500)
        assert await approval_ids(store, evolve(query, limit=700)) == names

    async def test_filters_of_approvals_combine(self, store: Store) -> None:
        """An approval is listed that passes all of them."""
        fits = approval_row("x-1", asked_at=T0, deadline=T0 + 5)
        misfits = (
            evolve(fits, run_id="y-1"),
            evolve(fits, key="closed", open=False),
            evolve(fits, key="workflow", workflow="payout"),
            evolve(fits, key="later", asked_at=T0 + 2),
            evolve(fits, key="over", deadline=T0 + 3),
            evolve(fits, key="not-urgent", deadline=T0 + 7),
        )
        await inserted(store, *misfits, fits)
        query = ApprovalQuery(
            run_id="x-1",
            prefix="x-",
            workflow="refund",
            alive_at=T0 + 3,
            asked_before=T0 + 2,
            deadline_before=T0 + 7,
        )
        assert await approval_ids(store, query) == [("x-1", "manager")]

    async def test_filtered_pages_of_approvals_add_up(self, store: Store) -> None:
        """Filters hold on every page, and the limit counts only what passes them."""
        rows = tuple(approval_row(f"run-{n}", asked_at=T0 + n, workflow="odd" if n % 2 else "even") for n in range(9))
        await inserted(store, *rows)
        query = ApprovalQuery(workflow="odd", limit=2)
        assert [row.run_id for row in (await store.page_approvals(query)).items] == ["run-1", "run-3"]
        assert [run_id for run_id, _ in await approval_ids(store, query)] == ["run-1", "run-3", "run-5", "run-7"]
