"""The lines of a run's timeline: its steps, what it asked and waited for, and what it was told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from attrs import field

from awaitly.approvals.approval import Approval
from awaitly.approvals.veil import Veil
from awaitly.cli import wording
from awaitly.cli.asked import details_of
from awaitly.cli.human import day_and_time, length
from awaitly.cli.ledger import Told, told_by
from awaitly.cli.waits import Children, came, described
from awaitly.digest import digest
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import Arrived, Decided, Elapsed, Failed, Message, Raised, Step
from awaitly.values import frozen
from awaitly.verbs.reader import History

__all__ = ["Row", "rows_of"]


@frozen
class Row:
    """One line of the timeline, and what is said below it."""

    name: str
    start: datetime
    end: datetime
    note: str = ""
    waits: bool = False
    style: str = ""
    details: tuple[str, ...] = field(default=())


def rows_of(history: History, end: datetime, veil: Veil, children: Children) -> list[Row]:
    """Give the lines of a run that is drawn up to a time, in the order in which they began."""
    rows = [*_done(history, veil), *_under_way(history, end, children), *_untaken(history, veil)]
    ledger = told_by(history.entries)
    rows += [_approval_row(approval, end, ledger) for approval in history.approvals]
    return sorted(rows, key=lambda row: row.start)


def _done(history: History, veil: Veil) -> Iterator[Row]:
    messages = {message.key: message for message in history.messages}
    for step in history.steps:
        match step.recorded:
            case Decided():
                continue
            case Arrived(message=key):
                yield _waited_row(step, came(messages[key], veil) if key in messages else "what it waited for came")
            case Elapsed(at):
                is_timer = step.digest == digest(WaitKind.TIMER.value, "")
                yield _waited_row(step, f"{'until' if is_timer else 'nothing came until'} {day_and_time(at)}")
            case _:
                yield _step_row(step, veil)


def _waited_row(step: Step, said: str) -> Row:
    took = f"waited {length(step.ended_at - step.started_at)}"
    return Row(step.key, step.started_at, step.ended_at, took, waits=True, style="yellow", details=(said,))


def _under_way(history: History, end: datetime, children: Children) -> Iterator[Row]:
    """Give what the run waits for, or waited for when it was ended from outside."""
    run, recorded = history.run, {step.key for step in history.steps}
    verb = "waited" if run.status.ended else "waits"
    for wait in run.awaiting:
        if wait.key not in recorded:
            note, said = f"{verb} {length(end - wait.since)}", described(wait, run.run_id, children)
            yield Row(wait.key, wait.since, end, note, waits=True, style="yellow", details=(said,))


def _untaken(history: History, veil: Veil) -> Iterator[Row]:
    """Give what the run was told and has not taken up."""
    taken = {step.recorded.message for step in history.steps if isinstance(step.recorded, Arrived)}
    for message in history.messages:
        if message.key not in taken:
            yield _message_row(message, history.run.status, veil)


def _message_row(message: Message, status: RunStatus, veil: Veil) -> Row:
    note = "never read" if status.ended else "not read yet" if message.unread else "not used yet"
    return Row(message.name, message.sent_at, message.sent_at, note, style="cyan", details=(came(message, veil),))


def _step_row(step: Step, veil: Veil) -> Row:
    attempts = f", {step.attempts} attempts" if step.attempts > 1 else ""
    took = length(step.ended_at - step.started_at) + attempts
    if not isinstance(step.recorded, Failed | Raised):
        return Row(step.key, step.started_at, step.ended_at, took)
    error = wording.failure(step.recorded, veil)
    return Row(step.key, step.started_at, step.ended_at, took, style="red", details=(f"failed: {error}",))


def _approval_row(approval: Approval, end: datetime, ledger: tuple[Told, ...]) -> Row:
    closed = approval.closing.at if approval.closing else end
    verb = "waited" if approval.closing else "waits"
    note = f"{verb} {length(closed - approval.asked_at)}"
    details = tuple(details_of(approval, ledger))
    return Row(approval.key, approval.asked_at, closed, note, waits=True, style="yellow", details=details)
