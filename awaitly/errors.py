"""What the library can refuse or report: frozen values in closed unions, each with a sentence that says what to do.

* `Interruption`: why `start`, `resume` and their like have no result of the workflow's own.
* `NotApproved`: how a workflow ends that was not given its approval.
* `Refusal`: why a decision was not taken.
* `Unstorable`, `Undecodable`: a value that cannot be kept as text, or a text that is not such a value.

Broken infrastructure is not here: it raises the exceptions of `awaitly.exceptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Any, TypeAlias, TypeGuard

from attrs import Factory

from awaitly.changing import quick
from awaitly.durations import spoken
from awaitly.statuses import ApprovalStatus, RunStatus, WaitKind
from awaitly.values import frozen

__all__ = [
    "AbsenceRefused",
    "AlreadyDecided",
    "AlreadySent",
    "AmbiguousApproval",
    "ApprovalExpired",
    "ApprovalRejected",
    "ClaimedByOther",
    "ConflictReason",
    "DurabilityUnknown",
    "EditorCannotApprove",
    "Expired",
    "Interruption",
    "InvalidEdit",
    "InvalidPayload",
    "LinkRefused",
    "NeedsReview",
    "NotApproved",
    "NotAuthorised",
    "NotPossible",
    "OutcomeKnown",
    "PendingApproval",
    "PromiseRefusal",
    "PromiseRejected",
    "ReauthenticationNeeded",
    "Refusal",
    "RunCancelled",
    "RunConflict",
    "RunEnded",
    "SelfApproval",
    "Sent",
    "SignalRefusal",
    "StaleRevision",
    "TimedOut",
    "Undecodable",
    "UnexpectedError",
    "UnknownApproval",
    "UnknownNotice",
    "UnknownPromise",
    "UnknownRun",
    "UnknownSchedule",
    "UnknownStep",
    "Unstorable",
    "Waiting",
    "WorkflowChanged",
    "WrongOutcome",
    "is_approval_rejected",
    "is_pending_approval",
]


# Values and text


@frozen
class Unstorable:
    """A value that cannot be kept: `path` (from `$`) names the offender."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} cannot be stored: {self.reason}"


@frozen
class Undecodable:
    """A text that does not decode as the type that is expected: `path` (from `$`) names the offender."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} does not decode: {self.reason}"


# Interruptions


@quick
@frozen
class PendingApproval:
    """The run waits for a person. `arguments` is what was proposed, as JSON values, with redacted fields blanked.

    `policy` says in words who may decide; `needs` different people must approve, and `votes` names those who have.
    `asks_requester`: somebody has asked the requester something, and there is no answer yet.
    """

    run_id: str
    key: str
    summary: str
    workflow: str
    arguments: Any
    revision: int
    digest: str
    asked_at: datetime
    deadline: datetime | None = None
    reason: str | None = None
    requested_by: str | None = None
    metadata: Mapping[str, Any] = Factory(dict[str, Any])
    external: bool = False
    policy: str = ""
    needs: int = 1
    votes: tuple[str, ...] = ()
    edited_by: str | None = None
    claimed_by: str | None = None
    asks_requester: bool = False

    @property
    def id(self) -> str:
        """The id of the run: of a gated tool call it is that of its ticket."""
        return self.run_id

    def __str__(self) -> str:
        return f"run {self.run_id} waits for approval {self.key!r}: {self.summary}"


@frozen
class RunCancelled:
    """Somebody cancelled the run."""

    run_id: str
    by: str
    reason: str | None = None

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"run {self.run_id} was cancelled by {self.by}{why}"


@unique
class ConflictReason(Enum):
    """Why a call and a run do not go together."""

    EXECUTING_ELSEWHERE = "executing_elsewhere"
    """Somebody else executes the run right now: wait for it, or resume it later."""
    ID_TAKEN = "id_taken"
    """The id belongs to a start with another input: choose another."""
    WRONG_STATUS = "wrong_status"
    """A run of this status cannot do this."""
    RESUMABLE = "resumable"
    """Nobody executes the run, and it can go on: resume it."""
    MOVED = "moved"
    """The run moved while the call was under way: look again."""
    GIVEN_BACK = "given_back"
    """The orchestrator was closed while it executed the run: another goes on with it."""


@frozen
class RunConflict:
    """The run is in other hands, or in no state for this: `reason` is for programs, `detail` says it in words."""

    run_id: str
    reason: ConflictReason
    detail: str

    def __str__(self) -> str:
        return f"run {self.run_id}: {self.detail}"


@frozen
class WorkflowChanged:
    """The workflow's code no longer does what this run recorded; the run stays as it was."""

    run_id: str
    key: str
    recorded: str
    found: str

    def __str__(self) -> str:
        return (
            f"run {self.run_id} was recorded by other code: at {self.key!r} it recorded {self.recorded}, and today's "
            f"code has {self.found}. Nothing was executed, the run is unchanged; resume it with the old code"
        )


