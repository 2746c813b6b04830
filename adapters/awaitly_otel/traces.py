"""The trace of a run: the same in every process that executes some of it, because it is made of the run's id."""

from __future__ import annotations

from hashlib import sha256

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

__all__ = ["trace_of"]

_WHOLE = 1 << 64


def trace_of(run_id: str, namespace: str, ratio: float) -> Context:
    """Give the context that all spans of a run stand in: that of a parent far away, which nobody ever records.

    `ratio` is the share of all runs that are sampled; the same run is in every process, or in none.
    """
    hashed = sha256(f"awaitly\0{namespace}\0{run_id}".encode()).digest()
    trace_id, span_id = int.from_bytes(hashed[:16]) or 1, int.from_bytes(hashed[16:24]) or 1
    sampled = trace_id % _WHOLE < ratio * _WHOLE
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return set_span_in_context(NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)))
