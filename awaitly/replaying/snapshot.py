"""A run as text: taken, kept anywhere, loaded, decided on and run on, without a store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

from attrs import asdict

from awaitly.actors import Actor, By, as_actor
from awaitly.approvals.events import Approve, Delegate, Reject, Shown
from awaitly.approvals.grants import Rule
from awaitly.durations import utc_now
from awaitly.errors import PendingApproval, Refusal, Sent, UnknownPromise
from awaitly.exceptions import BadSnapshot, RecordCorrupt
from awaitly.ids import checked_name
from awaitly.replaying.promises import parts_of_promise
from awaitly.result import Err, Ok, Result
from awaitly.runs.letters import Kept, Letter, LetterRefusal, payload, received, rejection
from awaitly.runs.picking import Eventful, always, editing, moved
from awaitly.runs.standing import by_rules, rules_by_grant
from awaitly.statuses import WaitKind
from awaitly.storage.journal import Arrived, Content, RunState, with_decisions
from awaitly.storage.records import (
    approval_of,
    message_of,
    row_of_approval,
    row_of_message,
    row_of_run,
    row_of_step,
    run_of,
    step_of,
)
from awaitly.storage.store import ApprovalRow, RunRow, StepRow
from awaitly.values import frozen

__all__ = ["Snapshot"]

FORMAT = 1
"""The form of a snapshot's text. A reader refuses a higher number."""


