"""Refunds: small ones are paid back at once, large ones wait for a person.

    python refunds.py                                                             pays, and says what waits
    awaitly approve refund-A-1062 --by ann --store sqlite:///refunds.db           a person decides
    python refunds.py                                                             pays what was approved

Every row of orders.csv becomes one run. All that is known about the runs is in refunds.db, so this program may be
stopped at any moment and started again: it goes on where it was, and pays nobody twice.
"""

import asyncio
import csv
import os
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, TypeAlias

from attrs import frozen

from awaitly import (
    Bounds,
    Err,
    NotApproved,
    Ok,
    Orchestrator,
    PendingApproval,
    Policy,
    Result,
    Run,
    catching,
    open_store,
    workflow,
)

ORDERS = Path(__file__).with_name("orders.csv")

LIMITS = {"EUR": Decimal(500), "USD": Decimal(550), "GBP": Decimal(450), "CHF": Decimal(500), "JPY": Decimal(80_000)}
"""The currencies we pay in, and up to which amount nobody needs to be asked."""

UNITS = dict.fromkeys(LIMITS, Decimal("0.01")) | {"JPY": Decimal(1)}
"""The smallest amount of each currency."""


# What goes in, what comes out, and what can go wrong: plain frozen values. An error's `str` is what people read.


@frozen
class Request:
    order_id: str
    customer: str
    amount: Decimal
    currency: str
    requested_on: date
    reason: str


@frozen
class Payment:
    order_id: str
    amount: Decimal
    currency: str


@frozen
class MalformedRow:
    column: str
    problem: str

    def __str__(self) -> str:
        return f"{self.column}: {self.problem}"


@frozen
class PaymentRefused:
    problem: str

    def __str__(self) -> str:
        return f"the bank refuses: {self.problem}"


RefundError: TypeAlias = MalformedRow | PaymentRefused | NotApproved


# The steps: ordinary functions that return Ok(...) or Err(...).


def read_request(row: list[str]) -> Result[Request, MalformedRow]:
    if len(row) != 6:
        return Err(MalformedRow("row", f"{len(row)} columns instead of 6"))
    order_id, customer, amount_text, currency, date_text, reason = row
    if currency not in LIMITS:
        return Err(MalformedRow("currency", f"{currency!r} is none of {', '.join(LIMITS)}"))
    match catching(ValueError)(date.fromisoformat)(date_text):
        case Err():
            return Err(MalformedRow("requested_on", f"{date_text!r} is no date"))
        case Ok(requested_on):
            pass
    match read_amount(amount_text, UNITS[currency]):
        case Err(malformed):
            return Err(malformed)
        case Ok(amount):
            return Ok(Request(order_id, customer, amount, currency, requested_on, reason))


def read_amount(text: str, unit: Decimal) -> Result[Decimal, MalformedRow]:
    match catching(InvalidOperation)(Decimal)(text):
        case Ok(amount) if amount.is_finite() and unit <= amount < 1_000_000 and amount % unit == 0:
            return Ok(amount)
        case _:
            return Err(MalformedRow("amount", f"{text!r} is no amount between {unit} and 1,000,000"))


class Bank:
    """Stands in for a payment provider: each payment is a line in a file.

    As with real providers, a payment that is asked for again under the same key is made once.
    """

    def __init__(self, payments: Path) -> None:
        self.payments = payments

    def pay_back(self, request: Request, amount: Decimal, key: str) -> Result[Payment, PaymentRefused]:
        if not 0 < amount <= request.amount:
            return Err(PaymentRefused(f"{amount} is not between 0 and the {request.amount} that was claimed"))
        with self.payments.open("a+", encoding="utf-8", newline="") as file:
            file.seek(0)
            if all(line[0] != key for line in csv.reader(file)):
                csv.writer(file).writerow([key, request.order_id, request.customer, amount, request.currency])
                file.flush()
                os.fsync(file.fileno())
        return Ok(Payment(request.order_id, amount, request.currency))


bank = Bank(Path("payments.csv"))


# The workflow: the steps in order, and the question in their midst.


@workflow
async def refund(run: Run[RefundError], row: list[str]) -> Result[Payment, RefundError]:
    request = await run.step(read_request, row)
    amount = request.amount
    if amount > LIMITS[request.currency]:
        amount = await run.approval(
            "manager",
            proposes=amount,
            schema=Annotated[Decimal, Bounds(gt=0, le=request.amount, multiple_of=UNITS[request.currency])],
            summary=f"Refund {amount:,} {request.currency} to {request.customer}: {request.reason}",
            policy=Policy(expires_in="7d"),
        )
    return Ok(await run.step(bank.pay_back, request, amount, run.idempotency_key))


# Running it over the whole file. A row that is malformed, or that waits, does not hold up the others.


def rows() -> list[list[str]]:
    with ORDERS.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def run_id(row: list[str]) -> str:
    return f"refund-{row[0]}" if row else "refund-of-an-empty-row"


async def main() -> None:
    async with Orchestrator(open_store("sqlite:///refunds.db"), workflows=[refund]) as orchestrator:
        for row in rows():
            execution = await orchestrator.start(refund(row), run_id=run_id(row))
            match execution.result:
                case Ok(payment):
                    print(f"{execution.run_id}: paid back {payment.amount:,} {payment.currency}")
                case Err(PendingApproval() as pending):
                    print(f"{execution.run_id}: waits for {pending.key}. {pending.summary}")
                case Err(error):
                    print(f"{execution.run_id}: not paid. {error}")


if __name__ == "__main__":
    asyncio.run(main())
