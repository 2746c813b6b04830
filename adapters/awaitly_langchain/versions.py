"""What this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

from awaitly import Tried

__all__ = ["TRIED"]

TRIED = (
    Tried("langchain", "langchain", "1.4", "1.5"),
    Tried("langgraph", "langgraph", "1.2.12", "1.3"),
)
