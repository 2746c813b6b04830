"""When something is due on an approval that nobody decides: the rungs of its ladder, its reminders, its deadline."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile

from awaitly.approvals.approval import Approval
from awaitly.approvals.escalation import Rung, rungs

__all__ = [
    "is_stopped",
    "level_of",
    "next_reminder",
    "next_time",
    "reminders_until",
    "rungs_due",
    "tellings",
    "tellings_between",
    "time_of",
]


def level_of(a: Approval) -> int:
    """Give how many levels of the ladder have been reached."""
    told = a.handling.told
    return rungs(a.policy.escalations)[told - 1].level if told else 0


def next_time(a: Approval) -> datetime | None:
    """Give when the approval is to be looked at next even if nobody does anything; None for never."""
    if not a.pending:
        return None
    if a.policy.remind_every is None and not a.policy.escalations:
        return a.deadline
    times = [] if is_stopped(a) else [_next_rung(a), next_reminder(a)]
    return min((time for time in (a.deadline, *times) if time is not None), default=None)


def rungs_due(a: Approval, now: datetime) -> tuple[Rung, ...]:
    """Give the rungs whose time has come and that were not told."""
    if not a.policy.escalations or is_stopped(a):
        return ()
    left = rungs(a.policy.escalations)[a.handling.told :]
    return tuple(takewhile(lambda rung: time_of(a, rung) <= now, left))


def tellings(climbed: tuple[Rung, ...]) -> tuple[Rung, ...]:
    """Leave one telling of each level: those that were missed are made up for once."""
    return tuple({rung.level: rung for rung in climbed}.values())


def tellings_between(before: Approval, after: Approval) -> tuple[Rung, ...]:
    """Give the levels that were told on the way from one state of an approval to another."""
    return tellings(rungs(after.policy.escalations)[before.handling.told : after.handling.told])


def next_reminder(a: Approval) -> datetime | None:
    """Give the time of the first reminder after the last.

    They keep to their hours, whatever was missed in between, but for the time that stood still.
    """
    every = a.policy.remind_every
    if every is None or is_stopped(a):
        return None
    return a.asked_at + a.handling.stopped + every * (a.handling.reminded + 1)


def reminders_until(a: Approval, now: datetime) -> int:
    """Give how many times of reminders have come."""
    every = a.policy.remind_every
    return 0 if every is None else (now - a.asked_at - a.handling.stopped) // every


def _next_rung(a: Approval) -> datetime | None:
    left = rungs(a.policy.escalations)[a.handling.told :]
    return time_of(a, left[0]) if left else None


def time_of(a: Approval, rung: Rung) -> datetime:
    """Give when a rung is due, or was, as things stand: it comes later by as long as time stands still from now on."""
    levels = a.handling.levels
    first = levels[rung.level - 1] if levels else a.asked_at + a.policy.escalations[rung.level - 1].after
    return first + rung.later + a.handling.stopped


def is_stopped(a: Approval) -> bool:
    """Whether time stands still for it, until its requester has answered."""
    inquiry = a.handling.inquiry
    return inquiry is not None and inquiry.stops_clock
