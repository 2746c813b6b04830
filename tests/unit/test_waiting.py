"""Waiting for a run's end: the store is read where the run was named or wake-ups may have been missed, else not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from awaitly import Ok, Orchestrator, Result, Run, workflow
from awaitly.storage.store import Found, Wakes
from awaitly.testing import CountingStore
from tests.support import FlowError, SharedStore


@workflow
async def asking(run: Run[FlowError]) -> Result[int, FlowError]:
    """Ask once."""
    return Ok(await run.approval("manager", proposes=1))


class Told(CountingStore):
    """Wakes whoever listens by hand, and notes who looks."""

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.wakes: asyncio.Queue[frozenset[str]] = asyncio.Queue()
        self.looked = 0

    async def load(self, run_id: str) -> Found:
        """Note it."""
        self.looked += 1
        return await super().load(run_id)

    async def next(self, timeout: float) -> frozenset[str]:
        """Give what was put in by hand."""
        try:
            named = await asyncio.wait_for(self.wakes.get(), timeout)
        except TimeoutError:
            return frozenset()
        self.wakes.task_done()
        return named

    def listening(self) -> AbstractAsyncContextManager[Wakes]:
        """Listen to what is put in by hand."""
        return self._listening()

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[Wakes]:
        yield self

    async def tell(self, *run_ids: str) -> None:
        """Wake whoever listens, and wait until it has been heard and acted on."""
        self.wakes.put_nowait(frozenset(run_ids))
        await self.wakes.join()
        for _ in range(20):  # turns of the loop
            await asyncio.sleep(0)


async def test_whoever_waits_looks_only_where_its_run_may_have_moved(store: SharedStore) -> None:
    """The ends of other runs cost nothing; its own, and a wake-up that may have been missed, make it look."""
    told = Told(store)
    async with Orchestrator(told, workflows=[asking]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        told.looked = 0
        waiting = asyncio.create_task(orchestrator.wait("r"))
        seen: list[int] = []
        for named in (("a",), ("b", "c"), (), ("d",), ("a", "r")):
            await told.tell(*named)
            seen.append(told.looked)
        assert seen == [1, 1, 2, 2, 3]
        (await orchestrator.approve("r", by="ann", resume=asking)).unwrap()
        await told.tell("r")
        assert (await waiting).result == Ok(1)


async def test_wake_ups_for_others_do_not_put_off_the_limit(store: SharedStore) -> None:
    """Where others end all the time, the wait is over at its time all the same."""
    told = Told(store)
    async with Orchestrator(told, workflows=[asking]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        waiting = asyncio.create_task(orchestrator.wait("r", timeout="20ms"))
        while not waiting.done():
            told.wakes.put_nowait(frozenset({"other"}))
            await asyncio.sleep(0)
        assert [pending.key for pending in (await waiting).pending] == ["manager"]
