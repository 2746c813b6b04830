"""What this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

from awaitly_agent_framework.core import Tried

__all__ = ["TRIED"]

TRIED = (Tried("agent-framework-core", "agent_framework", "1.23", "1.24"),)
