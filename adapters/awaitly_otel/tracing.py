"""Spans: one for each execution of a run, and in it one for each body of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from typing import TypeAlias

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from awaitly_otel.core import (
    Event,
    Leaving,
    RunFinished,
    RunLeft,
    RunParked,
    RunRetried,
    RunSetAside,
    RunStarted,
    RunStatus,
    RunTakenOver,
    StepEnded,
    StepOutcome,
    StepRetried,
    StepStarted,
)
from awaitly_otel.naming import (
    ATTEMPT,
    ERROR_TYPE,
    OUTCOME,
    RECOVERIES,
    RESUMED,
    RUN_ID,
    RUN_STATUS,
    STEP_KEY,
    STEP_NAME,
    WAITS,
    WORKFLOW,
)

__all__ = ["Tracing"]

OneStep: TypeAlias = StepStarted | StepRetried | StepEnded
Over: TypeAlias = RunParked | RunFinished | RunRetried | RunSetAside | RunLeft


class Tracing:
    """Keeps the spans that are open; `trace_of` gives the context that those of a run stand in."""

    def __init__(self, tracer: Tracer, trace_of: Callable[[str], Context]) -> None:
        self._tracer = tracer
        self._trace_of = trace_of
        self._runs: dict[tuple[str, int], Span] = {}
        self._steps: dict[tuple[str, int, str], tuple[Span, Token[Context]]] = {}

    def on_event(self, event: Event) -> None:
        """Open or close a span."""
        match event:
            case RunStarted():
                self._open_run(event)
            case RunTakenOver():
                self._runs[event.run_id, event.execution].set_attribute(RECOVERIES, event.recoveries)
            case RunParked() | RunFinished() | RunRetried() | RunSetAside() | RunLeft():
                self._close_run(event)
            case StepStarted():
                self._open_step(event)
            case StepRetried():
                self._steps[_place(event)][0].add_event("awaitly.step.retry", {ATTEMPT: event.attempt})
            case StepEnded():
                self._close_step(event)
            case _:
                pass

    def _open_run(self, event: RunStarted) -> None:
        attributes: dict[str, AttributeValue] = {RUN_ID: event.run_id, WORKFLOW: event.workflow, RESUMED: event.resumed}
        where = self._trace_of(event.run_id)
        span = self._tracer.start_span("awaitly.run", where, attributes=attributes, links=_asked_from())
        self._runs[event.run_id, event.execution] = span

    def _close_run(self, event: Over) -> None:
        span = None if event.execution is None else self._runs.pop((event.run_id, event.execution), None)
        if span is not None:
            span.set_attributes(_came_to(event))
            if _has_failed(event):
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    def _open_step(self, event: StepStarted) -> None:
        """Open a step's span and make it the current one, so that what the body traces itself stands below it."""
        run = trace.set_span_in_context(self._runs[event.run_id, event.execution])
        attributes = {RUN_ID: event.run_id, WORKFLOW: event.workflow, STEP_KEY: event.key, STEP_NAME: event.name}
        span = self._tracer.start_span("awaitly.step", run, attributes=attributes)
        self._steps[_place(event)] = span, context.attach(trace.set_span_in_context(span))

    def _close_step(self, event: StepEnded) -> None:
        span, token = self._steps.pop(_place(event))
        context.detach(token)
        span.set_attributes({OUTCOME: event.outcome.value, ATTEMPT: event.attempts})
        if event.error is not None:
            span.set_attribute(ERROR_TYPE, event.error)
        if event.outcome is StepOutcome.RAISED:
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _place(event: OneStep) -> tuple[str, int, str]:
    return event.run_id, event.execution, event.key


def _asked_from() -> list[Link]:
    """Give a link to the span of whoever had the run executed, such as a request to a server."""
    caller = trace.get_current_span().get_span_context()
    return [Link(caller)] if caller.is_valid else []


def _came_to(event: Over) -> Mapping[str, AttributeValue]:
    match event:
        case RunParked():
            waits = [*event.approvals, *(key for _, key in event.awaiting)]
            return {RUN_STATUS: RunStatus.PARKED.value, WAITS: waits}
        case RunFinished():
            return {RUN_STATUS: event.status.value}
        case RunRetried():
            return {RUN_STATUS: RunStatus.QUEUED.value}
        case RunSetAside():
            return {RUN_STATUS: RunStatus.NEEDS_REVIEW.value}
        case RunLeft():
            return {"awaitly.run.left": event.reason.value}


def _has_failed(event: Over) -> bool:
    match event:
        case RunFinished():
            return event.status is RunStatus.FAILED
        case RunLeft():
            return event.reason is Leaving.BROKEN_OFF
        case _:
            return isinstance(event, RunRetried | RunSetAside)
