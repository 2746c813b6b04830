"""A run's timeline: all on one scale of time, so that the long wait is seen as the long part."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import field, frozen
from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from awaitly.approval import Approval, redacted
from awaitly.cli import plain, wording
from awaitly.cli.human import day_and_time, length, time_of_day
from awaitly.cli.output import Output
from awaitly.cli.tables import STYLES, expiry
from awaitly.cli.veil import Veil
from awaitly.cli.visible import shown, visible
from awaitly.journal import Decided, Failed, Raised, Recorded, RunRecord, Step
from awaitly.reader import History
from awaitly.statuses import ApprovalStatus, RunStatus

__all__ = ["draw"]

_MARGIN, _GAP = 2, "  "
_NARROWEST, _WIDEST = 8, 70
_GLYPHS = {True: "█░", False: "#."}
"""How work and waiting are drawn."""


@frozen
class _Row:
    """One line of the timeline, and what is said below it."""

    name: str
    start: datetime
    end: datetime
    note: str = ""
    waits: bool = False
    style: str = ""
    details: tuple[str, ...] = field(default=())


def draw(output: Output, history: History, now: datetime) -> None:
    """Draw a run as it stands at a time of the store's."""
    run = history.run
    end = run.updated_at if run.status.ended else max(now, run.updated_at)
    veil = Veil(history.approvals)
    for line in _heading(run, end):
        _fold(output, Text(line), indent=0)
    output.line()
    rows = [_step_row(s, veil) for s in history.steps if not isinstance(s.recorded, Decided)]
    rows += [_approval_row(approval, end) for approval in history.approvals]
    _draw_rows(output, sorted(rows, key=lambda row: row.start), run.created_at, end)
    if rows:
        output.line()
    word, said = _ending(history, veil, now)
    _fold(output, Text.assemble((word, f"bold {STYLES.get(run.status, '')}".strip()), said), indent=2)
    for damage in history.damage:
        _fold(output, Text(f"damaged: {visible(damage)}", style="red"), indent=2)


def _heading(run: RunRecord, end: datetime) -> list[str]:
    asked = f", for {visible(run.requested_by.name)}" if run.requested_by else ""
    took = f"took {length(end - run.created_at)}" if run.status.ended else f"for {length(end - run.created_at)} so far"
    lines = [
        f"Run {visible(run.run_id)} of {visible(run.workflow)}{asked}",
        f"Since {day_and_time(run.created_at)}, {took}",
    ]
    if run.forked_from:
        lines.append(f"Forked from {visible(run.forked_from)}")
    return lines


def _step_row(step: Step, veil: Veil) -> _Row:
    attempts = f", {step.attempts} attempts" if step.attempts > 1 else ""
    took = length(step.ended_at - step.started_at) + attempts
    if not isinstance(step.recorded, Failed | Raised):
        return _Row(step.key, step.started_at, step.ended_at, took)
    error = wording.failure(step.recorded, veil)
    return _Row(step.key, step.started_at, step.ended_at, took, style="red", details=(f"failed: {error}",))


def _approval_row(approval: Approval, end: datetime) -> _Row:
    closed = approval.closing.at if approval.closing else end
    note = (
        f"waited {length(closed - approval.asked_at)}"
        if approval.closing
        else f"waits {length(closed - approval.asked_at)}"
    )
    details = [visible(approval.summary), *_votes(approval), *_closing(approval)]
    return _Row(approval.key, approval.asked_at, closed, note, waits=True, style="yellow", details=tuple(details))


def _votes(approval: Approval) -> list[str]:
    """Say who voted, where one vote was not the decision itself."""
    if len(approval.votes) <= 1 and not approval.pending:
        return []
    return [
        f"{'yes' if vote.approves else 'no'} by {visible(vote.by.name)}, {day_and_time(vote.at)}"
        f"{'' if vote.revision == approval.revision else f', on revision {vote.revision}'}{_why(approval, vote.reason)}"
        for vote in approval.votes
    ]


