"""Expenses: a report goes from the manager to finance and to the board, as far as its amount takes it.

    export AWAITLY_STORE=sqlite:///expenses.db
    python expenses.py                           hands the reports in, and says who has them
    awaitly approve expense-E-2 --by mona        the manager decides
    awaitly edit expense-E-3 9500 --by mona      the manager takes something off
    python expenses.py                           goes on, and says how far each has come
    awaitly show expense-E-3                     draws it
    awaitly away mona --to max --until 14d       mona is on holiday: max decides for her
    awaitly worker expenses:orchestrator         reminds, escalates and goes on by itself

Finance is asked above 1,000, two of the board above 10,000: of the amount as it stands when their turn comes. Whoever
rejects gives the report back to the one before; the manager's rejection ends it. All that is known about the reports
is in expenses.db, so this program may be stopped at any moment and started again.
"""

import asyncio
import csv
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeAlias

from attrs import frozen

from awaitly import (
    Bounds,
    Err,
    Escalation,
    NotApproved,
    Ok,
    OnReject,
    Orchestrator,
    PendingApproval,
    Policy,
    Progress,
    Result,
    Run,
    Stage,
    StageProgress,
    Store,
    open_store,
    workflow,
)

CENT = Decimal("0.01")
ASK_FINANCE_ABOVE = Decimal(1_000)
ASK_BOARD_ABOVE = Decimal(10_000)


@frozen
class Report:
    number: str
    employee: str
    manager: str
    purpose: str
    amount: Decimal


@frozen
class Payment:
    number: str
    to: str
    amount: Decimal


@frozen
class NothingToPay:
    number: str

    def __str__(self) -> str:
        return f"report {self.number} claims nothing that could be paid"


ExpenseError: TypeAlias = NothingToPay | NotApproved

REPORTS = [
    Report("E-1", "ida", "mona", "Train to Lyon", Decimal("184.50")),
    Report("E-2", "ben", "mona", "A week at a fair", Decimal("2310.00")),
    Report("E-3", "ida", "mona", "Machines for the workshop", Decimal("14800.00")),
    Report("E-4", "joe", "karl", "Lost receipt", Decimal("0.00")),
]


# Working hours: Monday to Friday, nine to five. Deadlines and levels of escalation are counted in them.

OPENS, CLOSES = time(9, tzinfo=UTC), time(17, tzinfo=UTC)


def working_days(start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give the working hours that are left from a moment on, day by day."""
    day = start.date()
    while True:
        opens, closes = datetime.combine(day, OPENS), datetime.combine(day, CLOSES)
        if day.weekday() < 5 and start < closes:
            yield max(start, opens), closes
        day += timedelta(days=1)


def office_hours(start: datetime, length: timedelta) -> datetime:
    """Give the moment that is a length of working time after another."""
    for opens, closes in working_days(start):
        if length <= closes - opens:
            return opens + length
        length -= closes - opens
    raise AssertionError("there is always another working day")


# Who decides, by when, and who else once nobody has.


def manager_of(report: Report) -> Policy:
    return Policy(
        approvers=[report.manager],
        expires_in="40h",
        remind_every="24h",
        escalations=[
            Escalation("2h", ["role:deputy"]),
            Escalation("8h", ["role:head"], repeat=2, every="30m"),
            Escalation("24h", ["role:director"], replaces=True),
        ],
        calendar=office_hours,
    )


FINANCE = Policy(approvers=["role:finance"], expires_in="40h", remind_every="24h", calendar=office_hours)
BOARD = Policy(approvers=["role:board"], needs=2, expires_in="80h", remind_every="24h", calendar=office_hours)


def stages(report: Report) -> tuple[Stage[Decimal], ...]:
    return (
        Stage("manager", policy=manager_of(report)),
        Stage("finance", when=lambda amount: amount > ASK_FINANCE_ABOVE, policy=FINANCE, on_reject=OnReject.BACK),
        Stage("board", when=lambda amount: amount > ASK_BOARD_ABOVE, policy=BOARD, on_reject=OnReject.BACK),
    )


class Payroll:
    """Stands in for what pays: each payment is a line in a file, and the same key pays once."""

    def __init__(self, payments: Path) -> None:
        self.payments = payments

    def pay(self, report: Report, amount: Decimal, key: str) -> Result[Payment, NothingToPay]:
        with self.payments.open("a+", encoding="utf-8", newline="") as file:
            file.seek(0)
            if all(line[0] != key for line in csv.reader(file)):
                csv.writer(file).writerow([key, report.number, report.employee, amount])
        return Ok(Payment(report.number, report.employee, amount))


payroll = Payroll(Path("paid.csv"))


async def check(report: Report) -> Result[Report, NothingToPay]:
    return Ok(report) if report.amount > 0 else Err(NothingToPay(report.number))


# The workflow: check, the chain of people, pay what the last of them has left.


@workflow
async def expense(run: Run[ExpenseError], report: Report) -> Result[Payment, ExpenseError]:
    checked = await run.step(check, report)
    amount = await run.chain(
        "expense",
        *stages(checked),
        proposes=checked.amount,
        schema=Annotated[Decimal, Bounds(gt=0, le=checked.amount, multiple_of=CENT)],
        summary=f"{checked.employee}: {checked.purpose}",
    )
    return Ok(await run.step(payroll.pay, checked, amount, run.idempotency_key))


# Running it.


def run_id(report: Report) -> str:
    return f"expense-{report.number}"


def orchestrator(store: Store | None = None) -> Orchestrator:
    return Orchestrator(open_store("sqlite:///expenses.db") if store is None else store, workflows=[expense])


def said(stage: StageProgress) -> str:
    who = f" for {' or '.join(stage.waits_for)}" if stage.waits_for else ""
    return f"{stage.name} {stage.state.value}{who}"


def line(progress: Progress) -> str:
    return ", ".join(map(said, progress.stages))


async def hand_in(expenses: Orchestrator, report: Report) -> None:
    execution = await expenses.start(expense(report), run_id=run_id(report), requested_by=report.employee)
    match execution.result:
        case Ok(payment):
            print(f"{execution.run_id}: paid {payment.amount:,} to {payment.to}")
        case Err(PendingApproval() as pending):
            progress = (await expenses.progress(execution.run_id, "expense")).map(line)
            print(f"{execution.run_id}: {pending.arguments} - {progress.value_or('nobody was asked')}")
        case Err(error):
            print(f"{execution.run_id}: not paid. {error}")


async def main() -> None:
    async with orchestrator() as expenses:
        await expenses.recover()
        for report in REPORTS:
            await hand_in(expenses, report)


if __name__ == "__main__":
    asyncio.run(main())
