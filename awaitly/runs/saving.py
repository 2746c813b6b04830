"""A run read from a store's rows, and the difference between two states of a run as one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval
from awaitly.approvals.audit import Entry, Fact, chained
from awaitly.approvals.deciding import decide
from awaitly.approvals.events import Cancel
from awaitly.approvals.ladder import is_stopped, next_time
from awaitly.approvals.notices import announced, review
from awaitly.approvals.transition import Transition
from awaitly.changing import changed
from awaitly.durations import from_micros, to_micros
from awaitly.exceptions import RecordCorrupt
from awaitly.result import Ok
from awaitly.statuses import RunStatus
from awaitly.storage.journal import Message, RunRecord, RunState, with_decisions
from awaitly.storage.records import (
    approval_of,
    head_of,
    is_message,
    message_of,
    quarantined,
    row_of_approval,
    row_of_message,
    row_of_notice,
    row_of_run,
    row_of_step,
    run_of,
    step_of,
)
from awaitly.storage.store import ApprovalRow, Changes, Found, Hold, Move, NoticeRow, RunRow

__all__ = [
    "LOOK_AGAIN",
    "approvals_in",
    "decision",
    "difference",
    "is_due_soon",
    "messages_in",
    "state_in",
    "withdrawal",
]

_WAKING = frozenset({Move.END, Move.CANCEL, Move.REVIEW, Move.RELEASE})
"""After these moves there is something for others to see: a result that they wait for, or work to take over."""
LOOK_AGAIN = timedelta(seconds=5)
"""How often whoever works off what is due looks in the store at least; what comes before that is told."""


def state_in(found: Found, run: RunRow, approvals: tuple[Approval, ...] | None = None) -> RunState:
    """Read all that a store has of a run; `approvals` are those that were already read. Raises `RecordCorrupt`."""
    known = approvals_in(found) if approvals is None else approvals
    record = run_of(run)
    missing = set(record.waits) - {approval.key for approval in known}
    if missing or (record.status is RunStatus.PARKED and not record.waits and not record.awaiting):
        raise RecordCorrupt(
            run.run_id, f"the run waits for {', '.join(sorted(missing)) or 'nothing'}, which is not there"
        )
    steps = with_decisions(tuple(map(step_of, found.steps)), known)
    return RunState(record, steps, known, head_of(found.head), messages_in(found))


def approvals_in(found: Found) -> tuple[Approval, ...]:
    """Read a run's approvals. Raises `RecordCorrupt`."""
    return tuple([approval_of(row) for row in found.approvals if not is_message(row)])


def messages_in(found: Found) -> tuple[Message, ...]:
    """Read what a run was told, in the order of its arrival. Raises `RecordCorrupt`."""
    return tuple([message_of(row) for row in found.approvals if is_message(row)])


def difference(
    move: Move, before: RunState | None, after: RunState, facts: Iterable[Fact], *, flushed: bool = True
) -> tuple[Changes, RunState]:
    """Give the commit that leads from one state to another, and the state as it then stands.

    However many moves lie in between, each row is written once, one version on. Where a run is to wait, so is each
    approval for which time stands still: an answer that comes meanwhile makes something due that the run does not say,
    and is to be noticed.
    """
    version = 1 if before is None else before.run.version + 1
    run = after.run if after.run.version == version else changed(after.run, version=version)
    approvals, moved = _approvals(before, after, waits=run.status is RunStatus.PARKED)
    noted = tuple(facts)
    entries = chained(run.run_id, after.head, noted)
    head = head_of(entries[-1]) if entries else after.head
    recorded: set[str] = set() if before is None else {s.key for s in before.steps}
    kept = {s.key for s in after.steps}
    heard = {} if before is None else {m.key: m for m in before.messages}
    messages = tuple([_next(m, heard.get(m.key)) for m in after.messages])
    notices = _notices(before, run, noted, entries, approvals)
    changes = Changes(
        move=move,
        runs=(row_of_run(run),),
        dropped=tuple([(run.run_id, key) for key in recorded - kept]),
        steps=tuple([row_of_step(run.run_id, s) for s in after.stored_steps if s.key not in recorded]),
        approvals=tuple(
            [row_of_approval(a) for a in moved] + [row_of_message(m) for m in messages if m is not heard.get(m.key)]
        ),
        notices=notices,
        entries=entries,
        wakes=move in _WAKING or is_due_soon(run) or bool(notices),
        flushed=flushed,
    )
    return changes, after.but(run=run, approvals=approvals, head=head, messages=messages)


