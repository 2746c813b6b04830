"""The anchor: a run's one row in the approvals store, by whose version all that is written there is swapped.

Whoever writes about a run to the approvals store swaps the run's anchor in the same commit. So these writes stand in
one order, and what a writer has read of a run still holds when its own swap is taken. An anchor may carry an intent:
then nobody writes there before it is known what became of that.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import asdict, evolve, frozen

from awaitly_split.core import ApprovalRow, Entry, Found, Move, NoticeRow, RunRow, StoreCorrupt, StoreUnsuitable

__all__ = ["Anchor", "Intent", "anchor_in"]

_MARK = " split"
"""The anchor's `workflow`. No workflow has this name, for the names of workflows have no outer blanks."""


@frozen
class Intent:
    """What a commit on both halves will write to the approvals store, once its part in the state store is taken.

    `token` names the commit. `forgets` is when the run was created that is to be forgotten, in microseconds.
    """

    token: str
    move: Move
    approvals: tuple[ApprovalRow, ...] = ()
    entries: tuple[Entry, ...] = ()
    redacted: tuple[Entry, ...] = ()
    notices: tuple[NoticeRow, ...] = ()
    wakes: bool = False
    forgets: int | None = None


@frozen
class Anchor:
    """What the row says. `last` is the token of the last commit that was made on both halves.

    Version 0 is that of an anchor which is still to be written. `until`, in microseconds by the approvals store's
    clock, is how long an intent is left to whoever wrote it.
    """

    run_id: str
    version: int = 0
    last: str = ""
    intent: Intent | None = None
    until: int | None = None

    def swapped(self, last: str) -> Anchor:
        """Give the next version, without an intent."""
        return Anchor(self.run_id, self.version + 1, last)

    def intending(self, intent: Intent, until: int) -> Anchor:
        """Give the next version, with an intent."""
        return Anchor(self.run_id, self.version + 1, self.last, intent, until)

    def row(self, now: int) -> RunRow:
        """Write it; `due_at` has the approvals store name a run whose intent was left behind."""
        status = "settled" if self.intent is None else "intent"
        body = self.last if self.intent is None else json.dumps({"last": self.last, **_plain(self.intent)})
        return RunRow(self.run_id, self.version, _MARK, status, now, now, self.until, body)


def anchor_in(found: Found, run_id: str) -> Anchor:
    """Read a run's anchor. Raises `StoreUnsuitable` where another row stands in its place, or `StoreCorrupt`."""
    row = found.run
    if row is None:
        return Anchor(run_id)
    if row.workflow != _MARK:
        msg = (
            f"the approvals store has a run {run_id!r} of its own, so it was not used as one half: "
            "give SplitStore a store for approvals in which no runs were kept"
        )
        raise StoreUnsuitable(msg)
    if row.due_at is None:
        return Anchor(run_id, row.version, row.body)
    try:
        body: dict[str, Any] = json.loads(row.body)
        return Anchor(run_id, row.version, str(body["last"]), _intent(body), row.due_at)
    except (KeyError, TypeError, ValueError) as exc:
        msg = f"the approvals store's own row of run {run_id!r} does not decode ({exc}): restore it from a backup"
        raise StoreCorrupt(msg) from exc


def _plain(intent: Intent) -> dict[str, Any]:
    return asdict(intent, value_serializer=lambda _, __, value: value.value if type(value) is Move else value)


def _intent(plain: dict[str, Any]) -> Intent:
    return Intent(
        token=str(plain["token"]),
        move=Move(plain["move"]),
        approvals=tuple(map(_approval, plain["approvals"])),
        entries=tuple(Entry(**row) for row in plain["entries"]),
        redacted=tuple(Entry(**row) for row in plain["redacted"]),
        notices=tuple(NoticeRow(**row) for row in plain["notices"]),
        wakes=bool(plain["wakes"]),
        forgets=plain["forgets"],
    )


def _approval(plain: dict[str, Any]) -> ApprovalRow:
    row = ApprovalRow(**plain)
    return evolve(row, audience=tuple(row.audience))  # JSON gives a list
