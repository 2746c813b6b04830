"""Reading what belongs to one run, and which runs are due: a few index lookups each."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeAlias

from awaitly_sqlite.connecting import snapshot
from awaitly_sqlite.core import ApprovalRow, Entry, Found, RunRow, StepRow

__all__ = ["APPROVAL_PLANS", "DUE", "RUN_PLANS", "approval_row", "approvals", "due", "entries", "load", "run_row"]

Row: TypeAlias = tuple[Any, ...]

_RUN = "SELECT number, version, workflow, status, created_at, updated_at, due_at, body FROM runs WHERE run_id = ?"
_NUMBER = "SELECT number FROM runs WHERE run_id = ?"
_STEPS = "SELECT key, body FROM steps WHERE run = ? ORDER BY rowid"
_APPROVALS = """
SELECT run_id, key, version, workflow, open, ready, asked_at, deadline, body FROM approvals
WHERE run = ? ORDER BY asked_at, key"""
_HEAD = "SELECT seq, hash, body FROM entries WHERE run = ? ORDER BY seq DESC LIMIT 1"
_ENTRIES = """
SELECT seq, hash, body FROM entries WHERE run = (SELECT number FROM runs WHERE run_id = ?) ORDER BY seq"""

DUE = "SELECT due_at, run_id FROM runs WHERE due_at <= ? ORDER BY due_at, run_id LIMIT ?"
_READY = """
SELECT DISTINCT due_at, runs.run_id FROM approvals CROSS JOIN runs ON runs.number = approvals.run
WHERE approvals.ready = 1 AND runs.version IS NOT NULL ORDER BY due_at IS NULL, due_at, runs.run_id LIMIT ?"""

RUN_PLANS = (_RUN, _NUMBER, _STEPS, DUE, _READY)
"""Every statement that reads a run or its steps, for a look at how SQLite plans it."""

APPROVAL_PLANS = (_APPROVALS, _HEAD, _ENTRIES)
"""Every statement that reads approvals or their ledger."""


def load(db: sqlite3.Connection, run_id: str, now: int) -> Found:
    """Read all that belongs to a run, as of one moment."""
    with snapshot(db):
        row: Row | None = db.execute(_RUN, (run_id,)).fetchone()
        if row is None:
            return Found(now, None, (), (), None)
        number, version, *rest = row
        run = None if version is None else RunRow(run_id, version, *rest)
        steps = tuple([StepRow(run_id, key, body) for key, body in db.execute(_STEPS, (number,))])
        return Found(now, run, steps, _approvals(db, number), _head(db, run_id, number))


def approvals(db: sqlite3.Connection, run_id: str, now: int) -> Found:
    """Read a run's approvals and its ledger's head, as of one moment."""
    with snapshot(db):
        row: Row | None = db.execute(_NUMBER, (run_id,)).fetchone()
        if row is None:
            return Found(now, None, (), (), None)
        return Found(now, None, (), _approvals(db, row[0]), _head(db, run_id, row[0]))


def entries(db: sqlite3.Connection, run_id: str) -> tuple[Entry, ...]:
    """Read a run's ledger, in order."""
    return tuple([_entry(run_id, row) for row in db.execute(_ENTRIES, (run_id,))])


def due(db: sqlite3.Connection, now: int, limit: int) -> tuple[str, ...]:
    """Name at most `limit` runs to look at, the longest due first; those without a `due_at` come last."""
    with snapshot(db):
        found = {*db.execute(DUE, (now, limit)), *db.execute(_READY, (limit,))}
    return tuple([run_id for _, run_id in sorted(found, key=_urgency)[:limit]])


def _urgency(row: tuple[int | None, str]) -> tuple[bool, int, str]:
    due_at, run_id = row
    return due_at is None, due_at or 0, run_id


def _approvals(db: sqlite3.Connection, number: int) -> tuple[ApprovalRow, ...]:
    return tuple([approval_row(row) for row in db.execute(_APPROVALS, (number,))])


def _head(db: sqlite3.Connection, run_id: str, number: int) -> Entry | None:
    row: Row | None = db.execute(_HEAD, (number,)).fetchone()
    return None if row is None else _entry(run_id, row)


def _entry(run_id: str, row: Row) -> Entry:
    seq, digest, body = row
    return Entry(run_id, seq, digest.hex() if isinstance(digest, bytes) else digest, body)


def run_row(row: Row) -> RunRow:
    """Make a run's row of the columns in the order of its fields."""
    return RunRow(*row)


def approval_row(row: Row) -> ApprovalRow:
    """Make an approval's row of the columns in the order of its fields."""
    run_id, key, version, workflow, is_open, ready, *rest = row
    return ApprovalRow(run_id, key, version, workflow, is_open == 1, ready == 1, *rest)
