"""Figures that nobody measured."""

from __future__ import annotations

from typing import Any

from benchmarks.figures import Figure, Measured

__all__ = ["figure", "measured"]


def figure(name: str, unit: str, values: dict[str, float], **others: Any) -> Figure:
    """Make one of SQLite's, with a row in the table of ratios."""
    given: dict[str, Any] = {"part": "workload", "row": name, "store": "SQLite", **others}
    return Figure(name=name, unit=unit, values=values, **given)


def measured(*figures: Figure, **others: Any) -> Measured:
    """Make what a run has found."""
    environment = {"Python": "3.11.7", "dbos": "MISSING", "at": "2030-01-07T09:00:00+00:00"}
    return Measured(list(figures), environment, {"workload": 90.0, "steps": 30.0}, **others)
