"""Which part of a commit goes where, and what tells whether the state store took its part. No store is asked here."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, unique
from typing import TypeAlias
from uuid import uuid4

from attrs import evolve

from awaitly_split.anchor import Anchor, Intent
from awaitly_split.core import ApprovalRow, Changes, Conflict, Entry, Found, Hold, NoticeRow, StepRow, StoreUnsuitable

__all__ = [
    "Outcome",
    "finish",
    "intended",
    "joined",
    "objection",
    "outcome",
    "refusal",
    "state_half",
    "touches_approvals",
    "touches_state",
]

_RECORD = " split "
"""How the keys of commit records begin, which stand among a run's steps: no step's own key begins with a blank."""
_TAKEN, _REFUSED = "taken", "refused"
_Row: TypeAlias = ApprovalRow | NoticeRow


@unique
class Outcome(Enum):
    """What became of an intent: its part in the state store was taken, never will be, or may still be on its way."""

    TAKEN = "taken"
    REFUSED = "refused"
    OPEN = "open"


def touches_approvals(changes: Changes) -> bool:
    """Whether anything of it belongs into the approvals store."""
    told = changes.approvals or changes.notices or changes.entries or changes.redacted
    return bool(told or changes.forgotten)


def touches_state(changes: Changes) -> bool:
    """Whether anything of it belongs into the state store."""
    return bool(changes.runs or changes.holds or changes.dropped or changes.steps or changes.forgotten)


def intended(changes: Changes, forgets: int | None = None) -> Intent:
    """Give the part for the approvals store, under a token that was never used before."""
    return Intent(
        token=uuid4().hex,
        move=changes.move,
        approvals=changes.approvals,
        entries=changes.entries,
        redacted=changes.redacted,
        notices=changes.notices,
        wakes=changes.wakes,
        forgets=forgets,
    )


def state_half(changes: Changes, token: str, last: str) -> Changes:
    """Give the part for the state store, with a commit record that takes the place of the last one.

    It always waits for the disk: what is written to the approvals store afterwards must not outlive it.
    """
    run_id = changes.run_id
    return evolve(
        changes,
        dropped=(*changes.dropped, *([(run_id, _RECORD + last)] if last else [])),
        steps=(*changes.steps, StepRow(run_id, _RECORD + token, _TAKEN)),
        approvals=(),
        notices=(),
        entries=(),
        redacted=(),
        flushed=True,
    )


def refusal(intent: Intent, state: Found, run_id: str) -> Changes:
    """Give the commit after which the state store refuses the intent's part for ever: its commit record is there.

    It is to be made only while the run is as it was found, for a forgotten run leaves no record.
    """
    record = StepRow(run_id, _RECORD + intent.token, _REFUSED)
    holds = () if state.run is None else (Hold(run_id, state.run.version),)
    return Changes(move=intent.move, holds=holds, steps=(record,))


def outcome(intent: Intent, state: Found) -> Outcome:
    """Tell what became of an intent, from what the state store has of the run."""
    if intent.forgets is not None and (state.run is None or state.run.created_at != intent.forgets):
        return Outcome.TAKEN
    record = next((step.body for step in state.steps if step.key == _RECORD + intent.token), None)
    return Outcome.OPEN if record is None else Outcome.TAKEN if record == _TAKEN else Outcome.REFUSED


def finish(anchor: Anchor, intent: Intent, now: int) -> Changes:
    """Give the commit that writes the part for the approvals store and takes the intent away.

    It need not wait for the disk: undone, it leaves the intent, and the commit record says what became of that.
    """
    if intent.forgets is not None:
        forgotten = (Hold(anchor.run_id, anchor.version),)
        return Changes(move=intent.move, forgotten=forgotten, wakes=intent.wakes, flushed=False)
    return Changes(
        move=intent.move,
        runs=(anchor.swapped(intent.token).row(now),),
        approvals=intent.approvals,
        notices=intent.notices,
        entries=intent.entries,
        redacted=intent.redacted,
        wakes=intent.wakes,
        flushed=False,
    )


def joined(approvals: Found, state: Found) -> Found:
    """Give a run as its two halves have it, without what this adapter keeps for itself. Raises `StoreUnsuitable`."""
    if state.approvals or state.head is not None:
        msg = (
            "the state store has approvals of its own, so it was not used as one half: "
            "give SplitStore a store for runs in which no approvals were kept"
        )
        raise StoreUnsuitable(msg)
    steps = tuple(step for step in state.steps if not step.key.startswith(_RECORD))
    return Found(approvals.now, state.run, steps, approvals.approvals, approvals.head)


def objection(
    found: Found, notices: tuple[NoticeRow, ...], entries: tuple[Entry, ...], changes: Changes
) -> Conflict | None:
    """Tell which condition on approvals, notices and ledger does not hold, as a store would that was to commit them."""
    return (
        _misfit("approval", found.approvals, changes.approvals)
        or _misfit("notice", notices, changes.notices)
        or _misfit_of_ledger(entries, changes)
    )


def _misfit(what: str, there: Iterable[_Row], rows: Iterable[_Row]) -> Conflict | None:
    versions = {row.key: row.version for row in there}
    for row in rows:
        stands = versions.get(row.key, 0)
        if stands != row.version - 1:
            return Conflict(row.run_id, f"{what} {row.key!r} is at version {stands}, not {row.version - 1}")
        versions[row.key] = row.version
    return None


def _misfit_of_ledger(entries: tuple[Entry, ...], changes: Changes) -> Conflict | None:
    hashes = {entry.seq: entry.hash for entry in entries}
    for entry in changes.entries:
        if entry.seq in hashes:
            return Conflict(entry.run_id, f"the ledger already has an entry {entry.seq}")
        hashes[entry.seq] = entry.hash
    for entry in changes.redacted:
        if hashes.get(entry.seq) != entry.hash:
            return Conflict(entry.run_id, f"the ledger has no entry {entry.seq} of this hash")
    return None
