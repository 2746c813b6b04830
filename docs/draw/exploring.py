"""Which moves there are: found by trying every pair of the two tables on sample values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import product
from typing import Any, TypeAlias

from attrs import evolve

from awaitly import (
    Actor,
    Approval,
    ApprovalStatus,
    Ok,
    OnExpiry,
    Policy,
    RunStatus,
    UnexpectedError,
    from_micros,
)
from awaitly.approvals import deciding, events
from awaitly.approvals.approval import Closing, Vote
from awaitly.approvals.handling import Handling, Inquiry, Taken
from awaitly.approvals.transition import Transition
from awaitly.runs import running
from awaitly.storage.journal import Lease, Raised, Returned, RunRecord

__all__ = ["CONSUMED", "Moves", "approval_moves", "run_moves"]

Moves: TypeAlias = frozenset[tuple[str, str, str]]
"""From which state, by which event, to which state."""

CONSUMED = "consumed"
"""No status of its own: the mark that a run has taken a decision up, once."""

NOW = from_micros(1_900_000_000_000_000)
LATER = NOW + timedelta(days=1)
ANN, BEN = Actor("ann"), Actor("ben")
LEASE = Lease("here", LATER)
QUESTION = ("run", "manager", "refund", "0", "refund:manager", "Refund 1", "1", "{}")

POLICIES = (
    Policy(),
    Policy(needs=2, rejections=2),
    *(Policy(expires_in="1h", on_expiry=what) for what in OnExpiry),
    Policy(remind_every="1h"),
)
SAMPLES: tuple[dict[str, Any], ...] = (
    {},
    *({"votes": (Vote(ANN, approves, 1, NOW),)} for approves in (True, False)),
    {"edited": "2", "editor": BEN},
    {"external": True},
    {"handling": Handling(taken=Taken(ANN, NOW))},
    {"handling": Handling(inquiry=Inquiry(ANN, NOW))},
)

APPROVAL_EVENTS: Mapping[type, tuple[events.Event, ...]] = {
    events.Approve: (events.Approve(ANN), events.Approve(BEN)),
    events.Reject: (events.Reject(ANN), events.Reject(BEN)),
    events.Edit: (events.Edit(BEN, "2"),),
    events.Cancel: (events.Cancel(ANN),),
    events.See: (events.See(ANN),),
    events.Spoof: (events.Spoof(ANN, ("by",)),),
    events.Claim: (events.Claim(ANN),),
    events.Release: (events.Release(ANN),),
    events.Delegate: (events.Delegate(ANN, "ben"),),
    events.Reassign: (events.Reassign(Actor("root", ["admin"]), ("ben",)),),
    events.Comment: (events.Comment(ANN, "hm"),),
    events.Inquire: (events.Inquire(ANN, "why?"),),
    events.Answer: (events.Answer(ANN, "so"),),
    events.Chime: (events.Chime(),),
    events.Expire: (events.Expire(),),
    events.Observe: (events.Observe(ANN, approves=True), events.Observe(ANN, approves=False)),
    events.Supersede: (events.Supersede("the run ended"),),
    events.AskAgain: (events.AskAgain(Approval(*QUESTION, Policy(), NOW)),),
    events.Consume: (events.Consume(),),
}


def _run(status: RunStatus, recoveries: int = 0) -> RunRecord:
    return RunRecord("run", "refund", "1", "{}", "", NOW, NOW, status, recoveries=recoveries)


RUN_EVENTS: Mapping[type, tuple[running.RunEvent, ...]] = {
    running.Claim: (running.Claim(LEASE, 0), running.Claim(LEASE, 1)),
    running.Park: (running.Park(("manager",)),),
    running.WaitOn: (running.WaitOn(LATER),),
    running.End: (running.End(Returned("1")), running.End(Raised(UnexpectedError("ValueError", "no")))),
    running.Release: (running.Release(),),
    running.Cancel: (running.Cancel(ANN),),
    running.Review: (running.Review("it does not decode"),),
    running.Requeue: (running.Requeue(),),
    running.Settle: (running.Settle("pay"),),
    running.Note: (running.Note((), LEASE),),
    running.Again: (running.Again(NOW, "it failed"),),
    running.Told: (running.Told(),),
    running.PutBack: tuple(running.PutBack(_run(status)) for status in (RunStatus.QUEUED, RunStatus.PARKED)),
}


def approval_moves() -> Moves:
    """Try every pair of `deciding.TABLE`. What changes nothing, such as the same decision again, is no move.

    Raises `LookupError` for a pair that refuses every sample: it would be missing from the picture.
    """
    return frozenset(move for status, kind in deciding.TABLE for move in _moves(status, kind))


def _moves(status: ApprovalStatus, kind: type) -> Iterator[tuple[str, str, str]]:
    moved = [m for approval in _approvals(status) for event in APPROVAL_EVENTS[kind] for m in _moved(approval, event)]
    if not moved:
        msg = f"no sample of {kind.__name__} moves an approval that is {status.value}"
        raise LookupError(msg)
    for after in (transition.approval for transition in moved if transition.changed):
        yield status.value, _words(kind), CONSUMED if after.consumed_at else after.status.value


def _words(kind: type) -> str:
    """Say `AskAgain` as `ask again`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower()


def _moved(approval: Approval, event: events.Event) -> Iterator[Transition]:
    match deciding.decide(approval, event, LATER if isinstance(event, events.Expire | events.Chime) else NOW):
        case Ok(transition):
            yield transition
        case _:
            return


def _approvals(status: ApprovalStatus) -> Iterator[Approval]:
    """Make approvals of one status: under different policies, voted on, edited, or for a system of record."""
    closed: dict[str, Any] = {} if status is ApprovalStatus.PENDING else {"closing": Closing(ANN, NOW)}
    for policy, sample in product(POLICIES, SAMPLES):
        deadline = None if policy.expires_in is None else NOW + policy.expires_in
        asked = Approval(*QUESTION, policy, NOW, deadline, status=status)
        yield evolve(asked, **sample, **closed)


def run_moves() -> Moves:
    """Try every pair of `running.TABLE`. That others were told of an end is no move between states."""
    return frozenset(
        (status.value, _words(kind), moved.status.value)
        for status, kind in running.TABLE
        if kind is not running.Told
        for run in _runs(status)
        for event in RUN_EVENTS[kind]
        for moved in _advanced(run, event)
    )


def _advanced(run: RunRecord, event: running.RunEvent) -> Iterator[RunRecord]:
    match running.advance(run, event, NOW):
        case Ok(moved):
            yield moved
        case _:
            return


def _runs(status: RunStatus) -> Iterator[RunRecord]:
    """Make runs of one status: new ones, and some that were taken over too often."""
    for recoveries in (0, 100):
        yield _run(status, recoveries)
