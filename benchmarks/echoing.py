"""An MCP server with one tool, which gives back what it gets: for measuring what stands before it."""

from __future__ import annotations

from mcp.server import MCPServer

__all__ = ["main"]


def main() -> None:
    server = MCPServer("echo")

    @server.tool(structured_output=False)
    async def echo(text: str) -> str:
        return text

    server.run("stdio")


if __name__ == "__main__":
    main()
