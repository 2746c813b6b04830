"""Questions as a run puts them: what is proposed, written and bound; and what was answered, read back."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from awaitly.approvals.approval import Approval, StagePlace, question_digest
from awaitly.approvals.editing import plain_text
from awaitly.approvals.eligibility import shortfall
from awaitly.approvals.outcomes import Approved, Edited, Outcome, Pending, Rejected
from awaitly.approvals.policy import Calendar, Policy
from awaitly.approvals.redaction import redacted, scrubbed
from awaitly.changing import changed, quick
from awaitly.codec import ANYTHING
from awaitly.coding.texts import compact
from awaitly.errors import ApprovalExpired, ApprovalRejected, Expired, NotApproved, PendingApproval, UnexpectedError
from awaitly.exceptions import DefinitionError, UnstorableValue
from awaitly.replaying.asking import OPEN, ApprovalStep, Ask, Check, GatedStep
from awaitly.replaying.replay import Journal, Spot
from awaitly.replaying.signals import Ended
from awaitly.replaying.workflow import Signature, Workflow
from awaitly.result import Err, Ok, Result
from awaitly.schema import checked_schema, json_schema, validate
from awaitly.statuses import ApprovalStatus
from awaitly.storage.journal import Decided, RunRecord, Step
from awaitly.values import frozen

__all__ = ["Question", "Questions", "value_of"]

T = TypeVar("T")

_LONGEST_SUMMARY = 200


@quick
@frozen(kw_only=True)
class Presentation:
    """How a question is put to people."""

    schema: str
    summary: str
    policy: Policy = OPEN
    reason: str | None = None
    metadata: str = "{}"
    redact: tuple[str, ...] = ()
    external: bool = False
    stage: StagePlace | None = None


@frozen
class Question:
    """What is asked, its content as JSON text; `read` gives the typed value of such a text or raises `ValueError`.

    `present` is called only where the question is new: a replay asks what was asked before.
    """

    operation: str
    content: str
    read: Callable[[str], Any]
    present: Callable[[], Presentation]

    def outcome(self, outcome: Outcome[str]) -> Outcome[Any]:
        """Give a decision with its values typed."""
        match outcome:
            case Approved(value, by, at):
                return Approved(self.read(value), by, at)
            case Edited(original, value, by, at):
                return Edited(self.read(original), self.read(value), by, at)
            case _:
                return outcome


class Questions:
    """The questions of one execution."""

    def __init__(
        self, workflow: Workflow[..., Any, Any], journal: Journal, run: RunRecord, clock: Callable[[], datetime]
    ) -> None:
        self._clock = clock
        self._workflow = workflow
        self._codec = workflow.codec
        self._journal = journal
        self._run = run

    def of_ask(self, spot: Spot, ask: Ask[Any]) -> Question:
        """Write the question of `run.approval` and its like."""
        if isinstance(schema := ask.schema, dict):
            return self._of_plain(spot, ask, cast("dict[str, Any]", schema))
        hint = _hint_of(ask)
        content = self._written(spot, ask.proposes, hint)
        read = functools.partial(self._codec.read, hint=hint)
        return self._asked(spot, ask, content, read, lambda: schema_text(hint))

    def _of_plain(self, spot: Spot, ask: Ask[Any], schema: dict[str, Any]) -> Question:
        """Write a question whose schema is given as JSON itself: its value is then plain JSON."""
        match plain_text(ask.proposes):
            case Ok(content):
                pass
            case Err(error):
                raise self._cannot_ask(spot, str(error))

        def checked() -> str:
            try:
                text = checked_schema(schema)
            except DefinitionError as exc:
                raise self._cannot_ask(spot, f"its schema cannot be used: {exc}") from exc
            match validate(text, compact(content)):
                case Ok(_):
                    return text
                case Err(misfit):
                    raise self._cannot_ask(
                        spot, f"what it proposes does not fit its own schema: at {misfit.path}, {misfit.reason}"
                    )

        return self._asked(spot, ask, content, compact, checked)

    def _asked(
        self, spot: Spot, ask: Ask[Any], content: str, read: Callable[[str], Any], schema: Callable[[], str]
    ) -> Question:
        def present() -> Presentation:
            return Presentation(
                schema=schema(),
                summary=_summary(spot, ask, content),
                policy=ask.policy,
                reason=ask.reason,
                metadata=self._written(spot, dict(ask.metadata), ANYTHING) if ask.metadata else "{}",
                redact=ask.redact,
                stage=ask.stage,
            )

        return Question(self._operation(spot), content, read, present)

    def of_gate(self, spot: Spot, gate: GatedStep[..., Any, Any], arguments: Mapping[str, object]) -> Question:
        """Write the question that a gated step puts: its arguments."""
        content = self._written_arguments(spot, gate.signature, arguments)

        def present() -> Presentation:
            return Presentation(
                schema=schema_text(gate.signature.hint),
                summary=gate.summary(arguments, content),
                policy=gate.policy,
                redact=gate.redact,
            )

        return Question(gate.name, content, gate.signature.decode, present)

    def of_check(self, spot: Spot, step: ApprovalStep[..., Any], arguments: Mapping[str, object]) -> Question:
        """Write the question that the user's own system of record answers."""
        content = self._written_arguments(spot, step.signature, arguments)

        def present() -> Presentation:
            summary = step.summary or _shortened(f"{spot.key} {content}")
            return Presentation(schema="{}", summary=summary, external=True)

        read = functools.partial(self._codec.read, hint=step.schema)
        return Question(self._operation(spot), content, read, present)

    def _operation(self, spot: Spot) -> str:
        return f"{self._workflow.name}:{spot.key}"

    def answer(self, spot: Spot, question: Question) -> Outcome[str] | None:
        """Give the recorded decision, or None after noting the question. Raises `Drifted` where another was asked."""
        step = self._journal.find(spot, question_digest(question.operation, question.content))
        if step is not None and isinstance(step.recorded, Decided):
            return step.recorded.outcome
        if step is not None:
            raise self._journal.drift(spot, "a step", "a question")
        self._journal.expect_no_wait(spot)
        asked = self._journal.approval(spot)
        if asked is None or asked.status is ApprovalStatus.SUPERSEDED:
            asked = self._journal.asked[spot.key] = self._approval(spot, question)
        elif (asked.operation, asked.proposal) != (question.operation, question.content):
            raise self._journal.drift(spot, "another proposal", "a different one")
        else:
            self._journal.expect_in_place(spot, asked.place)
        self._workflow.note_reader(asked.key, asked.schema, question.read)
        return None

    def pending(self, spot: Spot) -> PendingApproval:
        """Show the question that stands at a call."""
        approval = self._journal.asked.get(spot.key) or self._journal.approval(spot)
        if approval is None:
            raise KeyError(spot.key)
        return approval.view()

    def observed(
        self, spot: Spot, step: ApprovalStep[..., Any], answer: Check[Any], now: datetime
    ) -> Outcome[str] | None:
        """Record what the system of record answered; a pending answer is not kept."""
        if not isinstance(answer, Pending) and answer.at.tzinfo is None:
            msg = f"the answer for {spot.key!r} has a time without a zone: {answer.at.isoformat()}"
            raise ValueError(msg)
        outcome: Outcome[str]
        match answer:
            case Approved(value, by, at):
                outcome = Approved(self._written(spot, value, step.schema), by, at)
            case Rejected():
                outcome = answer
            case Pending():
                return None
        asked = self._journal.asked.pop(spot.key, None) or self._journal.approval(spot)
        if asked is None:
            raise KeyError(spot.key)
        hashed = question_digest(asked.operation, asked.proposal)
        self._journal.add(Step(spot.key, spot.place, hashed, Decided(outcome), now, now))
        return outcome

    def _approval(self, spot: Spot, question: Question) -> Approval:
        run, shown = self._run, question.present()
        asked = Approval(
            run_id=run.run_id,
            key=spot.key,
            workflow=run.workflow,
            place=spot.place,
            operation=question.operation,
            summary=shown.summary,
            proposal=question.content,
            schema=shown.schema,
            policy=shown.policy,
            asked_at=run.updated_at,
            requested_by=run.requested_by,
            reason=shown.reason,
            metadata=shown.metadata,
            redact=shown.redact,
            external=shown.external,
            stage=shown.stage,
            channels=() if shown.external else run.channels,
        )
        lacking = shortfall(asked)
        if lacking is not None:
            raise self._cannot_ask(spot, f"nobody could ever approve it: {lacking}")
        return self._by_calendar(spot, asked)

    def _by_calendar(self, spot: Spot, asked: Approval) -> Approval:
        """Lay down by the policy's calendar, where it has one, when the deadline is and when each level comes."""
        policy = asked.policy
        if policy.calendar is None:
            return asked
        now = self._clock()
        try:
            lengths = (policy.expires_in, *(level.after for level in policy.escalations))
            deadline, *levels = (None if each is None else _moment(policy.calendar, now, each) for each in lengths)
        except Exception as exc:
            raise self._cannot_ask(spot, f"its calendar failed: {type(exc).__name__}: {exc}") from exc
        came = tuple(level for level in levels if level is not None)
        return changed(asked, deadline=deadline, handling=changed(asked.handling, levels=came))

    def _written(self, spot: Spot, value: object, hint: object) -> str:
        try:
            return self._codec.write(value, hint)
        except UnstorableValue as exc:
            why = str(exc.error)
        raise self._cannot_ask(spot, why)

    def _written_arguments(self, spot: Spot, signature: Signature, arguments: Mapping[str, object]) -> str:
        try:
            return signature.encode(arguments)
        except UnstorableValue as exc:
            raise self._cannot_ask(spot, str(exc)) from exc

    def _cannot_ask(self, spot: Spot, why: str) -> Ended:
        ended = Ended(
            UnexpectedError("Unstorable", f"the question {spot.key!r} cannot be kept: {why}", spot.key), spot.key
        )
        self._journal.close(ended)
        return ended


