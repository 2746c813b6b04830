"""A store with runs that wait for what is no approval, for the tests of how they are shown and told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from attrs import frozen

from awaitly import (
    Err,
    NotApproved,
    Ok,
    Orchestrator,
    Priority,
    PromiseRejected,
    Result,
    Retry,
    Run,
    open_store,
    workflow,
)
from awaitly import step as stepped
from tests.cli.support import NASTY, Declined, wait_for

LATER = datetime(2999, 1, 1, tzinfo=UTC)


@frozen
class Payment:
    """What is signalled."""

    amount: Decimal
    by: str


async def pack(what: str) -> Result[str, Declined]:
    """Do something before the wait."""
    return Ok(what)


async def call_bank() -> Result[str, Declined]:
    """Fail, now and the next times."""
    return Err(Declined("busy"))


@workflow
async def parcel(run: Run[Declined], what: str) -> Result[str, Declined]:
    """Wait for two signals, one of them a text."""
    await run.step(pack, what)
    paid = await run.wait_for("paid", Payment, timeout="2d")
    note = await run.wait_for("note", str)
    return Ok(f"{paid} {note}")


@workflow
async def contract(run: Run[PromiseRejected]) -> Result[str, PromiseRejected]:
    """Wait for a promise."""
    return Ok(await run.promise("signed by the customer", str))


@workflow
async def nap(run: Run[Declined]) -> Result[int, Declined]:
    """Let three days pass."""
    await run.sleep("3d")
    return Ok(1)


@workflow
async def family(run: Run[Declined]) -> Result[int, Declined]:
    """Wait for two runs, of which one ends at once."""
    await run.gather(run.attempt_child(hasty()), run.child(nap()), run.child(nap(), run_id="own-id"))
    return Ok(1)


@workflow
async def hasty(run: Run[Declined]) -> Result[int, Declined]:
    """Fail."""
    return Err(Declined(NASTY))


@workflow
async def stubborn(run: Run[Declined]) -> Result[str, Declined]:
    """Try a step again after an hour."""
    return Ok(await run.step(stepped(call_bank, retry=Retry(attempts=5, base="1h", jitter=False, on=(Declined,)))))


@workflow
async def first(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Wait for whatever comes first."""
    await run.race(run.decision("manager", proposes=1), run.wait_for("go", int), run.sleep("10d"))
    return Ok(1)


WORKFLOWS = (parcel, contract, nap, family, hasty, stubborn, first)


async def _fill(url: str) -> None:
    async with Orchestrator(open_store(url), workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(parcel("book"), run_id="parcel-1")
        await orchestrator.start(contract(), run_id="contract-1")
        await orchestrator.start(nap(), run_id="nap-1")
        await orchestrator.start(stubborn(), run_id="stubborn-1")
        await orchestrator.start(first(), run_id="first-1", requested_by="zed")
        await orchestrator.start(family(), run_id="family-1")
        await orchestrator.recover()
        await orchestrator.enqueue(nap(), run_id="later-1", at=LATER, queue="night shift", priority=Priority.LOW)
        await orchestrator.enqueue(nap(), run_id="soon-1")


def filled(folder: Path) -> str:
    """Make the store and give its URL."""
    url = f"sqlite:///{folder / 'waiting.db'}"
    wait_for(_fill(url))
    return url
