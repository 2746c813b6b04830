"""Where verbs are tried: over a store in memory and a SQLite file side by side, with a neighbour who is left alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from attrs import define, frozen

from awaitly import Err, MemoryStore, NotApproved, Ok, Orchestrator, Policy, Result, Run, Store, workflow
from awaitly.testing import TestClock
from awaitly_sqlite import SqliteStore
from tests.support import SharedStore

__all__ = ["WORKFLOWS", "Ground", "Side", "both_sides", "refund", "telling"]

Host = TypeVar("Host")
POLICY = Policy(approvers=["ann", "bob", "role:ops"], editors=["ann", "bob"])
_MADE = re.compile(r"datetime\.datetime\([^)]*?tzinfo|\b(?:[0-9a-hjkmnp-tv-z]{26}|[0-9a-f]{16,})\b")
"""Ids, salts and hashes over them, which are made anew each time, and moments: a replay has a clock of its own."""


@workflow
async def refund(run: Run[NotApproved], text: str = "x") -> Result[str, NotApproved]:
    """Ask for a text."""
    return Ok(await run.approval("ok", proposes=text, schema=str, policy=POLICY))


@workflow
async def telling(run: Run[Any], text: str = "x") -> Result[str, Any]:
    """Wait for a promise, then for a signal."""
    first = await run.promise("p", str)
    match await run.wait_for("s", str):
        case Ok(second):
            return Ok(first + second)
        case Err(late):
            return Ok(str(late))


WORKFLOWS = (refund, telling)


@frozen
class Neighbour:
    """All that the store keeps of a run."""

    rows: Any
    entries: Any
    notices: Any


@define
class Side(Generic[Host]):
    """One store, and what stands over it."""

    host: Host
    store: Store

    async def neighbour(self) -> Neighbour:
        """Read what is to stay as it is, byte for byte."""
        found = await self.store.load("neighbour")
        return Neighbour(
            (found.run, found.steps, found.approvals, found.head),
            await self.store.entries("neighbour"),
            await self.store.notices("neighbour"),
        )


class Ground(Generic[Host]):
    """Both sides, and one loop that drives them."""

    def __init__(self, sides: tuple[Side[Host], ...], runner: asyncio.Runner, clock: TestClock) -> None:
        self.sides = sides
        self.clock = clock
        self._runner = runner
        self._kept = tuple(self.run(side.neighbour()) for side in sides)

    def run(self, work: Any) -> Any:
        """Wait for something, for half a minute at most: what hangs is a failure."""

        async def limited() -> Any:
            async with asyncio.timeout(30):
                return await work

        return self._runner.run(limited())

    def asked(self, call: Callable[[Side[Host]], Any], judged: Callable[[BaseException], str]) -> None:
        """Have both sides answer the same, or refuse it, and the neighbour is as before."""
        answers = [self.run(_answer(call, side, judged)) for side in self.sides]
        assert len(set(answers)) == 1, answers
        assert tuple(self.run(side.neighbour()) for side in self.sides) == self._kept


async def _answer(call: Callable[[Side[Any]], Any], side: Side[Any], judged: Callable[[BaseException], str]) -> str:
    try:
        found = await call(side)
    except Exception as error:  # noqa: BLE001
        return judged(error)
    return _MADE.sub("(made)", repr(getattr(found, "result", found)))


@contextmanager
def both_sides(folder: Path, opened: Callable[[Store], AbstractAsyncContextManager[Host]]) -> Generator[Ground[Host]]:
    """Open both sides with a neighbour each; `opened` gives what stands over a store, and opens that."""
    clock = TestClock()
    stores: tuple[Store, ...] = (MemoryStore(clock=clock), SqliteStore(folder / "runs.db", clock=clock))
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            sides = tuple(runner.run(_side(stack, store, opened)) for store in stores)
            yield Ground(sides, runner, clock)
        finally:
            runner.run(stack.aclose())


async def _side(
    stack: AsyncExitStack, store: Store, opened: Callable[[Store], AbstractAsyncContextManager[Host]]
) -> Side[Host]:
    await store.open()
    stack.push_async_callback(store.close)
    shared = SharedStore(store)
    async with Orchestrator(shared, workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(refund("mine"), run_id="neighbour", requested_by="zoe")
        await orchestrator.comment("neighbour", text="before", by="ann")
    return Side(await stack.enter_async_context(opened(shared)), store)
