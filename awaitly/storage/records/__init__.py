"""Records <-> rows: the one place where the stored form of runs, steps and approvals is written and read.

A body is a JSON object; members that hold their default are left out, so a member that a later release adds changes
no stored text. Reading a body that this release does not understand raises `RecordCorrupt`.
"""

from __future__ import annotations

from awaitly.approvals.audit import EMPTY, Entry, Head
from awaitly.storage.records.absences import absence_id, absence_of, absences_prefix, row_of_absence
from awaitly.storage.records.approvals import approval_of, row_of_approval
from awaitly.storage.records.messages import is_message, message_key, message_of, row_of_message
from awaitly.storage.records.notices import notice_of, row_of_notice
from awaitly.storage.records.runs import quarantined, released, row_of_run, run_of, version_of
from awaitly.storage.records.steps import row_of_step, step_of

__all__ = [
    "absence_id",
    "absence_of",
    "absences_prefix",
    "approval_of",
    "head_of",
    "is_message",
    "message_key",
    "message_of",
    "notice_of",
    "quarantined",
    "released",
    "row_of_absence",
    "row_of_approval",
    "row_of_message",
    "row_of_notice",
    "row_of_run",
    "row_of_step",
    "run_of",
    "step_of",
    "version_of",
]


def head_of(entry: Entry | None) -> Head:
    """Give the end of a run's ledger."""
    return EMPTY if entry is None else Head(entry.seq, entry.hash)
