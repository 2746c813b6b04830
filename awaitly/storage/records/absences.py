"""Absences as rows: they stand among the runs, under ids of their own that begin with whom they are for."""

from __future__ import annotations

from datetime import datetime

from awaitly.approvals.events import Absence
from awaitly.coding.texts import compact
from awaitly.digest import digest
from awaitly.durations import from_micros, to_micros
from awaitly.ids import ABSENCES
from awaitly.storage.records.parts import actor_of, dumps, plain_actor, read_row, text_of
from awaitly.storage.store import RunRow

__all__ = ["absence_id", "absence_of", "absences_prefix", "row_of_absence"]

_ABSENT = "absent"
"""No status of a run: no move applies to such a row."""


def absences_prefix(to: str) -> str:
    """Give how the ids of all begin for whom somebody stands in."""
    return f"{ABSENCES}{digest(to)[3:35]}:"


def absence_id(owner: str, to: str) -> str:
    """Give the id of somebody's absence for which somebody stands in; names may be any text, ids may not."""
    return f"{absences_prefix(to)}{digest(owner)[3:35]}"


def row_of_absence(absence: Absence, version: int, now: datetime) -> RunRow:
    """Write an absence."""
    body = {"owner": plain_actor(absence.owner), "to": absence.to, "until": to_micros(absence.until)}
    return RunRow(
        run_id=absence_id(absence.owner.name, absence.to),
        version=version,
        workflow="",
        status=_ABSENT,
        created_at=to_micros(absence.since),
        updated_at=to_micros(now),
        due_at=None,
        body=dumps(body),
    )


def absence_of(row: RunRow) -> Absence:
    """Read an absence. Raises `RecordCorrupt`."""
    return read_row(_absence_of, row, "the absence")


def _absence_of(row: RunRow) -> Absence:
    body = compact(row.body)
    since, until = from_micros(row.created_at), from_micros(body["until"])
    absence = Absence(actor_of(body["owner"]), text_of(body["to"]), since, until)
    if row.run_id != absence_id(absence.owner.name, absence.to):
        msg = "it is of others than its id says"
        raise ValueError(msg)
    return absence
