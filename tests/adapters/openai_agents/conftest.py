from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from agents import FunctionTool, function_tool

from awaitly import Gate, Guard, MemoryStore


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """Give an open gate, before which calls of `read` need nobody."""
    opened = Gate(MemoryStore())
    opened.guard("read", Guard(when=lambda _: False))
    async with opened:
        yield opened


@pytest.fixture
def done() -> list[str]:
    """Give the list of what the tools have done."""
    return []


@pytest.fixture
def pay(done: list[str]) -> FunctionTool:
    """Give a tool that needs a person."""

    @function_tool
    async def pay(to: str, amount: int) -> str:
        done.append(f"{to} {amount}")
        return f"paid {amount} to {to}"

    return pay


@pytest.fixture
def read(done: list[str]) -> FunctionTool:
    """Give a tool that needs nobody."""

    @function_tool
    async def read() -> str:
        done.append("read")
        return "the balance is 7"

    return read
