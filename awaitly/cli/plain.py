"""What the command line prints with `--json`: awaitly's values as plain JSON values, in a shape that stays.

Redacted members are blanked in all of it, and neither arguments of runs nor results of steps are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from attrs import fields, has

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval, Decision
from awaitly.approvals.audit import Head
from awaitly.approvals.redaction import redacted
from awaitly.approvals.veil import Veil
from awaitly.cli import forms
from awaitly.cli.ledger import plain_told, told_by
from awaitly.cli.waits import NO_CHILDREN, Children, children_of
from awaitly.errors import PendingApproval
from awaitly.replaying.promises import promise_id
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import (
    Arrived,
    Decided,
    Elapsed,
    Failed,
    Message,
    Raised,
    Recorded,
    Returned,
    RunRecord,
    Step,
    Wait,
)
from awaitly.verbs.reader import History

__all__ = ["approval", "decision", "head", "history", "members", "pending", "run"]


def members(value: object) -> dict[str, Any]:
    """Give the fields of an attrs value by name; nothing for any other value."""
    kind: Any = type(value)
    return {field.name: _plain(getattr(value, field.name)) for field in fields(kind)} if has(kind) else {}


def _plain(value: object) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case Actor():
            return value.name
        case tuple() | list():
            return [_plain(each) for each in cast("Iterable[object]", value)]
        case Mapping():
            return {str(name): _plain(each) for name, each in cast("Mapping[object, object]", value).items()}
        case _:
            return str(value)


def pending(approval: PendingApproval) -> dict[str, Any]:
    """Show what waits; its `arguments` are those that the store shows, with redacted members blanked."""
    return members(approval)


def run(record: RunRecord) -> dict[str, Any]:
    """Show a run in a listing."""
    return {
        "run_id": record.run_id,
        "workflow": record.workflow,
        "status": record.status.value,
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "due_at": _plain(record.due_at),
        "waits": list(record.waits),
        "requested_by": _plain(record.requested_by),
        "forked_from": record.forked_from,
        "parent": record.parent,
        "queue": record.queue,
        "priority": record.priority.value,
        "attempts": record.attempts,
        "awaiting": [_wait(each, record.run_id) for each in record.awaiting if record.status is RunStatus.PARKED],
    }


def _wait(one: Wait, run_id: str) -> dict[str, Any]:
    """Show what other than an approval a run waits for."""
    return {
        "key": one.key,
        "kind": one.kind.value,
        "name": None if one.kind is WaitKind.RETRY else one.name or None,
        "promise_id": promise_id(run_id, one.name) if one.kind is WaitKind.PROMISE else None,
        "since": one.since.isoformat(),
        "until": _plain(one.until),
        "attempts": one.attempts if one.kind is WaitKind.RETRY else None,
    }


def approval(one: Approval) -> dict[str, Any]:
    """Show an approval: what was proposed, what it was changed to, who said what."""
    veil = Veil((one,))
    return {
        "key": one.key,
        "status": one.status.value,
        "summary": one.summary,
        "revision": one.revision,
        "digest": one.digest,
        "asked_at": one.asked_at.isoformat(),
        "deadline": _plain(one.deadline),
        "policy": one.policy.describe(),
        "requested_by": _plain(one.requested_by),
        "original": redacted(one.proposal, one.redact),
        "value": redacted(one.content, one.redact),
        "editor": _plain(one.editor),
        "votes": [forms.plain_vote(vote, veil) for vote in one.votes],
        "closed_by": None if one.closing is None else one.closing.by.name,
        "closed_at": None if one.closing is None else one.closing.at.isoformat(),
        "reason": None if one.closing is None else veil.text(one.closing.reason),
        **forms.handled(one, veil),
    }


def decision(made: Decision) -> dict[str, Any]:
    """Show what a verb did."""
    return {"run_id": made.run_id, "replayed": made.replayed, "decided": made.outcome is not None} | approval(
        made.approval
    )


def history(told: History, children: Children = NO_CHILDREN) -> dict[str, Any]:
    """Show a run's timeline. What a signal or a promise brought is not in it, an error is.

    `children` says where the runs stand that this one began.
    """
    veil = Veil(told.approvals)
    taken = {step.recorded.message: step.key for step in told.steps if isinstance(step.recorded, Arrived)}
    return run(told.run) | {
        "reason": veil.text(told.run.reason),
        "result": None if told.run.result is None else recorded(told.run.result, veil),
        "steps": [_step(step, veil) for step in told.steps if not isinstance(step.recorded, Decided)],
        "approvals": [approval(one) for one in told.approvals],
        "messages": [_message(each, taken.get(each.key), veil) for each in told.messages],
        "children": [{"run_id": child, "status": _plain(children.get(child))} for child in children_of(told)],
        "chains": [forms.plain_chain(each) for each in forms.chains_of(told.run.run_id, told.approvals)],
        "events": [plain_told(each, veil) for each in told_by(told.entries)],
        "ledger": len(told.entries),
        "damage": list(told.damage),
    }


def _step(step: Step, veil: Veil) -> dict[str, Any]:
    shown = recorded(step.recorded, veil)
    return {
        "key": step.key,
        "started_at": step.started_at.isoformat(),
        "ended_at": step.ended_at.isoformat(),
        "attempts": step.attempts,
        "waited": isinstance(step.recorded, Arrived | Elapsed),
        "outcome": "error" if "error" in shown else "ok",
        "error": shown.get("error"),
    }


def _message(message: Message, taken_by: str | None, veil: Veil) -> dict[str, Any]:
    shown = recorded(message.content, veil)
    return {
        "kind": message.kind.value,
        "name": message.name,
        "sent_at": message.sent_at.isoformat(),
        "by": _plain(message.by),
        "unread": message.unread,
        "taken_by": taken_by,
        "outcome": "error" if "error" in shown else "ok",
        "error": shown.get("error"),
    }


def recorded(result: Recorded, veil: Veil) -> dict[str, Any]:
    """Show a result: under `ok`, or under `error`."""
    match result:
        case Returned(payload):
            return {"ok": veil.value(payload)}
        case Failed(payload):
            return {"error": veil.value(payload)}
        case Raised(error):
            return {"error": members(error) | {"message": veil.text(error.message)}}
        case Decided(outcome):
            return {"ok": type(outcome).__name__}
        case Arrived(content=content):
            return recorded(content, veil)
        case Elapsed(at):
            return {"ok": at.isoformat()}


def head(run_id: str, end: Head) -> dict[str, Any]:
    """Show the end of a ledger."""
    return {"run_id": run_id, "entries": end.seq, "head": f"{end.seq}:{end.hash}"}
