"""langgraph's functional API: tasks within an entrypoint, on the same saver, with its default `durability="async"`.

It promises less than the other contenders, as a task may begin while the result of the one before is still on its way
to the disk. It stands here because it writes fewer checkpoints, so that no faster langgraph is left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt

from benchmarks.contenders.savers import saver_at

__all__ = ["opened"]


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


class _LanggraphTasks:
    def __init__(self, flow: Any) -> None:
        self._flow = flow

    async def start(self, run_id: str) -> None:
        found = await self._go(run_id, 1)
        assert "__interrupt__" in found, found

    async def decide(self, run_id: str) -> None:
        found = await self._go(run_id, Command(resume=4))
        assert found == 7, found

    async def _go(self, run_id: str, given: Any) -> Any:
        return await self._flow.ainvoke(given, {"configurable": {"thread_id": run_id}})


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[_LanggraphTasks]:
    async with saver_at(address) as saver:
        yield _LanggraphTasks(entrypoint(checkpointer=saver)(_order))
