"""Listings, page by page, each served by an index.

Two ways lead to a page. *Narrow*: a filter leaves at most a thousand rows, so its index finds them all and they are
sorted. *Wide*: for each group of rows (a workflow, a status) an index gives them already in order; from each group so
many are taken as fit on the page.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from awaitly_postgres.asking import Asks, Row
from awaitly_postgres.core import ApprovalQuery, ApprovalRow, Page, RunQuery, RunRow, cursor, position

__all__ = [
    "FIRST",
    "LAST",
    "NARROW",
    "Values",
    "is_narrow",
    "page",
    "page_approvals",
    "page_runs",
    "shared",
]

T = TypeVar("T")
Values: TypeAlias = dict[str, object]

NARROW = 1000
"""How many rows a filter may leave for a page to be found by sorting them."""

LAST = 2**63 - 1
FIRST = -(2**63)
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000


async def page_runs(asks: Asks, query: RunQuery) -> Page[RunRow]:
    """List runs, newest first. Raises `ValueError` for an `after` that no page gave."""
    created_at, after_run_id = (LAST, "") if query.after is None else position(query.after, int, str)
    values = shared(query) | {
        "created_at": created_at,
        "after_run_id": after_run_id,
        "statuses": None if query.statuses is None else list(query.statuses),
        "updated_before": query.updated_before,
    }
    rows = await asks.rows(await _way_to_runs(asks, values), **values)
    return page(rows, query.limit, lambda row: RunRow(*row), _run_position)


async def page_approvals(asks: Asks, query: ApprovalQuery) -> Page[ApprovalRow]:
    """List open approvals, oldest first. Raises `ValueError` for an `after` that no page gave."""
    after = (FIRST, "", "") if query.after is None else position(query.after, int, str, str)
    values = shared(query) | {
        "asked_at": after[0],
        "after_run_id": after[1],
        "after_key": after[2],
        "run_id": query.run_id,
        "alive_at": query.alive_at,
        "asked_before": query.asked_before,
        "deadline_before": query.deadline_before,
    }
    rows = await asks.rows(await _way_to_approvals(asks, values), **values)
    return page(rows, query.limit, lambda row: ApprovalRow(*row), _approval_position)


def shared(query: RunQuery | ApprovalQuery) -> Values:
    """Give the values that every listing takes."""
    low = query.prefix or None
    high = None if low is None else _after_prefix(low)
    return {"workflow": query.workflow, "low": low, "high": high, "limit": query.limit + 1}


async def _way_to_runs(asks: Asks, values: Values) -> str:
    if values["high"] is not None and await is_narrow(asks, "count_runs_by_prefix", values):
        return "runs_by_prefix"
    if values["updated_before"] is not None and await is_narrow(asks, "count_runs_by_update", values):
        return "runs_by_update"
    return "runs_of_groups"


async def _way_to_approvals(asks: Asks, values: Values) -> str:
    if values["run_id"] is not None:
        return "approvals_of_run"
    if values["high"] is not None and await is_narrow(asks, "count_runs_by_prefix", values):
        return "approvals_by_prefix"
    if values["deadline_before"] is not None and await is_narrow(asks, "count_approvals_by_deadline", values):
        return "approvals_by_deadline"
    return "approvals_of_groups"


async def is_narrow(asks: Asks, count: str, values: Values) -> bool:
    """Tell whether a filter leaves so few rows that sorting them is the shorter way."""
    ((found,),) = await asks.rows(count, **values, enough=NARROW + 1)
    return bool(found <= NARROW)


def _after_prefix(prefix: str) -> str | None:
    """Give the least text that sorts after all texts with this prefix, if there is one."""
    while prefix:
        prefix, last = prefix[:-1], ord(prefix[-1]) + 1
        if last == _FIRST_SURROGATE:  # those are no characters
            last = _AFTER_SURROGATES
        if last <= sys.maxunicode:
            return prefix + chr(last)
    return None


def page(rows: Sequence[Row], limit: int, make: Callable[[Row], T], at: Callable[[Row], tuple[Any, ...]]) -> Page[T]:
    """Make a page of its rows, and of the one more that was asked for, if it is there."""
    found = rows[:limit]
    after = cursor(*at(found[-1])) if len(rows) > limit else None
    return Page(tuple(map(make, found)), after)


def _run_position(row: Row) -> tuple[Any, ...]:
    return row[4], row[0]


def _approval_position(row: Row) -> tuple[Any, ...]:
    return row[6], row[0], row[1]
