"""Records <-> rows: the one place where the stored form of runs, steps and approvals is written and read.

A body is a JSON object; members that hold their default are left out, so a member that a later release adds changes
no stored text. Reading a body that this release does not understand raises `RecordCorrupt`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from attrs import evolve

from awaitly.actors import Actor
from awaitly.approval import Approval, Approved, Closing, Edited, Outcome, Rejected, Vote
from awaitly.audit import EMPTY, Entry, Head
from awaitly.coding.texts import compact, writer
from awaitly.durations import from_micros, to_micros
from awaitly.errors import Expired, UnexpectedError
from awaitly.exceptions import RecordCorrupt
from awaitly.journal import (
    DEFAULT_QUEUE,
    Arrived,
    Content,
    Decided,
    Elapsed,
    Failed,
    Lease,
    Message,
    Raised,
    Recorded,
    Returned,
    RunRecord,
    Step,
    Tick,
    Wait,
)
from awaitly.lanes import lane_of
from awaitly.policy import Policy
from awaitly.statuses import ApprovalStatus, Priority, RunStatus, WaitKind
from awaitly.store import ApprovalRow, RunRow, StepRow

__all__ = [
    "approval_of",
    "head_of",
    "is_message",
    "message_key",
    "message_of",
    "quarantined",
    "released",
    "row_of_approval",
    "row_of_message",
    "row_of_run",
    "row_of_step",
    "run_of",
    "step_of",
    "version_of",
]

T = TypeVar("T")
R = TypeVar("R", RunRow, StepRow, ApprovalRow)

_dumps = writer(json.JSONEncoder(separators=(",", ":"), check_circular=False))


def _optional(read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else read(value)


def _read(read: Callable[[R], T], row: R, what: str) -> T:
    try:
        row.body.encode("ascii")
        return read(row)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as exc:
        raise RecordCorrupt(row.run_id, f"{what}: {type(exc).__name__}: {exc}") from exc


# Actors: a name alone where there is nothing else to say


def _plain_actor(actor: Actor) -> object:
    if not actor.roles and actor.on_behalf_of is None:
        return actor.name
    return [actor.name, sorted(actor.roles), *([actor.on_behalf_of] if actor.on_behalf_of else [])]


def _actor(plain: Any) -> Actor:
    if isinstance(plain, str):
        return Actor(plain)
    return Actor(plain[0], plain[1], on_behalf_of=plain[2] if len(plain) > 2 else None)  # noqa: PLR2004


# Outcomes of approvals and of steps: a tag, then the members


def _plain_outcome(outcome: Outcome[str]) -> list[object]:
    match outcome:
        case Approved(value, by, at):
            return ["approved", value, _plain_actor(by), to_micros(at)]
        case Edited(original, value, by, at):
            return ["edited", original, value, _plain_actor(by), to_micros(at)]
        case Rejected(reason, by, at):
            return ["rejected", reason, _plain_actor(by), to_micros(at)]
        case Expired(run_id, key, deadline):
            return ["expired", run_id, key, to_micros(deadline)]


def _outcome(plain: list[Any]) -> Outcome[str]:
    match plain:
        case ["approved", str(value), by, at]:
            return Approved(value, _actor(by), from_micros(at))
        case ["edited", str(original), str(value), by, at]:
            return Edited(original, value, _actor(by), from_micros(at))
        case ["rejected", reason, by, at]:
            return Rejected(reason, _actor(by), from_micros(at))
        case ["expired", str(run_id), str(key), at]:
            return Expired(run_id, key, from_micros(at))
        case _:
            msg = f"no outcome: {plain!r}"
            raise ValueError(msg)


def _plain_recorded(recorded: Recorded) -> list[object]:
    match recorded:
        case Returned(payload):
            return ["ok", payload]
        case Failed(payload):
            return ["err", payload]
        case Raised(UnexpectedError(kind, message, where, attempts)):
            return ["raised", kind, message, where, attempts]
        case Decided(outcome):
            return ["decided", *_plain_outcome(outcome)]
        case Arrived(message, content):
            return ["arrived", message, *_plain_recorded(content)]
        case Elapsed(at):
            return ["elapsed", to_micros(at)]


def _recorded(plain: list[Any]) -> Recorded:
    match plain:
        case ["ok", str(payload)]:
            return Returned(payload)
        case ["decided", *outcome]:
            return Decided(_outcome(outcome))
        case ["arrived", str(message), *content]:
            return Arrived(message, _content(content))
        case ["elapsed", int(at)]:
            return Elapsed(from_micros(at))
        case _:
            return _content(plain)


def _content(plain: list[Any]) -> Content:
    match plain:
        case ["ok", str(payload)]:
            return Returned(payload)
        case ["err", str(payload)]:
            return Failed(payload)
        case ["raised", str(kind), str(message), where, int(attempts)]:
            return Raised(UnexpectedError(kind, message, where, attempts))
        case _:
            msg = f"no recorded result: {plain!r}"
            raise ValueError(msg)


# Steps


def row_of_step(run_id: str, step: Step) -> StepRow:
    """Write a step."""
    started = to_micros(step.started_at)
    members: dict[str, object] = {
        "at": step.place,
        "digest": step.digest,
        "is": _plain_recorded(step.recorded),
        "when": [started, to_micros(step.ended_at) - started],
    }
    if step.attempts > 1:
        members["attempts"] = step.attempts
    if step.fatal:
        members["fatal"] = True
    return StepRow(run_id, step.key, _dumps(members))


def step_of(row: StepRow) -> Step:
    """Read a step."""
    return _read(_step_of, row, f"step {row.key!r}")


def _step_of(row: StepRow) -> Step:
    body = compact(row.body)
    started, lasted = body["when"]
    recorded = _recorded(body["is"])
    place, digest = _text(body["at"]), _text(body["digest"])
    moments = from_micros(started), from_micros(started + lasted)
    return Step(row.key, place, digest, recorded, *moments, body.get("attempts", 1), body.get("fatal", False))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        msg = f"a text was expected, not {value!r}"
        raise TypeError(msg)
    return value


# Runs


def row_of_run(run: RunRecord) -> RunRow:
    """Write a run."""
    return RunRow(
        run_id=run.run_id,
        version=run.version,
        workflow=run.workflow,
        status=run.status.value,
        created_at=to_micros(run.created_at),
        updated_at=to_micros(run.updated_at),
        due_at=_optional(to_micros, run.due_at),
        body=_dumps(_plain_run(run)),
        lane=lane_of(run),
    )


def _plain_run(run: RunRecord) -> dict[str, object]:
    members: dict[str, object] = {"code": run.code_version, "arguments": run.arguments, "digest": run.digest}
    given: tuple[tuple[str, object], ...] = (
        ("requested_by", _optional(_plain_actor, run.requested_by)),
        ("lease", run.lease and [run.lease.holder, to_micros(run.lease.until)]),
        ("waits", list(run.waits)),
        ("awaiting", list(map(_plain_wait, run.awaiting))),
        ("result", run.result and _plain_recorded(run.result)),
        ("ended_by", run.ended_by),
        ("by", _optional(_plain_actor, run.by)),
        ("reason", run.reason),
        ("progress", run.progress),
        ("recoveries", run.recoveries),
        ("forked_from", run.forked_from),
        ("attempts", None if run.attempts == 1 else run.attempts),
        ("queued", not run.begun),
        ("queue", None if run.queue == DEFAULT_QUEUE else run.queue),
        ("priority", None if run.priority is Priority.NORMAL else run.priority.value),
        ("parent", run.parent),
        ("tick", _optional(_plain_tick, run.tick)),
    )
    members.update((name, value) for name, value in given if value or value == "")
    return members


def _plain_wait(wait: Wait) -> list[object]:
    until = _optional(to_micros, wait.until)
    since = to_micros(wait.since)
    return [wait.key, wait.place, wait.kind.value, since, wait.name, until, wait.schema, wait.attempts]


def _wait(plain: list[Any]) -> Wait:
    key, place, kind, since, name, until, schema, attempts = plain
    moments = from_micros(since), _text(name), _moment(until)
    return Wait(_text(key), _text(place), WaitKind(kind), *moments, _text(schema), _count(attempts))


def _plain_tick(tick: Tick) -> list[object]:
    return [tick.schedule, tick.cron, tick.timezone, to_micros(tick.at)]


def _tick(plain: list[Any]) -> Tick:
    schedule, cron, timezone, at = plain
    return Tick(_text(schedule), _text(cron), _text(timezone), from_micros(at))


def run_of(row: RunRow) -> RunRecord:
    """Read a run."""
    return _read(_run_of, row, "the run")


def _run_of(row: RunRow) -> RunRecord:
    body = compact(row.body)
    if "quarantined" in body:
        return _quarantined_run(row, body["reason"])
    lease = body.get("lease")
    due_at = _optional(from_micros, row.due_at)
    return RunRecord(
        run_id=row.run_id,
        workflow=row.workflow,
        code_version=_text(body["code"]),
        arguments=_text(body["arguments"]),
        digest=_text(body["digest"]),
        created_at=from_micros(row.created_at),
        updated_at=from_micros(row.updated_at),
        status=RunStatus(row.status),
        version=row.version,
        requested_by=_optional(_actor, body.get("requested_by")),
        lease=None if lease is None else Lease(lease[0], due_at or from_micros(lease[1])),
        due_at=due_at,
        waits=tuple(map(_text, body.get("waits", ()))),
        awaiting=tuple(map(_wait, body.get("awaiting", ()))),
        result=_optional(_recorded, body.get("result")),
        ended_by=body.get("ended_by"),
        by=_optional(_actor, body.get("by")),
        reason=body.get("reason"),
        progress=_count(body.get("progress", 0)),
        recoveries=_count(body.get("recoveries", 0)),
        forked_from=body.get("forked_from"),
        attempts=_count(body.get("attempts", 1)),
        begun=not body.get("queued", False),
        queue=_text(body.get("queue", DEFAULT_QUEUE)),
        priority=Priority(body["priority"]) if "priority" in body else Priority.NORMAL,
        parent=_optional(_text, body.get("parent")),
        tick=_optional(_tick, body.get("tick")),
    )


def version_of(row: RunRow) -> str | None:
    """Read nothing of a run but the version of the code that it was recorded under; None where that cannot be read."""
    try:
        return _text(compact(row.body)["code"])
    except (KeyError, ValueError, TypeError, RecursionError):
        return None


def quarantined(row: RunRow, reason: str, now: int, status: RunStatus = RunStatus.NEEDS_REVIEW) -> RunRow:
    """Set a run aside whose records do not decode: what stands in it is kept, wrapped, for a person to look at."""
    kept = compact(row.body)["quarantined"] if _is_quarantined(row) else row.body
    body = _dumps({"quarantined": kept, "reason": reason})
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


# Approvals


def row_of_approval(approval: Approval) -> ApprovalRow:
    """Write an approval."""
    return ApprovalRow(
        run_id=approval.run_id,
        key=approval.key,
        version=approval.version,
        workflow=approval.workflow,
        open=approval.pending,
        ready=approval.ready,
        asked_at=to_micros(approval.asked_at),
        deadline=_optional(to_micros, approval.deadline),
        body=_dumps(_plain_approval(approval)),
    )


def _plain_approval(a: Approval) -> dict[str, object]:
    members: dict[str, object] = {
        "status": a.status.value,
        "at": a.place,
        "operation": a.operation,
        "summary": a.summary,
        "proposal": a.proposal,
        "schema": a.schema,
        "digest": a.digest,
    }
    given: tuple[tuple[str, object], ...] = (
        ("policy", dict(a.policy.to_plain())),
        ("requested_by", _optional(_plain_actor, a.requested_by)),
        ("reason", a.reason),
        ("metadata", None if a.metadata == "{}" else a.metadata),
        ("redact", list(a.redact)),
        ("external", a.external),
        ("revision", None if a.revision == 1 else a.revision),
        ("edited", a.edited),
        ("editor", _optional(_plain_actor, a.editor)),
        ("votes", [_plain_vote(vote) for vote in a.votes]),
        ("closing", a.closing and [_plain_actor(a.closing.by), to_micros(a.closing.at), a.closing.reason]),
        ("consumed_at", _optional(to_micros, a.consumed_at)),
    )
    members.update((name, value) for name, value in given if value or value == "")
    return members


def _plain_vote(vote: Vote) -> list[object]:
    return [_plain_actor(vote.by), vote.approves, vote.revision, to_micros(vote.at), vote.reason]


def _vote(plain: list[Any]) -> Vote:
    by, approves, revision, at, reason = plain
    return Vote(_actor(by), approves, revision, from_micros(at), reason)


def _closing(plain: list[Any]) -> Closing:
    by, at, reason = plain
    return Closing(_actor(by), from_micros(at), reason)


def approval_of(row: ApprovalRow) -> Approval:
    """Read an approval."""
    return _read(_approval_of, row, f"approval {row.key!r}")


def _approval_of(row: ApprovalRow) -> Approval:
    body = compact(row.body)
    status = ApprovalStatus(body["status"])
    if status not in _NOT_CLOSED and body.get("closing") is None:
        msg = f"it is {status.value}, and nobody decided it"
        raise ValueError(msg)
    return Approval(
        run_id=row.run_id,
        key=row.key,
        workflow=row.workflow,
        place=_text(body["at"]),
        operation=_text(body["operation"]),
        summary=_text(body["summary"]),
        proposal=_json(body["proposal"]),
        schema=_text(body["schema"]),
        policy=Policy.from_plain(body.get("policy", {})),
        asked_at=from_micros(row.asked_at),
        deadline=_moment(row.deadline),
        requested_by=_optional(_actor, body.get("requested_by")),
        reason=body.get("reason"),
        metadata=_json(body["metadata"]) if "metadata" in body else "{}",
        redact=tuple(body.get("redact", ())),
        external=body.get("external", False),
        version=row.version,
        revision=_count(body.get("revision", 1)),
        status=status,
        edited=_optional(_json, body.get("edited")),
        editor=_optional(_actor, body.get("editor")),
        votes=tuple(map(_vote, body.get("votes", ()))),
        closing=_optional(_closing, body.get("closing")),
        consumed_at=_moment(body.get("consumed_at")),
        digest=_text(body["digest"]),
    )


_NOT_CLOSED = {ApprovalStatus.PENDING, ApprovalStatus.SUPERSEDED}


def _json(value: Any) -> str:
    compact(_text(value))
    return str(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        msg = f"a count was expected, not {value!r}"
        raise TypeError(msg)
    return value


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


# Messages: they stand among the approvals, for both are what a run hears from outside, and both can wake it


def message_key(kind: WaitKind, name: str, key: str) -> str:
    """Give the key of a message's row: it begins with a blank, as no key of an approval does."""
    return f" {kind.value} {_dumps([name, key])}"


