"""A proxy between any MCP client and any MCP server: calls that need a person are shown to people first.

`GateProxy` gates another server's tools; `inbox_server` lets an assistant list and explain what waits, never decide it.
"""

from __future__ import annotations

from awaitly_mcp.core import check_versions
from awaitly_mcp.versions import TRIED

check_versions(__name__, TRIED)

from awaitly_mcp.inbox import inbox_server  # noqa: E402  (what follows needs the SDK as it was tested)
from awaitly_mcp.proxy import GateProxy  # noqa: E402
from awaitly_mcp.serving import serve_http, serve_stdio  # noqa: E402
from awaitly_mcp.targets import Program, RemoteServer, Target  # noqa: E402
from awaitly_mcp.waiting import Answering  # noqa: E402

__all__ = [
    "Answering",
    "GateProxy",
    "Program",
    "RemoteServer",
    "Target",
    "inbox_server",
    "serve_http",
    "serve_stdio",
]
