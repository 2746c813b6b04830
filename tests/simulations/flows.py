"""The workflows that the tests of simulations run, and their steps, which must not be called for real."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from awaitly import (
    Approved,
    Err,
    NotApproved,
    Ok,
    Pending,
    Policy,
    PromiseRejected,
    Rejected,
    Result,
    Retry,
    Run,
    TimedOut,
    approval_step,
    gated_step,
    step,
    workflow,
)


@frozen
class Declined:
    """The error of a step."""

    code: str


RefundError: TypeAlias = Declined | NotApproved
WaitError: TypeAlias = TimedOut | PromiseRejected


async def load(order: str) -> Result[int, Declined]:
    """Is always scripted."""
    raise NotImplementedError(order)


def pay(amount: int, currency: str = "EUR") -> Result[str, Declined]:
    """Is always scripted, and plain."""
    raise NotImplementedError(amount, currency)


async def real(what: str) -> Result[str, Declined]:
    """Is called for real."""
    return Ok(f"really {what}")


def plainly(what: str) -> Result[str, Declined]:
    """Is called for real, in a thread."""
    return Ok(f"plainly {what}")


def look_up(order: str) -> Pending | Approved[int] | Rejected:
    """Is always scripted."""
    raise NotImplementedError(order)


patient_pay = step(pay, retry=Retry(attempts=4, base="1h", jitter=False, on=(Declined, OSError)))
gated_pay = gated_step(pay, key="cashier")


@workflow
async def refund(run: Run[RefundError], order: str) -> Result[str, RefundError]:
    """Load, ask for a week at most, pay."""
    amount = await run.step(load, order)
    amount = await run.approval("manager", proposes=amount, policy=Policy(expires_in="7d"))
    return Ok(await run.step(pay, amount))


@workflow
async def payment(run: Run[RefundError], amount: int) -> Result[str, RefundError]:
    """Pay, in up to four attempts, an hour apart."""
    return Ok(await run.step(patient_pay, amount))


@workflow(retry=Retry(attempts=3, base="1d", cap="1d", jitter=False, on=Declined))
async def stubborn(run: Run[Declined], amount: int) -> Result[str, Declined]:
    """Pay; the run as a whole is tried up to three times, a day apart."""
    return Ok(await run.step(pay, amount))


@workflow
async def gated(run: Run[RefundError], amount: int) -> Result[str, RefundError]:
    """Pay what a cashier has seen."""
    return Ok(await run.step(gated_pay, amount))


@workflow
async def checked(run: Run[NotApproved], order: str) -> Result[int, NotApproved]:
    """Ask another system."""
    return Ok(await run.step(approval_step("desk", check=look_up, schema=int), order))


@workflow
async def both(run: Run[Declined], a: int, b: int) -> Result[tuple[str, str], Declined]:
    """Pay twice, side by side."""
    return Ok(await run.gather(run.step(pay, a), run.step(pay, b)))


@workflow
async def mixed(run: Run[Declined], amount: int) -> Result[tuple[str, str], Declined]:
    """Pay, and call what is real, side by side."""
    return Ok(await run.gather(run.step(pay, amount), run.step(real, "x")))


@workflow
async def talk(run: Run[Declined], what: str) -> Result[str, Declined]:
    """Note a few things, and call what is real."""
    run.now()
    run.uuid()
    run.random()
    run.patched("politeness")
    return Ok(f"{await run.step(real, what)}, {await run.step(plainly, what)}")


@workflow
async def waits(run: Run[WaitError]) -> Result[str, WaitError]:
    """Sleep, hear a signal, and have a promise kept."""
    await run.sleep("2s")
    await run.sleep("3d")
    match await run.wait_for("paid", str, timeout="1h"):
        case Ok(how):
            pass
        case Err(late):
            return Err(late)
    promise = run.promise("signed", str)
    return Ok(f"{how}, {await promise}")


@workflow
async def parent(run: Run[RefundError], amount: int) -> Result[str, RefundError]:
    """Have another run pay, after a day."""
    await run.sleep("1d")
    return Ok(await run.child(payment(amount), run_id="child"))


@workflow
async def two_votes(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask two people."""
    return Ok(await run.approval("board", proposes=amount, policy=Policy(needs=2)))


@workflow
async def first_of(run: Run[NotApproved], amount: int) -> Result[str, NotApproved]:
    """Ask, for two hours at most, as a race."""
    await run.race(run.decision("manager", proposes=amount), run.sleep("2h"))
    return Ok("done")


@workflow
async def ticking(run: Run[Declined]) -> Result[None, Declined]:
    """Go on for ever."""
    while True:
        await run.sleep("1d")
