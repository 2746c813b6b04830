"""A run as a picture: its chains, its timeline on one scale, so that the long wait is seen as such, and what waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum, unique

from rich.cells import cell_len
from rich.text import Text

from awaitly.approvals.approval import Approval
from awaitly.approvals.veil import Veil
from awaitly.cli import plain, wording
from awaitly.cli.chains import draw_chain
from awaitly.cli.folding import cut, fold
from awaitly.cli.forms import chains_of
from awaitly.cli.human import day_and_time, length, time_of_day
from awaitly.cli.ledger import told_by
from awaitly.cli.output import Output
from awaitly.cli.question import draw_question, stopped_by
from awaitly.cli.rows import Row, rows_of
from awaitly.cli.tables import STYLES, expiry
from awaitly.cli.waits import NO_CHILDREN, Children, awaited, queued, status_word
from awaitly.statuses import RunStatus
from awaitly.storage.journal import Failed, Raised, Recorded, RunRecord
from awaitly.verbs.reader import History, still_awaited
from awaitly.visible import shown, visible

__all__ = ["draw"]

_MARGIN, _GAP = 2, "  "
_NARROWEST, _WIDEST = 8, 70
_GLYPHS = {True: "█░", False: "#."}
"""How work and waiting are drawn."""


@unique
class _News(Enum):
    """What a parked run will hear of when it is resumed."""

    DECIDED = "decided"
    CAME = "came"
    OVER = "over"


_ALONE = {_News.DECIDED: "decided", _News.CAME: "what it waits for has come", _News.OVER: "the time is up"}
_BESIDES = {_News.DECIDED: "{} is decided", _News.CAME: "{} has come", _News.OVER: "the time of {} is up"}


def draw(output: Output, history: History, now: datetime, children: Children = NO_CHILDREN) -> None:
    """Draw a run as it stands at a time of the store's; `children` says where the runs stand that it waits for."""
    run = history.run
    end = run.updated_at if run.status.ended else max(now, run.updated_at)
    veil = Veil(history.approvals)
    for line in _heading(run, end):
        fold(output, Text(line), indent=0)
    output.line()
    for chain in chains_of(run.run_id, history.approvals):
        draw_chain(output, chain)
    rows = rows_of(history, end, veil, children)
    _draw_rows(output, rows, run.created_at, end)
    if rows:
        output.line()
    _draw_questions(output, history, now)
    word, said = _ending(history, veil, now, children)
    fold(output, Text.assemble((word, f"bold {STYLES.get(run.status, '')}".strip()), said), indent=2)
    for damage in history.damage:
        fold(output, Text(f"damaged: {visible(damage)}", style="red"), indent=2)


def _draw_questions(output: Output, history: History, now: datetime) -> None:
    if history.run.status.ended:
        return
    ledger = told_by(history.entries)
    for approval in history.approvals:
        if approval.pending:
            draw_question(output, approval, ledger, now)


def _heading(run: RunRecord, end: datetime) -> list[str]:
    asked = f", for {visible(run.requested_by.name)}" if run.requested_by else ""
    took = f"took {length(end - run.created_at)}" if run.status.ended else f"for {length(end - run.created_at)} so far"
    lines = [
        f"Run {visible(run.run_id)} of {visible(run.workflow)}{asked}",
        f"Since {day_and_time(run.created_at)}, {took}",
    ]
    if run.forked_from:
        lines.append(f"Forked from {visible(run.forked_from)}")
    if run.parent:
        lines.append(f"Part of run {visible(run.parent)}")
    return lines


def _ending(history: History, veil: Veil, now: datetime, children: Children) -> tuple[str, str]:
    run = history.run
    word = status_word(run.status)
    by = f" by {visible(run.by.name)}" if run.by else ""
    why = f": {visible(veil.text(run.reason))}" if run.reason else ""
    match run.status:
        case RunStatus.PARKED:
            return word, _waiting(history, now, children)
        case RunStatus.QUEUED:
            failed = f"; attempt {run.attempts - 1} failed{why}" if why else ""
            return word, f": {queued(run, now)}{failed}"
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


def _waiting(history: History, now: datetime, children: Children) -> str:
    run = history.run
    waits = [f"{visible(a.key)} ({_left(a, now)})" for a in _open(history, now)]
    waits += [awaited(w, run.run_id, now, children) for w in still_awaited(run, history.messages, now)]
    come = list(_come(history, now))
    if not waits:
        said = ", ".join(dict.fromkeys(_ALONE[what] for what, _ in come)) or "what it waits for is there"
        return f": {said}; it goes on when it is resumed"
    besides = ", ".join(_BESIDES[what].format(visible(key)) for what, key in come)
    return f": waits for {', '.join(waits)}{f'; it can be resumed: {besides}' if come else ''}"


def _left(approval: Approval, now: datetime) -> str:
    return "time stands still" if stopped_by(approval) else f"expires {expiry(approval.deadline, now)}"


def _open(history: History, now: datetime) -> list[Approval]:
    waits = [a for a in history.approvals if a.pending and a.key in history.run.waits]
    return [a for a in waits if a.deadline is None or now < a.deadline]


def _come(history: History, now: datetime) -> Iterator[tuple[_News, str]]:
    """Give the keys of what a parked run has not heard of yet."""
    run = history.run
    told = {(message.kind, message.name) for message in history.messages if message.unread}
    for approval in (a for a in history.approvals if a.key in run.waits):
        if approval.ready:
            yield _News.DECIDED, approval.key
        elif approval.pending and approval.deadline is not None and approval.deadline <= now:
            yield _News.OVER, approval.key
    for wait in run.awaiting:
        if (wait.kind, wait.name) in told:
            yield _News.CAME, wait.key
        elif wait.until is not None and wait.until <= now:
            yield _News.OVER, wait.key


def _draw_rows(output: Output, rows: list[Row], start: datetime, end: datetime) -> None:
    names = min(max((cell_len(visible(row.name)) for row in rows), default=0), max(output.width // 4, 6))
    notes = max((cell_len(row.note) for row in rows), default=0)
    room = min(output.width - _MARGIN - names - notes - 2 * len(_GAP), _WIDEST)
    clock = len(_GAP) + 8  # such as 09:52:56
    with_clock = room - clock >= _NARROWEST
    room -= clock if with_clock else 0
    for row in rows:
        name = cut(visible(row.name), names)
        parts = [time_of_day(row.start)] if with_clock else []
        line = Text(" " * _MARGIN + _GAP.join([*parts, name + " " * (names - cell_len(name)), ""]))
        if room >= _NARROWEST:
            line.append(_bar(row, start, end, room, _GLYPHS[output.has_blocks]), style=row.style).append(_GAP)
        fold(output, line.append(row.note), indent=0)
        for detail in row.details:
            fold(output, Text(detail), indent=_MARGIN + (clock if with_clock else 2))


def _bar(row: Row, start: datetime, end: datetime, room: int, glyphs: str) -> str:
    """Place a span of time on the scale of the whole run; a wait is drawn otherwise than work."""
    whole = max(end - start, timedelta(microseconds=1))
    first = min(int((row.start - start) / whole * room), room - 1)
    last = min(max(int((row.end - start) / whole * room), first), room - 1)
    glyph = glyphs[row.waits]
    return " " * max(first, 0) + glyph * (last - max(first, 0) + 1) + " " * (room - last - 1)
