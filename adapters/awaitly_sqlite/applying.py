"""Applying one `Changes` inside a transaction that is already open.

Statement texts are constant, so that `sqlite3` prepares each of them once.
"""

from __future__ import annotations

import sqlite3
from typing import TypeAlias

from awaitly_sqlite.core import ApprovalRow, Changes, Conflict, Entry, Hold, NoticeRow, RunRow, StepRow

__all__ = ["Refused", "apply"]

_Value: TypeAlias = str | int | bytes | None

_ADD_RUN = """
INSERT INTO runs (version, workflow, status, created_at, updated_at, due_at, body, lane, run_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET
    version = excluded.version, workflow = excluded.workflow, status = excluded.status,
    created_at = excluded.created_at, updated_at = excluded.updated_at, due_at = excluded.due_at, body = excluded.body,
    lane = excluded.lane
WHERE version IS NULL"""
_SWAP_RUN = """
UPDATE runs SET version = ?, workflow = ?, status = ?, created_at = ?, updated_at = ?, due_at = ?, body = ?
WHERE lane = ? AND run_id = ? AND version = ?"""
_MOVE_RUN = """
UPDATE runs SET version = ?, workflow = ?, status = ?, created_at = ?, updated_at = ?, due_at = ?, body = ?, lane = ?
WHERE run_id = ? AND version = ?"""
_RUN_VERSION = "SELECT version FROM runs WHERE run_id = ?"
_RENEW = "UPDATE runs SET due_at = ? WHERE run_id = ? AND version = ?"
_NUMBER = "INSERT INTO runs (run_id) VALUES (?) ON CONFLICT (run_id) DO NOTHING"

_DROP_STEP = "DELETE FROM steps WHERE run = (SELECT number FROM runs WHERE run_id = ?) AND key = ?"
_ADD_STEP = "INSERT INTO steps (run, key, body) SELECT number, ?, ? FROM runs WHERE run_id = ? ON CONFLICT DO NOTHING"

_ADD_APPROVAL = """
INSERT INTO approvals
    (run, run_id, lane, version, workflow, open, ready, asked_at, deadline, body, waits_for, crowd, urgency, key)
SELECT number, run_id, lane, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM runs WHERE run_id = ? ON CONFLICT DO NOTHING"""
_SWAP_APPROVAL = """
UPDATE approvals SET version = ?, workflow = ?, open = ?, ready = ?, asked_at = ?, deadline = ?, body = ?,
    waits_for = ?, crowd = ?, urgency = ?
WHERE key = ? AND run = (SELECT number FROM runs WHERE run_id = ?) AND version = ? AND crowd = 0"""
_SEND_HOME = (
    "UPDATE approvals SET crowd = 0 WHERE key = ? AND run = (SELECT number FROM runs WHERE run_id = ?) AND crowd > 0",
    "DELETE FROM audiences WHERE key = ? AND run = (SELECT number FROM runs WHERE run_id = ?)",
)
_ADD_NAME = """
INSERT INTO audiences (run, run_id, name, urgency, key) SELECT number, run_id, ?, ?, ? FROM runs WHERE run_id = ?
ON CONFLICT DO NOTHING"""
_APPROVAL_VERSION = "SELECT version FROM approvals WHERE run = (SELECT number FROM runs WHERE run_id = ?) AND key = ?"

_ADD_NOTICE = """
INSERT INTO notices (run, run_id, version, channel, due_at, dead, body, key)
SELECT number, run_id, ?, ?, ?, ?, ?, ? FROM runs WHERE run_id = ? ON CONFLICT DO NOTHING"""
_SWAP_NOTICE = """
UPDATE notices SET version = ?, channel = ?, due_at = ?, dead = ?, body = ?
WHERE key = ? AND run = (SELECT number FROM runs WHERE run_id = ?) AND version = ?"""
_NOTICE_VERSION = "SELECT version FROM notices WHERE run = (SELECT number FROM runs WHERE run_id = ?) AND key = ?"

