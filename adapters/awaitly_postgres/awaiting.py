"""Listing what waits for somebody, the most urgent first.

For each name two indexes have the approvals that wait for it already in order. Where a run, or a prefix, leaves at most
a thousand rows, an index finds those, and they are sorted.
"""

from __future__ import annotations

from typing import Any

from awaitly_postgres.asking import Asks, Row
from awaitly_postgres.core import ApprovalQuery, ApprovalRow, Page, position
from awaitly_postgres.listing import FIRST, LAST, Values, is_narrow, page, shared

__all__ = ["page_awaiting"]


async def page_awaiting(asks: Asks, query: ApprovalQuery) -> Page[ApprovalRow]:
    """List what waits for any of the query's names. Raises `ValueError` for an `after` that no page gave."""
    urgency, run_id, key = _beginning(query)
    values = shared(query) | {
        "names": list(dict.fromkeys(query.audience or ())),
        "urgency": urgency,
        "after_run_id": run_id,
        "after_key": key,
        "latest": LAST if query.deadline_before is None else query.deadline_before - 1,
        "run_id": query.run_id,
        "asked_before": query.asked_before,
    }
    rows = await asks.rows(await _way(asks, values), **values)
    return page(rows, query.limit, lambda row: ApprovalRow(*row), _position)


def _beginning(query: ApprovalQuery) -> tuple[Any, ...]:
    """Give the place to begin after: that of the page before, or the end of what is not alive; no id is empty."""
    after: tuple[Any, ...] = (FIRST, "", "") if query.after is None else position(query.after, int, str, str)
    if query.alive_at is None or query.alive_at < after[0]:
        return after
    return query.alive_at + 1, "", ""


async def _way(asks: Asks, values: Values) -> str:
    if values["run_id"] is not None:
        return "awaiting_of_run"
    if values["high"] is not None and await is_narrow(asks, "count_runs_by_prefix", values):
        return "awaiting_by_prefix"
    return "awaiting"


def _position(row: Row) -> tuple[Any, ...]:
    return LAST if row[7] is None else row[7], row[0], row[1]
