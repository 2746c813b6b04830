"""Approvals as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from awaitly.approvals.approval import Approval, Closing, StagePlace, Vote
from awaitly.approvals.eligibility import audience
from awaitly.approvals.handling import UNHANDLED
from awaitly.approvals.policy import DEFAULT, Policy
from awaitly.coding.texts import compact
from awaitly.durations import from_micros, to_micros
from awaitly.statuses import ApprovalStatus
from awaitly.storage.records.handling import handling_of, plain_handling
from awaitly.storage.records.parts import (
    actor_of,
    count_of,
    dumps,
    json_of,
    moment_of,
    optional,
    plain_actor,
    read_row,
    text_of,
    texts_of,
    truth_of,
)
from awaitly.storage.store import ApprovalRow

__all__ = ["approval_of", "row_of_approval"]


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
        deadline=None if approval.deadline is None else to_micros(approval.deadline),
        body=dumps(_plain_approval(approval)),
        audience=audience(approval) if approval.pending else (),
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
        ("policy", None if a.policy is DEFAULT else dict(a.policy.to_plain())),
        ("requested_by", a.requested_by and plain_actor(a.requested_by)),
        ("reason", a.reason),
        ("metadata", None if a.metadata == "{}" else a.metadata),
        ("redact", a.redact),
        ("external", a.external),
        ("revision", None if a.revision == 1 else a.revision),
        ("edited", a.edited),
        ("editor", a.editor and plain_actor(a.editor)),
        ("votes", [_plain_vote(vote) for vote in a.votes]),
        ("closing", a.closing and [plain_actor(a.closing.by), to_micros(a.closing.at), a.closing.reason]),
        ("consumed_at", a.consumed_at and to_micros(a.consumed_at)),
        ("handling", None if a.handling is UNHANDLED else plain_handling(a.handling)),
        ("channels", a.channels),
        ("stage", a.stage and [a.stage.chain, a.stage.name, list(a.stage.stages), list(a.stage.planned)]),
    )
    members.update([item for item in given if item[1] or item[1] == ""])
    return members


def _plain_vote(vote: Vote) -> list[object]:
    told = [plain_actor(vote.by), vote.approves, vote.revision, to_micros(vote.at), vote.reason]
    return told if vote.fits == (0,) else [*told, list(vote.fits)]


def _vote(plain: list[Any]) -> Vote:
    by, approves, revision, at, reason, *fits = plain
    told = actor_of(by), truth_of(approves), count_of(revision), from_micros(at), optional(text_of, reason)
    return Vote(*told, *(tuple(map(count_of, numbers)) for numbers in fits))


def _stage(plain: list[Any]) -> StagePlace:
    chain, name, stages, planned = plain
    place = StagePlace(text_of(chain), text_of(name), texts_of(stages), texts_of(planned))
    if place.name not in place.stages:
        msg = f"its chain has no stage {place.name!r}"
        raise ValueError(msg)
    return place


@lru_cache(maxsize=256)
def _policy(text: str) -> Policy:
    """Read a policy: few are in use at a time, and to judge one takes longer than all else of an approval."""
    return Policy.from_plain(compact(text))


def _closing(plain: list[Any]) -> Closing:
    by, at, reason = plain
    return Closing(actor_of(by), from_micros(at), reason)


def approval_of(row: ApprovalRow) -> Approval:
    """Read an approval."""
    return read_row(_approval_of, row, f"approval {row.key!r}")


def _approval_of(row: ApprovalRow) -> Approval:
    body = compact(row.body)
    status = ApprovalStatus(body["status"])
    if status not in _NOT_CLOSED and body.get("closing") is None:
        msg = f"it is {status.value}, and nobody decided it"
        raise ValueError(msg)
    policy = _policy(dumps(body["policy"])) if "policy" in body else DEFAULT
    return Approval(
        run_id=row.run_id,
        key=row.key,
        workflow=row.workflow,
        place=text_of(body["at"]),
        operation=text_of(body["operation"]),
        summary=text_of(body["summary"]),
        proposal=json_of(body["proposal"]),
        schema=text_of(body["schema"]),
        policy=policy,
        asked_at=from_micros(row.asked_at),
        deadline=moment_of(row.deadline),
        version=row.version,
        status=status,
        handling=handling_of(body["handling"], policy) if "handling" in body else UNHANDLED,
        digest=text_of(body["digest"]),
        **{name: _OTHERS[name](value) for name, value in body.items() if name in _OTHERS},
    )


_OTHERS: Mapping[str, Callable[[Any], Any]] = {
    "requested_by": partial(optional, actor_of),
    "reason": partial(optional, text_of),
    "metadata": json_of,
    "redact": texts_of,
    "external": truth_of,
    "revision": count_of,
    "edited": partial(optional, json_of),
    "editor": partial(optional, actor_of),
    "votes": lambda plain: tuple(map(_vote, plain)),
    "closing": partial(optional, _closing),
    "consumed_at": moment_of,
    "stage": partial(optional, _stage),
    "channels": lambda plain: tuple(map(text_of, plain)),
}
"""How the members are read that most approvals do not have."""

_NOT_CLOSED = {ApprovalStatus.PENDING, ApprovalStatus.SUPERSEDED}
