"""What a person says of a call that may run at most once, and whose process died in its midst."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from awaitly.actors import ADMIN, Actor
from awaitly.approvals.audit import AuditEvent, Fact
from awaitly.errors import NotAuthorised, OutcomeKnown
from awaitly.result import Err, Ok, Result
from awaitly.runs.moves import Moved
from awaitly.runs.running import RunRefusal, Settle, advance
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import Content, RunState, Step, Wait
from awaitly.values import frozen

__all__ = ["Happened", "NeverHappened", "Settlement", "settle", "unknown_calls"]


@frozen
class Happened:
    """The call was made, and gave this: a value of its own type, or as JSON has it; None for nothing."""

    value: Any = None


@frozen
class NeverHappened:
    """The call was not made: the run makes it once it goes on."""


Settlement: TypeAlias = Happened | NeverHappened


def unknown_calls(state: RunState) -> tuple[Wait, ...]:
    """Give the calls of a run that was set aside of which nobody knows what came of them."""
    if state.run.status is not RunStatus.NEEDS_REVIEW:
        return ()
    recorded = {step.key for step in state.steps}
    return tuple(w for w in state.run.awaiting if w.kind is WaitKind.OUTCOME and w.key not in recorded)


def settle(
    state: RunState, key: str | None, came: Content | None, by: Actor, now: datetime
) -> Result[Moved, RunRefusal | NotAuthorised | OutcomeKnown]:
    """Let a run go on with what came of a call, as content of a step; None where the call was not made."""
    calls = [call for call in unknown_calls(state) if key in (None, call.key)]
    if len(calls) != 1:
        return Err(OutcomeKnown(state.run.run_id, key, tuple(call.key for call in unknown_calls(state))))
    call = calls[0]
    if ADMIN not in by.roles:
        return Err(NotAuthorised(state.run.run_id, call.key, by.name, f"the role {ADMIN!r}"))
    match advance(state.run, Settle(call.key), now):
        case Err(refusal):
            return Err(refusal)
        case Ok(run):
            pass
    steps = () if came is None else (Step(call.key, call.place, call.name, came, call.since, now),)
    said = "it was not made" if came is None else "it was made"
    noted = Fact(AuditEvent.SETTLED, call.key, now, 0, call.name, by, said)
    return Ok(Moved(state.but(run=run, steps=(*state.steps, *steps)), (noted,)))
