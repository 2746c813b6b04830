"""What can happen in a run, as the timeline of a simulation tells it."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import Enum

from attrs import NOTHING, field, fields

from awaitly.durations import Duration, as_timedelta
from awaitly.statuses import ApprovalStatus, RunStatus
from awaitly.values import frozen

__all__ = [
    "Asked",
    "At",
    "Changed",
    "ChildEnded",
    "ChildStarted",
    "Decided",
    "Ended",
    "Escalated",
    "Happening",
    "PromiseBroken",
    "PromiseKept",
    "Queued",
    "Reminded",
    "Retried",
    "SetAside",
    "Signalled",
    "Slept",
    "Started",
    "StepDone",
    "StepFailed",
    "TakenOver",
    "Voted",
    "WaitedInVain",
    "Withdrawn",
]


@frozen(repr=False)
class Happening:
    """Something that happened; shown as a test would write it."""

    def __repr__(self) -> str:
        shown: list[str] = []
        for one in fields(type(self)):
            value = getattr(self, one.name)
            if one.default is NOTHING or value != one.default:
                shown.append(str(value) if isinstance(value, Enum) else json.dumps(value, ensure_ascii=False))
        return f"{type(self).__name__}({', '.join(shown)})"


@frozen(repr=False)
class Queued(Happening):
    """The run was put into a queue."""


@frozen(repr=False)
class Started(Happening):
    """The run's code began; once more where somebody had it tried again."""


@frozen(repr=False)
class TakenOver(Happening):
    """The run was taken from a process that died."""


@frozen(repr=False)
class StepDone(Happening):
    """A step gave `Ok`."""

    key: str


@frozen(repr=False)
class StepFailed(Happening):
    """A step gave `Err`, or raised, in its last attempt."""

    key: str


@frozen(repr=False)
class Retried(Happening):
    """The attempt of this number began, 2 being the first that is one; of the run as a whole by its workflow's name."""

    key: str
    attempt: int


@frozen(repr=False)
class Asked(Happening):
    """A question was put to people."""

    key: str


@frozen(repr=False)
class Voted(Happening):
    """Somebody voted, and more votes are needed."""

    key: str
    by: str


@frozen(repr=False)
class Changed(Happening):
    """Somebody edited what is proposed, and that did not decide."""

    key: str
    by: str


@frozen(repr=False)
class Reminded(Happening):
    """Whoever may decide was reminded of a question."""

    key: str


@frozen(repr=False)
class Escalated(Happening):
    """A level of a question's ladder was told, the first being level 1."""

    key: str
    level: int


@frozen(repr=False)
class Decided(Happening):
    """A question was decided, by a person or, at its deadline, by `system:timeout`."""

    key: str
    by: str
    status: ApprovalStatus = ApprovalStatus.APPROVED


@frozen(repr=False)
class Withdrawn(Happening):
    """A question was taken back: the run ended, was cancelled, or went on without it."""

    key: str


@frozen(repr=False)
class Slept(Happening):
    """A time came that the run slept until."""

    key: str


@frozen(repr=False)
class WaitedInVain(Happening):
    """A signal or a promise did not come in time."""

    key: str


@frozen(repr=False)
class Signalled(Happening):
    """A signal was sent to the run, which may not wait for it yet."""

    name: str


@frozen(repr=False)
class PromiseKept(Happening):
    """A promise of the run was resolved."""

    key: str


@frozen(repr=False)
class PromiseBroken(Happening):
    """A promise of the run was rejected."""

    key: str


@frozen(repr=False)
class ChildStarted(Happening):
    """The run had another one begin."""

    run_id: str


@frozen(repr=False)
class ChildEnded(Happening):
    """The run was told that the other one is over."""

    run_id: str


@frozen(repr=False)
class SetAside(Happening):
    """The run was set aside for a person to look at."""


@frozen(repr=False)
class Ended(Happening):
    """The run is over."""

    status: RunStatus


def _since(value: Duration) -> timedelta:
    if isinstance(value, timedelta):
        return value
    return timedelta(0) if value.strip() == "0s" else as_timedelta(value)


@frozen(repr=False)
class At:
    """What happened, and how long after the beginning of the simulation: `At("2h", Asked("manager"))`."""

    since: timedelta = field(converter=_since)
    what: Happening

    def __repr__(self) -> str:
        return f'At("{_written(self.since)}", {self.what!r})'


def _written(length: timedelta) -> str:
    """Write a length of time as `At` reads it, and as people do: `1d12h`."""
    seconds, micros = divmod(length // timedelta(microseconds=1), 1_000_000)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    if seconds or micros or not parts:
        parts.append(f"{seconds}.{micros:06}".rstrip("0") + "s" if micros else f"{seconds}s")
    return "".join(parts)