def _approvals(
    before: RunState | None, after: RunState, *, waits: bool
) -> tuple[tuple[Approval, ...], Sequence[Approval]]:
    """Give all approvals as they stand after a commit, and those of them that it writes."""
    if before is not None and after.approvals is before.approvals and not waits:
        return after.approvals, ()
    known = {} if before is None else {a.key: a for a in before.approvals}
    approvals = tuple([_renumbered(a, known.get(a.key), swapped=waits and is_stopped(a)) for a in after.approvals])
    return approvals, [a for a in approvals if a is not known.get(a.key)]


def _notices(
    before: RunState | None,
    run: RunRecord,
    facts: Sequence[Fact],
    entries: Sequence[Entry],
    approvals: Sequence[Approval],
) -> tuple[NoticeRow, ...]:
    """Give what people are to be told of a move, in the rows in which it stands in the outbox."""
    if not run.channels:
        return ()
    told = announced(facts, entries, {approval.key: approval for approval in approvals})
    if run.status is RunStatus.NEEDS_REVIEW and (before is None or before.run.status is not RunStatus.NEEDS_REVIEW):
        told += review(run.run_id, run.version, run.channels, run.updated_at)
    return tuple(map(row_of_notice, told))


def _next(message: Message, before: Message | None) -> Message:
    """Give a message as it stands after a commit, one version on where it has changed."""
    version = 1 if before is None else before.version + 1
    if before is not None and message == before:
        return before
    return message if message.version == version else changed(message, version=version)


def is_due_soon(run: RunRecord) -> bool:
    """Whether workers are to be told of a run, because its time comes before they look again by themselves."""
    return run.status is not RunStatus.RUNNING and run.due_at is not None and run.due_at - run.updated_at <= LOOK_AGAIN


def _renumbered(approval: Approval, before: Approval | None, *, swapped: bool) -> Approval:
    if before is None:
        return approval if approval.version == 1 else changed(approval, version=1)
    if approval.version == before.version and not (swapped and approval.pending):
        return before
    return approval if approval.version == before.version + 1 else changed(approval, version=before.version + 1)


def decision(found: Found, transition: Transition) -> Changes:
    """Give the commit of a decision: the approval, and what the ledger notes; being ready, it wakes its run.

    Where the run was found too and something of the approval is due sooner than the run says, it is told.
    """
    approval = transition.approval
    entries = chained(approval.run_id, head_of(found.head), transition.facts)
    told = announced(transition.facts, entries, {approval.key: approval}) if approval.channels else ()
    holds = _sooner(found.run, approval)
    return Changes(
        move=Move.DECIDE,
        approvals=(row_of_approval(approval),),
        holds=holds,
        notices=tuple(map(row_of_notice, told)),
        entries=entries,
        wakes=approval.ready or bool(told) or any(_comes_soon(hold, found.now) for hold in holds),
    )


def _comes_soon(hold: Hold, now: int) -> bool:
    return hold.due_at is not None and from_micros(hold.due_at) - from_micros(now) <= LOOK_AGAIN


def _sooner(row: RunRow | None, approval: Approval) -> tuple[Hold, ...]:
    time = next_time(approval)
    if row is None or time is None or row.status != RunStatus.PARKED.value:
        return ()
    due_at = to_micros(time)
    return (Hold(row.run_id, row.version, due_at),) if row.due_at is None or due_at < row.due_at else ()


def withdrawal(found: Found, row: RunRow, by: Actor, reason: str | None) -> Changes:
    """Give the commit that cancels a run whose records do not decode: they are kept, and what can be read is closed."""
    approvals: list[ApprovalRow] = []
    facts: list[Fact] = []
    for approval in _readable(found):
        match decide(approval, Cancel(by, reason), from_micros(found.now)):
            case Ok(transition) if transition.changed:
                approvals.append(row_of_approval(transition.approval))
                facts.extend(transition.facts)
            case _:
                continue
    why = f"cancelled by {by.name}" + (f": {reason}" if reason else "")
    aside = quarantined(row, why, found.now, RunStatus.CANCELLED)
    entries = chained(row.run_id, head_of(found.head), facts)
    return Changes(move=Move.CANCEL, runs=(aside,), approvals=tuple(approvals), entries=entries, wakes=True)


def _readable(found: Found) -> Iterator[Approval]:
    for row in found.approvals:
        with suppress(RecordCorrupt):
            if not is_message(row):
                yield approval_of(row)
