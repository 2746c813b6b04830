"""What the contract's tests share."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

from typing import TypeAlias

from attrs import evolve, fields

from awaitly.audit import Entry
from awaitly.result import Err, Ok
from awaitly.store import ApprovalQuery, ApprovalRow, Changes, Conflict, Found, RunQuery, RunRow, Store
from awaitly.testing.rows import changes

__all__ = [
    "applied",
    "approval_ids",
    "refused",
    "run_ids",
    "whole",
    "with_both",
]

Whole: TypeAlias = dict[str, tuple[Found, tuple[Entry, ...]]]

_PARTS = tuple(part.name for part in fields(Changes) if part.name not in {"move", "flushed"})


async def applied(store: Store, *commits: Changes) -> None:
    """Make commits, each of which must be taken."""
    for commit in commits:
        assert await store.commit(commit) == Ok(None)


async def refused(store: Store, commit: Changes) -> Conflict:
    """Make a commit that must be refused, and give the conflict."""
    result = await store.commit(commit)
    assert isinstance(result, Err), f"a commit that must be refused was taken: {commit}"
    return result.failure()


async def whole(store: Store, *run_ids: str) -> Whole:
    """Read all that stands under some run ids, without the time of reading."""
    return {run_id: (evolve(await store.load(run_id), now=0), await store.entries(run_id)) for run_id in run_ids}


def with_both(first: Changes, second: Changes) -> Changes:
    """Join two commits into one: in each of its parts, what `first` has comes before what `second` has."""
    return changes(**{part: getattr(first, part) + getattr(second, part) for part in _PARTS})


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
