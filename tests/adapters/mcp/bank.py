"""A server whose payments take as long as a test wants, and one of which the server dies."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from mcp.server import MCPServer

__all__ = ["main"]


def main(folder: Path) -> None:
    """Serve at stdin and stdout."""
    server = MCPServer("bank")

    @server.tool(structured_output=False)
    async def pay(to: str, amount: int) -> str:
        """Pay, once somebody lets it."""
        with (folder / "paid").open("a", encoding="utf-8") as log:
            log.write(f"{to} {amount}\n")
        if to == "mallory":
            os._exit(9)
        while not (folder / "go").exists():  # noqa: ASYNC110  (another process makes it)
            await asyncio.sleep(0.01)
        return f"paid {amount} to {to}"

    with suppress(BrokenPipeError, ExceptionGroup):  # whoever listened was killed
        server.run("stdio")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
