"""What the tests of the inbox share: questions that wait, each under a policy of its own, and people who look."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen

from awaitly import (
    Actor,
    ApprovalRow,
    NotApproved,
    Ok,
    Orchestrator,
    PendingApproval,
    Policy,
    Result,
    Rule,
    Run,
    workflow,
)
from awaitly.approvals.policy import policy_text
from tests.support import SharedStore, waiting

__all__ = ["Office", "office_in", "other", "question"]


async def _asked(run: Run[NotApproved], policy: str) -> int:
    return await run.approval("manager", proposes=1, schema=int, policy=Policy.from_plain(json.loads(policy)))


@workflow
async def question(run: Run[NotApproved], policy: str) -> Result[int, NotApproved]:
    """Ask under the policy whose text is given."""
    return Ok(await _asked(run, policy))


@workflow
async def other(run: Run[NotApproved], policy: str) -> Result[int, NotApproved]:
    """Ask the same, under another name."""
    return Ok(await _asked(run, policy))


@frozen
class Office:
    """An orchestrator over a store, with short words for what tests of the inbox do."""

    orchestrator: Orchestrator
    store: SharedStore

    async def ask(self, run_id: str, by: str | None = None, **members: Any) -> PendingApproval:
        """Start a run that asks under a policy of these members, on somebody's behalf."""
        invocation = question(policy_text(Policy(**members)))
        return waiting((await self.orchestrator.start(invocation, run_id=run_id, requested_by=by)).result)

    async def listed(self, *people: Actor | str, **options: Any) -> list[list[str]]:
        """Name, for each of these people, the runs whose questions wait for them."""
        pages = [await self.orchestrator.waiting_for(person, **options) for person in people]
        return [[pending.run_id for pending in page.items] for page in pages]

    async def row(self, run_id: str) -> ApprovalRow:
        """Give the row of a run's only approval."""
        (row,) = (await self.store.approvals(run_id)).approvals
        return row


@asynccontextmanager
async def office_in(store: SharedStore, rules: Iterable[Rule] = ()) -> AsyncGenerator[Office]:
    """Open an orchestrator over a store."""
    async with Orchestrator(store, workflows=[question, other], rules=rules) as orchestrator:
        yield Office(orchestrator, store)
