"""Bugs in listings."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from attrs import evolve

from awaitly.storage.store import ApprovalQuery, ApprovalRow, Page, RunQuery, RunRow, Store, cursor
from awaitly.testing.rows import approval_row, run_row
from tests.stores.planted.bug import Around, Bug

ALL = 10_000


def like(text: str, prefix: str) -> bool:
    """Compare as SQL's LIKE does where nobody escaped the prefix."""
    pattern = re.escape(prefix).replace("%", ".*").replace("_", ".")
    return re.match(pattern, text, re.IGNORECASE | re.DOTALL) is not None


class Listing(Around):
    """Lists by itself, in one way or another wrongly: the base keeps to everything but pages."""

    async def all_runs(self, query: RunQuery) -> list[RunRow]:
        """Give all runs that a query lists, in order."""
        return list((await self._store.page_runs(evolve(query, limit=ALL, after=None))).items)

    async def all_approvals(self, query: ApprovalQuery) -> list[ApprovalRow]:
        """Give all approvals that a query lists, in order."""
        return list((await self._store.page_approvals(evolve(query, limit=ALL, after=None))).items)


class ByOffset(Listing):
    """Counts rows instead of remembering a place."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Skip as many as were seen."""
        rows, start = await self.all_runs(query), int(query.after or 0)
        return Page(
            tuple(rows[start : start + query.limit]), str(start + query.limit) if rows[start + query.limit :] else None
        )

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Skip as many as were seen."""
        rows, start = await self.all_approvals(query), int(query.after or 0)
        return Page(
            tuple(rows[start : start + query.limit]), str(start + query.limit) if rows[start + query.limit :] else None
        )


class ByTimeAlone(Listing):
    """Forgets that several rows may be of one moment."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Go on at the next microsecond."""
        rows = [row for row in await self.all_runs(query) if row.created_at < int(query.after or 2**62)]
        items = tuple(rows[: query.limit])
        return Page(items, str(items[-1].created_at) if rows[query.limit :] else None)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Go on at the next microsecond."""
        rows = [row for row in await self.all_approvals(query) if row.asked_at > int(query.after or 0)]
        items = tuple(rows[: query.limit])
        return Page(items, str(items[-1].asked_at) if rows[query.limit :] else None)


class ByRow(Listing):
    """Looks for the last row of the page before, and stops where it is gone."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Find the row."""
        rows = await self.all_runs(query)
        start = next(
            (n + 1 for n, row in enumerate(rows) if row.run_id == query.after), 0 if query.after is None else ALL
        )
        items = tuple(rows[start : start + query.limit])
        return Page(items, items[-1].run_id if rows[start + query.limit :] else None)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Find the row."""
        rows = await self.all_approvals(query)
        start = next(
            (n + 1 for n, row in enumerate(rows) if row.run_id == query.after), 0 if query.after is None else ALL
        )
        items = tuple(rows[start : start + query.limit])
        return Page(items, items[-1].run_id if rows[start + query.limit :] else None)


class Frozen(Listing):
    """Lists once and serves all pages of it from there."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.runs: list[RunRow] = []
        self.rows: list[ApprovalRow] = []

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Serve what was read with the first page."""
        if query.after is None:
            self.runs = await self.all_runs(query)
        items, self.runs = tuple(self.runs[: query.limit]), self.runs[query.limit :]
        return Page(items, "more" if self.runs else None)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Serve what was read with the first page."""
        if query.after is None:
            self.rows = await self.all_approvals(query)
        items, self.rows = tuple(self.rows[: query.limit]), self.rows[query.limit :]
        return Page(items, "more" if self.rows else None)