@frozen
class NeedsReview:
    """The run was set aside because going on could do harm; `Orchestrator.retry` or `cancel` moves it."""

    run_id: str
    reason: str

    def __str__(self) -> str:
        return f"run {self.run_id} needs review: {self.reason}"


@frozen
class UnexpectedError:
    """A step, or the workflow itself, raised. `kind` is the exception's class name, `where` the step's key if any."""

    kind: str
    message: str
    where: str | None = None
    attempts: int = 1

    def __str__(self) -> str:
        place = f" in step {self.where!r}" if self.where else ""
        tries = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        return f"{self.kind}{place}{tries}: {self.message}"


@frozen
class Waiting:
    """The run waits for something other than a person: `what`, at the call `key`, until `until` if not for ever."""

    run_id: str
    key: str
    what: WaitKind
    until: datetime | None = None

    def __str__(self) -> str:
        until = "" if self.until is None else f", until {self.until.isoformat(timespec='seconds')}"
        return f"run {self.run_id} waits for {_SPOKEN[self.what]} at {self.key!r}{until}"


_SPOKEN = {
    WaitKind.TIMER: "a time",
    WaitKind.SIGNAL: "a signal",
    WaitKind.PROMISE: "a promise",
    WaitKind.CHILD: "another run",
    WaitKind.RETRY: "the next attempt",
    WaitKind.OUTCOME: "the outcome of a call",
}


Interruption: TypeAlias = (
    PendingApproval | Waiting | RunCancelled | RunConflict | WorkflowChanged | NeedsReview | UnexpectedError
)
"""All that the engine itself can answer in place of a workflow's result."""


@frozen
class UnknownRun:
    """No run has this id in this store."""

    run_id: str

    def __str__(self) -> str:
        return f"no run {self.run_id!r} in this store; `awaitly runs` lists those there are"


@frozen
class UnknownSchedule:
    """No schedule has this name in this store, or it was ended."""

    name: str

    def __str__(self) -> str:
        return f"no schedule {self.name!r} in this store; `awaitly schedules` lists those there are"


@frozen
class UnknownStep:
    """The run has recorded no step of this key."""

    run_id: str
    key: str
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"run {self.run_id} has recorded no step {self.key!r}; it has {', '.join(map(repr, self.known)) or 'none'}"
        )


@frozen
class OutcomeKnown:
    """No such call of the run waits for somebody to say what came of it; those in `unknown` do."""

    run_id: str
    key: str | None
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.key is None and self.unknown:
            return (
                f"of several calls of run {self.run_id} nobody knows: name one of {', '.join(map(repr, self.unknown))}"
            )
        call = "any call" if self.key is None else f"the call {self.key!r}"
        return f"there is nothing to say of {call} of run {self.run_id}: nothing of it is in doubt"


@frozen
class WrongOutcome:
    """What a person says that a call gave is none of its values: `wanted` says of which type those are.

    `path` (from `$`) names the offender.
    """

    run_id: str
    wanted: str
    path: str
    reason: str

    def __str__(self) -> str:
        place = "" if self.path == "$" else f", at {self.path}"
        return f"the call of run {self.run_id} gives {self.wanted}, and this is none{place}: {self.reason}"


@frozen
class RunEnded:
    """The run is over, so nothing more can happen in it."""

    run_id: str
    status: RunStatus

    def __str__(self) -> str:
        return f"run {self.run_id} is over ({self.status.value}); nothing more can happen in it"


# How a workflow ends that was not given its approval


@frozen
class ApprovalRejected:
    """Somebody said no; `by` is the actor's name."""

    run_id: str
    key: str
    by: str
    reason: str | None = None

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"approval {self.key!r} of run {self.run_id} was rejected by {self.by}{why}"


@frozen
class ApprovalExpired:
    """Nobody decided before the deadline."""

    run_id: str
    key: str
    deadline: datetime

    def __str__(self) -> str:
        return f"approval {self.key!r} of run {self.run_id} expired at {self.deadline.isoformat()}"


