"""A gate before the tools of Microsoft's Agent Framework: people see a call first, and it is made as approved, once."""

from __future__ import annotations

from awaitly_agent_framework.core import check_versions
from awaitly_agent_framework.versions import TRIED

check_versions(__name__, TRIED)

from awaitly_agent_framework.middleware import GateMiddleware  # noqa: E402  (its version is checked first)
from awaitly_agent_framework.pausing import go_on  # noqa: E402  (the same)

__all__ = ["GateMiddleware", "go_on"]
