"""What this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

from awaitly_claude.core import Tried

__all__ = ["TRIED"]

TRIED = (Tried("claude-agent-sdk", "claude_agent_sdk", "0.2.187", "0.3"),)