NotApproved: TypeAlias = ApprovalRejected | ApprovalExpired
"""What a workflow must declare in order to ask: a person can say no, or say nothing."""


# How a wait ends that is not for a person


@frozen
class TimedOut:
    """What the run waited for did not come in time."""

    run_id: str
    key: str
    at: datetime

    def __str__(self) -> str:
        return f"run {self.run_id} waited for {self.key!r} until {self.at.isoformat(timespec='seconds')} in vain"


@frozen
class PromiseRejected:
    """Whoever was to keep a promise said that it will not be kept."""

    run_id: str
    key: str
    reason: str | None = None

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"the promise {self.key!r} of run {self.run_id} was rejected{why}"


# What a run is told from outside, and why not


@frozen
class Sent:
    """The run has been told. `replayed`: it had been told the very same before, and nothing has changed."""

    run_id: str
    name: str
    replayed: bool = False


@frozen
class InvalidPayload:
    """What was sent does not decode as the type that the run waits for; `path` names the offender. Nothing was kept."""

    run_id: str
    name: str
    path: str
    reason: str

    def __str__(self) -> str:
        place = "" if self.path == "$" else f", at {self.path}"
        return f"what was sent to {self.name!r} of run {self.run_id} was refused{place}: {self.reason}"


@frozen
class AlreadySent:
    """Something else was sent before under the same name and key, at `at`: the first stays."""

    run_id: str
    name: str
    at: datetime
    by: str | None = None
    kind: WaitKind = WaitKind.SIGNAL

    def __str__(self) -> str:
        who = f" by {self.by}" if self.by else ""
        at = self.at.isoformat(timespec="seconds")
        if self.kind is WaitKind.PROMISE:
            return f"the promise {self.name!r} of run {self.run_id} was already answered{who} at {at}: the first stays"
        said = f"run {self.run_id} was already told something else of {self.name!r}{who} at {at}"
        return f"{said}: the first stays; give a second one a key of its own"


@frozen
class UnknownPromise:
    """No promise has this id: it is no such text, or its run is not in this store."""

    promise_id: str

    def __str__(self) -> str:
        return f"no promise {self.promise_id!r} in this store"


# Refusals


@frozen
class UnknownApproval:
    """The run has no approval of this key (`known` has those it has), or there is no such run."""

    run_id: str
    key: str | None
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f"approval {self.key!r}" if self.key is not None else "pending approval"
        if not self.known:
            return f"no {named} in run {self.run_id!r}, or no such run; `awaitly pending` lists what waits"
        return f"run {self.run_id!r} has no {named}; it has {', '.join(map(repr, self.known))}"


@frozen
class AmbiguousApproval:
    """No key was named and several approvals are pending."""

    run_id: str
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} waits for {len(self.keys)} approvals; name one of {', '.join(map(repr, self.keys))}"
        )


@frozen
class AlreadyDecided:
    """The approval has its one decision: `status`, by `by`, at `at`.

    Both are None where nobody decided, because the run ended, or went on, without it (`SUPERSEDED`).
    """

    run_id: str
    key: str
    status: ApprovalStatus
    by: str | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        found = f"approval {self.key!r} of run {self.run_id} was already {self.status.value}"
        if self.by is None or self.at is None:
            return f"{found}: its run ended, or went on, without it"
        return f"{found} by {self.by} at {self.at.isoformat(timespec='seconds')}"


@frozen
class StaleRevision:
    """The decision names a revision, or content, that is no longer the current one."""

    run_id: str
    key: str
    named: str
    current: int

    def __str__(self) -> str:
        return (
            f"approval {self.key!r} of run {self.run_id} is at revision {self.current}, you decided on {self.named}: "
            "look at the current content and decide again"
        )


@frozen
class Expired:
    """The deadline has passed. Both a refusal of a late decision, and what `run.decision` gives when nobody decided."""

    run_id: str
    key: str
    deadline: datetime

    def __str__(self) -> str:
        return f"approval {self.key!r} of run {self.run_id} expired at {self.deadline.isoformat(timespec='seconds')}"


@frozen
class NotAuthorised:
    """The policy does not let this actor do this."""

    run_id: str
    key: str
    actor: str
    needs: str

    def __str__(self) -> str:
        what = f"approval {self.key!r} of run {self.run_id}" if self.key else f"run {self.run_id}"
        return f"{self.actor} may not do this on {what}: it takes {self.needs}"


