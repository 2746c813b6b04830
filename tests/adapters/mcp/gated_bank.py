"""A proxy before the bank, whose hold on a call is over soon after it dies."""

from __future__ import annotations

import asyncio
import sys

from awaitly import Gate, open_store
from awaitly_mcp import Answering, GateProxy, Program, serve_stdio

__all__ = ["main"]


async def main(folder: str) -> None:
    """Serve at stdin and stdout."""
    server = Program((sys.executable, "-m", "tests.adapters.mcp.bank", folder))
    async with Gate(open_store(f"sqlite:///{folder}/gate.db"), lease="1s") as gate:
        await serve_stdio(GateProxy(gate, server, agent="bank", answering=Answering(wait=None)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
