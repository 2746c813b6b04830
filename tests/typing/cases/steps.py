"""Steps: what checks, and what must not. Each line marked E is refused by mypy and by pyright, all others by neither."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TypeAlias, assert_type

import returns.result
from attrs import frozen
from returns.future import FutureResult

from awaitly import Err, NotApproved, Ok, Policy, Result, Retry, Run, UnexpectedError, catching, step, workflow


@frozen
class NotFound:
    id: str


@frozen
class Declined:
    code: int


@frozen
class Undeclared:
    why: str


RefundError: TypeAlias = NotFound | Declined | NotApproved


async def load(order_id: str) -> Result[int, NotFound]:
    return Ok(len(order_id))


def load_plain(order_id: str) -> Result[int, NotFound]:
    return Err(NotFound(order_id))


async def load_open(order_id: str) -> returns.result.Result[int, NotFound]:
    return Ok(len(order_id))


def load_future(order_id: str) -> FutureResult[int, NotFound]:
    return FutureResult.from_value(len(order_id))


async def charge(amount: int, *, currency: str) -> Result[str, Declined]:
    return Ok(f"{amount} {currency}")


async def stray() -> Result[str, Undeclared]:
    return Err(Undeclared("x"))


@workflow
async def refund(run: Run[RefundError], order_id: str) -> Result[str, RefundError]:
    assert_type(await run.step(load, order_id), int)
    assert_type(await run.step(load_plain, order_id), int)
    assert_type(await run.step(load_open, order_id), int)
    assert_type(await run.step(functools.partial(load), order_id), int)
    assert_type(await run.step(step(load, key="again", retry=Retry(attempts=3), timeout="30s"), order_id), int)
    assert_type(await run.attempt(stray), Result[str, Undeclared | UnexpectedError])
    amount = await run.approval("manager", proposes=Decimal(1), policy=Policy(approvers=["role:manager"]))
    assert_type(amount, Decimal)
    pair = await run.gather(run.step(load, order_id), run.step(charge, 1, currency="eur"))
    assert_type(pair, tuple[int, str])
    return Ok(await run.step(charge, 3, currency="eur"))


@workflow
async def wrong(run: Run[NotFound], order_id: str) -> Result[int, NotFound]:
    amount = await run.step(load, order_id)
    await run.approval("manager", proposes=amount)  # E: the workflow does not declare NotApproved
    await run.decision("manager", proposes=amount)
    await run.step(stray)  # E: Undeclared is not declared
    await run.step(load, 3)  # E: wrong argument
    await run.step(load)  # E: missing argument
    await run.step(charge, amount, currency=3)  # E: wrong keyword argument
    run.fail(Undeclared("no"))  # E: Undeclared is not declared
    return Ok(amount)


async def arguments() -> None:
    refund("order-1")
    refund(3)  # E: wrong argument
    refund()  # E: missing argument
    refund("order-1", "order-2")  # E: one argument too many


def parse(text: str) -> int:
    return int(text)


async def caught() -> None:
    assert_type(catching(ValueError, KeyError)(parse)("3"), Result[int, ValueError | KeyError])
    catching(ValueError)(parse)(3)  # E: wrong argument
