"""Many rows, many queries, and what they list: for the tests of stores that find rows in more than one way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import TypeAlias

from attrs import evolve

from awaitly.result import Ok
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import ApprovalQuery, ApprovalRow, Changes, Page, RunQuery, RunRow, Store
from awaitly.testing.rows import T0, approval_row, changes, run_row

__all__ = [
    "MINUTE",
    "Query",
    "approval_queries",
    "audience_queries",
    "fill",
    "first_two",
    "lists_as_memory_does",
    "page",
    "run_queries",
]

MINUTE = 60_000_000
Query: TypeAlias = RunQuery | ApprovalQuery

AUDIENCES = (("ann",), ("*",), (), ("bob", "ann"), ("role:ops",), ("*", "role:ops", "bob"), ("eve",))
"""Whom the approvals wait for, in turn."""


async def fill(store: Store, count: int, *, same_time: bool = False) -> None:
    """Commit runs of three workflows and four statuses, most with an open approval."""
    dice = random.Random(7)
    commits: list[Changes] = []
    for n in range(count):
        name = f"{dice.choice(('a', 'b%', 'b_', 'B%'))}{dice.randrange(10**9):09}-{n}"
        workflow = dice.choice(("deploy", "payout", "refund"))
        at = T0 if same_time else T0 + dice.randrange(count) * MINUTE
        deadline = dice.choice((None, at + dice.randrange(count) * MINUTE))
        updated_at = T0 + dice.randrange(count) * MINUTE
        run = run_row(name, workflow=workflow, status=dice.choice("abcd"), created_at=at, updated_at=updated_at)
        approval = approval_row(name, workflow=workflow, open=dice.random() < 0.8, asked_at=at, deadline=deadline)
        approval = evolve(approval, audience=AUDIENCES[n % len(AUDIENCES)])
        commits.append(changes(runs=(run,), approvals=(approval,)))
    assert all(result == Ok(None) for result in await asyncio.gather(*map(store.commit, commits)))


def run_queries() -> Iterator[RunQuery]:
    """Combine the filters at random, each of them absent half of the time."""
    dice = random.Random(11)
    for _ in range(60):
        yield RunQuery(
            prefix=dice.choice((None, None, "b", "b%", "b_1", "zz", "")),
            workflow=dice.choice((None, None, "refund", "none")),
            statuses=dice.choice((None, None, ("a",), ("d", "b", "d"), ("x",), ())),
            updated_before=dice.choice((None, None, T0 + 3 * MINUTE, T0 + 60 * MINUTE, T0)),
            limit=dice.choice((1, 7, 50, 500)),
        )


def approval_queries() -> Iterator[ApprovalQuery]:
    """Combine the filters at random, each of them absent half of the time."""
    dice = random.Random(13)
    for _ in range(60):
        yield ApprovalQuery(
            prefix=dice.choice((None, None, "b", "b%", "b_1", "zz", "")),
            workflow=dice.choice((None, None, "refund", "none")),
            alive_at=dice.choice((None, None, T0 + 60 * MINUTE)),
            asked_before=dice.choice((None, None, T0 + 60 * MINUTE, T0)),
            deadline_before=dice.choice((None, None, T0 + 90 * MINUTE, T0)),
            limit=dice.choice((1, 7, 50, 500)),
        )


def audience_queries() -> Iterator[ApprovalQuery]:
    """Ask the same of what waits for somebody, and sometimes of one run."""
    dice = random.Random(17)
    for query in approval_queries():
        run_id = dice.choice((None, None, None, "b_1"))
        yield evolve(query, run_id=run_id, audience=tuple(dice.sample(("ann", "bob", "*", "role:ops", "nobody"), 3)))


async def page(store: Store, query: Query) -> Page[RunRow] | Page[ApprovalRow]:
    """Read one page of either listing."""
    return await (store.page_runs(query) if isinstance(query, RunQuery) else store.page_approvals(query))


async def first_two(store: Store, query: Query) -> list[object]:
    """Read the first page of a listing and the one after it."""
    first = await page(store, query)
    return [first] if first.after is None else [first, await page(store, evolve(query, after=first.after))]


async def lists_as_memory_does(store: Store, *, same_time: bool) -> None:
    """Compare the first pages of many queries with those of the memory store, over the same rows."""
    model = MemoryStore()
    await model.open()
    for each in (store, model):
        await fill(each, 150, same_time=same_time)
    queries: list[Query] = [*run_queries(), *approval_queries(), *audience_queries()]
    for query in queries:
        assert await first_two(store, query) == await first_two(model, query), query
