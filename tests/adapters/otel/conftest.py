from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler

from awaitly.testing import TestClock
from awaitly_otel import OtelObserver
from tests.fixtures import clock, limit
from tests.support import SharedStore, shared

__all__ = ["clock", "limit"]


@pytest_asyncio.fixture
async def store(tmp_path: Path, clock: TestClock) -> AsyncIterator[SharedStore]:
    """Open a memory store."""
    async with shared("memory", tmp_path, clock) as opened:
        yield opened


class Backend:
    """The SDK of one process, with exporters that keep everything here."""

    def __init__(self, sampler: Sampler = DEFAULT_ON) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider(sampler)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])

    def observer(self, *, namespace: str = "", ratio: float = 1.0) -> OtelObserver:
        """Make an observer that tells this backend."""
        return OtelObserver(self.tracers, self.meters, namespace=namespace, ratio=ratio)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The spans that have ended, in the order of their ends."""
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """Give the spans of a name."""
        return [span for span in self.spans if span.name == name]

    def points(self, name: str) -> list[dict[str, object]]:
        """Give a metric's points: their attributes, `value` or `sum` and `count`."""
        data = self._reader.get_metrics_data() or MetricsData([])
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return [_plain(point) for metric in metrics for point in metric.data.data_points]

    def close(self) -> None:
        """End the SDK."""
        self.tracers.shutdown()
        self.meters.shutdown()


def _plain(point: object) -> dict[str, object]:
    measured = {
        name: getattr(point, name) for name in ("value", "sum", "count", "explicit_bounds") if hasattr(point, name)
    }
    attributes: dict[str, object] = dict(getattr(point, "attributes", {}))
    return {**attributes, **measured}


@pytest.fixture
def backend() -> Backend:
    """Set the SDK up as one process does."""
    return Backend()
