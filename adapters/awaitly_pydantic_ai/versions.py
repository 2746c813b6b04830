"""What this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

from awaitly_pydantic_ai.core import Tried

__all__ = ["TRIED"]

TRIED = (Tried("pydantic-ai-slim", "pydantic_ai", "2.68", "2.69"),)
