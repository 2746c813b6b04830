"""What this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

from awaitly_adk.core import Tried

__all__ = ["TRIED"]

TRIED = (Tried("google-adk", "google.adk", "2.13", "2.14"),)
