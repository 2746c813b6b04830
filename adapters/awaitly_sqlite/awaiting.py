"""Listing what waits for somebody, the most urgent first.

For each name an index has the approvals that wait for it alone already in order, another one those that wait for others
too. These streams are merged, and reading stops when the page is full; each is read in small chunks, for a statement
that is still open would be compiled once more for the next name. Where a run, or a prefix, leaves at most a thousand
rows, an index finds those, and they are sorted.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any

from awaitly_sqlite.connecting import snapshot
from awaitly_sqlite.core import ApprovalQuery, ApprovalRow, Page, position
from awaitly_sqlite.listing import AFTER_ALL_TEXT, COUNT_PREFIX, FIRST, LAST, Values, is_narrow, prefix_values, stream
from awaitly_sqlite.listing import page as page_of
from awaitly_sqlite.reading import Row, approval_row

__all__ = ["AWAITED", "PLANS", "page_awaiting"]

_WAITING = """
SELECT a.run_id, a.key, a.version, a.workflow, a.open, a.ready, a.asked_at, a.deadline, a.body FROM {source}
WHERE {group} AND ({urgency}, {place}.run_id, {place}.key) > (:urgency, :run_id, :key) AND {urgency} <= :latest
AND a.run_id >= :low AND a.run_id < :high AND a.asked_at < :asked_before
AND (:workflow IS NULL OR a.workflow = :workflow) AND (:only IS NULL OR a.run_id = :only)
ORDER BY {urgency}, {place}.run_id, {place}.key"""
_ALONE = _WAITING.format(
    source="approvals AS a INDEXED BY approvals_awaited", group="a.waits_for = :name", place="a", urgency="a.urgency"
)
_AMONG_OTHERS = _WAITING.format(
    source="audiences AS m INDEXED BY audiences_listed "
    "CROSS JOIN approvals AS a INDEXED BY approvals_keyed ON a.run = m.run AND a.key = m.key",
    group="m.name = :name",
    place="m",
    urgency="m.urgency",
)
_NAMED = """a.open = 1 AND (
    a.waits_for IN (SELECT value FROM json_each(:names))
    OR a.crowd > 0 AND EXISTS (
        SELECT 1 FROM audiences AS m
        WHERE m.run = a.run AND m.key = a.key AND m.name IN (SELECT value FROM json_each(:names))))"""
_URGENCY = f"coalesce(a.deadline, {LAST})"
_OF_RUN = _WAITING.format(
    source="approvals AS a INDEXED BY approvals_keyed",
    group=f"a.run = (SELECT number FROM runs WHERE run_id = :only) AND {_NAMED}",  # noqa: S608  (both are here)
    place="a",
    urgency=_URGENCY,
)
_BY_PREFIX = _WAITING.format(
    source="runs INDEXED BY runs_named CROSS JOIN approvals AS a INDEXED BY approvals_keyed ON a.run = runs.number",
    group=f"runs.run_id >= :low AND runs.run_id < :high AND {_NAMED}",
    place="a",
    urgency=_URGENCY,
)

_LEAST = 4
"""As many rows of a name are read at once, or more."""

AWAITED = tuple(f"{way} LIMIT :size" for way in (_ALONE, _AMONG_OTHERS))
"""The statements that give one name's approvals in order."""

PLANS = (*AWAITED, _OF_RUN, _BY_PREFIX)
"""Every statement that lists what waits for somebody, for a look at how SQLite plans it."""


def page_awaiting(db: sqlite3.Connection, query: ApprovalQuery) -> Page[ApprovalRow]:
    """List what waits for any of the query's names. Raises `ValueError` for an `after` that no page gave."""
    names = tuple(dict.fromkeys(query.audience or ()))
    values = _values(query, names)
    with snapshot(db), ExitStack() as stack:
        if query.run_id is not None:
            rows = stream(db, stack, _OF_RUN, values)
        elif query.prefix is not None and is_narrow(db, COUNT_PREFIX, values):
            rows = stream(db, stack, _BY_PREFIX, values)
        else:
            rows = _merged(db, names, values, query.limit)
        return page_of(rows, query.limit, approval_row, _position)


def _merged(db: sqlite3.Connection, names: Sequence[str], values: Values, limit: int) -> Iterator[Row]:
    """Give what waits for any of the names, each row once: those of several names come one after the other."""
    size = max(_LEAST, limit // max(1, len(AWAITED) * len(names)))
    streams = [_in_chunks(db, way, values | {"name": name}, size) for name in names for way in AWAITED]
    return (next(same) for _, same in groupby(heapq.merge(*streams, key=_position), key=_position))


def _in_chunks(db: sqlite3.Connection, way: str, values: Values, size: int) -> Iterator[Row]:
    """Read what waits for a name as far as it is wanted, at first `size` rows at once, then more and more."""
    while True:
        rows: list[Row] = db.execute(way, values | {"size": size}).fetchall()
        yield from rows
        if len(rows) < size:
            return
        urgency, run_id, key = _position(rows[-1])
        values |= {"urgency": urgency, "run_id": run_id, "key": key}
        size *= 2


def _values(query: ApprovalQuery, names: Sequence[str]) -> Values:
    urgency, run_id, key = _beginning(query)
    return prefix_values(query.prefix) | {
        "urgency": urgency,
        "run_id": run_id,
        "key": key,
        "latest": LAST if query.deadline_before is None else query.deadline_before - 1,
        "only": query.run_id,
        "workflow": query.workflow,
        "asked_before": LAST if query.asked_before is None else query.asked_before,
        "names": json.dumps(names),
    }


def _beginning(query: ApprovalQuery) -> tuple[Any, ...]:
    """Give the place to begin after: that of the page before, or where all is over that is not alive."""
    after: tuple[Any, ...] = (FIRST, "", "") if query.after is None else position(query.after, int, str, str)
    if query.alive_at is None or query.alive_at < after[0]:
        return after
    return query.alive_at, AFTER_ALL_TEXT, ""


def _position(row: Row) -> tuple[Any, ...]:
    return LAST if row[7] is None else row[7], row[0], row[1]