_ADD_ENTRY = """
INSERT INTO entries (run, seq, hash, body) SELECT number, ?, ?, ? FROM runs WHERE run_id = ? ON CONFLICT DO NOTHING"""
_REDACT_ENTRY = """
UPDATE entries SET body = ? WHERE seq = ? AND hash = ? AND run = (SELECT number FROM runs WHERE run_id = ?)"""

_FORGET = (
    "DELETE FROM steps WHERE run = (SELECT number FROM runs WHERE run_id = ?)",
    "DELETE FROM approvals WHERE run = (SELECT number FROM runs WHERE run_id = ?)",
    "DELETE FROM audiences WHERE run = (SELECT number FROM runs WHERE run_id = ?)",
    "DELETE FROM notices WHERE run = (SELECT number FROM runs WHERE run_id = ?)",
    "DELETE FROM entries WHERE run = (SELECT number FROM runs WHERE run_id = ?)",
    "DELETE FROM runs WHERE run_id = ?",
)

_HEX_LENGTH = 64
_NEVER = 2**63 - 1


class Refused(Exception):
    """A condition did not hold: what was applied so far must be rolled back. Never leaves this package."""

    def __init__(self, run_id: str, what: str) -> None:
        super().__init__(what)
        self.conflict = Conflict(run_id, what)


def apply(db: sqlite3.Cursor, changes: Changes) -> None:
    """Go through all parts, in the order of `Changes`. Raises `Refused` at the first that cannot be."""
    for run in changes.runs:
        _put_run(db, run)
    for hold in changes.holds:
        _hold(db, hold)
    for dropped in changes.dropped:
        db.execute(_DROP_STEP, dropped)
    for step in changes.steps:
        _add_step(db, step)
    for approval in changes.approvals:
        _put_approval(db, approval)
    for notice in changes.notices:
        _put_notice(db, notice)
    for entry in changes.entries:
        _add_entry(db, entry)
    for entry in changes.redacted:
        _redact_entry(db, entry)
    for hold in changes.forgotten:
        _forget(db, hold)


def _put_run(db: sqlite3.Cursor, row: RunRow) -> None:
    values = (
        row.version,
        row.workflow,
        row.status,
        row.created_at,
        row.updated_at,
        row.due_at,
        row.body,
        row.lane,
        row.run_id,
    )
    if row.version == 1:
        db.execute(_ADD_RUN, values)
    else:
        db.execute(_SWAP_RUN, (*values, row.version - 1))
        if db.rowcount != 1:  # seldom: to set a lane costs a trigger, which takes the approvals along
            db.execute(_MOVE_RUN, (*values, row.version - 1))
    if db.rowcount != 1:
        raise _mismatch(row.run_id, "the run", _version(db, _RUN_VERSION, row.run_id), row.version - 1)


def _hold(db: sqlite3.Cursor, hold: Hold) -> None:
    if hold.due_at is not None:
        db.execute(_RENEW, (hold.due_at, hold.run_id, hold.version))
        if db.rowcount == 1:
            return
    version = _version(db, _RUN_VERSION, hold.run_id)
    if version == 0 or version != hold.version:
        raise _mismatch(hold.run_id, "the run", version, hold.version)


def _add_step(db: sqlite3.Cursor, row: StepRow) -> None:
    if not _added(db, _ADD_STEP, (row.key, row.body), row.run_id):
        raise Refused(row.run_id, f"step {row.key!r} is already recorded")


def _put_approval(db: sqlite3.Cursor, row: ApprovalRow) -> None:
    names = row.audience if row.open else ()
    values = _columns(row, names)
    if not (_added(db, _ADD_APPROVAL, values, row.run_id) if row.version == 1 else _swapped(db, row, values)):
        found = _version(db, _APPROVAL_VERSION, row.run_id, row.key)
        raise _mismatch(row.run_id, f"approval {row.key!r}", found, row.version - 1)
    if len(names) > 1:
        for name in names:
            db.execute(_ADD_NAME, (name, _urgency(row), row.key, row.run_id))