def value_of(outcome: Outcome[T], run_id: str, key: str) -> Result[T, NotApproved]:
    """Give the approved or edited value, or the error of not being approved."""
    match outcome:
        case Approved(value=value) | Edited(value=value):
            return Ok(value)
        case Rejected(reason, by, _):
            return Err(ApprovalRejected(run_id, key, by.name, reason))
        case Expired(deadline=deadline):
            return Err(ApprovalExpired(run_id, key, deadline))


def _moment(calendar: Calendar, now: datetime, length: timedelta) -> datetime:
    """Ask a calendar. Raises `ValueError` where what it says is no time to come."""
    moment = calendar(now, length)
    if moment.tzinfo is None or moment <= now:
        msg = f"{moment.isoformat()} is no moment after {now.isoformat()}; give an aware one"
        raise ValueError(msg)
    return moment.astimezone(UTC)


def _summary(spot: Spot, ask: Ask[Any], content: str) -> str:
    if ask.summary is not None:
        return scrubbed(ask.summary, content, ask.redact)
    return _shortened(f"{spot.key}: {json.dumps(redacted(content, ask.redact))}")


def _hint_of(ask: Ask[Any]) -> object:
    """Give the type that an edit must have: the named one, else that of the proposal where it says enough."""
    if ask.schema is not None:
        return ask.schema
    kind = type(ask.proposes)
    return ANYTHING if kind in (list, dict, tuple, set, frozenset) else kind


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SUMMARY else f"{text[: _LONGEST_SUMMARY - 1]}…"


@functools.lru_cache(maxsize=512)
def _schema_of_hashable(hint: Any) -> str:
    return json.dumps(json_schema(hint), separators=(",", ":"))


def schema_text(hint: object) -> str:
    """Give the JSON Schema of a type, as text."""
    try:
        return _schema_of_hashable(hint)
    except TypeError:
        return json.dumps(json_schema(hint), separators=(",", ":"))