class SkipsOne(Listing):
    """Begins each later page one row too late."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Lose a row."""
        page = await super().page_runs(query)
        return page if query.after is None else evolve(page, items=page.items[1:])

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Lose a row."""
        page = await super().page_approvals(query)
        return page if query.after is None else evolve(page, items=page.items[1:])


class FiltersAfterwards(Listing):
    """Takes a page of everything and filters that."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Give fewer than there are."""
        fits = set(await self.all_runs(query))
        page = await super().page_runs(RunQuery(limit=query.limit, after=query.after))
        return evolve(page, items=tuple(row for row in page.items if row in fits))

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Give fewer than there are."""
        fits = set(await self.all_approvals(query))
        page = await super().page_approvals(ApprovalQuery(limit=query.limit, after=query.after))
        return evolve(page, items=tuple(row for row in page.items if row in fits))


class Loose(Listing):
    """Finds a prefix by an unescaped LIKE, and compares workflows and statuses without their case."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Find too much."""
        rows = [row for row in await self.all_runs(RunQuery()) if self._fits(query, row)]
        return Page(tuple(rows[: query.limit]))

    def _fits(self, query: RunQuery, row: RunRow) -> bool:
        statuses = None if query.statuses is None else [status.lower() for status in query.statuses]
        return (
            like(row.run_id, query.prefix or "")
            and row.workflow.lower() == (query.workflow or row.workflow).lower()
            and (statuses is None or row.status.lower() in statuses)
        )

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Find too much."""
        rows = [
            row
            for row in await self.all_approvals(ApprovalQuery())
            if like(row.run_id, query.prefix or "")
            and row.workflow.lower() == (query.workflow or row.workflow).lower()
            and row.run_id.lower() == (query.run_id or row.run_id).lower()
        ]
        return Page(tuple(rows[: query.limit]))


class Globbing(Listing):
    """Finds a prefix by an unescaped glob, as a scan of keys would."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Find other things."""
        rows = await self.all_runs(evolve(query, prefix=None))
        return Page(tuple(row for row in rows if fnmatchcase(row.run_id, f"{query.prefix or ''}*")))

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Find other things."""
        rows = await self.all_approvals(evolve(query, prefix=None))
        return Page(tuple(row for row in rows if fnmatchcase(row.run_id, f"{query.prefix or ''}*")))


class ByRange(Listing):
    """Takes U+FFFF for the last of all characters."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Miss what lies beyond."""
        rows = await self.all_runs(evolve(query, prefix=None))
        return Page(tuple(row for row in rows if (query.prefix or "") <= row.run_id < (query.prefix or "") + "\uffff"))

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Miss what lies beyond."""
        rows = await self.all_approvals(evolve(query, prefix=None))
        return Page(tuple(row for row in rows if (query.prefix or "") <= row.run_id < (query.prefix or "") + "\uffff"))


class ListsClosed(Listing):
    """Lists approvals that nobody waits for."""

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List all there are."""
        return Page(tuple(row for found in await self.everything() for row in found.approvals))


class ListsFirstVersions(Listing):
    """Lists rows as they once were."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """Give the old version."""
        page = await super().page_runs(query)
        return evolve(page, items=tuple(evolve(row, version=1) for row in page.items))

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Give the old version."""
        page = await super().page_approvals(query)
        return evolve(page, items=tuple(evolve(row, version=1) for row in page.items))


def endless_runs(_query: RunQuery, page: Page[RunRow]) -> Page[RunRow]:
    """Always promise more."""
    return evolve(page, after=cursor(page.items[-1].created_at, page.items[-1].run_id) if page.items else None)


def endless_approvals(_query: ApprovalQuery, page: Page[ApprovalRow]) -> Page[ApprovalRow]:
    """Always promise more."""
    last = page.items[-1] if page.items else None
    return evolve(page, after=cursor(last.asked_at, last.run_id, last.key) if last else None)


def utf16_runs(_query: RunQuery, page: Page[RunRow]) -> Page[RunRow]:
    """Order by UTF-16, as some languages do."""
    rows = sorted(page.items, key=lambda row: row.run_id.encode("utf-16-be"), reverse=True)
    return evolve(page, items=tuple(sorted(rows, key=lambda row: row.created_at, reverse=True)))


def utf16_approvals(_query: ApprovalQuery, page: Page[ApprovalRow]) -> Page[ApprovalRow]:
    """Order by UTF-16, as some languages do."""
    return evolve(
        page, items=tuple(sorted(page.items, key=lambda r: (r.asked_at, r.run_id.encode("utf-16-be"), r.key)))
    )


def by_id_runs(_query: RunQuery, page: Page[RunRow]) -> Page[RunRow]:
    """Order by id alone."""
    return evolve(page, items=tuple(sorted(page.items, key=lambda row: row.run_id, reverse=True)))


