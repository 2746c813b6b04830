"""langgraph's graph API on its AsyncSqliteSaver, which sets WAL itself and leaves synchronous at FULL.

One node a step, `interrupt` in a node of its own, `Command(resume=...)` to go on: as its pages on human review show it.
`durability="sync"` is the one of its modes whose promise is awaitly's: a step is on disk before the next one begins.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from benchmarks.contenders.savers import saver_at
from benchmarks.timing import loaded

__all__ = ["answer", "opened", "recovered"]

_CLIENTS = 16


class _State(TypedDict):
    number: int
    first: int
    second: int
    approved: int
    third: int


class _Counted(TypedDict):
    number: int
    upto: int


async def _add_one(state: _State) -> dict[str, int]:
    return {"first": state["number"] + 1}


async def _add_two(state: _State) -> dict[str, int]:
    return {"second": state["first"] + 2}


async def _manager(state: _State) -> dict[str, int]:
    return {"approved": interrupt({"summary": "go on?", "proposes": state["second"]})}


async def _add_three(state: _State) -> dict[str, int]:
    return {"third": state["approved"] + 3}


def _graph(saver: Any) -> Any:
    graph = StateGraph(_State)
    graph.add_sequence([_add_one, _add_two, _manager, _add_three])
    graph.add_edge(START, "_add_one")
    graph.add_edge("_add_three", END)
    return graph.compile(checkpointer=saver)


def _more(state: _Counted) -> str:
    return "_count" if state["number"] < state["upto"] else END


async def _count(state: _Counted) -> dict[str, int]:
    return {"number": state["number"] + 1}


def _counting(saver: Any) -> Any:
    graph = StateGraph(_Counted)
    graph.add_node("_count", _count)
    graph.add_edge(START, "_count")
    graph.add_conditional_edges("_count", _more, ["_count", END])
    return graph.compile(checkpointer=saver)


class _Langgraph:
    def __init__(self, saver: Any) -> None:
        self._graph = _graph(saver)
        self._counting = _counting(saver)

    async def start(self, run_id: str) -> None:
        found = await self._go(run_id, {"number": 1})
        assert "__interrupt__" in found, found

    async def decide(self, run_id: str) -> None:
        found = await self._go(run_id, Command(resume=4))
        assert found["third"] == 7, found

    async def count(self, run_id: str, upto: int) -> None:
        settings = {"configurable": {"thread_id": run_id}, "recursion_limit": upto + 1}
        found = await self._counting.ainvoke({"number": 0, "upto": upto}, settings, durability="sync")
        assert found["number"] == upto, found

    async def _go(self, run_id: str, given: Any) -> Any:
        thread = {"configurable": {"thread_id": run_id}}
        return await self._graph.ainvoke(given, thread, durability="sync")


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[_Langgraph]:
    async with saver_at(address) as saver:
        yield _Langgraph(saver)


async def answer(address: str, names: Sequence[str]) -> None:
    """Do nothing: a decision is not kept before the graph goes on with it."""


@asynccontextmanager
async def recovered(address: str, names: Sequence[str]) -> AsyncGenerator[None]:
    """Go on with all that are named: which ones wait, and what was decided, the application has to know."""
    async with opened(address) as contender:
        await loaded(contender.decide, names, _CLIENTS)
        yield
