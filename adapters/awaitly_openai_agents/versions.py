"""What this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

from awaitly_openai_agents.core import Tried

__all__ = ["TRIED"]

TRIED = (Tried("openai-agents", "agents", "0.24", "0.25"),)
