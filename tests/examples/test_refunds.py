from __future__ import annotations

import csv
import importlib.util
import runpy
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import awaitly
from awaitly import (
    ApprovalExpired,
    ApprovalStatus,
    Err,
    InvalidEdit,
    MemoryStore,
    Ok,
    Orchestrator,
    PendingApproval,
    RunConflict,
    RunStatus,
)
from awaitly.cli.example import load_example
from awaitly.testing import CRASH, Asked, At, Call, Crash, Decided, Ended, Simulation, Started, StepDone

FOLDER = Path(awaitly.__file__).parents[1] / "examples" / "refunds"
ROW = ["A-1", "Ann", "12.50", "EUR", "2026-10-05", "Wrong size"]


def loaded(name: str) -> ModuleType:
    """Load one of the example's files by its path."""
    spec = importlib.util.spec_from_file_location(f"tested_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Any]:
    """Give the example, paying into a file of the test's own."""
    module: Any = loaded("refunds")
    module.bank.payments = tmp_path / "payments.csv"
    yield module
    del sys.modules[module.__name__]


def payments(example: Any) -> list[list[str]]:
    """Read what was paid back, without the keys."""
    if not example.bank.payments.exists():
        return []
    with example.bank.payments.open(encoding="utf-8", newline="") as file:
        return [line[1:] for line in csv.reader(file)]


async def started(example: Any, row: list[str]) -> Any:
    """Start one row's run in a store of its own and give its result."""
    async with Orchestrator(MemoryStore(), workflows=[example.refund]) as orchestrator:
        return (await orchestrator.start(example.refund(row), run_id="r1")).result


def test_the_orders_are_those_that_the_script_writes(tmp_path: Path) -> None:
    """The committed file can be made anew."""
    script: Any = loaded("make_orders")
    with (FOLDER / "orders.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [script.HEADER, *script.rows()]


def test_the_orders_have_all_that_they_are_to_show(example: Any) -> None:
    """Two hundred rows and more, five currencies, cents to thousands."""
    rows = [row for row in example.rows() if isinstance(example.read_request(row), Ok)]
    assert len(example.rows()) >= 200
    assert {row[3] for row in rows} == set(example.LIMITS)
    amounts = [Decimal(row[2]) for row in rows]
    assert min(amounts) < 1
    assert max(amounts) > 1_000


async def test_a_small_refund_is_paid_at_once(example: Any) -> None:
    """Up to the limit of its currency."""
    assert (await started(example, ROW)).unwrap().amount == Decimal("12.50")
    assert payments(example) == [["A-1", "Ann", "12.50", "EUR"]]


@pytest.mark.parametrize(("amount", "waits"), [("500", False), ("500.01", True)])
async def test_the_limit_itself_needs_nobody(example: Any, amount: str, waits: bool) -> None:
    """One cent more does."""
    result = await started(example, [*ROW[:2], amount, *ROW[3:]])
    assert isinstance(result, Err) is waits
    assert len(payments(example)) == (0 if waits else 1)


async def test_a_large_refund_is_paid_as_it_was_edited(example: Any) -> None:
    """And once, however often it is resumed."""
    row = [*ROW[:2], "800", *ROW[3:]]
    async with Orchestrator(MemoryStore(), workflows=[example.refund]) as orchestrator:
        execution = await orchestrator.start(example.refund(row), run_id="r1")
        assert isinstance(execution.result.failure(), PendingApproval)
        await orchestrator.edit("r1", "manager", Decimal(700), by="bob")
        for _ in range(3):
            assert (await orchestrator.resume("r1", example.refund)).result.unwrap().amount == 700
    assert payments(example) == [["A-1", "Ann", "700", "EUR"]]


async def test_a_large_refund_that_is_approved_on_the_sixth_day(example: Any) -> None:
    """The bank refuses nothing, and is asked once, with the key of the run; the row is read once."""
    paid = Ok(example.Payment("A-1", Decimal(800), "EUR"))
    async with Simulation(workflows=[example.refund], steps={example.bank.pay_back: [paid]}) as sim:
        await sim.start(example.refund([*ROW[:2], "800", *ROW[3:]]), run_id="r1")
        await sim.skip("6d")
        await sim.approve("r1", by="bob")
        sim.expect(
            "r1",
            [
                At("0s", Started()),
                At("0s", StepDone("read_request")),
                At("0s", Asked("manager")),
                At("6d", Decided("manager", by="bob")),
                At("6d", StepDone("pay_back")),
                At("6d", Ended(RunStatus.COMPLETED)),
            ],
        )
        assert sim.calls(example.read_request) == [Call([*ROW[:2], "800", *ROW[3:]])]
        assert [call.args[1] for call in sim.calls(example.bank.pay_back)] == [Decimal(800)]
    assert payments(example) == []


async def test_a_large_refund_that_nobody_decides_expires_after_a_week(example: Any) -> None:
    """Nothing is paid; it says when the time was up."""
    async with Simulation(workflows=[example.refund]) as sim:
        await sim.start(example.refund([*ROW[:2], "800", *ROW[3:]]), run_id="r1")
        await sim.run_until_idle()
        assert isinstance((await sim.execution("r1")).result.failure(), ApprovalExpired)
        assert sim.timeline("r1")[-2:] == [
            At("7d", Decided("manager", "system:timeout", ApprovalStatus.EXPIRED)),
            At("7d", Ended(RunStatus.FAILED)),
        ]
    assert payments(example) == []


async def test_a_process_that_dies_while_it_pays_pays_once(example: Any) -> None:
    """The payment was made before the process died: the next one asks the bank again, under the same key."""

    def pay_and_die(request: Any, amount: Decimal, key: str) -> Crash:
        example.bank.pay_back(request, amount, key)
        return CRASH

    steps = {example.bank.pay_back: [pay_and_die, example.bank.pay_back]}
    async with Simulation(workflows=[example.refund], steps=steps) as sim:
        await sim.start(example.refund(ROW), run_id="r1")
        await sim.skip("30s")
        assert (await sim.execution("r1")).result.unwrap().amount == Decimal("12.50")
        assert len(sim.calls(example.bank.pay_back)) == 2
    assert payments(example) == [["A-1", "Ann", "12.50", "EUR"]]


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("EUR", "-5"), ("EUR", "0"), ("EUR", "0.001"), ("EUR", "90000.01"), ("JPY", "0.5"), ("JPY", "90001")],
)
async def test_an_edit_that_is_no_amount_is_refused(example: Any, currency: str, amount: str) -> None:
    """Whoever makes it, in whichever process: above 0, at most what was claimed, in the units of the currency."""
    store = MemoryStore()
    async with Orchestrator(store, workflows=[example.refund]) as orchestrator:
        await orchestrator.start(example.refund([*ROW[:2], "90000", currency, *ROW[4:]]), run_id="r1")
        assert isinstance((await orchestrator.edit("r1", None, Decimal(amount), by="bob")).failure(), InvalidEdit)
    async with Orchestrator(store) as orchestrator:
        assert isinstance((await orchestrator.edit("r1", None, amount, by="bob")).failure(), InvalidEdit)
        assert len((await orchestrator.pending()).items) == 1


