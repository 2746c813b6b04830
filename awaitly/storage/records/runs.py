"""Runs as rows, those included that were set aside because they do not decode."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from awaitly.coding.texts import compact
from awaitly.durations import from_micros, to_micros
from awaitly.statuses import Priority, RunStatus, WaitKind
from awaitly.storage.journal import (
    DEFAULT_QUEUE,
    Lease,
    RunRecord,
    Tick,
    Wait,
)
from awaitly.storage.lanes import lane_of
from awaitly.storage.records.parts import (
    actor_of,
    count_of,
    dumps,
    moment_of,
    optional,
    plain_actor,
    plain_recorded,
    read_row,
    recorded_of,
    text_of,
)
from awaitly.storage.store import RunRow

__all__ = ["quarantined", "released", "row_of_run", "run_of", "version_of"]


def row_of_run(run: RunRecord) -> RunRow:
    """Write a run."""
    return RunRow(
        run_id=run.run_id,
        version=run.version,
        workflow=run.workflow,
        status=run.status.value,
        created_at=to_micros(run.created_at),
        updated_at=to_micros(run.updated_at),
        due_at=None if run.due_at is None else to_micros(run.due_at),
        body=dumps(_plain_run(run)),
        lane=lane_of(run),
    )


def _plain_run(run: RunRecord) -> dict[str, object]:
    members: dict[str, object] = {"code": run.code_version, "arguments": run.arguments, "digest": run.digest}
    given: tuple[tuple[str, object], ...] = (
        ("requested_by", run.requested_by and plain_actor(run.requested_by)),
        ("lease", run.lease and [run.lease.holder, to_micros(run.lease.until)]),
        ("waits", run.waits),
        ("awaiting", run.awaiting and list(map(_plain_wait, run.awaiting))),
        ("result", run.result and plain_recorded(run.result)),
        ("ended_by", run.ended_by),
        ("by", run.by and plain_actor(run.by)),
        ("reason", run.reason),
        ("progress", run.progress),
        ("recoveries", run.recoveries),
        ("forked_from", run.forked_from),
        ("attempts", None if run.attempts == 1 else run.attempts),
        ("queued", not run.begun),
        ("queue", None if run.queue == DEFAULT_QUEUE else run.queue),
        ("priority", None if run.priority is Priority.NORMAL else run.priority.value),
        ("parent", run.parent),
        ("tick", run.tick and _plain_tick(run.tick)),
        ("channels", run.channels),
    )
    members.update([item for item in given if item[1] or item[1] == ""])
    return members


def _plain_wait(wait: Wait) -> list[object]:
    until = optional(to_micros, wait.until)
    since = to_micros(wait.since)
    return [wait.key, wait.place, wait.kind.value, since, wait.name, until, wait.schema, wait.attempts]


def _wait(plain: list[Any]) -> Wait:
    key, place, kind, since, name, until, schema, attempts = plain
    moments = from_micros(since), text_of(name), moment_of(until)
    return Wait(text_of(key), text_of(place), WaitKind(kind), *moments, text_of(schema), count_of(attempts))


def _plain_tick(tick: Tick) -> list[object]:
    return [tick.schedule, tick.cron, tick.timezone, to_micros(tick.at)]


def _tick(plain: list[Any]) -> Tick:
    schedule, cron, timezone, at = plain
    return Tick(text_of(schedule), text_of(cron), text_of(timezone), from_micros(at))


def run_of(row: RunRow) -> RunRecord:
    """Read a run."""
    return read_row(_run_of, row, "the run")


def _run_of(row: RunRow) -> RunRecord:
    body = compact(row.body)
    if "quarantined" in body:
        return _quarantined_run(row, body["reason"])
    lease = body.get("lease")
    due_at = optional(from_micros, row.due_at)
    return RunRecord(
        run_id=row.run_id,
        workflow=row.workflow,
        code_version=text_of(body["code"]),
        arguments=text_of(body["arguments"]),
        digest=text_of(body["digest"]),
        created_at=from_micros(row.created_at),
        updated_at=from_micros(row.updated_at),
        status=RunStatus(row.status),
        version=row.version,
        requested_by=optional(actor_of, body.get("requested_by")),
        lease=None if lease is None else Lease(lease[0], due_at or from_micros(lease[1])),
        due_at=due_at,
        waits=tuple(map(text_of, body.get("waits", ()))),
        awaiting=tuple(map(_wait, body.get("awaiting", ()))),
        result=optional(recorded_of, body.get("result")),
        ended_by=body.get("ended_by"),
        by=optional(actor_of, body.get("by")),
        reason=body.get("reason"),
        progress=count_of(body.get("progress", 0)),
        recoveries=count_of(body.get("recoveries", 0)),
        forked_from=body.get("forked_from"),
        attempts=count_of(body.get("attempts", 1)),
        begun=not body.get("queued", False),
        queue=text_of(body.get("queue", DEFAULT_QUEUE)),
        priority=Priority(body["priority"]) if "priority" in body else Priority.NORMAL,
        parent=optional(text_of, body.get("parent")),
        tick=optional(_tick, body.get("tick")),
        channels=tuple(map(text_of, body.get("channels", ()))),
    )


def version_of(row: RunRow) -> str | None:
    """Read nothing of a run but the version of the code that it was recorded under; None where that cannot be read."""
    try:
        return text_of(compact(row.body)["code"])
    except (KeyError, ValueError, TypeError, RecursionError):
        return None


def quarantined(row: RunRow, reason: str, now: int, status: RunStatus = RunStatus.NEEDS_REVIEW) -> RunRow:
    """Set a run aside whose records do not decode: what stands in it is kept, wrapped, for a person to look at."""
    kept = compact(row.body)["quarantined"] if _is_quarantined(row) else row.body
    body = dumps({"quarantined": kept, "reason": reason})
    return evolve(row, version=row.version + 1, status=status.value, updated_at=now, due_at=None, body=body)


def released(row: RunRow) -> RunRow:
    """Unwrap what `quarantined` wrapped, at the same version, to see whether it decodes today."""
    if not _is_quarantined(row):
        return row
    return evolve(row, body=compact(row.body)["quarantined"])


def _is_quarantined(row: RunRow) -> bool:
    return row.body.startswith('{"quarantined":')


def _quarantined_run(row: RunRow, reason: str) -> RunRecord:
    moments = from_micros(row.created_at), from_micros(row.updated_at)
    unknown = ("", "{}", "")
    return RunRecord(
        row.run_id, row.workflow, *unknown, *moments, RunStatus(row.status), version=row.version, reason=reason
    )
