"""Reading what belongs to one run: a few index lookups each."""

from __future__ import annotations

import sqlite3
from operator import itemgetter
from typing import Any, TypeAlias

from awaitly_sqlite.core import ApprovalRow, Entry, Found, RunRow, StepRow

__all__ = [
    "APPROVAL_PLANS",
    "RUN_PLANS",
    "approval_row",
    "approvals",
    "entries",
    "load",
    "run_row",
]

Row: TypeAlias = tuple[Any, ...]

# One statement reads everything as of one moment. Each row says what it is: 0 the run, 1 a step, 2 an approval, 3 the
# ledger's head. The steps are put in order here: that is faster than by SQLite, which makes a table for it.
_LEDGER = """
SELECT 2, key, version, workflow, open, ready, asked_at, deadline, body FROM (
    SELECT * FROM approvals WHERE run = (SELECT number FROM runs WHERE run_id = :run_id) ORDER BY asked_at, key)
UNION ALL
SELECT 3, seq, hash, body, NULL, NULL, NULL, NULL, NULL FROM (
    SELECT * FROM entries WHERE run = (SELECT number FROM runs WHERE run_id = :run_id) ORDER BY seq DESC LIMIT 1)"""
_ALL = f"""
SELECT 0, version, workflow, status, created_at, updated_at, due_at, body, lane
FROM runs WHERE run_id = :run_id AND version IS NOT NULL
UNION ALL
SELECT 1, key, body, rowid, NULL, NULL, NULL, NULL, NULL
FROM steps WHERE run = (SELECT number FROM runs WHERE run_id = :run_id)
UNION ALL {_LEDGER}"""  # noqa: S608  (put together from constants)
_ENTRIES = """
SELECT seq, hash, body FROM entries WHERE run = (SELECT number FROM runs WHERE run_id = ?) ORDER BY seq"""

_BY_RECORDING = itemgetter(3)

RUN_PLANS = (_ALL,)
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
    steps: list[Row] = []
    approvals: list[ApprovalRow] = []
    for row in rows:
        match row[0]:
            case 0:
                run = RunRow(run_id, *row[1:])
            case 1:
                steps.append(row)
            case 2:
                approvals.append(_approval(run_id, *row[1:]))
            case _:
                head = _entry(run_id, row[1:4])
    steps.sort(key=_BY_RECORDING)
    recorded = tuple([StepRow(run_id, row[1], row[2]) for row in steps])
    return Found(now, run, recorded, tuple(approvals), head)


def entries(db: sqlite3.Connection, run_id: str) -> tuple[Entry, ...]:
    """Read a run's ledger, in order."""
    return tuple([_entry(run_id, row) for row in db.execute(_ENTRIES, (run_id,))])


def _entry(run_id: str, row: Row) -> Entry:
    seq, digest, body = row
    return Entry(run_id, seq, digest.hex() if isinstance(digest, bytes) else digest, body)


def run_row(row: Row) -> RunRow:
    """Make a run's row of the columns in the order of its fields."""
    return RunRow(*row)


def approval_row(row: Row) -> ApprovalRow:
    """Make an approval's row of the columns in the order of its fields."""
    return _approval(*row)


def _approval(run_id: str, key: str, version: int, workflow: str, is_open: int, ready: int, *rest: Any) -> ApprovalRow:
    return ApprovalRow(run_id, key, version, workflow, is_open == 1, ready == 1, *rest)
