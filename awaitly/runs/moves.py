"""What happens to a run as a whole: each move takes all that is known of it and gives all that is known afterwards.

Pure compositions of the two tables, `running` and `deciding`. Whoever calls a move saves the difference in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import field

from awaitly.actors import Actor
from awaitly.approvals import deciding, events
from awaitly.approvals.approval import Approval
from awaitly.approvals.audit import AuditEvent, Fact, fact
from awaitly.approvals.ladder import next_time
from awaitly.approvals.outcomes import Approved
from awaitly.changing import changed
from awaitly.errors import NotAuthorised, UnknownStep
from awaitly.result import Err, Ok, Result
from awaitly.runs import running
from awaitly.runs.running import RunRefusal, advance
from awaitly.statuses import RunStatus
from awaitly.storage.journal import (
    Arrived,
    Decided,
    Lease,
    Message,
    Recorded,
    RunRecord,
    RunState,
    Step,
    Wait,
    taken_up,
)
from awaitly.values import frozen

__all__ = [
    "Moved",
    "StillWaiting",
    "again",
    "cancel",
    "chime",
    "claim",
    "end",
    "fork",
    "note",
    "park",
    "put_back",
    "read",
    "ready_since",
    "release",
    "retry",
    "review",
    "suspect",
    "told",
    "worn",
]


@frozen
class Moved:
    """A run after a move, and what the ledger notes of it."""

    state: RunState
    facts: tuple[Fact, ...] = field(default=())


@frozen
class StillWaiting:
    """Nobody has decided yet, so there is nothing to go on with."""


Change: TypeAlias = Callable[[Approval], events.Event | None]


def _each(
    approvals: Iterable[Approval], change: Change, now: datetime
) -> tuple[tuple[Approval, ...], tuple[Fact, ...]]:
    """Move those approvals for which `change` gives an event; a refused event leaves its approval as it is."""
    moved: list[Approval] = []
    facts: list[Fact] = []
    for approval in approvals:
        event = change(approval)
        match None if event is None else deciding.decide(approval, event, now):
            case Ok(transition):
                moved.append(transition.approval)
                facts.extend(transition.facts)
            case _:
                moved.append(approval)
    return tuple(moved), tuple(facts)


def _expiring(approval: Approval) -> events.Event | None:
    return events.Expire() if approval.pending else None


def _consuming(approval: Approval) -> events.Event | None:
    return events.Consume() if approval.ready else None


def claim(
    state: RunState, lease: Lease, now: datetime, *, channels: tuple[str, ...] = ()
) -> Result[Moved, RunRefusal | StillWaiting]:
    """Take the run, with the decisions it waited for: each is consumed, and stands in the journal as a step.

    A run that must not go on is moved to `NEEDS_REVIEW` instead: look at the status.
    """
    approvals = state.approvals
    expired: tuple[Fact, ...] = ()
    if any(approval.pending for approval in approvals):
        approvals, expired = _each(approvals, _expiring, now)
    if not _is_time(state.run, now) or (
        state.run.status is RunStatus.PARKED and not _anything_new(state, approvals, now)
    ):
        return Err(StillWaiting())
    tampered = next((a for a in approvals if a.decided and not a.intact()), None)
    if tampered is not None:
        return review(state, f"the content of approval {tampered.key!r} is not what was decided on", now)
    match advance(state.run, running.Claim(lease, len(state.steps), channels), now):
        case Ok(run):
            pass
        case Err(refusal):
            return Err(refusal)
    decided = _decided(approvals, state.steps, now)
    consumed, facts = _each(approvals, _consuming, now)
    claimed = state.but(run=run, steps=state.steps + decided, approvals=consumed, messages=read(state.messages))
    return Ok(Moved(claimed, expired + facts))


def _anything_new(state: RunState, approvals: tuple[Approval, ...], now: datetime) -> bool:
    """Whether a parked run can go on.

    A decision or a message has come, a time has, or its own system of record is to be asked again.
    """
    run = state.run
    return (
        any(a.external or not a.pending for a in approvals if a.key in run.waits)
        or any(wait.until is not None and wait.until <= now for wait in run.awaiting)
        or any(message.unread for message in state.messages)
    )


def ready_since(state: RunState, now: datetime) -> datetime | None:
    """Tell since when somebody could have gone on with a run; None where nobody can yet."""
    run = state.run
    times = [run.due_at] if run.due_at is not None and run.due_at <= now else []
    if run.status is RunStatus.PARKED:
        times += [a.closing.at for a in state.approvals if a.ready and a.closing is not None]
        times += [message.sent_at for message in state.messages if message.unread]
    return min(times, default=None)


def worn(state: RunState, patience: timedelta, now: datetime) -> bool:
    """Whether others may have died of a run that is to be claimed.

    One of them has left it unfinished, or it could have gone on for longer than the patience and has not.
    """
    ready = ready_since(state, now)
    return state.run.status is RunStatus.RUNNING or (ready is not None and now - ready > patience)


def suspect(state: RunState, now: datetime) -> bool:
    """Whether a run that is to be claimed may be what the processes died of that had it: it is to execute alone."""
    run = state.run
    left = run.lease is None or run.lease.until <= now
    return running.is_suspect(run, len(state.steps)) and left


def _is_time(run: RunRecord, now: datetime) -> bool:
    """Whether the time has come of a run that is to begin, or to be tried again, at a time."""
    return run.status is not RunStatus.QUEUED or run.due_at is None or run.due_at <= now


def read(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Give messages as those that the run has looked at."""
    if not any(message.unread for message in messages):
        return messages
    return tuple(changed(m, unread=False) if m.unread else m for m in messages)


