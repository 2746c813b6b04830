"""Tests whose server or tool is not to be had: skipped and counted loudly, or failed on a build server."""

from __future__ import annotations

import os
from collections import Counter
from typing import NoReturn

import pytest

__all__ = ["lacks", "tell_lacks"]

_LACKS = "needs what is not here: "


def lacks(name: str, cure: str) -> NoReturn:
    """Skip the test, or fail it on a build server, where nobody would hear of it."""
    reason = f"{_LACKS}no {name}: {cure}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def tell_lacks(reporter: pytest.TerminalReporter) -> None:
    """Count what was skipped so, at the end of a run."""
    skipped: list[pytest.TestReport] = reporter.stats.get("skipped", [])
    lacking = Counter(reason.partition(_LACKS)[2] for reason in map(_reason, skipped) if _LACKS in reason)
    if lacking:
        reporter.section(f"tests skipped for want of a server or a tool: {lacking.total()}", red=True, bold=True)
    for cure, count in sorted(lacking.items()):
        reporter.write_line(f"{count}: {cure}")


def _reason(report: pytest.TestReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
