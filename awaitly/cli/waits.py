"""What a run waits for that is no approval, and what it was told, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from awaitly.approvals.veil import Veil
from awaitly.cli import wording
from awaitly.cli.human import day_and_time, length
from awaitly.replaying.promises import promise_id
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import DEFAULT_QUEUE, Failed, Message, Raised, RunRecord, Wait
from awaitly.verbs.reader import History
from awaitly.visible import visible

__all__ = ["NO_CHILDREN", "Children", "awaited", "came", "children_of", "described", "in_list", "queued", "status_word"]

Children: TypeAlias = Mapping[str, RunStatus | None]
"""Where the runs stand that a run began; None for one that is not in the store."""

NO_CHILDREN: Children = MappingProxyType({})


def children_of(history: History) -> list[str]:
    """Name the runs that a run began as parts of itself, as far as it has heard of them or waits for them."""
    heard = [message.name for message in history.messages if message.kind is WaitKind.CHILD]
    waits = [wait.name for wait in history.run.awaiting if wait.kind is WaitKind.CHILD]
    return list(dict.fromkeys(heard + waits))


def status_word(status: RunStatus) -> str:
    """Write a run's status."""
    return status.value.replace("_", " ")


def in_list(run: RunRecord, now: datetime) -> str:
    """Say in a few words what a run waits for, whether for people or not; nothing where it waits for nothing."""
    match run.status:
        case RunStatus.PARKED:
            return ", ".join(
                [*map(visible, run.waits), *(awaited(wait, run.run_id, now, NO_CHILDREN) for wait in run.awaiting)]
            )
        case RunStatus.QUEUED if run.due_at is not None and run.due_at > now:
            return f"{f'attempt {run.attempts}' if run.attempts > 1 else 'its time'} ({_left(run.due_at, now)})"
        case RunStatus.QUEUED:
            return "a worker" if run.queue == DEFAULT_QUEUE else f"a worker of {visible(run.queue)}"
        case _:
            return ""


def awaited(wait: Wait, run_id: str, now: datetime, children: Children) -> str:
    """Say in a few words what a wait is for, and how long it still lasts."""
    said, left = _thing(wait, run_id), _left(wait.until, now)
    match wait.kind:
        case WaitKind.TIMER:
            return f"{visible(wait.key)} ({left})"
        case WaitKind.RETRY:
            return f"{said} of {visible(wait.key)} ({left})"
        case WaitKind.OUTCOME:
            return said
        case WaitKind.CHILD:
            return f"{said} ({_child(children[wait.name])})" if wait.name in children else said
        case WaitKind.SIGNAL | WaitKind.PROMISE:
            return said if wait.until is None else f"{said} (gives up {left})"


def described(wait: Wait, run_id: str, children: Children) -> str:
    """Say what a wait is for, and at what moment it is over, for a line that names its key."""
    until = "" if wait.until is None else day_and_time(wait.until)
    match wait.kind:
        case WaitKind.TIMER:
            return f"until {until}"
        case WaitKind.RETRY:
            return f"{_thing(wait, run_id)} at {until}"
        case WaitKind.OUTCOME:
            return _thing(wait, run_id)
        case WaitKind.CHILD:
            return awaited(wait, run_id, wait.since, children)
        case WaitKind.SIGNAL | WaitKind.PROMISE:
            return f"{_thing(wait, run_id)}, gives up at {until}" if until else _thing(wait, run_id)


def _thing(wait: Wait, run_id: str) -> str:
    match wait.kind:
        case WaitKind.TIMER:
            return "a time"
        case WaitKind.RETRY:
            return f"attempt {wait.attempts + 1}"
        case WaitKind.OUTCOME:
            return f"what came of {visible(wait.key)}"
        case WaitKind.CHILD:
            return f"run {visible(wait.name)}"
        case WaitKind.SIGNAL:
            return f"signal {visible(wait.name)}"
        case WaitKind.PROMISE:
            return f"promise {visible(promise_id(run_id, wait.name))}"


def _child(status: RunStatus | None) -> str:
    return "not in this store" if status is None else status_word(status)


def _left(until: datetime | None, now: datetime) -> str:
    if until is None:
        return "for ever"
    return f"in {length(until - now)}" if until > now else "now"


def queued(run: RunRecord, now: datetime) -> str:
    """Say when a queued run begins or goes on, and as which of those in line."""
    what = f"attempt {run.attempts}" if run.attempts > 1 else "goes on" if run.begun else "begins"
    when = "as soon as a worker is free, or it is resumed"
    if run.due_at is not None and run.due_at > now:
        when = f"{_left(run.due_at, now)}, {day_and_time(run.due_at)}"
    return f"{what} {when}; queue {visible(run.queue)}, priority {run.priority.value}"


def came(message: Message, veil: Veil) -> str:
    """Say what a run was told, by whom and when; what a signal or a promise brought is not shown, an error is."""
    failed = isinstance(message.content, Failed | Raised)
    name = visible(message.name)
    match message.kind:
        case WaitKind.PROMISE:
            said = f"promise {visible(promise_id(message.run_id, message.name))} {'rejected' if failed else 'kept'}"
        case WaitKind.CHILD:
            said = f"run {name} {'failed' if failed else 'completed'}"
        case kind:
            said = f"{kind.value} {name}"
    by = f" by {visible(message.by.name)}" if message.by else ""
    return f"{said}{by}, {day_and_time(message.sent_at)}{_why(message, veil)}"


def _why(message: Message, veil: Veil) -> str:
    content = message.content
    if not isinstance(content, Failed | Raised) or content == Failed("null"):  # a rejection may have no reason
        return ""
    return f": {wording.failure(content, veil)}"
