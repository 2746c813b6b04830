"""What a gate costs a call that needs nobody: of a function behind it, and of somebody else's tool under rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

from awaitly import Gate, MemoryStore, Ok, Result, ToolCall, read_rules
from benchmarks.figures import Figure, at_most

__all__ = ["measure"]

_LIMIT = 20.0
"""Microseconds."""
_RULES = """
[[rule]]
tools = ["read_*", "list_*"]
decide = "allow"
"""
_BATCH = 100


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    rounds = 20 if quick else 200
    found = asyncio.run(_measured(rounds))
    return [Figure("gate", name, "us", {"awaitly": us}, None, "", *at_most(us, _LIMIT, " us")) for name, us in found]


async def _measured(rounds: int) -> list[tuple[str, float]]:
    gate = Gate(MemoryStore())

    @gate.tool(when=_large)
    async def pay(to: str, amount: int) -> Result[str, str]:
        return Ok(f"{amount} to {to}")

    async with gate, Gate(MemoryStore(), rules=[read_rules(_RULES)]) as ruled:
        call = ToolCall(tool="read_file", arguments={"path": "notes.txt"}, schema={"type": "object"})

        async def own() -> None:
            await pay("bob", 5)

        async def others() -> None:
            await ruled.perform(call, _read)

        return [
            ("a function behind the gate, which needs nobody", await _typical(own, rounds)),
            ("a tool of somebody else's that a rule allows", await _typical(others, rounds)),
        ]


def _large(_: str, amount: int) -> bool:
    return amount > 50


async def _read(arguments: dict[str, object]) -> str:
    return str(arguments)


async def _typical(call: Callable[[], Awaitable[None]], rounds: int) -> float:
    """Give the median microseconds of a call, over batches."""
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(_BATCH):
            await call()
        taken.append((time.perf_counter() - begun) / _BATCH * 1e6)
    return median(taken)
