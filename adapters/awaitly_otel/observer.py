"""`OtelObserver`: tells OpenTelemetry what an orchestrator tells its observers."""

from __future__ import annotations

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from awaitly_otel.core import Event
from awaitly_otel.metering import Metering
from awaitly_otel.traces import trace_of
from awaitly_otel.tracing import Tracing

__all__ = ["OtelObserver"]

_SCOPE = "awaitly"


class OtelObserver:
    """Makes spans and metrics; the providers are the global ones unless others are given.

    All executions of a run are one trace, in whatever processes, days and weeks they are: its id is made of
    `namespace` and the run's id, so give each namespace of a store its own. `ratio` (0 to 1) is the share of runs that
    a sampler which follows its parent samples. Raises `ValueError` for any other number.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        namespace: str = "",
        ratio: float = 1.0,
    ) -> None:
        if not 0 <= ratio <= 1:
            msg = f"a ratio lies from 0 to 1: {ratio!r}"
            raise ValueError(msg)
        tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._tracing = Tracing(tracer, lambda run_id: trace_of(run_id, namespace, ratio))
        self._metering = Metering(metrics.get_meter(_SCOPE, meter_provider=meter_provider))

    def on_event(self, event: Event) -> None:
        """Take note of an event."""
        self._metering.on_event(event)
        self._tracing.on_event(event)
