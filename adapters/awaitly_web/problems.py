"""Problems: every refusal of the library as one status and one document (RFC 9457), with the library's own words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from http import HTTPStatus
from typing import Any, cast

import attrs

from awaitly_web.core import (
    AbsenceRefused,
    AlreadyDecided,
    AlreadySent,
    AmbiguousApproval,
    BrokenChain,
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
from awaitly_web.values import LARGEST_BODY, Response

__all__ = ["STATUSES", "is_problem", "problem", "refused", "too_large"]

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
    BrokenChain: 409,
    Expired: 410,
    InvalidEdit: 422,
    InvalidPayload: 422,
    DurabilityUnknown: 503,
}
"""The status of each refusal."""


def is_problem(response: Response) -> bool:
    """Whether an answer is a problem's document."""
    return ("content-type", "application/problem+json") in response.headers


def refused(refusal: object) -> Response:
    """Answer with a refusal of the library's. Raises `KeyError` for what is none."""
    members = attrs.asdict(cast("attrs.AttrsInstance", refusal), recurse=False) if attrs.has(type(refusal)) else {}
    name = type(refusal).__name__
    told = {"type": name, **{name: _plain(value) for name, value in members.items()}}
    return problem(STATUSES[type(refusal)], _words(name), str(refusal), refusal=told)


def problem(status: int, title: str, detail: str, **members: Any) -> Response:
    """Answer that something is wrong: `title` is the same for all of a kind, `detail` says what it is this time.

    `members` go along in the document; those of a refusal of the library's stand together under `refusal`.
    """
    document = {
        "type": f"urn:awaitly:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        **members,
    }
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    challenge = (("www-authenticate", "Bearer"),) if status == HTTPStatus.UNAUTHORIZED else ()
    return Response(status=status, headers=(("content-type", "application/problem+json"), *challenge), body=body)


def too_large() -> Response:
    """Answer to more than is read."""
    return problem(413, "Too large", f"a request has at most {LARGEST_BODY:,} bytes")


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
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
