"""A server at stdin and stdout that tells of its own process, and says goodbye where it has served."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from mcp.server import MCPServer

from awaitly_mcp import serve_stdio

__all__ = ["main"]


def main(longest_line: int = 16 * 2**20) -> None:
    """Serve, and write on to stdout after that."""
    server = MCPServer("telling")

    @server.tool(structured_output=False)
    async def threads() -> str:
        """Name the threads."""
        return " ".join(sorted(thread.name for thread in threading.enumerate()))

    @server.tool(structured_output=False)
    async def chatter() -> str:
        """Print and read as a careless tool does."""
        print("chatter", flush=True)  # noqa: T201  (that is what it is for)
        os.write(1, b"more of it\n")
        return repr(sys.stdin.read())

    @server.tool(structured_output=False)
    async def echo(text: str) -> str:
        """Give a text back."""
        return text

    lowlevel = server._lowlevel_server  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    asyncio.run(serve_stdio(lowlevel, longest_line=longest_line))
    os.write(1, f"goodbye {os.get_blocking(0)} {os.get_blocking(1)}\n".encode())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
