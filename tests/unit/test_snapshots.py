"""A transaction that reads as of its begin: a verb inside it is refused in words, and does not try for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from awaitly import Ok, Orchestrator, Result, Run, StoreError, workflow
from awaitly.result import Err
from awaitly.storage.store import Changes, Conflict, Found, Move
from awaitly.testing import CountingStore
from tests.support import FlowError, SharedStore, waiting


@workflow
async def asking(run: Run[FlowError]) -> Result[int, FlowError]:
    """Ask once."""
    return Ok(await run.approval("manager", proposes=1))


class Snapshot(CountingStore):
    """Shows a run as it stood, and refuses every commit on it because it has moved since."""

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.frozen: dict[str, Found] = {}
        self.refused: list[Move] = []

    async def load(self, run_id: str) -> Found:
        """Give what was seen first."""
        if run_id not in self.frozen:
            self.frozen[run_id] = await super().load(run_id)
        return self.frozen[run_id]

    async def approvals(self, run_id: str) -> Found:
        """Give what was seen first."""
        return await self.load(run_id)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse it; a test that goes on and on ends."""
        self.refused.append(changes.move)
        assert len(self.refused) < 20, "it tries for ever"
        return Err(Conflict(changes.run_id, "it has moved"))


Verb = Callable[[Orchestrator], Awaitable[object]]
VERBS: dict[str, Verb] = {
    "approve": lambda o: o.approve("r", by="ann"),
    "approve and go on": lambda o: o.approve("r", by="ann", resume=asking),
    "reject": lambda o: o.reject("r", by="ann"),
    "cancel": lambda o: o.cancel("r", by="ann"),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_in_a_transaction_that_began_too_early_says_so(verb: str, store: SharedStore) -> None:
    """It ends, and names the cure."""
    async with Orchestrator(store, workflows=[asking]) as orchestrator:
        waiting((await orchestrator.start(asking(), run_id="r")).result)
    old = Snapshot(store)
    async with Orchestrator(old, workflows=[asking]) as orchestrator:
        with pytest.raises(StoreError, match="roll back and try again"):
            await VERBS[verb](orchestrator)
    assert old.refused


async def test_a_resume_in_a_transaction_that_began_too_early_says_so(store: SharedStore) -> None:
    """The claim that is refused again and again ends as well."""
    async with Orchestrator(store, workflows=[asking]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
    async with Orchestrator(Snapshot(store), workflows=[asking]) as orchestrator:
        with pytest.raises(StoreError, match="roll back and try again"):
            await orchestrator.resume("r")


class Refusing(CountingStore):
    """Refuses the first commits, as a server does that lets two which met both try again."""

    def __init__(self, store: SharedStore, times: int) -> None:
        super().__init__(store)
        self.left = times

    async def commit(self, changes: Changes) -> Any:
        """Refuse it, until enough were."""
        self.left -= 1
        return Err(Conflict(changes.run_id, "they met")) if self.left >= 0 else await super().commit(changes)


async def test_a_commit_that_was_refused_for_nothing_is_tried_again(store: SharedStore) -> None:
    """A refusal or two without a cause that can be seen do not matter."""
    async with Orchestrator(store, workflows=[asking]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
    async with Orchestrator(Refusing(store, 2), workflows=[asking]) as orchestrator:
        assert isinstance(await orchestrator.approve("r", by="ann"), Ok)
