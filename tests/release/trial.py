"""What somebody does first with a fresh `pip install awaitly`; runs where nothing else of a checkout is."""

import asyncio
import importlib.metadata
import sys
from pathlib import Path
from typing import TypeAlias

import awaitly
from awaitly import Actor, Err, NotApproved, Ok, Orchestrator, PendingApproval, Policy, Result, Run, open_store

RefundError: TypeAlias = NotApproved


async def double(amount: int) -> Result[int, RefundError]:
    """Do something to be seen."""
    return Ok(amount * 2)


@awaitly.workflow
async def refund(run: Run[RefundError], amount: int) -> Result[int, RefundError]:
    """Do a step, wait for a person, do a step."""
    doubled = await run.step(double, amount)
    approved = await run.approval("manager", proposes=doubled, policy=Policy(approvers=["role:manager"]))
    return Ok(await run.step(double, approved))


async def ask_decide_and_go_on(url: str) -> None:
    """Park in one orchestrator, decide and complete in another."""
    async with Orchestrator(open_store(url), workflows=[refund]) as orchestrator:
        asked = await orchestrator.start(refund(10), run_id="r1")
        match asked.result:
            case Err(PendingApproval()):
                pass
            case other:
                raise AssertionError(other)
    async with Orchestrator(open_store(url), workflows=[refund]) as orchestrator:
        decided = await orchestrator.edit("r1", "manager", 15, by=Actor("mona", ["manager"]), resume=refund)
        assert decided.unwrap().result == Ok(30), decided
        details = (await orchestrator.status("r1")).unwrap()
        assert details.run.status is awaitly.RunStatus.COMPLETED, details


if __name__ == "__main__":
    assert "site-packages" in Path(awaitly.__file__).parts, awaitly.__file__
    asyncio.run(ask_decide_and_go_on("sqlite:///trial.db"))
    sys.stdout.write(importlib.metadata.version("awaitly"))
