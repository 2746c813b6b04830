"""Finding the runs that are due, and the next time that comes: in each lane by one index, from the first row on."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice

from awaitly_sqlite.connecting import snapshot
from awaitly_sqlite.listing import distinct, stream
from awaitly_sqlite.reading import Row

__all__ = ["DUE", "NEXT", "PLANS", "READY", "due", "next_due"]

DUE = """
SELECT due_at, run_id FROM runs INDEXED BY runs_due WHERE lane = :lane AND due_at <= :now ORDER BY due_at, run_id"""
READY = """
SELECT DISTINCT approvals.run_id
FROM approvals INDEXED BY approvals_ready CROSS JOIN runs ON runs.number = approvals.run
WHERE approvals.ready = 1 AND approvals.lane = :lane
AND runs.version IS NOT NULL AND (due_at IS NULL OR due_at > :now)
ORDER BY approvals.run_id"""
NEXT = """
SELECT due_at FROM runs INDEXED BY runs_due WHERE lane = :lane AND due_at > :now ORDER BY due_at LIMIT 1"""
_NEXT_LANE = """
SELECT lane FROM runs INDEXED BY runs_due WHERE due_at IS NOT NULL AND lane >= ? ORDER BY lane LIMIT 1"""
_NEXT_DECIDED = """
SELECT lane FROM approvals INDEXED BY approvals_ready WHERE ready = 1 AND lane >= ? ORDER BY lane LIMIT 1"""

PLANS = (DUE, READY, NEXT, _NEXT_LANE, _NEXT_DECIDED)
"""Every statement that looks for what is due, for a look at how SQLite plans it."""


def due(db: sqlite3.Connection, now: int, limit: int, lanes: Sequence[str] | None) -> tuple[str, ...]:
    """Name at most `limit` runs to look at, lane by lane: by `due_at`, then those that only a decision makes due."""
    with snapshot(db), ExitStack() as stack:
        names = _due_at_all(db, stack, now) if lanes is None else _due_in(db, stack, now, lanes)
        return tuple(islice(names, limit))


def next_due(db: sqlite3.Connection, now: int, lanes: Sequence[str] | None) -> int | None:
    """Give the earliest `due_at` after `now`, with one index lookup for each lane."""
    with snapshot(db):
        asked = distinct(db, _NEXT_LANE) if lanes is None else lanes
        found = [db.execute(NEXT, {"lane": lane, "now": now}).fetchone() for lane in asked]
    return min([row[0] for row in found if row is not None], default=None)


def _due_in(db: sqlite3.Connection, stack: ExitStack, now: int, lanes: Sequence[str]) -> Iterator[str]:
    for lane in lanes:
        for _, run_id in _rows(db, stack, DUE, now, lane):
            yield run_id
        for (run_id,) in _rows(db, stack, READY, now, lane):
            yield run_id


def _due_at_all(db: sqlite3.Connection, stack: ExitStack, now: int) -> Iterator[str]:
    for _, run_id in heapq.merge(*[_rows(db, stack, DUE, now, lane) for lane in distinct(db, _NEXT_LANE)]):
        yield run_id
    for (run_id,) in heapq.merge(*[_rows(db, stack, READY, now, lane) for lane in distinct(db, _NEXT_DECIDED)]):
        yield run_id


def _rows(db: sqlite3.Connection, stack: ExitStack, statement: str, now: int, lane: str) -> Iterator[Row]:
    return stream(db, stack, statement, {"now": now, "lane": lane})
