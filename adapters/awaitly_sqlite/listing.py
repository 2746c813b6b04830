"""Listings, page by page, each served by an index.

Two ways lead to a page. *Narrow*: a filter leaves at most a thousand rows, so its index finds them all and they are
sorted. *Wide*: for each group of rows (a workflow, a status) an index gives them already in order; the groups' streams
are merged, and reading stops when the page is full.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from awaitly_sqlite.connecting import snapshot
from awaitly_sqlite.core import ApprovalQuery, ApprovalRow, Page, RunQuery, RunRow, cursor, position
from awaitly_sqlite.reading import Row, approval_row, run_row

__all__ = [
    "AFTER_ALL_TEXT",
    "APPROVALS_OF_GROUP",
    "APPROVAL_PLANS",
    "COUNT_PREFIX",
    "FIRST",
    "LAST",
    "NARROW",
    "RUNS_OF_GROUP",
    "RUN_PLANS",
    "Values",
    "distinct",
    "is_narrow",
    "page",
    "page_approvals",
    "page_runs",
    "prefix_values",
    "stream",
]

T = TypeVar("T")
Values: TypeAlias = dict[str, Any]
_Key: TypeAlias = Callable[[Row], tuple[Any, ...]]

NARROW = 1000
"""How many rows a filter may leave for a page to be found by sorting them."""

LAST = 2**63 - 1
FIRST = -(2**63)
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000
AFTER_ALL_TEXT = b""  # SQLite sorts every blob after every text

_RUNS = """
SELECT run_id, version, workflow, status, created_at, updated_at, due_at, body, lane FROM runs INDEXED BY {index}
WHERE {group}
AND run_id >= :low AND run_id < :high AND updated_at < :updated_before AND (created_at, run_id) < (:created_at, :run_id)
ORDER BY created_at DESC, run_id DESC"""
_ANY_RUN = """
version IS NOT NULL AND (:workflow IS NULL OR workflow = :workflow)
AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))"""
_RUNS_BY_PREFIX = _RUNS.format(index="runs_named", group=_ANY_RUN)
_RUNS_BY_UPDATE = _RUNS.format(index="runs_updated", group=_ANY_RUN)
RUNS_OF_GROUP = _RUNS.format(index="runs_listed", group="status = :status AND workflow = :workflow")
_NEXT_STATUS = """
SELECT status FROM runs INDEXED BY runs_listed WHERE status >= ? ORDER BY status LIMIT 1"""
_NEXT_WORKFLOW = """
SELECT workflow FROM runs INDEXED BY runs_listed
WHERE status = ? AND workflow >= ? ORDER BY workflow LIMIT 1"""
COUNT_PREFIX = """
SELECT count(*) FROM (
    SELECT 1 FROM runs INDEXED BY runs_named WHERE run_id >= :low AND run_id < :high LIMIT :enough)"""
_COUNT_UPDATED = """
SELECT count(*) FROM (
    SELECT 1 FROM runs INDEXED BY runs_updated WHERE updated_at < :updated_before LIMIT :enough)"""

_APPROVALS = """
SELECT a.run_id, a.key, a.version, a.workflow, a.open, a.ready, a.asked_at, a.deadline, a.body FROM {source}
WHERE a.open = 1 AND {group}
AND a.run_id >= :low AND a.run_id < :high
AND a.asked_at < :asked_before AND (a.asked_at, a.run_id, a.key) > (:asked_at, :run_id, :key)
AND (:alive_at IS NULL OR a.deadline IS NULL OR a.deadline > :alive_at)
AND (:deadline_before IS NULL OR a.deadline < :deadline_before)
ORDER BY a.asked_at, a.run_id, a.key"""
_ANY_APPROVAL = "(:workflow IS NULL OR a.workflow = :workflow) AND (:only IS NULL OR a.run_id = :only)"
_APPROVALS_OF_RUN = _APPROVALS.format(
    source="approvals AS a INDEXED BY approvals_keyed",
    group="a.run = (SELECT number FROM runs WHERE run_id = :only) AND " + _ANY_APPROVAL,  # noqa: S608  (both are here)
)
_APPROVALS_BY_PREFIX = _APPROVALS.format(
    source="runs INDEXED BY runs_named CROSS JOIN approvals AS a INDEXED BY approvals_keyed ON a.run = runs.number",
    group=f"runs.run_id >= :low AND runs.run_id < :high AND {_ANY_APPROVAL}",
)
_APPROVALS_BY_DEADLINE = _APPROVALS.format(
    source="approvals AS a INDEXED BY approvals_by_deadline",
    group=f"a.deadline IS NOT NULL AND a.deadline < :deadline_before AND {_ANY_APPROVAL}",
)
APPROVALS_OF_GROUP = _APPROVALS.format(
    source="approvals AS a INDEXED BY approvals_listed",
    group="a.workflow = :workflow",
)
_NEXT_ASKING = """
SELECT workflow FROM approvals INDEXED BY approvals_listed WHERE open = 1 AND workflow >= ? ORDER BY workflow LIMIT 1"""
_COUNT_DEADLINES = """
SELECT count(*) FROM (
    SELECT 1 FROM approvals INDEXED BY approvals_by_deadline
    WHERE open = 1 AND deadline IS NOT NULL AND deadline < :deadline_before LIMIT :enough)"""

RUN_PLANS = (
    _RUNS_BY_PREFIX,
    _RUNS_BY_UPDATE,
    RUNS_OF_GROUP,
    COUNT_PREFIX,
    _COUNT_UPDATED,
    _NEXT_STATUS,
    _NEXT_WORKFLOW,
)
"""Every statement that lists runs, for a look at how SQLite plans it."""

APPROVAL_PLANS = (
    _APPROVALS_OF_RUN,
    _APPROVALS_BY_PREFIX,
    _APPROVALS_BY_DEADLINE,
    APPROVALS_OF_GROUP,
    _COUNT_DEADLINES,
    _NEXT_ASKING,
)
"""Every statement that lists approvals."""


def page_runs(db: sqlite3.Connection, query: RunQuery) -> Page[RunRow]:
    """List runs, newest first. Raises `ValueError` for an `after` that no page gave."""
    values = _run_values(query)
    with snapshot(db), ExitStack() as stack:
        if query.prefix is not None and is_narrow(db, COUNT_PREFIX, values):
            rows = stream(db, stack, _RUNS_BY_PREFIX, values)
        elif query.updated_before is not None and is_narrow(db, _COUNT_UPDATED, values):
            rows = stream(db, stack, _RUNS_BY_UPDATE, values)
        else:
            groups = [stream(db, stack, RUNS_OF_GROUP, values | group) for group in _run_groups(db, query)]
            rows = heapq.merge(*groups, key=_run_position, reverse=True)
        return page(rows, query.limit, run_row, _run_position)


def page_approvals(db: sqlite3.Connection, query: ApprovalQuery) -> Page[ApprovalRow]:
    """List open approvals, oldest first. Raises `ValueError` for an `after` that no page gave."""
    values = _approval_values(query)
    with snapshot(db), ExitStack() as stack:
        if query.run_id is not None:
            rows = stream(db, stack, _APPROVALS_OF_RUN, values)
        elif query.prefix is not None and is_narrow(db, COUNT_PREFIX, values):
            rows = stream(db, stack, _APPROVALS_BY_PREFIX, values)
        elif query.deadline_before is not None and is_narrow(db, _COUNT_DEADLINES, values):
            rows = stream(db, stack, _APPROVALS_BY_DEADLINE, values)
        else:
            groups = [stream(db, stack, APPROVALS_OF_GROUP, values | group) for group in _approval_groups(db, query)]
            rows = heapq.merge(*groups, key=_approval_position)
        return page(rows, query.limit, approval_row, _approval_position)


def _run_values(query: RunQuery) -> Values:
    created_at, run_id = (LAST, "") if query.after is None else position(query.after, int, str)
    return prefix_values(query.prefix) | {
        "created_at": created_at,
        "run_id": run_id,
        "workflow": query.workflow,
        "statuses": None if query.statuses is None else json.dumps(query.statuses),
        "updated_before": LAST if query.updated_before is None else query.updated_before,
    }


def _approval_values(query: ApprovalQuery) -> Values:
    asked_at, run_id, key = (FIRST, "", "") if query.after is None else position(query.after, int, str, str)
    return prefix_values(query.prefix) | {
        "asked_at": asked_at,
        "run_id": run_id,
        "key": key,
        "only": query.run_id,
        "workflow": query.workflow,
        "alive_at": query.alive_at,
        "asked_before": LAST if query.asked_before is None else query.asked_before,
        "deadline_before": query.deadline_before,
    }


def prefix_values(prefix: str | None) -> Values:
    """Give the range of the ids that begin so, for statements that take one."""
    return {"low": prefix or "", "high": _after_prefix(prefix or ""), "enough": NARROW + 1}


def _after_prefix(prefix: str) -> str | bytes:
    """Give the least value that sorts after all texts with this prefix."""
    while prefix:
        prefix, last = prefix[:-1], ord(prefix[-1]) + 1
        if last == _FIRST_SURROGATE:  # those are no characters
            last = _AFTER_SURROGATES
        if last <= sys.maxunicode:
            return prefix + chr(last)
    return AFTER_ALL_TEXT


def is_narrow(db: sqlite3.Connection, count: str, values: Values) -> bool:
    """Tell whether a filter leaves so few rows that sorting them is the shorter way."""
    found: int = db.execute(count, values).fetchone()[0]
    return found <= NARROW


def _run_groups(db: sqlite3.Connection, query: RunQuery) -> Iterator[Values]:
    """Find the pairs of status and workflow to look at."""
    for status in distinct(db, _NEXT_STATUS) if query.statuses is None else dict.fromkeys(query.statuses):
        for workflow in distinct(db, _NEXT_WORKFLOW, status) if query.workflow is None else (query.workflow,):
            yield {"status": status, "workflow": workflow}


def _approval_groups(db: sqlite3.Connection, query: ApprovalQuery) -> Iterator[Values]:
    """Find the workflows to look at."""
    for workflow in distinct(db, _NEXT_ASKING) if query.workflow is None else (query.workflow,):
        yield {"workflow": workflow}


def distinct(db: sqlite3.Connection, following: str, *within: str) -> Iterator[str]:
    """Give the different texts of an indexed column, with one index lookup for each."""
    least = ""
    while (row := db.execute(following, (*within, least)).fetchone()) is not None:
        text: str = row[0]
        yield text
        least = text + "\0"  # nothing sorts between the two


def stream(db: sqlite3.Connection, stack: ExitStack, statement: str, values: Values) -> Iterator[Row]:
    """Read rows one at a time, as far as they are wanted; the stack ends the reading."""
    return iter(stack.enter_context(closing(db.execute(statement, values))))


def _run_position(row: Row) -> tuple[Any, ...]:
    return row[4], row[0]


def _approval_position(row: Row) -> tuple[Any, ...]:
    return row[6], row[0], row[1]


def page(rows: Iterator[Row], limit: int, make: Callable[[Row], T], at: _Key) -> Page[T]:
    """Read one page of rows that come in order, and no further."""
    found = list(islice(rows, max(limit, 0) + 1))
    items = found[:limit]
    after = cursor(*at(items[-1])) if items and len(found) > limit else None
    return Page(tuple(map(make, items)), after)