def is_message(row: ApprovalRow) -> bool:
    """Tell the row of a message from that of an approval."""
    return row.key.startswith(" ")


def row_of_message(message: Message) -> ApprovalRow:
    """Write a message."""
    members: dict[str, object] = {"to": message.name, "is": _plain_recorded(message.content)}
    if message.by is not None:
        members["by"] = _plain_actor(message.by)
    if message.void:
        members["void"] = True
    return ApprovalRow(
        run_id=message.run_id,
        key=message.key,
        version=message.version,
        workflow=message.workflow,
        open=False,
        ready=message.unread,
        asked_at=to_micros(message.sent_at),
        deadline=None,
        body=_dumps(members),
    )


def message_of(row: ApprovalRow) -> Message:
    """Read a message."""
    return _read(_message_of, row, f"message {row.key!r}")


def _message_of(row: ApprovalRow) -> Message:
    body = compact(row.body)
    return Message(
        run_id=row.run_id,
        key=row.key,
        workflow=row.workflow,
        kind=WaitKind(row.key.split(" ")[1]),
        name=_text(body["to"]),
        content=_content(body["is"]),
        sent_at=from_micros(row.asked_at),
        by=_optional(_actor, body.get("by")),
        version=row.version,
        unread=row.ready,
        void=body.get("void", False),
    )


def head_of(entry: Entry | None) -> Head:
    """Give the end of a run's ledger."""
    return EMPTY if entry is None else Head(entry.seq, entry.hash)
