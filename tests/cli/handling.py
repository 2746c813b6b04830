"""A store with approvals that go from hand to hand, for the tests of how they are handled and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from awaitly import Escalation, NotApproved, Ok, Orchestrator, Policy, Result, Run, open_store, workflow
from awaitly.replaying.asking import Stage
from tests.cli.support import SECRET, wait_for

TWO = Policy(
    approvers=["ann", "bob", "role:finance"],
    needs=2,
    expires_in="7d",
    remind_every="1d",
    escalations=[Escalation("2d", ["role:cfo"]), Escalation("4d", ["eve"], replaces=False, repeat=2, every="1d")],
    questions_stop_clock=True,
)
ALONE = Policy(approvers=["ann", "bob"], exclusive_claims=True, expires_in="2d")


@workflow
async def invoice(run: Run[NotApproved], amount: str) -> Result[dict[str, Any], NotApproved]:
    """Ask two about an amount and an account that nobody is to see."""
    proposal = {"amount": amount, "iban": SECRET, "lines": ["rent"]}
    return Ok(await run.approval("pay", proposes=proposal, summary=f"Pay {amount}", redact=("iban",), policy=TWO))


@workflow
async def order(run: Run[NotApproved], what: str) -> Result[str, NotApproved]:
    """Ask one, who may keep the others out."""
    return Ok(await run.approval("buy", proposes=what, summary=f"Buy {what}", policy=ALONE))


@workflow
async def purchase(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask in four stages, of which one is left out."""
    stages: tuple[Stage[int], ...] = (
        Stage("team", policy=Policy(approvers=["ann"])),
        Stage("legal", when=lambda value: value > 1_000),
        Stage("finance", policy=Policy(approvers=["role:finance", "bob"])),
        Stage("director", policy=Policy(approvers=["role:director"])),
    )
    return Ok(await run.chain("purchase", *stages, proposes=amount, summary=f"Spend {amount}"))


WORKFLOWS = (invoice, order, purchase)


async def _fill(url: str) -> None:
    async with Orchestrator(open_store(url), workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(invoice("12.50"), run_id="inv-1", requested_by="zed")
        await orchestrator.start(order("a desk"), run_id="desk-1", requested_by="zed")
        await orchestrator.start(purchase(500), run_id="spend-1", requested_by="zed")
        await orchestrator.approve("spend-1", by="ann", resume=purchase)


def filled(folder: Path) -> str:
    """Make the store and give its URL."""
    url = f"sqlite:///{folder / 'handled.db'}"
    wait_for(_fill(url))
    return url