@frozen
class Snapshot:
    """All that is known of a run at one moment.

    The text holds real arguments and values, secrets included, and a digest that shows damage and careless edits; it is
    no signature, so keep it where you keep the data itself.
    Its verbs raise `ValueError` for somebody without a name.
    """

    state: RunState

    @property
    def run_id(self) -> str:
        """The run that this is of."""
        return self.state.run.run_id

    @property
    def pending(self) -> tuple[PendingApproval, ...]:
        """What waits for a decision."""
        return tuple(approval.view() for approval in self.state.pending)

    def approve(
        self, key: str | None = None, *, by: By, now: datetime | None = None, rules: Iterable[Rule] = ()
    ) -> Result[Snapshot, Refusal]:
        """Vote yes, as `Orchestrator.approve` does, on this snapshot; gives the new one.

        `rules` are those of the application that the policy names; one that must be awaited grants nothing here.
        """
        return self._decided(key, always(Approve(as_actor(by))), now, rules)

    def reject(
        self,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        now: datetime | None = None,
        rules: Iterable[Rule] = (),
    ) -> Result[Snapshot, Refusal]:
        """Vote no, as `Orchestrator.reject` does, on this snapshot; gives the new one. `rules` as in `approve`."""
        return self._decided(key, always(Reject(as_actor(by), reason)), now, rules)

    def edit(
        self, key: str | None, value: object, *, by: By, now: datetime | None = None, rules: Iterable[Rule] = ()
    ) -> Result[Snapshot, Refusal]:
        """Change what is proposed, as `Orchestrator.edit` does, on this snapshot; gives the new one.

        `rules` as in `approve`.
        """
        return self._decided(key, editing(value, as_actor(by), Shown()), now, rules)

    def delegate(
        self, key: str | None = None, *, to: str, by: By, now: datetime | None = None, rules: Iterable[Rule] = ()
    ) -> Result[Snapshot, Refusal]:
        """Hand a seat on, as `Orchestrator.delegate` does, on this snapshot; gives the new one. `rules` as above."""
        return self._decided(key, always(Delegate(as_actor(by), to)), now, rules)

    def signal(
        self, name: str, value: object = None, *, key: str = "", by: By | None = None, now: datetime | None = None
    ) -> Result[Snapshot, LetterRefusal]:
        """Tell the run something, as `Orchestrator.signal` does, on this snapshot; gives the new one."""
        checked_name("a signal's name", name)
        if key:
            checked_name("a signal's key", key)
        match payload(self.run_id, name, value):
            case Ok(content):
                return self._told(Letter(self.run_id, WaitKind.SIGNAL, name, content, _actor(by), key), now)
            case Err(unstorable):
                return Err(unstorable)

    def resolve(
        self, promise_id: str, value: object = None, *, by: By | None = None, now: datetime | None = None
    ) -> Result[Snapshot, LetterRefusal | UnknownPromise]:
        """Keep a promise of the run, as `Orchestrator.resolve` does, on this snapshot; gives the new one."""
        match payload(self.run_id, promise_id, value):
            case Ok(content):
                return self._settled(promise_id, content, by, now)
            case Err(unstorable):
                return Err(unstorable)

    def reject_promise(
        self, promise_id: str, reason: str | None = None, *, by: By | None = None, now: datetime | None = None
    ) -> Result[Snapshot, LetterRefusal | UnknownPromise]:
        """Say that a promise will not be kept, as `Orchestrator.reject_promise` does; gives the new snapshot."""
        match rejection(self.run_id, promise_id, reason):
            case Ok(content):
                return self._settled(promise_id, content, by, now)
            case Err(unstorable):
                return Err(unstorable)

    def _settled(
        self, promise_id: str, content: Content, by: By | None, now: datetime | None
    ) -> Result[Snapshot, LetterRefusal | UnknownPromise]:
        try:
            run_id, key = parts_of_promise(promise_id)
        except ValueError:
            return Err(UnknownPromise(promise_id))
        if run_id != self.run_id:
            return Err(UnknownPromise(promise_id))
        return self._told(Letter(run_id, WaitKind.PROMISE, key, content, _actor(by)), now)

    def _told(self, letter: Letter, now: datetime | None) -> Result[Snapshot, LetterRefusal]:
        state = self.state
        before = next((m for m in state.messages if m.key == letter.slot), None)
        taken = any(isinstance(s.recorded, Arrived) and s.recorded.message == letter.slot for s in state.steps)
        kept = Kept(before, taken, max((m.sent_at for m in state.messages), default=None))
        match received(letter, state.run, kept, now or utc_now()):
            case Err(refusal):
                return Err(refusal)
            case Ok(message):
                pass
        if isinstance(message, Sent):
            return Ok(self)
        others = tuple(m for m in state.messages if m.key != message.key)
        return Ok(Snapshot(state.but(messages=(*others, message))))

    def _decided(
        self, key: str | None, event: Eventful, now: datetime | None, rules: Iterable[Rule]
    ) -> Result[Snapshot, Refusal]:
        judged = by_rules(event, rules_by_grant(rules))
        match moved(self.run_id, self.state.approvals, key, judged, now or utc_now()):
            case Ok(transition):
                after = transition.approval
                approvals = tuple(after if a.key == after.key else a for a in self.state.approvals)
                return Ok(Snapshot(self.state.but(approvals=approvals)))
            case Err(refusal):
                return Err(refusal)

    def to_json(self) -> str:
        """Write it as text."""
        run = self.state.run
        content: dict[str, Any] = {
            "run": asdict(row_of_run(run)),
            "steps": [asdict(row_of_step(run.run_id, step)) for step in self.state.stored_steps],
            "approvals": [asdict(row_of_approval(approval)) for approval in self.state.approvals],
        }
        if self.state.messages:
            content["messages"] = [asdict(row_of_message(message)) for message in self.state.messages]
        return json.dumps({"awaitly": FORMAT, "digest": _digest(content), **content}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Snapshot:
        """Read what `to_json` wrote. Raises `BadSnapshot` where the text is cut off, changed, or of a newer release."""
        content = _opened(text)
        try:
            run = run_of(RunRow(**content["run"]))
            approvals = tuple(approval_of(ApprovalRow(**row)) for row in content["approvals"])
            steps = with_decisions(tuple(step_of(StepRow(**row)) for row in content["steps"]), approvals)
            messages = tuple(message_of(ApprovalRow(**row)) for row in content.get("messages", ()))
        except (KeyError, TypeError, RecordCorrupt) as exc:
            msg = f"this snapshot does not decode: {exc}"
            raise BadSnapshot(msg) from exc
        return cls(RunState(run, steps, approvals, messages=messages))


def _actor(by: By | None) -> Actor | None:
    return None if by is None else as_actor(by)


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"v1:{sha256(text.encode()).hexdigest()}"


def _opened(text: str) -> dict[str, Any]:
    try:
        read: Any = json.loads(text)
    except (ValueError, TypeError, RecursionError) as exc:
        msg = f"this is no snapshot, or it is cut off: {exc}"
        raise BadSnapshot(msg) from exc
    content = cast("dict[str, Any]", read) if isinstance(read, dict) else {}
    if type(content.get("awaitly")) is not int or content["awaitly"] < 1:
        msg = "this is JSON, but no snapshot of a run: it has no member 'awaitly'"
        raise BadSnapshot(msg)
    if content.pop("awaitly") > FORMAT:
        msg = (
            f"this snapshot was written by a newer release of awaitly; this one reads form {FORMAT}: upgrade to load it"
        )
        raise BadSnapshot(msg)
    if content.pop("digest", None) != _digest(content):
        msg = "this snapshot was changed after it was taken: its digest does not cover its content"
        raise BadSnapshot(msg)
    return content
