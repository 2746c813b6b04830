"""Simulations: answers are results, exceptions or functions; decisions are made by three verbs; results stay typed."""

from __future__ import annotations

from typing import TypeAlias, assert_type

from attrs import frozen

from awaitly import Decision, Err, Execution, NotApproved, Ok, Refusal, Result, Run, workflow
from awaitly.errors import UnknownRun
from awaitly.testing import CRASH, Asked, At, Call, Simulation, Steps, approve, edit, reject


@frozen
class Declined:
    code: str


RefundError: TypeAlias = Declined | NotApproved


async def load(order_id: str) -> Result[int, Declined]:
    return Ok(len(order_id))


def pay(amount: int) -> Result[str, Declined]:
    return Ok(str(amount))


@workflow
async def refund(run: Run[RefundError], order_id: str) -> Result[str, RefundError]:
    amount = await run.step(load, order_id)
    return Ok(await run.step(pay, await run.approval("manager", proposes=amount)))


async def paid_later(amount: int) -> Result[str, Declined]:
    return Ok(f"{amount} later")


STEPS = {load: Ok(5), pay: Ok("paid")}
SCRIPT: Steps = {load: [Ok(5), Err(Declined("x")), OSError("away"), OSError, CRASH], pay: paid_later}


async def simulated() -> None:
    async with Simulation(workflows=[refund], steps=STEPS, decisions={"manager": approve(by="ann", after="2h")}) as sim:
        execution = await sim.start(refund("order-1"), run_id="r")
        assert_type(execution, Execution[str, RefundError])
        assert_type(await sim.execution("r", refund), Execution[str, RefundError | UnknownRun])
        assert_type(await sim.approve("r", by="ann"), Result[Decision, Refusal])
        assert_type(sim.calls(pay), list[Call])
        assert_type(sim.timeline("r"), list[At])
        sim.expect("r", [At("0s", Asked("manager"))])
        sim.expect("r", [("0s", "asked")])  # E: the entries of a timeline are `At`s
        At("0s", "asked")  # E: what happened is no text
        await sim.start(refund(1))  # E: a wrong argument
        await sim.approve("r")  # E: nobody decides


Simulation(workflows=[refund], steps=SCRIPT, strict=True)
Simulation(workflows=[refund], decisions={"manager": [reject("no", by="bob"), edit(3, by="ann")]})
Simulation(workflows=[refund], steps={pay: "paid"})  # E: a plain value is no result
Simulation(workflows=[refund], steps={pay: [Ok("paid"), None]})  # E: nor is nothing
Simulation(workflows=[refund], decisions={"manager": Ok(5)})  # E: a result is no decision
Simulation(workflows=[pay])  # E: a step is no workflow
approve("ann")  # E: who approves is named