def _decided(approvals: tuple[Approval, ...], steps: tuple[Step, ...], now: datetime) -> tuple[Step, ...]:
    recorded = {step.key for step in steps}
    return tuple(
        taken_up(approval, outcome, now)
        for approval in approvals
        if approval.ready and (outcome := approval.outcome) is not None and approval.key not in recorded
    )


def _observed(state: RunState, now: datetime) -> tuple[tuple[Approval, ...], tuple[Fact, ...]]:
    """Close the approvals whose system of record has answered: the answer stands in the journal."""
    if not any(a.external for a in state.approvals):
        return state.approvals, ()
    answers = {s.key: s.recorded.outcome for s in state.steps if isinstance(s.recorded, Decided)}

    def observing(approval: Approval) -> events.Event | None:
        outcome = answers.get(approval.key)
        if outcome is None or not approval.external or not approval.pending:
            return None
        by = getattr(outcome, "by", Actor("system:record"))
        return events.Observe(by, isinstance(outcome, Approved), getattr(outcome, "reason", None))

    approvals, observed = _each(state.approvals, observing, now)
    approvals, consumed = _each(approvals, lambda a: _consuming(a) if a.external else None, now)
    return approvals, observed + consumed


def park(
    state: RunState, waits: tuple[str, ...], asked: Iterable[Approval], now: datetime, awaiting: tuple[Wait, ...] = ()
) -> Result[Moved, RunRefusal]:
    """Wait: the new questions are asked, and their clocks start now; those that nobody waits for are withdrawn."""
    approvals, observed = _observed(state, now)
    new = {approval.key: _asked_at(approval, now) for approval in asked}
    approvals, again = _each(approvals, lambda a: events.AskAgain(new.pop(a.key)) if a.key in new else None, now)
    facts = (*again, *(fact(AuditEvent.ASKED, a, now, a.requested_by) for a in new.values()))
    approvals += tuple(new.values())
    approvals, left = _each(approvals, _superseding("the run went on without it", kept=waits), now)
    match advance(state.run, running.Park(waits, due_at(approvals, awaiting), awaiting), now):
        case Ok(run):
            return Ok(Moved(state.but(run=run, approvals=approvals), observed + facts + left))
        case Err(refusal):
            return Err(refusal)