@frozen
class SelfApproval:
    """The actor asked for this and may not decide on it."""

    run_id: str
    key: str
    actor: str

    def __str__(self) -> str:
        return f"{self.actor} requested run {self.run_id} and may not decide on its {self.key!r}; ask somebody else"


@frozen
class EditorCannotApprove:
    """The actor made the current revision, and the policy wants other eyes on it."""

    run_id: str
    key: str
    actor: str
    revision: int

    def __str__(self) -> str:
        return (
            f"{self.actor} edited revision {self.revision} of approval {self.key!r} of run {self.run_id}; "
            "somebody else must approve it"
        )


@frozen
class AbsenceRefused:
    """Somebody cannot be away to somebody else like this: `reason` says why."""

    owner: str
    to: str
    reason: str

    def __str__(self) -> str:
        return f"the absence of {self.owner}{f', to {self.to}' if self.to else ''}, was not noted: {self.reason}"


@unique
class LinkRefused(Enum):
    """Why a link leads nowhere."""

    NOT_OURS = "this link was not made here, or has been changed"
    EXPIRED = "this link is no longer good; ask for a new one"
    STALE = "what this link was made for has changed since; look at what there is now"

    def __str__(self) -> str:
        return self.value


@frozen
class UnknownNotice:
    """The run has no notice of this key."""

    run_id: str
    key: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} has no notice {self.key!r}; `awaitly notices --dead` lists what was given up"


@frozen
class ReauthenticationNeeded:
    """The policy wants the actor to have proved within `within` who they are, and that is longer ago, or unknown."""

    run_id: str
    key: str
    actor: str
    within: timedelta

    def __str__(self) -> str:
        return (
            f"{self.actor} must sign in again to decide on approval {self.key!r} of run {self.run_id}: "
            f"that must not be longer ago than {spoken(self.within)}"
        )


@frozen
class ClaimedByOther:
    """Somebody else, `holder`, has claimed the approval at `at`."""

    run_id: str
    key: str
    actor: str
    holder: str
    at: datetime

    def __str__(self) -> str:
        return (
            f"{self.holder} has claimed approval {self.key!r} of run {self.run_id} since "
            f"{self.at.isoformat(timespec='seconds')}; {self.actor} can act once {self.holder} or an admin releases it"
        )


@frozen
class NotPossible:
    """What was wanted of the approval makes no sense as it stands: `reason` says why. Nothing has changed."""

    run_id: str
    key: str
    reason: str

    def __str__(self) -> str:
        return f"approval {self.key!r} of run {self.run_id}: {self.reason}"


@frozen
class InvalidEdit:
    """The edited value does not fit what was proposed; the approval is still pending. `path` names the offender."""

    run_id: str
    key: str
    path: str
    reason: str

    def __str__(self) -> str:
        place = "" if self.path == "$" else f", at {self.path}"
        return f"the edit of approval {self.key!r} of run {self.run_id} was refused{place}: {self.reason}"


@frozen
class DurabilityUnknown:
    """Whether what was decided or sent was written cannot be known. Saying it again is safe: it is taken once."""

    run_id: str
    reason: str

    def __str__(self) -> str:
        return (
            f"it cannot be known whether what you said to run {self.run_id} was written ({self.reason}); "
            "say it again: it counts once"
        )


SignalRefusal: TypeAlias = UnknownRun | RunEnded | InvalidPayload | AlreadySent | DurabilityUnknown
"""Why a signal was not taken."""

PromiseRefusal: TypeAlias = UnknownPromise | RunEnded | InvalidPayload | AlreadySent | DurabilityUnknown
"""Why a promise was neither resolved nor rejected."""

Refusal: TypeAlias = (
    UnknownApproval
    | AmbiguousApproval
    | AlreadyDecided
    | StaleRevision
    | Expired
    | NotAuthorised
    | SelfApproval
    | EditorCannotApprove
    | ReauthenticationNeeded
    | ClaimedByOther
    | NotPossible
    | InvalidEdit
    | NeedsReview
    | DurabilityUnknown
)
"""Every reason for which a decision is not taken. Nothing has changed when one is returned, unless it says otherwise:
after `DurabilityUnknown` the decision may stand."""


def is_pending_approval(error: object) -> TypeGuard[PendingApproval]:
    """Tell whether an error means that the run waits for a person, for those who do not match."""
    return isinstance(error, PendingApproval)


def is_approval_rejected(error: object) -> TypeGuard[ApprovalRejected]:
    """Tell whether an error means that a person said no, for those who do not match."""
    return isinstance(error, ApprovalRejected)
