"""Bounds of numbers: one rule for what is stored, proposed and edited, in every process."""

from __future__ import annotations

import gc
import json
import weakref
from decimal import Decimal
from typing import Annotated, Any, Union

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from awaitly import (
    Bounds,
    Codec,
    DefinitionError,
    Err,
    InvalidEdit,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Result,
    Run,
    UnexpectedError,
    UnstorableValue,
    execute,
    gated_step,
    workflow,
)
from awaitly.schema import json_schema, validate

CODEC = Codec()
PRICE = Annotated[Decimal, Bounds(gt=0, le=Decimal("99.90"), multiple_of=Decimal("0.01"))]
FRACTION = Annotated[float, Bounds(ge=0, lt=1)]
OR_NONE: Any = Union[Annotated[Decimal, Bounds(gt=0)], None]  # noqa: UP007  (made at run time)


@frozen
class Item:
    """A class with a bounded field."""

    price: PRICE


def reason(hint: object, plain: object) -> str:
    """Give why the codec and the schema refuse a JSON value, which both must do in the same words."""
    by_schema = validate(json.dumps(json_schema(hint)), plain).failure()  # type: ignore[arg-type]
    assert CODEC.revive(plain, hint) == Err(by_schema)  # type: ignore[arg-type]
    return by_schema.reason


@pytest.mark.parametrize("text", ["0.01", "99.90", "99.9", "1E+1", "1.000"])
def test_what_lies_within_is_taken(text: str) -> None:
    """However its digits are written."""
    assert validate(json.dumps(json_schema(PRICE)), text) == Ok(None)
    assert CODEC.revive(text, PRICE) == Ok(Decimal(text))
    assert CODEC.plain(Decimal(text), PRICE) == Ok(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0", "must be above 0"),
        ("-0", "must be above 0"),
        ("-5", "must be above 0"),
        ("99.91", "must be at most 99.90"),
        ("1E+999999", "must be at most 99.90"),
        ("0.001", "must be a multiple of 0.01"),
        ("1E-99999999", "must be a multiple of 0.01"),
        (f"1.{'0' * 50}1", "must be a multiple of 0.01"),
        ("abc", "the text is not a decimal number such as 12.50"),
    ],
)
def test_what_lies_outside_is_refused_by_codec_and_schema_alike(text: str, why: str) -> None:
    """The sentence names the bound, and not the value, which may be a secret."""
    assert reason(PRICE, text) == why


@pytest.mark.parametrize(
    ("hint", "value", "why"),
    [
        (Annotated[int, Bounds(ge=1)], 0, "must be at least 1"),
        (Annotated[int, Bounds(lt=Decimal("2.5"))], 3, "must be below 2.5"),
        (Annotated[int, Bounds(multiple_of=5)], 12, "must be a multiple of 5"),
        (Annotated[float, Bounds(multiple_of=0.01)], 0.071, "must be a multiple of 0.01"),
        (Annotated[Annotated[int, Bounds(ge=1)], Bounds(le=9)], 10, "must be at most 9"),
        (FRACTION, 1.0, "must be below 1"),
    ],
)
def test_bounds_stand_on_every_kind_of_number(hint: object, value: object, why: str) -> None:
    """Whole ones, floats and decimals, and on what has bounds already."""
    assert reason(hint, value) == why


def test_a_float_is_judged_as_it_is_written() -> None:
    """0.07 is seven times 0.01, whatever it is in binary."""
    hint = Annotated[float, Bounds(multiple_of=0.01)]
    assert validate(json.dumps(json_schema(hint)), 0.07) == Ok(None)
    assert CODEC.plain(0.07, hint) == Ok(0.07)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(-1000, 1000), st.decimals(-1000, 1000))
def test_codec_and_schema_agree(value: Decimal, low: Decimal, high: Decimal) -> None:
    """On every number and all bounds."""
    hint = Annotated[Decimal, Bounds(gt=low, le=high)]
    taken = isinstance(CODEC.encode(value, hint), Ok)
    assert taken is (low < value <= high)
    assert isinstance(validate(json.dumps(json_schema(hint)), str(value)), Ok) is taken