def _columns(row: ApprovalRow, names: tuple[str, ...]) -> tuple[_Value, ...]:
    """Give the columns of an approval, in the order of the statements that write it."""
    waits_for, crowd = (names[0], 0) if len(names) == 1 else (None, len(names))
    return (
        row.version,
        row.workflow,
        row.open,
        row.ready,
        row.asked_at,
        row.deadline,
        row.body,
        waits_for,
        crowd,
        _urgency(row) if names else None,
        row.key,
    )


def _urgency(row: ApprovalRow) -> int:
    return _NEVER if row.deadline is None else row.deadline


def _swapped(db: sqlite3.Cursor, row: ApprovalRow, values: tuple[_Value, ...]) -> bool:
    values = (*values, row.run_id, row.version - 1)
    db.execute(_SWAP_APPROVAL, values)
    if db.rowcount != 1:  # seldom: it waits for several, whom to look for each time would cost those that do not
        for statement in _SEND_HOME:
            db.execute(statement, (row.key, row.run_id))
        db.execute(_SWAP_APPROVAL, values)
    return db.rowcount == 1


def _put_notice(db: sqlite3.Cursor, row: NoticeRow) -> None:
    values = (row.version, row.channel, row.due_at, row.dead, row.body, row.key)
    if row.version == 1:
        put = _added(db, _ADD_NOTICE, values, row.run_id)
    else:
        db.execute(_SWAP_NOTICE, (*values, row.run_id, row.version - 1))
        put = db.rowcount == 1
    if not put:
        found = _version(db, _NOTICE_VERSION, row.run_id, row.key)
        raise _mismatch(row.run_id, f"notice {row.key!r}", found, row.version - 1)


def _add_entry(db: sqlite3.Cursor, entry: Entry) -> None:
    if not _added(db, _ADD_ENTRY, (entry.seq, _packed(entry.hash), entry.body), entry.run_id):
        raise Refused(entry.run_id, f"the ledger already has an entry {entry.seq}")


def _redact_entry(db: sqlite3.Cursor, entry: Entry) -> None:
    db.execute(_REDACT_ENTRY, (entry.body, entry.seq, _packed(entry.hash), entry.run_id))
    if db.rowcount != 1:
        raise Refused(entry.run_id, f"the ledger has no entry {entry.seq} of this hash")


def _forget(db: sqlite3.Cursor, hold: Hold) -> None:
    version = _version(db, _RUN_VERSION, hold.run_id)
    if version != hold.version:
        raise _mismatch(hold.run_id, "the run", version, hold.version)
    for statement in _FORGET:
        db.execute(statement, (hold.run_id,))


def _added(db: sqlite3.Cursor, statement: str, values: tuple[_Value, ...], run_id: str) -> bool:
    """Insert a row that belongs to a run; number the run first where this store has never heard of it."""
    db.execute(statement, (*values, run_id))
    if db.rowcount == 1:
        return True
    db.execute(_NUMBER, (run_id,))
    if db.rowcount != 1:
        return False
    db.execute(statement, (*values, run_id))
    return db.rowcount == 1


def _version(db: sqlite3.Cursor, statement: str, *names: str) -> int:
    """Read a row's version; 0 is that of a row which does not exist."""
    row: tuple[int | None] | None = db.execute(statement, names).fetchone()
    return (row and row[0]) or 0


def _mismatch(run_id: str, what: str, found: int, expected: int) -> Refused:
    if found == 0:
        return Refused(run_id, f"{what} does not exist")
    if expected == 0:
        return Refused(run_id, f"{what} already exists, at version {found}")
    return Refused(run_id, f"{what} is at version {found}, not {expected}")


def _packed(digest: str) -> str | bytes:
    """Give the 32 bytes of a hash; a text of any other form is kept as it is."""
    try:
        packed = bytes.fromhex(digest)
    except ValueError:
        return digest
    return packed if len(digest) == _HEX_LENGTH and packed.hex() == digest else digest
