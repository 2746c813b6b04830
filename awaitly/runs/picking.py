"""From what a person says to a move of one approval: which is meant, by which event, and what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeAlias

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval
from awaitly.approvals.deciding import decide
from awaitly.approvals.editing import edited_content
from awaitly.approvals.events import Edit, Event, Shown
from awaitly.approvals.transition import Transition
from awaitly.errors import AmbiguousApproval, Refusal, UnknownApproval
from awaitly.result import Err, Ok, Result

__all__ = ["Eventful", "always", "editing", "moved", "picked"]

Eventful: TypeAlias = Callable[[Approval], Result[Event, Refusal]]
"""Gives the event that a person's words mean for the approval that they mean."""


def always(event: Event) -> Eventful:
    """Mean the same event whatever the approval."""
    return lambda _: Ok(event)


Reader: TypeAlias = Callable[[Approval], Callable[[str], Any] | None]
"""Gives how this process reads the content of an approval as a typed value, where it knows."""


def editing(value: object, by: Actor, shown: Shown, reader: Reader = lambda _: None) -> Eventful:
    """Mean an edit to `value`, which must fit the schema that was stored with the approval, and its type if known."""

    def event(approval: Approval) -> Result[Event, Refusal]:
        match edited_content(approval, value, reader(approval)):
            case Ok(content):
                return Ok(Edit(by, content, shown))
            case Err(refusal):
                return Err(refusal)

    return event


def picked(
    run_id: str, approvals: Iterable[Approval], key: str | None, now: datetime
) -> Result[Approval, UnknownApproval | AmbiguousApproval]:
    """Give the approval that is named, else the only one that still waits, else the only one there is."""
    known = {approval.key: approval for approval in approvals}
    if key is not None:
        return Ok(known[key]) if key in known else Err(UnknownApproval(run_id, key, tuple(known)))
    waiting = [a for a in known.values() if a.pending and (a.deadline is None or now < a.deadline)]
    if len(waiting) > 1:
        return Err(AmbiguousApproval(run_id, tuple(a.key for a in waiting)))
    candidates = waiting or list(known.values())
    return Ok(candidates[0]) if len(candidates) == 1 else Err(UnknownApproval(run_id, None, tuple(known)))


def moved(
    run_id: str, approvals: Iterable[Approval], key: str | None, event: Eventful, now: datetime
) -> Result[Transition, Refusal]:
    """Move the approval that is meant by the event that is meant."""
    match picked(run_id, approvals, key, now):
        case Ok(approval):
            pass
        case Err(unclear):
            return Err(unclear)
    match event(approval):
        case Ok(meant):
            return decide(approval, meant, now)
        case Err(misfit):
            return Err(misfit)
