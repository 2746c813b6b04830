"""langgraph's functional API: tasks within an entrypoint, on the same saver, with its default `durability="async"`.

It promises less than the other contenders, as a task may begin while the result of the one before is still on its way
to the disk. It stands here because it writes fewer checkpoints, so that no faster langgraph is left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt

from benchmarks.contenders.savers import saver_at
from benchmarks.timing import loaded

__all__ = ["answer", "opened", "recovered"]

_CLIENTS = 16


async def _add_one(number: int) -> int:
    return number + 1


async def _add_two(number: int) -> int:
    return number + 2


async def _add_three(number: int) -> int:
    return number + 3


_FIRST, _SECOND, _THIRD = task(_add_one), task(_add_two), task(_add_three)


async def _order(number: int) -> int:
    first = await _FIRST(number)
    second = await _SECOND(first)
    approved = interrupt({"summary": "go on?", "proposes": second})
    third: int = await _THIRD(approved)
    return third


async def _counted(upto: int) -> int:
    number = 0
    while number < upto:
        number = await _FIRST(number)
    return number


class _LanggraphTasks:
    def __init__(self, saver: Any) -> None:
        self._flow = entrypoint(checkpointer=saver)(_order)
        self._counting = entrypoint(checkpointer=saver)(_counted)

    async def start(self, run_id: str) -> None:
        found = await self._go(run_id, 1)
        assert "__interrupt__" in found, found

    async def decide(self, run_id: str) -> None:
        found = await self._go(run_id, Command(resume=4))
        assert found == 7, found

    async def count(self, run_id: str, upto: int) -> None:
        found = await self._counting.ainvoke(upto, {"configurable": {"thread_id": run_id}})
        assert found == upto, found

    async def _go(self, run_id: str, given: Any) -> Any:
        return await self._flow.ainvoke(given, {"configurable": {"thread_id": run_id}})


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[_LanggraphTasks]:
    async with saver_at(address) as saver:
        yield _LanggraphTasks(saver)


async def answer(address: str, names: Sequence[str]) -> None:
    """Do nothing: a decision is not kept before the flow goes on with it."""


@asynccontextmanager
async def recovered(address: str, names: Sequence[str]) -> AsyncGenerator[None]:
    """Go on with all that are named: which ones wait, and what was decided, the application has to know."""
    async with opened(address) as contender:
        await loaded(contender.decide, names, _CLIENTS)
        yield
