"""What people are asked in these tests."""

from __future__ import annotations

from awaitly import NotApproved, Ok, Policy, Result, Run, workflow

__all__ = ["both", "refund"]


@workflow
async def refund(run: Run[NotApproved], order_id: str) -> Result[int, NotApproved]:
    """Ask one manager."""
    policy = Policy(approvers=["mona", "role:manager"], editors=["erin"], expires_in="24h")
    decided = await run.approval("manager", proposes={"order": order_id, "amount": "120"}, policy=policy)
    return Ok(int(decided["amount"]))


@workflow
async def both(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask two managers."""
    return Ok(await run.approval("manager", proposes=1, policy=Policy(approvers=["mona", "moe"], needs=2)))
