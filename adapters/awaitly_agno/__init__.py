"""A gate before the tools of Agno's agents: people see a call first, and it is made as approved, once."""

from __future__ import annotations

from awaitly_agno.core import check_versions
from awaitly_agno.versions import TRIED

check_versions(__name__, TRIED)

from awaitly_agno.errors import NotCalled  # noqa: E402  (the framework's version is checked first)
from awaitly_agno.resuming import go_on  # noqa: E402  (the same)
from awaitly_agno.tools import gated  # noqa: E402  (the same)

__all__ = ["NotCalled", "gated", "go_on"]
