"""A gate before the tools of the OpenAI Agents SDK: people see a call first, and it is made as approved, once."""

from __future__ import annotations

from awaitly_openai_agents.core import check_versions
from awaitly_openai_agents.versions import TRIED

check_versions(__name__, TRIED)

from awaitly_openai_agents.errors import StillWaiting  # noqa: E402  (the framework's version is checked first)
from awaitly_openai_agents.resuming import go_on  # noqa: E402  (the same)
from awaitly_openai_agents.tools import gated  # noqa: E402  (the same)

__all__ = ["StillWaiting", "gated", "go_on"]
