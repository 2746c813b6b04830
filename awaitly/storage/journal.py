"""The journal of a run: its record, its recorded steps, its whole state. Frozen values; `running` moves them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeAlias

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval, question_digest
from awaitly.approvals.audit import EMPTY, Head
from awaitly.approvals.outcomes import Outcome
from awaitly.changing import quick
from awaitly.errors import UnexpectedError
from awaitly.statuses import Priority, RunStatus, WaitKind
from awaitly.values import frozen

__all__ = [
    "DEFAULT_QUEUE",
    "Arrived",
    "Decided",
    "Elapsed",
    "Failed",
    "Lease",
    "Message",
    "Raised",
    "Recorded",
    "Returned",
    "RunRecord",
    "RunState",
    "Step",
    "Tick",
    "Wait",
    "taken_up",
    "with_decisions",
]


@frozen
class Lease:
    """The right to execute a run: who holds it and until when."""

    holder: str
    until: datetime


@frozen
class Returned:
    """A step's `Ok`, as JSON text."""

    payload: str


@frozen
class Failed:
    """A step's `Err`, as JSON text."""

    payload: str


@frozen
class Raised:
    """A step raised, after its retries."""

    error: UnexpectedError


@frozen
class Decided:
    """An approval's decision, taken up by its run."""

    outcome: Outcome[str]


Content: TypeAlias = Returned | Failed | Raised
"""What a call, another run or somebody outside came up with."""


@frozen
class Arrived:
    """What a run waited for came: the key of the message, and what was in it."""

    message: str
    content: Content


@frozen
class Elapsed:
    """The time came that a run waited for."""

    at: datetime


Recorded: TypeAlias = Content | Decided | Arrived | Elapsed


@quick
@frozen
class Step:
    """One recorded call. `place` says where the code stood: the call's number, within its branch if any.

    `fatal` marks one whose error ended the workflow: a retry of the run runs it again.
    """

    key: str
    place: str
    digest: str
    recorded: Recorded
    started_at: datetime
    ended_at: datetime
    attempts: int = 1
    fatal: bool = False


@frozen
class Wait:
    """What other than a person a run waits for, at a call of its code.

    `name` is that of the signal or promise, the child's run id, or the digest of a step's arguments; a timer has none.
    `until`: when it is over in any case. `schema` is the JSON Schema of what may come, as text; of a child it is the
    digest of its arguments. `attempts`: how often a step that is to be tried again was tried, and 1 for a child that is
    known to have been started.
    """

    key: str
    place: str
    kind: WaitKind
    since: datetime
    name: str = ""
    until: datetime | None = None
    schema: str = ""
    attempts: int = 0


@frozen
class Message:
    """What a run was told from outside: a signal, the fate of a promise, the end of a child.

    `unread`: the run has not looked at it yet, so there may be something to do. `void`: it counts no more, because what
    it tells of is tried again.
    """

    run_id: str
    key: str
    workflow: str
    kind: WaitKind
    name: str
    content: Content
    sent_at: datetime
    by: Actor | None = None
    version: int = 1
    unread: bool = True
    void: bool = False


@frozen
class Tick:
    """The moment of a schedule for which a run is: `cron` in `timezone` says when the next is."""

    schedule: str
    cron: str
    timezone: str
    at: datetime


DEFAULT_QUEUE = "default"


@quick
@frozen
class RunRecord:
    """A run's record.

    `arguments` and `result` are JSON text. `version` is what a store swaps by, and the fence of whoever executes.
    `waits` names the approvals it is parked on, `awaiting` has what else it waits for; `due_at` is when somebody must
    look at it even if nothing comes. `progress` counts the steps that were recorded when it was last claimed,
    `recoveries` the claims since it grew, `attempts` how often the run as a whole was tried. `begun` is False until its
    code first runs. `parent` is the run that waits for this one. `channels` names those by which whoever took it last
    tells people of it.
    """

    run_id: str
    workflow: str
    code_version: str
    arguments: str
    digest: str
    created_at: datetime
    updated_at: datetime
    status: RunStatus
    version: int = 1
    requested_by: Actor | None = None
    lease: Lease | None = None
    due_at: datetime | None = None
    waits: tuple[str, ...] = ()
    awaiting: tuple[Wait, ...] = ()
    result: Recorded | None = None
    ended_by: str | None = None
    by: Actor | None = None
    reason: str | None = None
    progress: int = 0
    recoveries: int = 0
    forked_from: str | None = None
    attempts: int = 1
    begun: bool = True
    queue: str = DEFAULT_QUEUE
    priority: Priority = Priority.NORMAL
    parent: str | None = None
    tick: Tick | None = None
    channels: tuple[str, ...] = ()


_NUMBERS = re.compile(r"\d+")


def taken_up(approval: Approval, outcome: Outcome[str], at: datetime) -> Step:
    """Give the step as which a run's code meets a decision again."""
    hashed = question_digest(approval.operation, approval.proposal)
    return Step(approval.key, approval.place, hashed, Decided(outcome), approval.asked_at, at)


def with_decisions(steps: tuple[Step, ...], approvals: tuple[Approval, ...]) -> tuple[Step, ...]:
    """Add the decisions that the run took up: they stand in their approvals, and nowhere a second time."""
    decided = tuple(
        taken_up(a, a.outcome, a.consumed_at)
        for a in approvals
        if a.consumed_at is not None and a.outcome is not None and not a.external
    )
    return tuple(sorted((*steps, *decided), key=_in_code_order)) if decided else steps


def _in_code_order(step: Step) -> list[int]:
    return [int(number) for number in _NUMBERS.findall(step.place)]


@quick
@frozen
class RunState:
    """All that is known of a run: its record, its steps, approvals and messages in order, the end of its ledger."""

    run: RunRecord
    steps: tuple[Step, ...] = ()
    approvals: tuple[Approval, ...] = ()
    head: Head = EMPTY
    messages: tuple[Message, ...] = ()

    def but(
        self,
        *,
        run: RunRecord | None = None,
        steps: tuple[Step, ...] | None = None,
        approvals: tuple[Approval, ...] | None = None,
        head: Head | None = None,
        messages: tuple[Message, ...] | None = None,
    ) -> RunState:
        """Give the same with other parts, at a third of what a generic copy costs: every commit makes some."""
        return RunState(
            self.run if run is None else run,
            self.steps if steps is None else steps,
            self.approvals if approvals is None else approvals,
            self.head if head is None else head,
            self.messages if messages is None else messages,
        )

    @property
    def stored_steps(self) -> tuple[Step, ...]:
        """The steps that are kept as such: a decision is kept in its approval, unless a system of record made it."""
        own = {approval.key for approval in self.approvals if not approval.external}
        return tuple(s for s in self.steps if not (isinstance(s.recorded, Decided) and s.key in own))

    @property
    def pending(self) -> tuple[Approval, ...]:
        """The approvals that wait for a decision."""
        return tuple(approval for approval in self.approvals if approval.pending)
