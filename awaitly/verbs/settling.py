"""Saying what came of a call that may run at most once, where its process died in its midst."""

from __future__ import annotations

import json
from typing import TypeAlias

from awaitly.actors import By, as_actor
from awaitly.codec import ANYTHING, Codec
from awaitly.durations import from_micros
from awaitly.errors import (
    NeedsReview,
    NotAuthorised,
    OutcomeKnown,
    RunConflict,
    RunEnded,
    Undecodable,
    UnknownRun,
    Unstorable,
    WrongOutcome,
)
from awaitly.exceptions import RecordCorrupt
from awaitly.ids import TICKETS
from awaitly.replaying.workflow import OutcomeShape
from awaitly.result import Err, Ok, Result
from awaitly.runs.saving import difference, state_in
from awaitly.runs.settling import Happened, Settlement, settle
from awaitly.runs.witness import tell_enqueued
from awaitly.storage.asked import loaded
from awaitly.storage.journal import Content, Returned, RunRecord
from awaitly.storage.store import Move, RunRow
from awaitly.verbs.outbox import Outbox
from awaitly.working.looks import Looks

__all__ = ["SettleRefusal", "Settling"]

SettleRefusal: TypeAlias = (
    UnknownRun | RunConflict | RunEnded | NeedsReview | NotAuthorised | OutcomeKnown | Unstorable | WrongOutcome
)
"""Why it was not taken what somebody said of a call."""


_PLAIN = (type(None), list, dict, tuple, set, frozenset)


class Settling(Outbox):
    """Takes what people say of calls that nobody knows the outcome of."""

    async def settle(
        self, run_id: str, settlement: Settlement, *, key: str | None = None, by: By
    ) -> Result[RunRecord, SettleRefusal]:
        """Let a run go on whose process died while it made a call that may run at most once.

        `Happened(value)` has the value recorded as what the call gave, and the call is not made; with
        `NeverHappened()` the run makes it. `by` needs the role `admin`; the ledger keeps who said what. `key` is that
        of the call, where there are several. What a tool's call gave is a value of the tool's own type, or as JSON has
        it, and JSON alone where the tool is not known here: anything else is `WrongOutcome`.
        """
        looks = Looks()
        while True:
            found = looks.again(await loaded(self._store, run_id))
            if found.run is None:
                return Err(UnknownRun(run_id))
            try:
                state = state_in(found, found.run)
            except RecordCorrupt as damage:
                return Err(NeedsReview(run_id, damage.reason))
            match _content(settlement, run_id, self._shape_of(found.run)):
                case Err(unfit):
                    return Err(unfit)
                case Ok(came):
                    pass
            match settle(state, key, came, as_actor(by), from_micros(found.now)):
                case Err(refusal):
                    return Err(refusal)
                case Ok(settled):
                    changes, after = difference(Move.SETTLE, state, settled.state, settled.facts)
            if isinstance(await self._store.commit(changes), Ok):
                tell_enqueued(self._observers, after.run)
                return Ok(after.run)

    def _shape_of(self, row: RunRow) -> OutcomeShape | None:
        """Say what a run's calls give; None where their steps' annotations do."""
        code = self._executor.newest.get(row.workflow)
        if code is None and row.run_id.startswith(TICKETS):
            return OutcomeShape("plain JSON", _plain)
        return None if code is None else code.outcome


def _content(
    settlement: Settlement, run_id: str, shape: OutcomeShape | None
) -> Result[Content | None, Unstorable | WrongOutcome]:
    """Write what a call gave as the step is kept; None where it was not made."""
    if not isinstance(settlement, Happened):
        return Ok(None)
    value: object = settlement.value
    if shape is not None:
        match shape.write(value):
            case Ok(text):
                return Ok(Returned(text))
            case Err(misfit):
                return Err(WrongOutcome(run_id, shape.wanted, misfit.path, misfit.reason))
    match Codec().encode(value, ANYTHING if type(value) in _PLAIN else type(value)):
        case Ok(text):
            return Ok(Returned(text))
        case Err(unstorable):
            return Err(unstorable)


def _plain(value: object) -> Result[str, Undecodable | Unstorable]:
    """Write a value that JSON has, as it is."""
    try:
        if json.loads(json.dumps(value, allow_nan=False)) == value:
            return Codec().encode(value, ANYTHING)
    except (TypeError, ValueError, RecursionError):
        pass
    return Err(Unstorable("$", f"a {type(value).__qualname__} is not, or not all of it"))