def test_a_field_of_a_class_is_bounded() -> None:
    """The place is named."""
    assert CODEC.encode(Item(Decimal(0)), Item).failure().path == "$.price"
    refused = validate(json.dumps(json_schema(Item)), {"$type": "Item", "price": "0"}).failure()
    assert (refused.path, refused.reason) == ("$.price", "must be above 0")


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        (OR_NONE, "member of a union"),
        (Annotated[str, Bounds(gt=0)], "an int, a float or a Decimal"),
        (Annotated[bool, Bounds(gt=0)], "an int, a float or a Decimal"),
        (Annotated[Annotated[int, Bounds(ge=1)], Bounds(ge=2)], "say ge twice"),
    ],
)
def test_bounds_that_would_not_be_kept_are_refused(hint: object, why: str) -> None:
    """They are never dropped without a word."""
    with pytest.raises(DefinitionError, match=why):
        json_schema(hint)
    assert isinstance(CODEC.encode(True, hint), Err)


@pytest.mark.parametrize(
    "wrong", [{"gt": float("nan")}, {"le": True}, {"le": "5"}, {"multiple_of": 0}, {"multiple_of": -1}]
)
def test_bounds_that_are_no_numbers_are_refused(wrong: dict[str, Any]) -> None:
    """Where they are written."""
    with pytest.raises(DefinitionError, match=next(iter(wrong))):
        Bounds(**wrong)


def test_bounds_of_single_runs_are_not_kept() -> None:
    """A process that asks about a million amounts does not remember them all."""
    codec = Codec()
    seen: list[weakref.ref[Bounds]] = []
    for amount in range(1_000, 1_300):  # more than the 128 hints that `typing` itself remembers
        bounds = Bounds(le=amount)
        assert codec.encode(amount, Annotated[int, bounds]) == Ok(str(amount))
        seen.append(weakref.ref(bounds))
    gc.collect()
    assert sum(each() is not None for each in seen) <= 129


# In questions


@workflow
async def refund(run: Run[NotApproved], total: Decimal, limit: Decimal) -> Result[Decimal, NotApproved]:
    """Ask about an amount up to a limit."""
    return Ok(await run.approval("manager", proposes=total, schema=Annotated[Decimal, Bounds(gt=0, le=limit)]))


async def pay(amount: Annotated[int, Bounds(gt=0)]) -> Result[int, NotApproved]:
    """Pay."""
    return Ok(amount)


async def counted(amount: int) -> Result[Annotated[int, Bounds(ge=0)], NotApproved]:
    """Give what it gets, which may be below what it says that it gives."""
    return Ok(amount)


@workflow
async def counting(run: Run[NotApproved], amount: Annotated[int, Bounds(le=9)]) -> Result[int, NotApproved]:
    """Count."""
    return Ok(await run.step(counted, amount))


@workflow
async def payment(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Show the amount before it is paid."""
    return Ok(await run.step(gated_step(pay), amount))


@pytest.mark.parametrize("knows_the_code", [True, False])
async def test_an_edit_outside_the_bounds_is_refused_in_every_process(knows_the_code: bool) -> None:
    """The approval still waits, and an edit within decides it."""
    store = MemoryStore()
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(Decimal(80), Decimal(100)), run_id="r1")
    async with Orchestrator(store, workflows=[refund] if knows_the_code else []) as orchestrator:
        for value, why in ((Decimal("100.01"), "must be at most 100"), ("-5", "must be above 0")):
            refusal = (await orchestrator.edit("r1", "manager", value, by="ann")).failure()
            assert isinstance(refusal, InvalidEdit)
            assert refusal.reason == why
        await orchestrator.edit("r1", "manager", "99.99", by="ann")
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        assert (await orchestrator.resume("r1", refund)).result == Ok(Decimal("99.99"))


async def test_an_argument_of_a_gated_call_is_bounded() -> None:
    """By the annotation of its parameter."""
    async with Orchestrator(MemoryStore(), workflows=[payment]) as orchestrator:
        await orchestrator.start(payment(5), run_id="r1")
        refusal = (await orchestrator.edit("r1", None, {"amount": 0}, by="ann")).failure()
        assert isinstance(refusal, InvalidEdit)
        assert (refusal.path, refusal.reason) == ("$.amount", "must be above 0")


async def test_a_proposal_outside_its_own_bounds_is_not_asked() -> None:
    """Or an approval without an edit would let through what no edit may."""
    error = (await execute(refund(Decimal(101), Decimal(100)))).result.failure()
    assert isinstance(error, UnexpectedError)
    assert "must be at most 100" in error.message


async def test_a_step_that_breaks_its_own_bounds_is_told() -> None:
    """Its value is not recorded; and what a workflow itself does not take is refused where it is called."""
    error = (await execute(counting(-1))).result.failure()
    assert isinstance(error, UnexpectedError)
    assert "must be at least 0" in error.message
    with pytest.raises(UnstorableValue, match="must be at most 9"):
        counting(10)
