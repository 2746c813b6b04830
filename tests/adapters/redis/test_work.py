"""How much a server has to look at to answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import pytest_asyncio

from awaitly import ApprovalQuery, Changes, RunQuery
from awaitly.testing.rows import T0, approval_row, changes, run_row
from awaitly_redis import RedisStore
from tests.adapters.redis.asking import asked, beside, calls
from tests.services.plugin import NewRedis

MANY = 3000
SOME_LANES = ("a", "b", "c", "d")
WHOM = ("role:manager", "*", "ann", "role:ops", "team:x")


@pytest_asyncio.fixture
async def server(new_redis: NewRedis) -> str:
    """Start a server of our own, whose work can be counted."""
    return new_redis("--appendonly", "no").url


@pytest_asyncio.fixture
async def full(server: str) -> AsyncIterator[RedisStore]:
    """Yield a store with thousands of parked runs, and a few that are in some way special."""
    store = RedisStore(server, allow_volatile=True)
    await store.open()
    await asyncio.gather(*(store.commit(parked(n)) for n in range(MANY)))
    yield store
    await store.close()


def parked(n: int) -> Changes:
    """Give the commit that parks one run; every thousandth is special."""
    special = n % 1000 == 7
    name = f"special-{n}" if special else f"run-{n:05}"
    return changes(
        runs=(
            run_row(
                name,
                created_at=T0 + n,
                updated_at=T0 - 5 if special else T0,
                status="failed" if special else "parked",
                due_at=T0 + 1 if special else T0 + 50,
                lane=SOME_LANES[n % 4],
            ),
        ),
        approvals=(
            approval_row(
                name,
                asked_at=T0 + n,
                deadline=T0 + 1 if special else T0 + 50,
                ready=special,
                audience=WHOM[:1],
            ),
        ),
    )


QUESTIONS: dict[str, tuple[Callable[[RedisStore], Awaitable[object]], int]] = {
    "first-page": (lambda store: store.page_runs(RunQuery(limit=20)), 150),
    "by-status": (lambda store: store.page_runs(RunQuery(statuses=("failed",), limit=20)), 150),
    "by-workflow": (lambda store: store.page_runs(RunQuery(workflow="refund", limit=20)), 150),
    "by-prefix": (lambda store: store.page_runs(RunQuery(prefix="special-", limit=20)), 100),
    "by-last-change": (lambda store: store.page_runs(RunQuery(updated_before=T0, limit=20)), 100),
    "unknown-workflow": (lambda store: store.page_runs(RunQuery(workflow="none")), 100),
    "approvals": (lambda store: store.page_approvals(ApprovalQuery(limit=20)), 150),
    "approvals-by-prefix": (lambda store: store.page_approvals(ApprovalQuery(prefix="special-")), 100),
    "approvals-by-deadline": (lambda store: store.page_approvals(ApprovalQuery(deadline_before=T0 + 2)), 100),
    "approvals-asked-before": (lambda store: store.page_approvals(ApprovalQuery(asked_before=T0 + 9)), 150),
    "approvals-of-a-run": (lambda store: store.page_approvals(ApprovalQuery(run_id="run-00001")), 10),
    "approvals-of-a-name": (lambda store: store.page_approvals(ApprovalQuery(audience=WHOM[:1], limit=20)), 150),
    "approvals-of-names": (lambda store: store.page_approvals(ApprovalQuery(audience=WHOM, limit=20)), 250),
    "approvals-of-nobody": (lambda store: store.page_approvals(ApprovalQuery(audience=("none",))), 60),
    "approvals-of-a-name-by-prefix": (
        lambda store: store.page_approvals(ApprovalQuery(audience=WHOM, prefix="special-")),
        100,
    ),
    "due": (lambda store: store.due(T0 + 1, 20), 60),
    "due-in-a-lane": (lambda store: store.due(T0 + 1, 20, ["d"]), 60),
    "due-in-lanes": (lambda store: store.due(T0 + 1, 20, SOME_LANES), 120),
    "due-in-idle-lanes": (lambda store: store.due(T0 - 1, 20, SOME_LANES), 60),
    "due-next": (lambda store: store.next_due(T0 + 1), 30),
    "due-next-in-lanes": (lambda store: store.next_due(T0 + 1, SOME_LANES), 100),
    "load": (lambda store: store.load("run-00001"), 10),
}


async def test_no_question_looks_at_every_run(server: str, full: RedisStore) -> None:
    """Each is answered by some dozens of commands, over all shards, where thousands of runs are parked."""
    async with beside(server) as client:
        for name, (ask, most) in QUESTIONS.items():
            await ask(full)
            before = await calls(client)
            await ask(full)
            done = await calls(client) - before
            assert done <= most, f"{name}: {done} commands"


async def test_a_parked_run_is_small(server: str, full: RedisStore) -> None:
    """A run without content, with an approval for one name and all it is found by, takes less than 1,700 bytes."""
    async with beside(server) as client:
        memory = cast("dict[str, int]", await asked(client, "INFO", "memory"))
    assert memory["used_memory_dataset"] / MANY < 1700
