"""Observers: what an orchestrator tells those who watch it, and who they are.

An event carries names, keys, ids, statuses and times: never an argument, a value, a result or a reason in words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime
from enum import Enum, unique
from typing import Protocol, TypeAlias

from awaitly.statuses import ApprovalStatus, Priority, RunStatus, WaitKind
from awaitly.values import frozen

__all__ = [
    "NOBODY",
    "ApprovalDecided",
    "ApprovalEscalated",
    "ApprovalReminded",
    "Event",
    "Leaving",
    "Observer",
    "Observers",
    "RunEnqueued",
    "RunFinished",
    "RunLeft",
    "RunParked",
    "RunRetried",
    "RunSetAside",
    "RunSignalled",
    "RunStarted",
    "RunTakenOver",
    "StepEnded",
    "StepOutcome",
    "StepRetried",
    "StepStarted",
]

_log = logging.getLogger("awaitly")


@unique
class Leaving(Enum):
    """Why an execution is over although its run is not."""

    GIVEN_BACK = "given_back"
    TAKEN_AWAY = "taken_away"
    BROKEN_OFF = "broken_off"


@unique
class StepOutcome(Enum):
    """How a step's body came out; `INTERRUPTED`: it was cancelled, or its run parked until the next attempt."""

    OK = "ok"
    ERR = "err"
    RAISED = "raised"
    INTERRUPTED = "interrupted"


@frozen(kw_only=True)
class RunStarted:
    """This process has taken a run and executes its code. `resumed`: the code had begun before.

    `execution` is a number that no other execution of the run has.
    """

    run_id: str
    workflow: str
    execution: int
    resumed: bool


@frozen(kw_only=True)
class RunTakenOver:
    """The run was taken from a process that let its lease run out, for the `recoveries`-th time without progress."""

    run_id: str
    workflow: str
    execution: int
    recoveries: int


@frozen(kw_only=True)
class RunParked:
    """The execution is over and the run waits: for `approvals` by their keys, for `awaiting` by kind and key.

    `until` is when it is looked at even if nothing comes. `seconds`: how long it was executed this time.
    """

    run_id: str
    workflow: str
    execution: int
    seconds: float
    approvals: tuple[str, ...] = ()
    awaiting: tuple[tuple[WaitKind, str], ...] = ()
    until: datetime | None = None


@frozen(kw_only=True)
class RunFinished:
    """The run has an outcome, `age` seconds after it was made. `execution` is None where it was ended from outside."""

    run_id: str
    workflow: str
    execution: int | None
    status: RunStatus
    seconds: float
    age: float


@frozen(kw_only=True)
class RunRetried:
    """The workflow failed and is tried again from `at` on, as its `retry` says; `attempt` is the one that failed."""

    run_id: str
    workflow: str
    execution: int
    seconds: float
    attempt: int
    at: datetime


@frozen(kw_only=True)
class RunSetAside:
    """The run needs a person. `execution` is None where it was not even begun to execute it."""

    run_id: str
    workflow: str
    execution: int | None
    seconds: float


@frozen(kw_only=True)
class RunLeft:
    """The execution is over, the run is not: it was given back, is no longer this process's, or the store failed."""

    run_id: str
    workflow: str
    execution: int
    seconds: float
    reason: Leaving


@frozen(kw_only=True)
class StepStarted:
    """A step's body is about to run, in the task and the context that this is told in."""

    run_id: str
    workflow: str
    execution: int
    key: str
    name: str


@frozen(kw_only=True)
class StepEnded:
    """A step's body is over, told where `StepStarted` was; its result may not be written yet.

    `attempts` counts those of earlier executions too. `error` names the error's type.
    """

    run_id: str
    workflow: str
    execution: int
    key: str
    name: str
    outcome: StepOutcome
    seconds: float
    attempts: int
    error: str | None = None


@frozen(kw_only=True)
class StepRetried:
    """An attempt of a step failed, and the next one comes after `pause` seconds."""

    run_id: str
    workflow: str
    execution: int
    key: str
    name: str
    attempt: int
    pause: float


@frozen(kw_only=True)
class ApprovalDecided:
    """An approval is decided after `waited` seconds, by a person or at its deadline (then `by` is `system:timeout`)."""

    run_id: str
    workflow: str
    key: str
    status: ApprovalStatus
    by: str
    waited: float


@frozen(kw_only=True)
class ApprovalReminded:
    """Whoever may decide on an approval was reminded, `waited` seconds after the question.

    `to` names them: people, `role:NAME`s and `rule:NAME`s, or `*` for everybody. `level` counts the levels of the
    ladder that were told before.
    """

    run_id: str
    workflow: str
    key: str
    level: int
    to: tuple[str, ...]
    waited: float


@frozen(kw_only=True)
class ApprovalEscalated:
    """A level of an approval's ladder was told, `waited` seconds after the question: the first is level 1.

    `to` names those whom the level brings in: people, `role:NAME`s and `rule:NAME`s. `nth` counts the tellings of the
    level that have come so far, those included that were missed.
    """

    run_id: str
    workflow: str
    key: str
    level: int
    nth: int
    to: tuple[str, ...]
    waited: float


@frozen(kw_only=True)
class RunSignalled:
    """A run was told something: a signal or the fate of a promise by its `name`, the end of a child by its run id."""

    run_id: str
    workflow: str
    kind: WaitKind
    name: str
    by: str | None = None


@frozen(kw_only=True)
class RunEnqueued:
    """A run is in a queue, to begin at `at`; `parent` is the run whose child it is."""

    run_id: str
    workflow: str
    queue: str
    priority: Priority
    at: datetime | None
    parent: str | None = None


Event: TypeAlias = (
    RunStarted
    | RunTakenOver
    | RunParked
    | RunFinished
    | RunRetried
    | RunSetAside
    | RunLeft
    | StepStarted
    | StepEnded
    | StepRetried
    | ApprovalDecided
    | ApprovalReminded
    | ApprovalEscalated
    | RunSignalled
    | RunEnqueued
)


class Observer(Protocol):
    """Somebody who is told what happens, on the spot: whatever takes long in `on_event` holds the program up."""

    def on_event(self, event: Event) -> None:
        """Take note of an event. What this raises is logged, and disturbs nobody."""
        ...


class Observers:
    """All observers of an orchestrator; false where there are none, so that nobody makes events for them."""

    __slots__ = ("_all",)

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._all = tuple(observers)

    def __bool__(self) -> bool:
        return bool(self._all)

    def tell(self, event: Event) -> None:
        """Tell all of them, also after one of them has raised."""
        for observer in self._all:
            try:
                observer.on_event(event)
            except (Exception, asyncio.CancelledError):  # noqa: BLE001  (the latter comes from futures that it reads)
                _log.exception("an observer raised at %s of run %s", type(event).__name__, event.run_id)


NOBODY = Observers()
