"""A run's timeline as a picture: all on one scale of time, so that the long wait is seen as the long part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from attrs import frozen

from awaitly_web.core import Approval, Failed, History, Message, Raised, Step, Veil, visible
from awaitly_web.pages.words import span

__all__ = ["WIDTH", "Bar", "bars"]

WIDTH = 1_000
"""Units from the run's beginning to its end."""
_THINNEST = 6
_DECISIONS = "Decided"
_WAITS = frozenset({"Arrived", "Elapsed"})


@frozen
class _Row:
    kind: str
    name: str
    start: datetime
    end: datetime
    note: str
    key: str | None = None


@frozen
class Bar:
    """One bar. `kind` is `work`, `failed`, `asked`, `waited` or `told`; `key` names the approval that it stands for."""

    kind: str
    name: str
    note: str
    start: int
    width: int
    key: str | None = None


def bars(history: History, now: datetime) -> tuple[Bar, ...]:
    """Give the bars of a run as it stands, in the order in which they began."""
    run = history.run
    end = run.updated_at if run.status.ended else max(now, run.updated_at)
    rows = sorted(_rows(history, end), key=lambda row: row.start)
    begin = min([run.created_at, *(row.start for row in rows)])
    whole = max((end - begin).total_seconds(), 0.001)
    return tuple(_bar(row, begin, whole) for row in rows)


def _rows(history: History, end: datetime) -> Iterator[_Row]:
    veil = Veil(history.approvals)
    recorded = {step.key for step in history.steps}
    for step in history.steps:
        if type(step.recorded).__name__ != _DECISIONS:
            yield _step(step)
    for approval in history.approvals:
        yield _approval(approval, end)
    for wait in history.run.awaiting:
        if wait.key not in recorded:
            yield _Row("waited", visible(wait.key), wait.since, end, f"waits {span(end - wait.since)}")
    for message in history.messages:
        yield _message(message, veil)


def _step(step: Step) -> _Row:
    took = span(step.ended_at - step.started_at)
    tries = f", {step.attempts} attempts" if step.attempts > 1 else ""
    name = visible(step.key)
    if type(step.recorded).__name__ in _WAITS:
        return _Row("waited", name, step.started_at, step.ended_at, f"waited {took}")
    if isinstance(step.recorded, Failed | Raised):
        return _Row("failed", name, step.started_at, step.ended_at, f"failed after {took}{tries}")
    return _Row("work", name, step.started_at, step.ended_at, f"{took}{tries}")


def _approval(approval: Approval, end: datetime) -> _Row:
    closed = approval.closing.at if approval.closing else end
    waited = span(closed - approval.asked_at)
    note = f"{approval.status.value} after {waited}" if approval.closing else f"waits {waited}"
    return _Row("asked", visible(approval.key), approval.asked_at, closed, note, approval.key)


def _message(message: Message, veil: Veil) -> _Row:
    by = f" by {visible(message.by.name)}" if message.by else ""
    unread = ", not read yet" if message.unread else ""
    name = visible(veil.text(message.name))
    return _Row("told", name, message.sent_at, message.sent_at, f"{message.kind.value}{by}{unread}")


def _bar(row: _Row, begin: datetime, whole: float) -> Bar:
    start = round((row.start - begin).total_seconds() / whole * WIDTH)
    width = max(_THINNEST, round((row.end - row.start).total_seconds() / whole * WIDTH))
    return Bar(row.kind, row.name, row.note, min(start, WIDTH - _THINNEST), min(width, WIDTH), row.key)
