"""Chains: the value of each stage is that of the chain, and a workflow that may not be granted says so."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from awaitly import NotApproved, Ok, Progress, Result, Run, Snapshot, Stage, StageState, workflow

MANAGER = Stage[Decimal]("manager", when=lambda amount: amount > 10)
AUTHOR = Stage[str]("author")


@workflow
async def chained(run: Run[NotApproved], amount: Decimal) -> Result[Decimal, NotApproved]:
    value = await run.chain("c", MANAGER, Stage("finance", on_reject="back"), proposes=amount)
    assert_type(value, Decimal)
    both = await run.gather(run.chain("a", MANAGER, proposes=amount), run.chain("b", AUTHOR, proposes="x"))
    assert_type(both, tuple[Decimal, str])
    return Ok(value)


@workflow
async def plain(run: Run[NotApproved]) -> Result[dict[str, int], NotApproved]:
    value = await run.approval("k", proposes={"n": 1}, schema={"type": "object"})
    assert_type(value, dict[str, int])
    return Ok(value)


@workflow
async def undeclared(run: Run[str], amount: Decimal) -> Result[Decimal, str]:
    await run.chain("c", MANAGER, proposes=amount)  # E: the workflow does not declare NotApproved
    return Ok(amount)


odd: Stage[Decimal] = Stage("odd", when=lambda amount: amount.upper())  # E: a condition on another type
other: Stage[Decimal] = AUTHOR  # E: a stage of another type


def of_progress(progress: Progress, snapshot: Snapshot) -> None:
    assert_type(progress.stages[0].state, StageState)
    assert_type(progress.remaining, tuple[str, ...])
    snapshot.delegate("k", by="ann")  # E: to whom is forgotten
