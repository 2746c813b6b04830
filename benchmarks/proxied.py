"""What the gate before an MCP server adds to a call that needs nobody: processes that speak over stdin and stdout."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, at_most
from benchmarks.timing import percentile

if TYPE_CHECKING:
    from mcp import Client

__all__ = ["measure"]

_TARGET = 2.0
"""Milliseconds."""
_WARM = 50
_MODES = {"legacy": "2025-11-25", "auto": "2026-07-28"}
_SERVER = (sys.executable, "-m", "benchmarks.echoing")
_AWAITLY = (sys.executable, "-c", "from awaitly_command import main; main()", "mcp", "--allow", "echo")


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    if importlib.util.find_spec("mcp") is None:
        missing.append("mcp")
        return []
    return [asyncio.run(_figure(mode, 300 if quick else 3_000)) for mode in _MODES]


async def _figure(mode: str, calls: int) -> Figure:
    direct, proxied = await _timed(mode, calls)
    added = [through - straight for through, straight in zip(proxied, direct, strict=True)]
    values = {"awaitly": percentile(proxied, 50), "the server alone": percentile(direct, 50)}
    found = percentile(added, 50)
    notes = (f"added: p50 {found:.2f} ms, p95 {percentile(added, 95):.2f} ms, over {calls} pairs of calls",)
    name = f"a call that needs nobody, protocol {_MODES[mode]}, p50"
    target = f"adds {at_most(found, _TARGET, ' ms')[0]}"
    return Figure("proxy", name, "ms", values, None, "", target, found <= _TARGET, notes)


async def _timed(mode: str, calls: int) -> tuple[list[float], list[float]]:
    """Give the milliseconds of calls, one of the server alone and one through the proxy in turns."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            store = ("--store", f"sqlite:///{folder}/gate.db")
            direct = await stack.enter_async_context(_client(mode, *_SERVER))
            proxied = await stack.enter_async_context(_client(mode, *_AWAITLY, *store, "--", *_SERVER))
            for _ in range(_WARM):
                await _call(direct)
                await _call(proxied)
            pairs = [(await _call(direct), await _call(proxied)) for _ in range(calls)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _client(mode: str, *command: str) -> Client:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415  (it may be missing)

    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    program, *args = command
    return Client(StdioServerParameters(command=program, args=args, env=environment), mode=mode, cache=None)


async def _call(client: Client) -> float:
    begun = time.perf_counter()
    answer = await client.session.call_tool("echo", {"text": "hello"})
    taken = (time.perf_counter() - begun) * 1_000
    assert not answer.is_error, answer
    return taken
