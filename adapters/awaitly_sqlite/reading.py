"""Reading what belongs to one run, and which runs are due: a few index lookups each."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeAlias

from awaitly_sqlite.connecting import snapshot
from awaitly_sqlite.core import ApprovalRow, Entry, Found, RunRow, StepRow

__all__ = ["APPROVAL_PLANS", "DUE", "RUN_PLANS", "approval_row", "approvals", "due", "entries", "load", "run_row"]

Row: TypeAlias = tuple[Any, ...]

# One statement reads everything as of one moment. Each row says what it is: 0 the run, 1 a step, 2 an approval, 3 the
# ledger's head; the parts come one after the other, each in its own order.
_LEDGER = """
SELECT 2, key, version, workflow, open, ready, asked_at, deadline, body FROM (
    SELECT * FROM approvals WHERE run = (SELECT number FROM runs WHERE run_id = :run_id) ORDER BY asked_at, key)
UNION ALL
SELECT 3, seq, hash, body, NULL, NULL, NULL, NULL, NULL FROM (
    SELECT * FROM entries WHERE run = (SELECT number FROM runs WHERE run_id = :run_id) ORDER BY seq DESC LIMIT 1)"""
_ALL = f"""
SELECT 0, version, workflow, status, created_at, updated_at, due_at, body, NULL
FROM runs WHERE run_id = :run_id AND version IS NOT NULL
UNION ALL
SELECT 1, key, body, NULL, NULL, NULL, NULL, NULL, NULL FROM (
    SELECT * FROM steps WHERE run = (SELECT number FROM runs WHERE run_id = :run_id) ORDER BY rowid)
UNION ALL {_LEDGER}"""  # noqa: S608  (put together from constants)
_ENTRIES = """
SELECT seq, hash, body FROM entries WHERE run = (SELECT number FROM runs WHERE run_id = ?) ORDER BY seq"""

DUE = "SELECT run_id FROM runs WHERE due_at <= ? ORDER BY due_at, run_id LIMIT ?"
_READY = """
SELECT DISTINCT runs.run_id FROM approvals CROSS JOIN runs ON runs.number = approvals.run
WHERE approvals.ready = 1 AND runs.version IS NOT NULL AND (due_at IS NULL OR due_at > ?)
ORDER BY runs.run_id LIMIT ?"""

RUN_PLANS = (_ALL, DUE, _READY)
"""Every statement that reads a run or its steps, for a look at how SQLite plans it."""

APPROVAL_PLANS = (_LEDGER, _ENTRIES)
"""Every statement that reads approvals or their ledger."""


def load(db: sqlite3.Connection, run_id: str, now: int) -> Found:
    """Read all that belongs to a run, as of one moment."""
    return _found(db.execute(_ALL, {"run_id": run_id}).fetchall(), run_id, now)


def approvals(db: sqlite3.Connection, run_id: str, now: int) -> Found:
    """Read a run's approvals and its ledger's head, as of one moment."""
    return _found(db.execute(_LEDGER, {"run_id": run_id}).fetchall(), run_id, now)


def _found(rows: list[Row], run_id: str, now: int) -> Found:
    run, head = None, None
    steps: list[StepRow] = []
    approvals: list[ApprovalRow] = []
    for row in rows:
        match row[0]:
            case 0:
                run = RunRow(run_id, *row[1:8])
            case 1:
                steps.append(StepRow(run_id, row[1], row[2]))
            case 2:
                approvals.append(approval_row((run_id, *row[1:])))
            case _:
                head = _entry(run_id, row[1:4])
    return Found(now, run, tuple(steps), tuple(approvals), head)


def entries(db: sqlite3.Connection, run_id: str) -> tuple[Entry, ...]:
    """Read a run's ledger, in order."""
    return tuple([_entry(run_id, row) for row in db.execute(_ENTRIES, (run_id,))])


def due(db: sqlite3.Connection, now: int, limit: int) -> tuple[str, ...]:
    """Name at most `limit` runs to look at: by `due_at`, then those that only a ready approval makes due."""
    with snapshot(db):
        timely = db.execute(DUE, (now, limit)).fetchall()
        ready = db.execute(_READY, (now, limit - len(timely))).fetchall() if len(timely) < limit else []
    return tuple([run_id for (run_id,) in (*timely, *ready)])


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
