"""Runs as they are drawn by a process whose output is no terminal."""

from __future__ import annotations

import io
import sys
from datetime import datetime

import pytest

from awaitly import History
from awaitly.cli import timeline
from awaitly.cli.output import Output
from awaitly.cli.waits import NO_CHILDREN, Children

__all__ = ["drawn"]


def drawn(
    history: History,
    now: datetime,
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str = "utf-8",
    children: Children = NO_CHILDREN,
) -> str:
    """Draw a run as it stands at a time."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    monkeypatch.setenv("COLUMNS", str(columns))
    timeline.draw(Output(as_json=False), history, now, children)
    return written.getvalue().decode(encoding)
