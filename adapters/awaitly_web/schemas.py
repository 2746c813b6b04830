"""JSON Schemas of what the API takes and answers: the components of its OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from awaitly_web.core import ApprovalStatus, NoticeKind, Priority, RemarkKind, RunStatus, StageState, WaitKind
from awaitly_web.events import EVENTS

__all__ = ["COMPONENTS", "DIGEST", "LONGEST_TEXT", "NAME", "REASON", "REVISION", "TEXT", "VALUE"]

Schema: TypeAlias = Mapping[str, Any]

LONGEST_TEXT = 10_000
"""Characters that a reason, a comment or any other text of a person has at most, in bodies and in forms."""
_LONGEST_NAME = 200

TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
NAME: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": _LONGEST_NAME,
    "pattern": r"^[^\u0000-\u001f\u007f\ud800-\udfff]*$",
    "description": "a name without control characters",
}
REASON: Schema = {"type": ["string", "null"], "maxLength": LONGEST_TEXT, "description": "Why, in words"}
REVISION: Schema = {
    "type": "integer",
    "minimum": 1,
    "maximum": 2**31 - 1,
    "description": "The revision that was shown: a decision on any other is refused",
}
DIGEST: Schema = {"type": "string", "maxLength": _LONGEST_NAME, "description": "The digest of what was shown"}
VALUE: Schema = {"description": "Any JSON value"}

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_MAYBE_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Schema = {"type": "integer"}
_TRUTH: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}


def _object(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def _extended(base: Schema, **members: Schema) -> Schema:
    return _object(**{**base["properties"], **members})


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _page(name: str) -> Schema:
    return _object(items=_list(_ref(name)), after=_MAYBE)


def _values(kind: Any) -> Schema:
    return {"type": "string", "enum": [each.value for each in kind]}


_PENDING = _object(
    run_id=_TEXT,
    key=_TEXT,
    workflow=_TEXT,
    summary=_TEXT,
    arguments=VALUE,
    revision=_COUNT,
    digest=_TEXT,
    asked_at=_MOMENT,
    deadline=_MAYBE_MOMENT,
    reason=_MAYBE,
    requested_by=_MAYBE,
    metadata=VALUE,
    external=_TRUTH,
    policy=_TEXT,
    needs=_COUNT,
    votes=_TEXTS,
    edited_by=_MAYBE,
    claimed_by=_MAYBE,
    asks_requester=_TRUTH,
)
_VOTE = _object(by=_TEXT, approves=_TRUTH, revision=_COUNT, at=_MOMENT, reason=_MAYBE)
_APPROVAL = _extended(
    _PENDING,
    status=_values(ApprovalStatus),
    original=VALUE,
    schema={"description": "The JSON Schema of what an edit may be"},
    votes=_list(_VOTE),
    remarks=_list(_object(kind=_values(RemarkKind), by=_TEXT, at=_MOMENT, text=_TEXT)),
    delegations=_list(_object(owner=_TEXT, to=_TEXT)),
    stage={"anyOf": [_object(chain=_TEXT, name=_TEXT), {"type": "null"}]},
    closed_by=_MAYBE,
    closed_at=_MAYBE_MOMENT,
    closed_because=_MAYBE,
)
_LISTED = _object(
    run_id=_TEXT,
    workflow=_TEXT,
    status=_values(RunStatus),
    created_at=_MOMENT,
    updated_at=_MOMENT,
    due_at=_MAYBE_MOMENT,
    requested_by=_MAYBE,
    queue=_TEXT,
    priority=_values(Priority),
    attempts=_COUNT,
    parent=_MAYBE,
    forked_from=_MAYBE,
)
_WAIT = _object(key=_TEXT, kind=_values(WaitKind), name=_MAYBE, promise_id=_MAYBE, since=_MOMENT, until=_MAYBE_MOMENT)
_RUN = _extended(
    _LISTED,
    reason=_MAYBE,
    result={"type": ["object", "null"], "description": "Its value under `ok`, or what went wrong under `error`"},
    approvals=_list(_ref("Approval")),
    awaiting=_list(_WAIT),
    damage=_TEXTS,
)
_STEP = _object(key=_TEXT, started_at=_MOMENT, ended_at=_MOMENT, attempts=_COUNT)
_MESSAGE = _object(kind=_values(WaitKind), name=_TEXT, sent_at=_MOMENT, by=_MAYBE, unread=_TRUTH)
_NOTICE = _object(
    run_id=_TEXT,
    key=_TEXT,
    id=_TEXT,
    channel=_TEXT,
    place=_MAYBE,
    kind=_values(NoticeKind),
    about=_MAYBE,
    to=_TEXTS,
    at=_MOMENT,
    due_at=_MAYBE_MOMENT,
    attempts=_COUNT,
    sent_at=_MAYBE_MOMENT,
    error=_MAYBE,
    dead=_TRUTH,
)
_DEAD_LETTER = _object(
    run_id=_TEXT,
    key=_TEXT,
    id=_TEXT,
    channel=_TEXT,
    place=_MAYBE,
    kind=_MAYBE,
    about=_MAYBE,
    at=_MAYBE_MOMENT,
    attempts=_COUNT,
    error=_TEXT,
)
_DECISION = _object(
    run_id=_TEXT,
    key=_TEXT,
    status=_values(ApprovalStatus),
    revision=_COUNT,
    digest=_TEXT,
    replayed=_TRUTH,
    decided=_TRUTH,
)
_PROBLEM: Schema = {
    "type": "object",
    "description": "What is wrong (RFC 9457); a refusal of the library stands whole under `refusal`.",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": _COUNT,
        "detail": _TEXT,
        "path": _TEXT,
        "refusal": {"type": "object", "properties": {"type": _TEXT}, "required": ["type"]},
    },
    "required": ["type", "title", "status", "detail"],
}
_ENTRY: Schema = {
    "type": "object",
    "description": "An entry of a ledger; what was redacted is named, and not there.",
    "properties": {"seq": _COUNT, "hash": _TEXT, "event": _TEXT, "key": _TEXT, "at": _MOMENT},
    "required": ["seq", "hash"],
}
_SCHEDULE = _object(
    name=_TEXT,
    cron=_TEXT,
    timezone=_TEXT,
    at=_MOMENT,
    workflow=_TEXT,
    queue=_TEXT,
    priority=_values(Priority),
    trouble=_MAYBE,
)
_RESULT = _object(
    decision={"anyOf": [_ref("Decision"), {"type": "null"}]}, problem={"anyOf": [_ref("Problem"), {"type": "null"}]}
)
_PROGRESS = _object(
    run_id=_TEXT, chain=_TEXT, stages=_list(_object(name=_TEXT, state=_values(StageState), waits_for=_TEXTS))
)
_EVENT: Schema = {
    **_object(event={"enum": list(EVENTS), "description": "`alive` now and then"}, id=_MAYBE),
    "description": "That something has changed, by another `id`; a server-sent event, or a message of a WebSocket",
}

COMPONENTS: Mapping[str, Schema] = {
    "Absence": _object(owner=_TEXT, to=_TEXT, since=_MOMENT, until=_MOMENT),
    "Absences": _page("Absence"),
    "Approval": _APPROVAL,
    "Approvals": _page("Approval"),
    "Cancelled": _object(run_id=_TEXT, by=_TEXT, reason=_MAYBE),
    "DeadLetter": _DEAD_LETTER,
    "DeadLetters": _page("DeadLetter"),
    "Decision": _DECISION,
    "Document": {"type": "object", "description": "An OpenAPI document"},
    "Enqueued": _object(run_id=_TEXT, replayed=_TRUTH),
    "Entry": _ENTRY,
    "Event": _EVENT,
    "Head": _object(run_id=_TEXT, entries=_COUNT, head=_TEXT),
    "Health": _object(status=_TEXT),
    "History": _extended(_RUN, steps=_list(_STEP), messages=_list(_MESSAGE), ledger=_COUNT),
    "Ledger": _page("Entry"),
    "Me": _object(name=_TEXT, roles=_TEXTS, on_behalf_of=_MAYBE, permits=_TEXTS, csrf_token=_TEXT),
    "Notice": _NOTICE,
    "Notices": _page("Notice"),
    "Page": _page("Pending"),
    "Pending": _PENDING,
    "Problem": _PROBLEM,
    "Progress": _PROGRESS,
    "Results": _object(results=_list(_RESULT)),
    "Run": _RUN,
    "RunListed": _LISTED,
    "Runs": _page("RunListed"),
    "Schedule": _SCHEDULE,
    "Schedules": _page("Schedule"),
    "Sent": _object(run_id=_TEXT, name=_TEXT, replayed=_TRUTH),
    "Taken": _object(run_id=_TEXT, replayed=_TRUTH),
    "Workflow": _object(name=_TEXT, version=_TEXT, arguments={"type": ["object", "null"]}),
    "Workflows": _page("Workflow"),
}
"""The schemas by their names."""
