"""Rows for tests of stores: each needs only what a test is about."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from attrs import evolve

from awaitly.approvals.audit import Entry
from awaitly.storage.store import ApprovalRow, Changes, Move, NoticeRow, RunRow, StepRow

__all__ = ["PARTS", "T0", "approval_row", "changes", "entry_row", "notice_row", "run_row", "step_row"]

T0 = 1_893_456_000_000_000
"""1 January 2030 UTC in microseconds: where the times of these rows begin."""

PARTS = ("runs", "holds", "dropped", "steps", "approvals", "notices", "entries", "redacted", "forgotten")
"""The fields of `Changes` that hold rows and conditions, in their order."""

_RUN = RunRow("run", 1, "refund", "parked", T0, T0, None, "{}")
_APPROVAL = ApprovalRow("run", "manager", 1, "refund", open=True, ready=False, asked_at=T0, deadline=None, body="{}")
_NOTICE = NoticeRow("run", "1 mail", 1, "mail", due_at=T0, dead=False, body="{}")


def run_row(run_id: str = "run", version: int = 1, **fields: Any) -> RunRow:
    """Make a run's row; `fields` replace what it would have otherwise."""
    return evolve(_RUN, run_id=run_id, version=version, **fields)


def step_row(run_id: str = "run", key: str = "pay", body: str = "{}") -> StepRow:
    """Make a step's row."""
    return StepRow(run_id, key, body)


def approval_row(run_id: str = "run", key: str = "manager", version: int = 1, **fields: Any) -> ApprovalRow:
    """Make the row of an approval that waits and has no deadline; `fields` replace what it would have otherwise."""
    return evolve(_APPROVAL, run_id=run_id, key=key, version=version, **fields)


def notice_row(run_id: str = "run", key: str = "1 mail", version: int = 1, **fields: Any) -> NoticeRow:
    """Make the row of a notice that is to be sent by mail; `fields` replace what it would have otherwise."""
    return evolve(_NOTICE, run_id=run_id, key=key, version=version, **fields)


def entry_row(run_id: str = "run", seq: int = 1, body: str = "{}") -> Entry:
    """Make a ledger entry; its hash has the right form and means nothing, for a store does not check it."""
    return Entry(run_id, seq, sha256(f"{run_id}/{seq}".encode()).hexdigest(), body)


def changes(move: Move = Move.STEP, **parts: Any) -> Changes:
    """Make a commit whose move does not matter."""
    return Changes(move=move, **parts)
