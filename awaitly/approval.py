"""The approval: a question put to people, its votes and its one decision. Frozen values; `deciding` moves them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeGuard, TypeVar

from attrs import Factory, field, frozen

from awaitly.actors import Actor
from awaitly.coding.texts import compact
from awaitly.digest import digest
from awaitly.durations import utc_now
from awaitly.errors import Expired, PendingApproval
from awaitly.policy import Policy, policy_text
from awaitly.statuses import ApprovalStatus

__all__ = [
    "Approval",
    "Approved",
    "Closing",
    "Decision",
    "Edited",
    "Outcome",
    "Pending",
    "Rejected",
    "Vote",
    "content_digest",
    "question_digest",
    "redacted",
    "scrubbed",
    "still_blank",
    "unblanked",
]

T = TypeVar("T")

SYSTEM_OF_RECORD = Actor("system:record")
"""Stands as the actor where a check of the user's own names nobody."""

BLANK = "[redacted]"


@frozen
class Approved(Generic[T]):
    """Approved as proposed."""

    value: T
    by: Actor = SYSTEM_OF_RECORD
    at: datetime = Factory(utc_now)


@frozen
class Edited(Generic[T]):
    """Approved with a change: `value` is what counts, `original` is what was proposed."""

    original: T
    value: T
    by: Actor
    at: datetime


@frozen
class Rejected:
    """Refused by a person, or by the policy at the deadline."""

    reason: str | None = None
    by: Actor = SYSTEM_OF_RECORD
    at: datetime = Factory(utc_now)


@frozen
class Pending:
    """What the check of an `approval_step` answers while nobody has decided; never recorded."""

    reason: str | None = None


Outcome: TypeAlias = Approved[T] | Edited[T] | Rejected | Expired
"""How an approval can end for the workflow that asked."""


@frozen
class Vote:
    """One actor's yes or no on one revision."""

    by: Actor
    approves: bool
    revision: int
    at: datetime
    reason: str | None = None


@frozen
class Closing:
    """Who ended the approval, when, and why."""

    by: Actor
    at: datetime
    reason: str | None = None


def content_digest(operation: str, content: str, schema: str, policy: Policy) -> str:
    """Bind what was shown: the operation, its content as JSON text, the schema of edits, and the policy."""
    return digest(operation, content, schema, policy_text(policy))


def question_digest(operation: str, proposal: str) -> str:
    """Tell whether a replay asks the same question; the policy is not part of it, for the asked one stays in force."""
    return digest("question", operation, proposal)


_DECIDED = (ApprovalStatus.APPROVED, ApprovalStatus.EDITED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED)


def _bound(approval: Approval) -> str:
    return content_digest(approval.operation, approval.content, approval.schema, approval.policy)


@frozen
class Approval:
    """An approval's record.

    `version` counts every write and is what a store swaps by; `revision` counts the content that people see.
    `proposal` is JSON text of what was first proposed, `edited` that of the current revision where somebody edited.
    `place` says where the code stood that asked. `external` marks one that the user's own system of record decides.
    """

    run_id: str
    key: str
    workflow: str
    place: str
    operation: str
    summary: str
    proposal: str = field(repr=False)
    schema: str
    policy: Policy
    asked_at: datetime
    deadline: datetime | None = None
    requested_by: Actor | None = None
    reason: str | None = None
    metadata: str = "{}"
    redact: tuple[str, ...] = ()
    external: bool = False
    version: int = 1
    revision: int = 1
    status: ApprovalStatus = ApprovalStatus.PENDING
    edited: str | None = field(default=None, repr=False)
    editor: Actor | None = None
    votes: tuple[Vote, ...] = ()
    closing: Closing | None = None
    consumed_at: datetime | None = None
    digest: str = field(default=Factory(_bound, takes_self=True))

    @property
    def content(self) -> str:
        """JSON text of the current revision."""
        return self.proposal if self.edited is None else self.edited

    @property
    def pending(self) -> bool:
        """Whether it still waits for a decision."""
        return self.status is ApprovalStatus.PENDING

    @property
    def decided(self) -> bool:
        """Whether it has an outcome."""
        return self.closing is not None and self.status in _DECIDED

    @property
    def ready(self) -> bool:
        """Whether it has a decision that its run has not yet taken up."""
        return self.consumed_at is None and self.decided

    def intact(self) -> bool:
        """Whether the digest still covers the content: what was decided is what is here."""
        return self.digest == _bound(self)

    @property
    def outcome(self) -> Outcome[str] | None:
        """The decision, with values as JSON text; None while pending, cancelled or superseded."""
        if self.closing is None:
            return None
        by, at, reason = self.closing.by, self.closing.at, self.closing.reason
        match self.status:
            case ApprovalStatus.APPROVED if self.edited is None:
                return Approved(self.proposal, by, at)
            case ApprovalStatus.APPROVED | ApprovalStatus.EDITED:
                return Edited(self.proposal, self.content, self.editor or by, at)
            case ApprovalStatus.REJECTED:
                return Rejected(reason, by, at)
            case ApprovalStatus.EXPIRED:
                return Expired(self.run_id, self.key, self.deadline or at)
            case _:
                return None

    def view(self) -> PendingApproval:
        """Show it to people and programs, with redacted fields blanked."""
        return PendingApproval(
            run_id=self.run_id,
            key=self.key,
            summary=self.summary,
            workflow=self.workflow,
            arguments=redacted(self.content, self.redact),
            revision=self.revision,
            digest=self.digest,
            asked_at=self.asked_at,
            deadline=self.deadline,
            reason=self.reason,
            requested_by=self.requested_by.name if self.requested_by else None,
            metadata=compact(self.metadata),
            external=self.external,
        )


