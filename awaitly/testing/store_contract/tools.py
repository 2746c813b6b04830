"""What the contract's tests share."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, TypeAlias

from attrs import evolve

from awaitly.approvals.audit import Entry
from awaitly.result import Err, Ok
from awaitly.storage.store import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Found,
    NoticeQuery,
    NoticeRow,
    RunQuery,
    RunRow,
    StepRow,
    Store,
)
from awaitly.testing.rows import PARTS, changes

__all__ = [
    "applied",
    "approval_ids",
    "inserted",
    "notice_ids",
    "refused",
    "run_ids",
    "whole",
    "with_both",
]

Whole: TypeAlias = dict[str, tuple[Found, tuple[Entry, ...], tuple[NoticeRow, ...]]]

Row: TypeAlias = RunRow | StepRow | ApprovalRow | NoticeRow | Entry

AT_ONCE = 128
"""So many commits are made at the same time where many rows are needed."""

_PART_OF: dict[type[Row], str] = {
    RunRow: "runs",
    StepRow: "steps",
    ApprovalRow: "approvals",
    NoticeRow: "notices",
    Entry: "entries",
}


async def applied(store: Store, *commits: Changes) -> None:
    """Make commits, each of which must be taken."""
    for commit in commits:
        assert await store.commit(commit) == Ok(None)


async def inserted(store: Store, *rows: Row) -> None:
    """Insert rows of any runs, with one commit for each run; many of them are made at the same time."""
    by_run: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_run[row.run_id].append(row)
    commits = [_inserting(of_run) for of_run in by_run.values()]
    for start in range(0, len(commits), AT_ONCE):
        results = await asyncio.gather(*map(store.commit, commits[start : start + AT_ONCE]))
        assert set(results) == {Ok(None)}


def _inserting(rows: list[Row]) -> Changes:
    parts: dict[str, Any] = defaultdict(tuple)
    for row in rows:
        parts[_PART_OF[type(row)]] += (row,)
    return changes(**parts)


async def refused(store: Store, commit: Changes) -> Conflict:
    """Make a commit that must be refused, and give the conflict."""
    result = await store.commit(commit)
    assert isinstance(result, Err), f"a commit that must be refused was taken: {commit}"
    return result.failure()


async def whole(store: Store, *run_ids: str) -> Whole:
    """Read all that stands under some run ids, without the time of reading."""
    return {
        run_id: (evolve(await store.load(run_id), now=0), await store.entries(run_id), await store.notices(run_id))
        for run_id in run_ids
    }


def with_both(first: Changes, second: Changes) -> Changes:
    """Join two commits into one: in each of its parts, what `first` has comes before what `second` has."""
    both: dict[str, Any] = {part: getattr(first, part) + getattr(second, part) for part in PARTS}
    return changes(**both)


async def all_runs(store: Store, query: RunQuery) -> list[RunRow]:
    """Follow a listing's pages to the end."""
    rows: list[RunRow] = []
    page = await store.page_runs(query)
    rows.extend(page.items)
    while page.after is not None:
        assert page.items, "a page without items must be the last"
        page = await store.page_runs(evolve(query, after=page.after))
        rows.extend(page.items)
    return rows


async def all_approvals(store: Store, query: ApprovalQuery) -> list[ApprovalRow]:
    """Follow a listing's pages to the end."""
    rows: list[ApprovalRow] = []
    page = await store.page_approvals(query)
    rows.extend(page.items)
    while page.after is not None:
        assert page.items, "a page without items must be the last"
        page = await store.page_approvals(evolve(query, after=page.after))
        rows.extend(page.items)
    return rows


async def run_ids(store: Store, query: RunQuery) -> list[str]:
    """Name the runs of a listing, over all its pages."""
    return [row.run_id for row in await all_runs(store, query)]


async def approval_ids(store: Store, query: ApprovalQuery) -> list[tuple[str, str]]:
    """Name the approvals of a listing by run and key, over all its pages."""
    return [(row.run_id, row.key) for row in await all_approvals(store, query)]


async def notice_ids(store: Store, query: NoticeQuery) -> list[tuple[str, str]]:
    """Name the notices of a listing by run and key, over all its pages."""
    page = await store.page_notices(query)
    rows = list(page.items)
    while page.after is not None:
        assert page.items, "a page without items must be the last"
        page = await store.page_notices(evolve(query, after=page.after))
        rows.extend(page.items)
    return [(row.run_id, row.key) for row in rows]