def test_the_bank_refuses_more_than_was_claimed(example: Any) -> None:
    """Whatever its caller has checked before; the error says so in a sentence."""
    error = example.bank.pay_back(example.read_request(ROW).unwrap(), Decimal("12.51"), "key").failure()
    assert str(error) == "the bank refuses: 12.51 is not between 0 and the 12.50 that was claimed"
    assert payments(example) == []


async def test_an_order_id_that_stands_twice_is_a_conflict(example: Any) -> None:
    """The first row has the run; the second is told so, and is not paid."""
    async with Orchestrator(MemoryStore(), workflows=[example.refund]) as orchestrator:
        await orchestrator.start(example.refund(ROW), run_id=example.run_id(ROW))
        other = [*ROW[:2], "9.99", *ROW[3:]]
        result = (await orchestrator.start(example.refund(other), run_id=example.run_id(other))).result
    assert isinstance(result.failure(), RunConflict)
    assert len(payments(example)) == 1


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (2, ""),
        (2, "-24.90"),
        (2, "0"),
        (2, "twelve"),
        (2, "1E+999999"),
        (2, "1e-30"),
        (2, "12.345"),
        (2, "1e-999999999"),
        (2, "NaN"),
        (2, "Infinity"),
        (3, "XQZ"),
        (3, ""),
        (4, "2026-02-30"),
        (4, "soon"),
    ],
)
def test_a_malformed_row_is_a_typed_error(example: Any, column: int, text: str) -> None:
    """It names the column."""
    row = [*ROW[:column], text, *ROW[column + 1 :]]
    error = example.read_request(row).failure()
    assert isinstance(error, example.MalformedRow)
    assert error.column == ["order_id", "customer", "amount", "currency", "requested_on", "reason"][column]


def test_half_a_yen_is_malformed(example: Any) -> None:
    """Each currency has its unit."""
    error = example.read_request([*ROW[:2], "10.5", "JPY", *ROW[4:]]).failure()
    assert str(error) == "amount: '10.5' is no amount between 1 and 1,000,000"


@pytest.mark.parametrize("row", [[], ["A-1"], [*ROW, "more"]])
async def test_a_row_with_other_columns_is_a_typed_error(example: Any, row: list[str]) -> None:
    """Also one that is empty; the run ends with the error, and the next row goes on."""
    assert (await started(example, row)).failure() == example.MalformedRow("row", f"{len(row)} columns instead of 6")
    assert example.run_id(row)


def test_a_key_is_paid_once(example: Any) -> None:
    """As payment providers do, when a program that was cut off asks again."""
    request = example.read_request(ROW).unwrap()
    for _ in range(3):
        assert example.bank.pay_back(request, Decimal("12.50"), "key").unwrap().order_id == "A-1"
    assert len(payments(example)) == 1


def test_the_example_runs_as_a_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As its own page says, and again without paying anybody twice."""
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    for _ in range(2):
        runpy.run_path(str(FOLDER / "refunds.py"), run_name="__main__")
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "refund-A-1062: waits for manager. Refund 1,195.00 EUR to Aiko Tanaka" in said[0]
    assert len(Path("payments.csv").read_text(encoding="utf-8").splitlines()) == 195


def test_the_demo_finds_the_example(tmp_path: Path) -> None:
    """In a checkout, and in a wheel beside the package's own modules."""
    assert load_example(tmp_path / "p.csv").refund.name == "refund"


async def test_the_doctor_finds_nothing_in_unchanged_code(example: Any) -> None:
    """All orders of the example, asking and then decided."""
    async with Orchestrator(MemoryStore(), workflows=[example.refund]) as orchestrator:
        for number, row in enumerate(example.rows()):
            await orchestrator.start(example.refund(row), run_id=str(number))
        asking = [each async for each in orchestrator.doctor()]
        for each in asking:
            await orchestrator.approve(each.run_id, by=awaitly.Actor("mona", ["manager"]))
        decided = [each async for each in orchestrator.doctor()]
    assert len(decided) == len(asking) > 1
    assert {each.verdict for each in (*asking, *decided)} == {awaitly.Verdict.FITS}
