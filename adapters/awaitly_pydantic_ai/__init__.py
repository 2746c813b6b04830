"""A gate before the tools of Pydantic AI's agents: people see a call first, and it is made as approved, once."""

from __future__ import annotations

from awaitly_pydantic_ai.core import check_versions
from awaitly_pydantic_ai.versions import TRIED

check_versions(__name__, TRIED)

from awaitly_pydantic_ai.capability import GateTools  # noqa: E402  (its version is checked first)
from awaitly_pydantic_ai.resuming import go_on  # noqa: E402  (the same)
from awaitly_pydantic_ai.toolset import GatedToolset  # noqa: E402  (the same)

__all__ = ["GateTools", "GatedToolset", "go_on"]
