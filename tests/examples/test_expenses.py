from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import awaitly
from awaitly import (
    Actor,
    ApprovalExpired,
    ApprovalRejected,
    Err,
    InvalidEdit,
    MemoryStore,
    NotAuthorised,
    Ok,
    Orchestrator,
    PendingApproval,
    SelfApproval,
    Store,
    StoreUnavailable,
    from_micros,
    said,
)
from awaitly.testing import FailingStore, Failpoints, TestClock
from awaitly_sqlite import SqliteStore

FOLDER = Path(awaitly.__file__).parents[1] / "examples" / "expenses"
FAY = Actor("fay", ["finance"])
BEA, BEN, ZOE = (Actor(name, ["board"]) for name in ("bea", "ben", "zoe"))
MANAGER, FINANCE, BOARD = "expense.manager", "expense.finance", "expense.board"
MONDAY = datetime(2030, 1, 7, tzinfo=UTC)


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Any]:
    """Give the example, paying into a file of the test's own."""
    spec = importlib.util.spec_from_file_location("tested_expenses", FOLDER / "expenses.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.payroll.payments = tmp_path / "paid.csv"
    yield module
    del sys.modules[module.__name__]


@pytest.fixture
def clock() -> TestClock:
    """Give a clock that stands at nine on a Monday."""
    return TestClock()


def paid(example: Any) -> list[str]:
    """Read what was paid, without the keys."""
    file: Path = example.payroll.payments
    return [line.partition(",")[2] for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def report(example: Any, amount: str) -> Any:
    """Make a report of ida's, whose manager is mona."""
    return example.Report("E-1", "ida", "mona", "Train to Lyon", Decimal(amount))


@asynccontextmanager
async def handed_in(example: Any, amount: str, store: Store | None = None) -> AsyncGenerator[Orchestrator]:
    """Hand a report in, as run `r`."""
    async with example.orchestrator(store or MemoryStore()) as expenses:
        await expenses.start(example.expense(report(example, amount)), run_id="r", requested_by="ida")
        yield expenses


async def now_waits(expenses: Orchestrator) -> tuple[str, object]:
    """Go on, and give the key and the amount of what then waits."""
    match (await expenses.resume("r")).result:
        case Err(PendingApproval() as pending):
            return pending.key, pending.arguments
        case result:
            raise AssertionError(result)


async def progress(example: Any, expenses: Orchestrator) -> str:
    """Say how far the report has come, as the example does."""
    text: str = example.line((await expenses.progress("r", "expense")).unwrap())
    return text


async def test_a_small_report_takes_its_manager_alone(example: Any) -> None:
    """Up to 1,000; who handed it in, and who is nobody's manager, may not decide."""
    async with handed_in(example, "1000.00") as expenses:
        assert await progress(example, expenses) == "manager waiting for mona, finance skipped, board skipped"
        assert isinstance((await expenses.approve("r", by="joe")).failure(), NotAuthorised)
        assert isinstance((await expenses.approve("r", by="ida")).failure(), NotAuthorised)
        (await expenses.approve("r", by="mona")).unwrap()
        assert (await expenses.resume("r")).result == Ok(example.Payment("E-1", "ida", Decimal("1000.00")))
        assert await progress(example, expenses) == "manager completed, finance skipped, board skipped"
    assert paid(example) == ["E-1,ida,1000.00"]


async def test_a_large_report_goes_all_the_way(example: Any) -> None:
    """To finance, and to two different people of the board, with its progress at each point."""
    async with handed_in(example, "14800.00") as expenses:
        seen = [await progress(example, expenses)]
        for key, people in ((MANAGER, ["mona"]), (FINANCE, [FAY]), (BOARD, [BEA, BEA, BEN])):
            assert (await now_waits(expenses))[0] == key
            for person in people:
                (await expenses.approve("r", key, by=person)).unwrap()
            await expenses.resume("r")
            seen.append(await progress(example, expenses))
    assert seen == [
        "manager waiting for mona, finance remaining, board remaining",
        "manager completed, finance waiting for role:finance, board remaining",
        "manager completed, finance completed, board waiting for role:board",
        "manager completed, finance completed, board completed",
    ]
    assert paid(example) == ["E-1,ida,14800.00"]


async def test_an_edit_flows_on_to_the_next_stage_and_may_skip_one(example: Any) -> None:
    """What the manager took off finance is not asked about, and the board not at all any more."""
    async with handed_in(example, "14800.00") as expenses:
        (await expenses.edit("r", None, Decimal("9500.00"), by="mona")).unwrap()
        assert await now_waits(expenses) == (FINANCE, "9500.00")
        assert await progress(example, expenses) == (
            "manager completed, finance waiting for role:finance, board skipped"
        )
        (await expenses.edit("r", None, "9400.00", by=FAY)).unwrap()
        assert (await expenses.resume("r")).result.unwrap().amount == Decimal("9400.00")
    assert paid(example) == ["E-1,ida,9400.00"]


@pytest.mark.parametrize("amount", ["0.00", "-1.00", "184.51", "100.001", "much"])
async def test_an_edit_that_could_not_be_paid_is_refused(example: Any, amount: str) -> None:
    """By any process: above nothing, at most what was claimed, to the cent."""
    store = MemoryStore()
    async with handed_in(example, "184.50", store), Orchestrator(store) as other:
        assert isinstance((await other.edit("r", None, amount, by="mona")).failure(), InvalidEdit)


async def test_the_managers_rejection_ends_it(example: Any) -> None:
    """With the reason, and nothing is paid."""
    async with handed_in(example, "2310.00") as expenses:
        await expenses.reject("r", reason="not ours", by="mona")
        failed = (await expenses.resume("r")).result.failure()
        assert failed == ApprovalRejected("r", MANAGER, "mona", "not ours")
        assert await progress(example, expenses) == "manager ended, finance remaining, board skipped"
    assert paid(example) == []


async def test_finance_gives_it_back_to_the_manager(example: Any) -> None:
    """Who is asked again, on the amount as it stands; then finance is, too."""
    async with handed_in(example, "2310.00") as expenses:
        await expenses.edit("r", None, "2000.00", by="mona")
        assert await now_waits(expenses) == (FINANCE, "2000.00")
        await expenses.reject("r", reason="which fair?", by=FAY)
        assert await now_waits(expenses) == (f"{MANAGER}#2", "2000.00")
        assert await progress(example, expenses) == "manager waiting for mona, finance again, board skipped"
        await expenses.edit("r", f"{MANAGER}#2", "1500.00", by="mona")
        assert await now_waits(expenses) == (f"{FINANCE}#2", "1500.00")
        await expenses.approve("r", f"{FINANCE}#2", by=FAY)
        assert (await expenses.resume("r")).result.unwrap().amount == Decimal("1500.00")
    assert paid(example) == ["E-1,ida,1500.00"]


async def test_the_boards_rejection_gives_it_back_to_finance(example: Any) -> None:
    """Not further: the manager has agreed."""
    async with handed_in(example, "14800.00") as expenses:
        await expenses.approve("r", by="mona")
        await expenses.resume("r")
        await expenses.approve("r", FINANCE, by=FAY)
        await expenses.resume("r")
        await expenses.approve("r", BOARD, by=BEA)
        await expenses.reject("r", BOARD, by=ZOE)
        assert await now_waits(expenses) == (f"{FINANCE}#2", "14800.00")
        assert await progress(example, expenses) == ("manager completed, finance waiting for role:finance, board again")


# People who are away


async def test_a_delegate_decides_on_behalf_of_whom_is_away(example: Any, clock: TestClock) -> None:
    """For as long as the holiday lasts; the ledger notes both."""
    async with handed_in(example, "184.50", MemoryStore(clock=clock)) as expenses:
        assert isinstance((await expenses.approve("r", by="max")).failure(), NotAuthorised)
        (await expenses.away("mona", to="max", until="14d")).unwrap()
        assert [each.run_id for each in (await expenses.waiting_for("max")).items] == ["r"]
        (await expenses.edit("r", None, "100.00", by="max")).unwrap()
        assert (await expenses.resume("r")).result.unwrap().amount == Decimal("100.00")
        edited = next(each for each in map(said, await expenses.ledger("r")) if each["event"] == "edited")
    assert (edited["by"], edited["on_behalf_of"]) == ("max", "mona")


async def test_a_delegate_decides_neither_after_the_holiday_nor_on_their_own(example: Any, clock: TestClock) -> None:
    """Nor does a holiday give them what the owner could not decide either."""
    async with handed_in(example, "184.50", MemoryStore(clock=clock)) as expenses:
        (await expenses.away("mona", to="ida", until="14d")).unwrap()
        assert isinstance((await expenses.approve("r", by="ida")).failure(), SelfApproval)
        (await expenses.away("mona", to="max", until="1h")).unwrap()
        clock.advance("1h")
        assert isinstance((await expenses.approve("r", by="max")).failure(), NotAuthorised)


# Overnight


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    """Give a time of a day, counted from Monday."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (moment(0, 9), 8, moment(0, 17)),
        (moment(0, 9), 8.5, moment(1, 9, 30)),
        (moment(0, 16), 2, moment(1, 10)),
        (moment(0, 3), 1, moment(0, 10)),
        (moment(0, 20), 1, moment(1, 10)),
        (moment(4, 16), 2, moment(7, 10)),
        (moment(5, 12), 1, moment(7, 10)),
        (moment(0, 9), 40, moment(4, 17)),
    ],
)
def test_working_time_leaves_out_nights_and_weekends(
    example: Any, start: datetime, hours: float, end: datetime
) -> None:
    """To the minute, whatever the time it is counted from."""
    assert example.office_hours(start, timedelta(hours=hours)) == end


async def told(expenses: Orchestrator) -> list[tuple[datetime, str]]:
    """Give what the ledger says after the asking, and when."""
    entries = [said(entry) for entry in await expenses.ledger("r")]
    return [
        (from_micros(each["at"]), f"{each['event']} {each.get('reason', '')}".strip())
        for each in entries
        if each["event"] in {"escalated", "expired"}
    ]


async def pass_until(end: datetime, expenses: Orchestrator, store: MemoryStore, clock: TestClock) -> None:
    """Go from one due time to the next, and do what is due there."""
    while (due := await store.next_due(awaitly.to_micros(clock()))) is not None and from_micros(due) <= end:
        clock.set(from_micros(due))
        await expenses.recover()
    clock.set(end)


async def test_escalation_waits_for_the_morning(example: Any, clock: TestClock) -> None:
    """Handed in an hour before the office closes: the deputy may decide from ten the next day, not from six."""
    clock.set(moment(0, 16))
    store, deputy = MemoryStore(clock=clock), Actor("dora", ["deputy"])
    async with handed_in(example, "184.50", store) as expenses:
        await pass_until(moment(1, 9, 59), expenses, store, clock)
        assert await told(expenses) == []
        assert isinstance((await expenses.approve("r", by=deputy)).failure(), NotAuthorised)
        await pass_until(moment(1, 10), expenses, store, clock)
        assert await told(expenses) == [(moment(1, 10), "escalated level 1")]
        assert await progress(example, expenses) == (
            "manager waiting for mona or role:deputy, finance skipped, board skipped"
        )
        (await expenses.approve("r", by=deputy)).unwrap()


async def test_nobody_decides_for_a_working_week(example: Any, clock: TestClock) -> None:
    """Three levels and the end come by working time; the last level leaves the director alone."""
    clock.set(moment(0, 16))
    store = MemoryStore(clock=clock)
    async with handed_in(example, "184.50", store) as expenses:
        await pass_until(moment(3, 16), expenses, store, clock)
        assert isinstance((await expenses.approve("r", by="mona")).failure(), NotAuthorised)
        await pass_until(moment(7, 16), expenses, store, clock)
        failed = (await expenses.resume("r")).result.failure()
        assert failed == ApprovalExpired("r", MANAGER, moment(7, 16))
        assert [each for each in await told(expenses) if "expired" not in each[1]] == [
            (moment(1, 10), "escalated level 1"),
            (moment(1, 16), "escalated level 2"),
            (moment(1, 16, 30), "escalated level 2, for the 2. time"),
            (moment(3, 16), "escalated level 3"),
        ]
        reminded = [each for each in map(said, await expenses.ledger("r")) if each["event"] == "reminded"]
        assert [from_micros(each["at"]) for each in reminded] == [moment(day, 16) for day in range(1, 7)]
    assert paid(example) == []


# Processes that die


@pytest.mark.parametrize("failpoint", ["start", "decide", "claim", "park", "end"])
@pytest.mark.parametrize("side", ["before", "after"])
async def test_processes_die_in_between_and_it_is_paid_once(
    example: Any, clock: TestClock, tmp_path: Path, failpoint: str, side: str
) -> None:
    """Each process does one thing and is gone, and one of them dies at a write: nothing is lost, nor paid twice."""
    failpoints, deaths = Failpoints(), list[str]()

    async def die() -> None:
        deaths.append(failpoint)
        raise StoreUnavailable("a test")

    failpoints.arm(f"{failpoint}.{side}", die, 1)
    handed = example.expense(report(example, "14800.00"))
    for _ in range(10):
        async with example.orchestrator(
            FailingStore(SqliteStore(tmp_path / "runs.db", clock=clock), failpoints)
        ) as expenses:
            with suppress(StoreUnavailable):
                await expenses.start(handed, run_id="r", requested_by="ida")
                await expenses.edit("r", MANAGER, "14000.00", by="mona")
                await expenses.approve("r", FINANCE, by=FAY)
                for person in (BEA, BEN):
                    await expenses.approve("r", BOARD, by=person)
        clock.advance("31s")
    async with example.orchestrator(SqliteStore(tmp_path / "runs.db", clock=clock)) as expenses:
        assert (await expenses.resume("r")).result.unwrap().amount == Decimal("14000.00")
        assert await progress(example, expenses) == "manager completed, finance completed, board completed"
        assert isinstance(await expenses.verify("r"), Ok)
    assert paid(example) == ["E-1,ida,14000.00"]
    assert deaths == [failpoint]


# The program


async def test_the_program_says_how_far_each_report_has_come(
    example: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each time it is called; what was decided meanwhile goes on."""
    monkeypatch.chdir(tmp_path)
    await example.main()
    assert capsys.readouterr().out.splitlines() == [
        "expense-E-1: 184.50 - manager waiting for mona, finance skipped, board skipped",
        "expense-E-2: 2310.00 - manager waiting for mona, finance remaining, board skipped",
        "expense-E-3: 14800.00 - manager waiting for mona, finance remaining, board remaining",
        "expense-E-4: not paid. report E-4 claims nothing that could be paid",
    ]
    async with Orchestrator(awaitly.open_store("sqlite:///expenses.db")) as deciding:
        (await deciding.away("mona", to="max", until="14d")).unwrap()
        await deciding.approve("expense-E-1", by="max")
        await deciding.edit("expense-E-3", None, "9500.00", by="max")
    await example.main()
    assert capsys.readouterr().out.splitlines()[:3:2] == [
        "expense-E-1: paid 184.50 to ida",
        "expense-E-3: 9500.00 - manager completed, finance waiting for role:finance, board skipped",
    ]
    assert paid(example) == ["E-1,ida,184.50"]
