"""A request of a client's, as the SDK hands it over."""

from __future__ import annotations

from typing import Any

from mcp.server import ServerRequestContext

__all__ = ["Context"]

Context = ServerRequestContext[Any, Any]
