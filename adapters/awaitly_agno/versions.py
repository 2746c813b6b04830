"""What this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

from awaitly_agno.core import Tried

__all__ = ["TRIED"]

TRIED = (Tried("agno", "agno", "3.1.10", "3.2"),)
