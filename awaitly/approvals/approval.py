"""The approval: a question put to people, its votes and its one decision. Frozen values; `deciding` moves them."""

from __future__ import annotations

from datetime import datetime

from attrs import Factory, field

from awaitly.actors import Actor
from awaitly.approvals.grants import RULE
from awaitly.approvals.handling import UNHANDLED, Handling
from awaitly.approvals.outcomes import Approved, Edited, Outcome, Rejected
from awaitly.approvals.policy import Policy, policy_text
from awaitly.approvals.redaction import in_texts, redacted, scrubbed
from awaitly.changing import quick
from awaitly.digest import digest
from awaitly.errors import Expired, PendingApproval
from awaitly.statuses import ApprovalStatus
from awaitly.values import frozen

__all__ = ["Approval", "Closing", "Decision", "StagePlace", "Vote", "content_digest", "question_digest"]


@frozen
class Vote:
    """One actor's yes or no on one revision. `fits`: the quorums, by their number, whose seats this person may take."""

    by: Actor
    approves: bool
    revision: int
    at: datetime
    reason: str | None = None
    fits: tuple[int, ...] = (0,)


@frozen
class Closing:
    """Who ended the approval, when, and why."""

    by: Actor
    at: datetime
    reason: str | None = None


@frozen
class StagePlace:
    """Where a question stands in a chain of stages.

    `stages` has the names of all, `planned` of those that are to be asked as things stood when this one was.
    """

    chain: str
    name: str
    stages: tuple[str, ...]
    planned: tuple[str, ...]


def content_digest(operation: str, content: str, schema: str, policy: Policy) -> str:
    """Bind what was shown: the operation, its content as JSON text, the schema of edits, and the policy."""
    return digest(operation, content, schema, policy_text(policy))


def question_digest(operation: str, proposal: str) -> str:
    """Tell whether a replay asks the same question; the policy is not part of it, for the asked one stays in force."""
    return digest("question", operation, proposal)


_DECIDED = (ApprovalStatus.APPROVED, ApprovalStatus.EDITED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED)


def _bound(approval: Approval) -> str:
    return content_digest(approval.operation, approval.content, approval.schema, approval.policy)


@quick
@frozen
class Approval:
    """An approval's record.

    `version` counts every write and is what a store swaps by; `revision` counts the content that people see.
    `proposal` is JSON text of what was first proposed, `edited` that of the current revision where somebody edited.
    `place` says where the code stood that asked. `external` marks one that the user's own system of record decides.
    `stage` says where it stands in a chain, if in any. `channels` names those by which people are told of it.
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
    handling: Handling = UNHANDLED
    stage: StagePlace | None = None
    channels: tuple[str, ...] = ()
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

    @property
    def rules(self) -> frozenset[str]:
        """The grants of the application's own rules by which somebody may do something here."""
        assigned = self.handling.assigned
        if assigned is None:
            return self.policy.rules
        return self.policy.rules.union(grant for grant in assigned if grant.startswith(RULE))

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
        """Show it to people and programs, with redacted fields blanked, and their values in what stands beside them."""
        return PendingApproval(
            run_id=self.run_id,
            key=self.key,
            summary=self._scrubbed(self.summary),
            workflow=self.workflow,
            arguments=redacted(self.content, self.redact),
            revision=self.revision,
            digest=self.digest,
            asked_at=self.asked_at,
            deadline=self.deadline,
            reason=None if self.reason is None else self._scrubbed(self.reason),
            requested_by=self.requested_by.name if self.requested_by else None,
            metadata=in_texts(redacted(self.metadata, self.redact), self._scrubbed),
            external=self.external,
            policy=self.policy.describe(),
            needs=self.policy.seats,
            votes=tuple(vote.by.name for vote in self.votes if vote.approves),
            edited_by=self.editor.name if self.editor else None,
            claimed_by=self.handling.taken.by.name if self.handling.taken else None,
            asks_requester=self.handling.inquiry is not None,
        )

    def _scrubbed(self, text: str) -> str:
        """Blank in a text what is redacted: as it was proposed, and as it was edited."""
        return scrubbed(text, f"[{self.proposal},{self.content}]", self.redact) if self.redact else text


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