def redacted(content: str, fields: Sequence[str]) -> Any:
    """Read JSON text, with every member whose name is in `fields` blanked, at any depth."""
    if not fields:
        return compact(content)
    return json.loads(content, object_hook=lambda found: {k: BLANK if k in fields else v for k, v in found.items()})


def unblanked(value: Any, original: Any, fields: Sequence[str]) -> Any:
    """Put back what `redacted` blanked: an editor who was not shown a member leaves it as it was.

    Members of objects are known by their names. A list that was touched keeps its blanks, for its items may have moved:
    `still_blank` finds them.
    """
    if _is_object(value) and _is_object(original):
        return {name: _put_back(name, part, original, fields) for name, part in value.items()}
    if _is_array(value) and _is_array(original) and value == redacted(json.dumps(original), fields):
        return original
    return value


def still_blank(value: Any, fields: Sequence[str]) -> bool:
    """Whether a redacted member still holds what stands in its place, at any depth."""
    if _is_object(value):
        return any((name in fields and part == BLANK) or still_blank(part, fields) for name, part in value.items())
    return _is_array(value) and any(still_blank(part, fields) for part in value)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _put_back(name: str, part: Any, before: Mapping[str, Any], fields: Sequence[str]) -> Any:
    if name in fields and part == BLANK and name in before:
        return before[name]
    return unblanked(part, before.get(name), fields)


def scrubbed(text: str, content: str, fields: Sequence[str]) -> str:
    """Blank in `text` whatever values the members named in `fields` have in `content` (JSON text), at any depth."""
    secrets: set[str] = set()

    def collect(found: dict[str, Any]) -> dict[str, Any]:
        secrets.update(leaf for name, value in found.items() if name in fields for leaf in _leaves(value))
        return found

    json.loads(content, object_hook=collect)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, BLANK)
    return text


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case {**members}:
            for part in members.values():
                yield from _leaves(part)
        case [*parts]:
            for part in parts:
                yield from _leaves(part)
        case None | "" | True | False:
            return
        case _:
            yield str(value)


@frozen
class Decision:
    """What a verb did: the approval as it now stands.

    `outcome` is None while more votes are needed. `replayed` says that the same actor had already decided so.
    """

    approval: Approval
    replayed: bool = False

    def __str__(self) -> str:
        again = ", as it already was" if self.replayed else ""
        return f"approval {self.key!r} of run {self.run_id} is {self.status.value}{again}"

    @property
    def run_id(self) -> str:
        """The run that asked."""
        return self.approval.run_id

    @property
    def key(self) -> str:
        """The approval's key in its run."""
        return self.approval.key

    @property
    def status(self) -> ApprovalStatus:
        """Where the approval now stands."""
        return self.approval.status

    @property
    def outcome(self) -> Outcome[str] | None:
        """The decision with its values as JSON text, or None while more votes are needed."""
        return self.approval.outcome
