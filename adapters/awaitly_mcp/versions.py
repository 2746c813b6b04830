"""What this adapter was tried with: the parts of the SDK that the proxy stands on still move."""

from __future__ import annotations

from awaitly_mcp.core import Tried

__all__ = ["TRIED"]

TRIED = (Tried("mcp", "mcp", "2.3", "2.4"),)
