"""A gate before the tools of agents of the Claude Agent SDK.

Tools of the application's own are shown to people first, and made as approved, once. Those of the CLI, which executes
them itself, are handed to it as approved, once.
"""

from __future__ import annotations

from awaitly_claude.core import check_versions
from awaitly_claude.versions import TRIED

check_versions(__name__, TRIED)

from awaitly_claude.session import SessionGate  # noqa: E402  (the SDK's version is checked first)
from awaitly_claude.words import go_on  # noqa: E402  (the same)

__all__ = ["SessionGate", "go_on"]