def _closing(approval: Approval) -> list[str]:
    original = shown(redacted(approval.proposal, approval.redact))
    lines = [f"proposed {original}"]
    if approval.edited is not None and approval.editor is not None:
        lines.append(
            f"edited to {shown(redacted(approval.edited, approval.redact))} by {visible(approval.editor.name)}"
        )
    closing = approval.closing
    if closing is None:
        return [*lines, f"may decide: {visible(approval.policy.describe())}"]
    at = day_and_time(closing.at)
    if approval.status is ApprovalStatus.EDITED:
        return [*lines[:-1], f"{lines[-1]}, {at}"]
    who = "" if approval.status is ApprovalStatus.EXPIRED else f" by {visible(closing.by.name)}"
    return [*lines, f"{approval.status.value}{who}, {at}{_why(approval, closing.reason)}"]


def _why(approval: Approval, reason: str | None) -> str:
    return f": {visible(Veil((approval,)).text(reason))}" if reason else ""


def _ending(history: History, veil: Veil, now: datetime) -> tuple[str, str]:
    run = history.run
    word = run.status.value.replace("_", " ")
    by = f" by {visible(run.by.name)}" if run.by else ""
    why = f": {visible(veil.text(run.reason))}" if run.reason else ""
    match run.status:
        case RunStatus.PARKED:
            return word, _waiting(history, now)
        case RunStatus.COMPLETED | RunStatus.FAILED if run.result is not None:
            return word, f", {day_and_time(run.updated_at)}: {_result(run.result, veil)}"
        case RunStatus.CANCELLED:
            return word, f"{by}, {day_and_time(run.updated_at)}{why}"
        case _:
            return word, f"{by}{why}"


def _result(result: Recorded, veil: Veil) -> str:
    if isinstance(result, Failed | Raised):
        return wording.failure(result, veil)
    return shown(plain.recorded(result, veil)["ok"])


def _waiting(history: History, now: datetime) -> str:
    waits = [a for a in history.approvals if a.pending and a.key in history.run.waits]
    if not waits:
        return ": decided; it goes on when it is resumed"
    each = (f"{visible(a.key)} (expires {expiry(a.deadline, now)})" for a in waits)
    return f": waits for {', '.join(each)}"


def _draw_rows(output: Output, rows: list[_Row], start: datetime, end: datetime) -> None:
    names = min(max((cell_len(visible(row.name)) for row in rows), default=0), max(output.width // 4, 6))
    notes = max((cell_len(row.note) for row in rows), default=0)
    room = min(output.width - _MARGIN - names - notes - 2 * len(_GAP), _WIDEST)
    clock = len(_GAP) + 8  # such as 09:52:56
    with_clock = room - clock >= _NARROWEST
    room -= clock if with_clock else 0
    for row in rows:
        name = _cut(visible(row.name), names)
        parts = [time_of_day(row.start)] if with_clock else []
        line = Text(" " * _MARGIN + _GAP.join([*parts, name + " " * (names - cell_len(name)), ""]))
        if room >= _NARROWEST:
            line.append(_bar(row, start, end, room, _GLYPHS[output.has_blocks]), style=row.style).append(_GAP)
        _fold(output, line.append(row.note), indent=0)
        for detail in row.details:
            _fold(output, Text(detail), indent=_MARGIN + (clock if with_clock else 2))


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else f"{chop_cells(text, width - 1)[0]}~"


def _bar(row: _Row, start: datetime, end: datetime, room: int, glyphs: str) -> str:
    """Place a span of time on the scale of the whole run; a wait is drawn otherwise than work."""
    whole = max(end - start, timedelta(microseconds=1))
    first = min(int((row.start - start) / whole * room), room - 1)
    last = min(max(int((row.end - start) / whole * room), first), room - 1)
    glyph = glyphs[row.waits]
    return " " * max(first, 0) + glyph * (last - max(first, 0) + 1) + " " * (room - last - 1)


def _fold(output: Output, text: Text, *, indent: int) -> None:
    """Print a text that may be long, folded and indented."""
    if indent + text.cell_len <= output.width:
        output.draw(Text(" " * indent).append_text(text), wrap=True)
        return
    for line in text.wrap(Console(width=output.width), output.width - indent, overflow="fold"):
        output.draw(Text(" " * indent).append_text(line), wrap=True)
