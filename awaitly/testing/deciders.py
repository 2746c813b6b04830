"""Decisions that a simulation takes by itself, as people would, some time after they are asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import field

from awaitly.actors import By
from awaitly.approvals.approval import Decision
from awaitly.durations import Duration, as_timedelta
from awaitly.errors import PendingApproval, Refusal
from awaitly.result import Result
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["Deciders", "Decisions", "Planned", "Ruling", "approve", "edit", "reject"]

Verb: TypeAlias = Callable[[Orchestrator, str, str], Awaitable[Result[Decision, Refusal]]]


def _length(value: Duration | None) -> timedelta:
    return timedelta(0) if value is None else as_timedelta(value)


@frozen
class Ruling:
    """What somebody decides, and how long after they are asked. Made by `approve`, `edit` and `reject`."""

    verb: Verb = field(repr=False)
    after: timedelta = field(converter=_length)


def approve(*, by: By, after: Duration | None = None) -> Ruling:
    """Vote yes, at once or after a time."""
    return Ruling(lambda orchestrator, run_id, key: orchestrator.approve(run_id, key, by=by), after)


def reject(reason: str | None = None, *, by: By, after: Duration | None = None) -> Ruling:
    """Vote no, at once or after a time."""
    return Ruling(lambda orchestrator, run_id, key: orchestrator.reject(run_id, key, reason, by=by), after)


def edit(value: object, *, by: By, after: Duration | None = None) -> Ruling:
    """Change what is proposed, at once or after a time; where one approval suffices, that decides."""
    return Ruling(lambda orchestrator, run_id, key: orchestrator.edit(run_id, key, value, by=by), after)


Decisions: TypeAlias = Mapping[str, Ruling | Sequence[Ruling]]
"""The decisions on the questions of each key: one for each question, or a list that is taken in order, one by one."""


@frozen
class Planned:
    """A decision on a question, at its time."""

    at: datetime
    run_id: str
    key: str
    revision: int
    ruling: Ruling


class Deciders:
    """Plans decisions on the questions that wait. A key is looked up as it is, then without its number: `legal#2`."""

    def __init__(self, decisions: Decisions) -> None:
        self._rulings = {key: _listed(given) for key, given in decisions.items()}
        self._plans: dict[tuple[str, str, int], Planned | None] = {}

    def plan(self, waiting: Iterable[PendingApproval], now: datetime) -> list[Planned]:
        """Give what is to be decided of what waits now, in order of time."""
        planned: list[Planned] = []
        for question in waiting:
            place = (question.run_id, question.key, question.revision)
            if place not in self._plans:
                self._plans[place] = self._planned(question, now)
            plan = self._plans[place]
            planned += [] if plan is None else [plan]
        return sorted(planned, key=lambda plan: plan.at)

    def taken(self, plan: Planned) -> None:
        """Note that a decision was taken: where more votes are needed, the next of a list may follow."""
        if isinstance(self._rulings_of(plan.key), list):
            del self._plans[plan.run_id, plan.key, plan.revision]

    def _planned(self, question: PendingApproval, now: datetime) -> Planned | None:
        rulings = self._rulings_of(question.key)
        if not rulings:
            return None
        ruling = rulings.pop(0) if isinstance(rulings, list) else rulings
        at = max(now, question.asked_at + ruling.after)
        return Planned(at, question.run_id, question.key, question.revision, ruling)

    def _rulings_of(self, key: str) -> Ruling | list[Ruling] | None:
        return self._rulings.get(key if key in self._rulings else key.partition("#")[0])


def _listed(given: Ruling | Sequence[Ruling]) -> Ruling | list[Ruling]:
    return given if isinstance(given, Ruling) else list(given)
