"""Steps as rows."""

from __future__ import annotations

from awaitly.coding.texts import compact
from awaitly.durations import from_micros, to_micros
from awaitly.storage.journal import (
    Step,
)
from awaitly.storage.records.parts import (
    dumps,
    plain_recorded,
    read_row,
    recorded_of,
    text_of,
)
from awaitly.storage.store import StepRow

__all__ = ["row_of_step", "step_of"]


def row_of_step(run_id: str, step: Step) -> StepRow:
    """Write a step."""
    started = to_micros(step.started_at)
    members: dict[str, object] = {
        "at": step.place,
        "digest": step.digest,
        "is": plain_recorded(step.recorded),
        "when": [started, to_micros(step.ended_at) - started],
    }
    if step.attempts > 1:
        members["attempts"] = step.attempts
    if step.fatal:
        members["fatal"] = True
    return StepRow(run_id, step.key, dumps(members))


def step_of(row: StepRow) -> Step:
    """Read a step."""
    return read_row(_step_of, row, f"step {row.key!r}")


def _step_of(row: StepRow) -> Step:
    body = compact(row.body)
    started, lasted = body["when"]
    recorded = recorded_of(body["is"])
    place, digest = text_of(body["at"]), text_of(body["digest"])
    moments = from_micros(started), from_micros(started + lasted)
    return Step(row.key, place, digest, recorded, *moments, body.get("attempts", 1), body.get("fatal", False))