def by_id_approvals(_query: ApprovalQuery, page: Page[ApprovalRow]) -> Page[ApprovalRow]:
    """Order by id alone."""
    return evolve(page, items=tuple(sorted(page.items, key=lambda row: (row.run_id, row.key))))


def any_cursor(after: str | None) -> str | None:
    """Take whatever is no cursor for none."""
    return after if after and after.startswith("[") else None


PAGE_BUGS = {
    "a page is one short": Bug(
        run_query=lambda query: evolve(query, limit=max(1, query.limit - 1)),
        approval_query=lambda query: evolve(query, limit=max(1, query.limit - 1)),
        caught_by=(
            "test_a_page_of_runs_has_at_most_limit_items",
            "test_a_page_of_approvals_has_at_most_limit_items",
            "test_a_page_of_an_audience_has_at_most_limit_items",
        ),
    ),
    "a page is one long": Bug(
        run_query=lambda query: evolve(query, limit=query.limit + 1),
        approval_query=lambda query: evolve(query, limit=query.limit + 1),
        caught_by=(
            "test_a_page_of_runs_has_at_most_limit_items",
            "test_a_page_of_approvals_has_at_most_limit_items",
            "test_default_limit_of_runs_is_kept",
            "test_default_limit_of_approvals_is_kept",
        ),
    ),
    "pages are one apart": Bug(
        around=SkipsOne,
        caught_by=(
            "test_pages_of_runs_add_up_to_the_listing",
            "test_pages_of_approvals_add_up_to_the_listing",
            "test_pages_of_an_audience_add_up",
            "test_filtered_pages_of_runs_add_up",
            "test_filtered_pages_of_approvals_add_up",
        ),
    ),
    "every page promises more": Bug(
        run_page=endless_runs,
        approval_page=endless_approvals,
        caught_by=(
            "test_a_page_of_runs_that_is_not_full_is_the_last",
            "test_a_page_of_approvals_that_is_not_full_is_the_last",
        ),
    ),
    "cursors count rows": Bug(
        around=ByOffset,
        caught_by=(
            "test_new_runs_do_not_disturb_a_walk",
            "test_an_older_approval_does_not_disturb_a_walk",
            "test_a_walk_goes_on_where_its_last_run_is_gone",
            "test_a_walk_goes_on_where_its_last_approval_is_closed",
            "test_a_walk_through_an_audience_goes_on_where_its_last_is_closed",
        ),
    ),
    "cursors are times": Bug(
        around=ByTimeAlone,
        caught_by=("test_pages_of_runs_of_one_moment_add_up", "test_pages_of_approvals_of_one_moment_add_up"),
    ),
    "cursors are rows": Bug(
        around=ByRow,
        caught_by=(
            "test_a_walk_goes_on_where_its_last_run_is_gone",
            "test_a_walk_goes_on_where_its_last_approval_is_closed",
        ),
    ),
    "a walk is frozen": Bug(
        around=Frozen,
        caught_by=("test_an_older_run_shows_up_later_in_a_walk", "test_new_approvals_come_at_the_end_of_a_walk"),
    ),
    "any text is a cursor": Bug(
        run_query=lambda query: evolve(query, after=any_cursor(query.after)),
        approval_query=lambda query: evolve(query, after=any_cursor(query.after)),
        caught_by=(
            "test_a_wrong_cursor_of_runs_is_refused",
            "test_a_wrong_cursor_of_approvals_is_refused",
            "test_a_wrong_cursor_of_an_audience_is_refused",
        ),
    ),
    "a row is invented": Bug(
        run_page=lambda _query, page: page if page.items else Page((run_row(),)),
        approval_page=lambda _query, page: page if page.items else Page((approval_row(),)),
        caught_by=("test_an_empty_store_lists_no_runs", "test_an_empty_store_lists_no_approvals"),
    ),
    "rows are listed by id": Bug(
        run_page=by_id_runs,
        approval_page=by_id_approvals,
        caught_by=("test_runs_are_listed_newest_first", "test_approvals_are_listed_oldest_first"),
    ),
    "ids are ordered by UTF-16": Bug(
        run_page=utf16_runs,
        approval_page=utf16_approvals,
        caught_by=(
            "test_runs_of_one_moment_are_listed_by_id_descending",
            "test_approvals_of_one_moment_are_listed_by_run_and_key",
        ),
    ),
    "old versions are listed": Bug(
        around=ListsFirstVersions,
        caught_by=(
            "test_runs_are_listed_as_stored",
            "test_approvals_are_listed_as_stored",
            "test_what_waits_for_somebody_is_given_as_stored",
        ),
    ),
    "closed approvals are listed": Bug(around=ListsClosed, caught_by=("test_only_open_approvals_are_listed",)),
    "rows are filtered page by page": Bug(
        around=FiltersAfterwards,
        caught_by=("test_filtered_pages_of_runs_add_up", "test_filtered_pages_of_approvals_add_up"),
    ),
    "a listing ends at 1000": Bug(
        run_page=lambda query, page: page if query.after is None else Page(page.items[:300]),
        approval_page=lambda query, page: page if query.after is None else Page(page.items[:300]),
        caught_by=(
            "test_many_runs_are_listed_in_order",
            "test_many_approvals_are_listed_in_order",
            "test_an_audience_of_many_is_given_in_order",
        ),
    ),
    "a prefix is a LIKE": Bug(
        around=Loose,
        caught_by=(
            "test_a_prefix_of_runs_is_no_pattern",
            "test_a_prefix_of_approvals_is_no_pattern",
            "test_runs_are_filtered_by_workflow",
            "test_runs_are_filtered_by_a_status",
            "test_approvals_are_filtered_by_workflow",
            "test_approvals_are_filtered_by_run",
        ),
    ),
    "a prefix is a glob": Bug(
        around=Globbing,
        caught_by=("test_a_prefix_of_runs_is_no_pattern", "test_a_prefix_of_approvals_is_no_pattern"),
    ),
    "a prefix is a range": Bug(
        around=ByRange,
        caught_by=(
            "test_a_prefix_of_runs_is_no_pattern",
            "test_an_empty_prefix_fits_every_run",
            "test_an_empty_prefix_fits_every_approval",
        ),
    ),
    "empty text is no text": Bug(
        run_page=lambda _query, page: evolve(page, items=tuple(row for row in page.items if row.workflow)),
        approval_page=lambda _query, page: evolve(page, items=tuple(row for row in page.items if row.workflow)),
        caught_by=("test_a_run_with_empty_fields_is_listed", "test_an_approval_with_an_empty_workflow_is_listed"),
    ),
    "only the first status counts": Bug(
        run_query=lambda query: evolve(query, statuses=query.statuses and query.statuses[:1]),
        caught_by=("test_runs_are_filtered_by_several_statuses",),
    ),
    "no status is any status": Bug(
        run_query=lambda query: evolve(query, statuses=query.statuses or None),
        caught_by=("test_no_status_matches_no_run",),
    ),
    "the last change is ignored": Bug(
        run_query=lambda query: evolve(query, updated_before=None),
        caught_by=("test_runs_are_filtered_by_their_last_change", "test_filters_of_runs_combine"),
    ),
    "updated_before is not strict": Bug(
        run_query=lambda query: evolve(query, updated_before=query.updated_before and query.updated_before + 1),
        caught_by=("test_runs_are_filtered_by_their_last_change",),
    ),
    "the time of asking is ignored": Bug(
        approval_query=lambda query: evolve(query, asked_before=None),
        caught_by=("test_asked_before_finds_what_waits_long", "test_filters_of_approvals_combine"),
    ),
    "asked_before is not strict": Bug(
        approval_query=lambda query: evolve(query, asked_before=query.asked_before and query.asked_before + 1),
        caught_by=("test_asked_before_finds_what_waits_long",),
    ),
    "deadlines are ignored": Bug(
        approval_query=lambda query: evolve(query, alive_at=None, deadline_before=None),
        caught_by=("test_alive_at_leaves_out_what_has_expired", "test_deadline_before_finds_what_is_urgent"),
    ),
    "alive_at is not strict": Bug(
        approval_query=lambda query: evolve(query, alive_at=query.alive_at and query.alive_at - 1),
        caught_by=("test_alive_at_leaves_out_what_has_expired",),
    ),
    "deadline_before is not strict": Bug(
        approval_query=lambda query: evolve(query, deadline_before=query.deadline_before and query.deadline_before + 1),
        caught_by=("test_deadline_before_finds_what_is_urgent",),
    ),
}
