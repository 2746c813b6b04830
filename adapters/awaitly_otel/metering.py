"""Metrics: how runs and steps come out, how often they are tried again, and how long people are waited for."""

from __future__ import annotations

from opentelemetry.metrics import Meter

from awaitly_otel.core import (
    ApprovalDecided,
    ApprovalEscalated,
    ApprovalReminded,
    Event,
    RunFinished,
    RunTakenOver,
    StepEnded,
    StepOutcome,
    StepRetried,
)
from awaitly_otel.naming import APPROVAL_LEVEL, APPROVAL_STATUS, OUTCOME, RUN_STATUS, STEP_NAME, WORKFLOW

__all__ = ["Metering"]

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_WORK = [0.001, 0.01, 0.1, 0.5, 1, 5, 15, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR]
_PEOPLE = [1, 10, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 4 * _HOUR, _DAY, 3 * _DAY, 7 * _DAY, 30 * _DAY]
"""Where buckets end, in seconds, unless the application's views say otherwise: a step's, and what people take."""


class Metering:
    """Counts and measures. No attribute has a value of its own for each run, so their number stays small."""

    def __init__(self, meter: Meter) -> None:
        self._runs = meter.create_counter("awaitly.runs", "{run}", "Runs that have ended, by their status")
        self._takeovers = meter.create_counter("awaitly.run.takeovers", "{takeover}", "Runs taken from dead processes")
        self._steps = meter.create_counter("awaitly.steps", "{step}", "Steps that were executed, by how they came out")
        self._retries = meter.create_counter("awaitly.step.retries", "{retry}", "Attempts of steps that failed")
        self._escalations = meter.create_counter(
            "awaitly.approval.escalations", "{escalation}", "Levels that were told of what nobody had decided"
        )
        self._reminders = meter.create_counter(
            "awaitly.approval.reminders", "{reminder}", "Reminders of what nobody had decided"
        )
        self._ages = meter.create_histogram(
            "awaitly.run.duration", "s", "From a run's creation to its end", explicit_bucket_boundaries_advisory=_PEOPLE
        )
        self._lengths = meter.create_histogram(
            "awaitly.step.duration", "s", "All attempts of a step", explicit_bucket_boundaries_advisory=_WORK
        )
        self._waits = meter.create_histogram(
            "awaitly.approval.wait", "s", "From a question to its decision", explicit_bucket_boundaries_advisory=_PEOPLE
        )

    def on_event(self, event: Event) -> None:
        """Count what is to be counted."""
        match event:
            case RunFinished():
                ended = {WORKFLOW: event.workflow, RUN_STATUS: event.status.value}
                self._runs.add(1, ended)
                self._ages.record(event.age, ended)
            case RunTakenOver():
                self._takeovers.add(1, {WORKFLOW: event.workflow})
            case StepEnded() if event.outcome is not StepOutcome.INTERRUPTED:
                done = {WORKFLOW: event.workflow, STEP_NAME: event.name, OUTCOME: event.outcome.value}
                self._steps.add(1, done)
                self._lengths.record(event.seconds, done)
            case StepRetried():
                self._retries.add(1, {WORKFLOW: event.workflow, STEP_NAME: event.name})
            case ApprovalDecided():
                self._waits.record(event.waited, {WORKFLOW: event.workflow, APPROVAL_STATUS: event.status.value})
            case ApprovalEscalated():
                self._escalations.add(1, {WORKFLOW: event.workflow, APPROVAL_LEVEL: event.level})
            case ApprovalReminded():
                self._reminders.add(1, {WORKFLOW: event.workflow, APPROVAL_LEVEL: event.level})
            case _:
                pass
