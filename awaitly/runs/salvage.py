"""What can still be read of a run whose records do not decode: each record for itself, and the rest by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from attrs import evolve

from awaitly.approvals.approval import Approval
from awaitly.approvals.notices import Notice
from awaitly.exceptions import RecordCorrupt
from awaitly.runs.saving import state_in
from awaitly.statuses import RunStatus
from awaitly.storage.journal import Message, RunRecord, Step, with_decisions
from awaitly.storage.records import approval_of, is_message, message_of, notice_of, quarantined, run_of, step_of
from awaitly.storage.store import ApprovalRow, Found, NoticeRow, RunRow, StepRow
from awaitly.values import frozen

__all__ = ["Salvaged", "legible_notices", "listed", "salvaged", "standing"]

T = TypeVar("T")
Row = TypeVar("Row", StepRow, ApprovalRow, NoticeRow)

_OVER = {status.value: status for status in RunStatus if status.ended}


@frozen
class Salvaged:
    """A run as far as it can be read; `damage` has a sentence for each record that cannot, and is empty if all can."""

    run: RunRecord
    steps: tuple[Step, ...]
    approvals: tuple[Approval, ...]
    damage: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


def standing(row: RunRow) -> RunStatus:
    """Give where a run stands whose records do not decode: it is over if it was, else it needs a person."""
    return _OVER.get(row.status, RunStatus.NEEDS_REVIEW)


def listed(row: RunRow) -> RunRecord:
    """Read a run's own record, also one that does not decode: its reason then says so."""
    try:
        return run_of(row)
    except RecordCorrupt as exc:
        return run_of(evolve(quarantined(row, str(exc), row.updated_at, standing(row)), version=row.version))


def salvaged(found: Found, row: RunRow) -> Salvaged:
    """Read all of a run that decodes."""
    try:
        state = state_in(found, row)
    except RecordCorrupt as exc:
        return _piecemeal(found, row, exc)
    return Salvaged(state.run, state.steps, state.approvals, messages=state.messages)


def _piecemeal(found: Found, row: RunRow, whole: RecordCorrupt) -> Salvaged:
    damage: list[str] = []
    try:
        run_of(row)
    except RecordCorrupt as exc:
        damage.append(str(exc))
    steps = _legible(found.steps, step_of, damage)
    approvals = _legible([row for row in found.approvals if not is_message(row)], approval_of, damage)
    messages = _legible(filter(is_message, found.approvals), message_of, damage)
    steps = with_decisions(steps, approvals)
    return Salvaged(listed(row), steps, approvals, tuple(damage) or (str(whole),), messages)


def legible_notices(rows: Iterable[NoticeRow]) -> tuple[Notice, ...]:
    """Read those notices that decode."""
    return _legible(rows, notice_of, [])


def _legible(rows: Iterable[Row], read: Callable[[Row], T], damage: list[str]) -> tuple[T, ...]:
    """Read what decodes, and note what does not."""
    items: list[T] = []
    for row in rows:
        try:
            items.append(read(row))
        except RecordCorrupt as exc:
            damage.append(str(exc))
    return tuple(items)
