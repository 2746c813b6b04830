"""Problems: every refusal of the library as one status and one document (RFC 9457), with the library's own words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast

import attrs

from awaitly_web.core import (
    AbsenceRefused,
    AlreadyDecided,
    AlreadySent,
    AmbiguousApproval,
    ClaimedByOther,
    DurabilityUnknown,
    EditorCannotApprove,
    Expired,
    InvalidEdit,
    InvalidPayload,
    LinkRefused,
    NeedsReview,
    NotAuthorised,
    NotPossible,
    ReauthenticationNeeded,
    RunConflict,
    RunEnded,
    SelfApproval,
    StaleRevision,
    UnknownApproval,
    UnknownNotice,
    UnknownPromise,
    UnknownRun,
    UnknownSchedule,
)
from awaitly_web.values import Response

__all__ = ["STATUSES", "problem", "refused"]

STATUSES: Mapping[type, int] = {
    UnknownApproval: 404,
    UnknownRun: 404,
    UnknownPromise: 404,
    UnknownSchedule: 404,
    UnknownNotice: 404,
    NotAuthorised: 403,
    SelfApproval: 403,
    EditorCannotApprove: 403,
    LinkRefused: 403,
    ReauthenticationNeeded: 401,
    AmbiguousApproval: 409,
    AlreadyDecided: 409,
    AlreadySent: 409,
    StaleRevision: 409,
    ClaimedByOther: 409,
    NotPossible: 409,
    NeedsReview: 409,
    RunConflict: 409,
    RunEnded: 409,
    AbsenceRefused: 409,
    Expired: 410,
    InvalidEdit: 422,
    InvalidPayload: 422,
    DurabilityUnknown: 503,
}
"""The status of each refusal."""


def refused(refusal: object) -> Response:
    """Answer with a refusal of the library's. Raises `KeyError` for what is none."""
    members = attrs.asdict(cast("attrs.AttrsInstance", refusal), recurse=False) if attrs.has(type(refusal)) else {}
    told = {name: _plain(value) for name, value in members.items()}
    return problem(STATUSES[type(refusal)], _words(type(refusal).__name__), str(refusal), **told)


def problem(status: int, title: str, detail: str, **members: Any) -> Response:
    """Answer that something is wrong: `title` is the same for all of a kind, `detail` says what it is this time."""
    document = {
        **members,
        "type": f"urn:awaitly:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    headers = (("content-type", "application/problem+json"), ("cache-control", "no-store"))
    return Response(status=status, headers=headers, body=body)


def _words(name: str) -> str:
    """Say `StaleRevision` as `Stale revision`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case tuple():
            return [_plain(part) for part in cast("tuple[object, ...]", value)]
        case _:
            return value
