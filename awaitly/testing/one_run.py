"""The rule that a commit is about one run, as a check for those who make commits."""

from __future__ import annotations

from typing import TypeAlias

from awaitly.approvals.audit import Entry
from awaitly.storage.store import ApprovalRow, Changes, Hold, NoticeRow, RunRow, StepRow

__all__ = ["check_one_run"]


_Part: TypeAlias = RunRow | Hold | StepRow | ApprovalRow | NoticeRow | Entry


def check_one_run(changes: Changes) -> None:
    """Raise `AssertionError`, which names the runs, where a commit is about several runs or about none."""
    named: list[_Part] = [*changes.runs, *changes.holds, *changes.forgotten]
    named += [*changes.steps, *changes.approvals, *changes.notices, *changes.entries, *changes.redacted]
    run_ids = sorted({part.run_id for part in named} | {run_id for run_id, _ in changes.dropped})
    if len(run_ids) != 1:
        names = ", ".join(map(repr, run_ids)) or "none at all"
        raise AssertionError(f"a commit must be about one run; this one ({changes.move.value}) is about {names}")
