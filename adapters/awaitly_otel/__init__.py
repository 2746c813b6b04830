"""Observers that speak OpenTelemetry: spans for what executes, metrics for how it comes out and how long it waits."""

from __future__ import annotations

try:
    from awaitly_otel.observer import OtelObserver
except ModuleNotFoundError as exc:
    if not (exc.name or "").startswith("opentelemetry"):
        raise
    missing = f"awaitly_otel needs OpenTelemetry's API, which is missing ({exc.name}): pip install 'awaitly[otel]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc

__all__ = ["OtelObserver"]