def note(
    state: RunState, awaiting: tuple[Wait, ...], withdrawn: frozenset[str], lease: Lease, now: datetime
) -> Result[Moved, RunRefusal]:
    """Remember, while the run executes, what it waits for or is to try again, and withdraw questions that lost."""
    match advance(state.run, running.Note(awaiting, lease), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            pass
    kept = tuple(a.key for a in state.approvals if a.key not in withdrawn)
    approvals, facts = _each(state.approvals, _superseding("something else came first", kept=kept), now)
    return Ok(Moved(state.but(run=run, approvals=approvals), facts))


def due_at(approvals: Iterable[Approval], awaiting: Iterable[Wait]) -> datetime | None:
    """Give when a parked run is to be looked at even if nobody does anything."""
    times = [time for a in approvals if (time := next_time(a)) is not None]
    times += [wait.until for wait in awaiting if wait.until is not None]
    return min(times, default=None)


def chime(state: RunState, now: datetime) -> Moved | None:
    """Do what time has brought to the approvals of a parked run short of expiring them; None where nothing is to do.

    Nothing of the run's code is needed for it: who may decide is reminded, the next level of a ladder is told, and the
    run is looked at again when the next such time comes.
    """
    run = state.run
    if run.due_at is None or now < run.due_at or not run.waits:
        return None
    approvals, facts = _each(state.approvals, lambda a: events.Chime() if _chimes(a, now) else None, now)
    following = due_at(approvals, run.awaiting)
    goes_on = (following is not None and following <= now) or any(approval.ready for approval in approvals)
    if not facts and goes_on:
        return None
    match advance(run, running.WaitOn(following), now):
        case Ok(waiting):
            return Moved(state.but(run=waiting, approvals=approvals), facts)
        case _:
            return None


def _chimes(approval: Approval, now: datetime) -> bool:
    time = next_time(approval)
    return time is not None and time <= now and (approval.deadline is None or now < approval.deadline)


def _asked_at(approval: Approval, now: datetime) -> Approval:
    """Let the clock of a question start; what a calendar laid down for it stands."""
    expires_in = approval.policy.expires_in
    if expires_in is None or approval.deadline is not None:
        return changed(approval, asked_at=now)
    return changed(approval, asked_at=now, deadline=now + expires_in)


def end(state: RunState, result: Recorded, by: str | None, now: datetime) -> Result[Moved, RunRefusal]:
    """Close the run with a result; questions that nobody will take up any more are superseded."""
    approvals, observed = _observed(state, now)
    match advance(state.run, running.End(result, by), now):
        case Ok(run):
            approvals, facts = _each(approvals, _superseding("the run ended"), now)
            return Ok(Moved(state.but(run=run, approvals=approvals), observed + facts))
        case Err(refusal):
            return Err(refusal)


def again(state: RunState, at: datetime, reason: str, now: datetime) -> Result[Moved, RunRefusal]:
    """Let a workflow that failed be tried again at a time: the step that ended it is forgotten, all else is kept."""
    match advance(state.run, running.Again(at, reason), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            return Ok(Moved(_without_fatal(state.but(run=run))))


def told(state: RunState, now: datetime) -> Result[Moved, RunRefusal]:
    """Note that every other run that is to know of this one's end does."""
    match advance(state.run, running.Told(), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            return Ok(Moved(state.but(run=run)))


def _without_fatal(state: RunState) -> RunState:
    """Forget the steps that ended a run; what its children came to counts no more where they are to be tried again."""
    fatal = [step.recorded for step in state.steps if step.fatal]
    if not fatal:
        return state
    void = {recorded.message for recorded in fatal if isinstance(recorded, Arrived)}
    messages = tuple(changed(m, void=True, unread=False) if m.key in void else m for m in state.messages)
    return state.but(steps=tuple(step for step in state.steps if not step.fatal), messages=messages)


def _superseding(reason: str, *, kept: Iterable[str] = ()) -> Change:
    return lambda a: events.Supersede(reason) if (a.pending or a.ready) and a.key not in kept else None


def cancel(state: RunState, by: Actor, reason: str | None, now: datetime) -> Result[Moved, RunRefusal | NotAuthorised]:
    """End the run from outside, and withdraw its questions."""
    if not running.may_cancel(state.run, by):
        key = state.run.waits[0] if state.run.waits else ""
        return Err(NotAuthorised(state.run.run_id, key, by.name, "whoever requested it, or the role 'admin'"))
    if state.run.status is RunStatus.CANCELLED and state.run.by == by:
        return Ok(Moved(state))
    match advance(state.run, running.Cancel(by, reason), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            pass
    approvals, cancelled = _each(state.approvals, lambda a: events.Cancel(by, reason) if a.pending else None, now)
    approvals, facts = _each(approvals, _superseding("the run was cancelled"), now)
    return Ok(Moved(state.but(run=run, approvals=approvals), cancelled + facts))


def review(state: RunState, reason: str, now: datetime) -> Result[Moved, RunRefusal]:
    """Set the run aside for a person."""
    match advance(state.run, running.Review(reason), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            return Ok(Moved(state.but(run=run)))


def release(state: RunState, now: datetime) -> Result[Moved, RunRefusal]:
    """Give the run back unfinished, for anyone to go on with at once."""
    match advance(state.run, running.Release(), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            return Ok(Moved(state.but(run=run)))


def put_back(state: RunState, before: RunRecord, now: datetime) -> Result[Moved, RunRefusal]:
    """Let the run stand as it did before it was taken, for nothing of it has begun."""
    match advance(state.run, running.PutBack(before), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            return Ok(Moved(state.but(run=run)))


def retry(state: RunState, now: datetime) -> Result[Moved, RunRefusal]:
    """Let a run that failed, or was set aside, go on: the steps that ended it are forgotten, all else is kept."""
    match advance(state.run, running.Requeue(), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            return Ok(Moved(_without_fatal(state.but(run=run))))


def fork(state: RunState, before: str, new_id: str, lease: Lease, now: datetime) -> Result[Moved, UnknownStep]:
    """Give a new run, in its starter's hands, that has the steps which were recorded before another: no decisions."""
    old, keys = state.run, [step.key for step in state.steps]
    if before not in keys:
        return Err(UnknownStep(old.run_id, before, tuple(keys)))
    run = RunRecord(
        run_id=new_id,
        workflow=old.workflow,
        code_version=old.code_version,
        arguments=old.arguments,
        digest=old.digest,
        created_at=now,
        updated_at=now,
        status=RunStatus.RUNNING,
        requested_by=old.requested_by,
        lease=lease,
        due_at=lease.until,
        forked_from=old.run_id,
        queue=old.queue,
        priority=old.priority,
    )
    copied = tuple(_copied(s) for s in state.steps[: keys.index(before)] if not isinstance(s.recorded, Decided))
    return Ok(Moved(RunState(run, copied)))


def _copied(step: Step) -> Step:
    """Give a step for another run, which has none of the messages that this one was told."""
    match step.recorded:
        case Arrived(content=content):
            return changed(step, recorded=Arrived("", content))
        case _:
            return step
