from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from attrs import frozen

from awaitly import MemoryStore, NotApproved, Ok, Orchestrator, Policy, Result, Run, workflow
from awaitly_web.pages.forms import Field, Kind, edit_form
from awaitly_web.pages.reading import Form, value_of


class Colour(Enum):
    """A choice."""

    RED = 1
    BLUE = 2


@frozen
class Part:
    """Something inside."""

    name: str
    price: Decimal


@frozen
class Whole:
    """One of each kind of field."""

    text: str
    number: float
    count: int
    sure: bool
    colour: Colour
    day: date
    parts: list[Part]
    tags: dict[str, int]
    note: str | None
    secret: str


WHOLE = Whole(
    text='a "quoted" <text>',
    number=1.5,
    count=3,
    sure=True,
    colour=Colour.BLUE,
    day=date(2026, 11, 21),
    parts=[Part("a", Decimal("1.10")), Part("b", Decimal(2))],
    tags={"x": 1},
    note=None,
    secret="hush",
)


@workflow
async def whole(run: Run[NotApproved]) -> Result[Whole, NotApproved]:
    """Ask about one of each."""
    return Ok(await run.approval("all", proposes=WHOLE, policy=Policy(), redact=("secret",)))


async def form_and_value() -> tuple[Field, Any]:
    """Give the form, and what it was made with."""
    async with Orchestrator(MemoryStore(), workflows=[whole]) as orchestrator:
        await orchestrator.start(whole(), run_id="r1")
        approval = (await orchestrator.status("r1")).unwrap().approvals[0]
    form = edit_form(approval, approval.view().arguments)
    assert form is not None
    return form, approval.view().arguments


def sent(field: Field) -> dict[str, list[str]]:
    """Give what a browser sends for a form in which nothing was touched."""
    fields: dict[str, list[str]] = {}
    if field.kind in (Kind.GROUP, Kind.LIST):
        for part in field.parts:
            fields |= sent(part)
    elif field.kind is Kind.YES_NO:
        fields |= {field.name: ["on"]} if field.text else {}
    elif field.kind not in (Kind.FIXED, Kind.HIDDEN):
        fields[field.name] = [field.text.replace("\n", "\r\n")]
    if field.nullable and field.is_null:
        fields[f"{field.name}~null"] = ["on"]
    if field.optional and not field.absent:
        fields[f"{field.name}~there"] = ["on"]
    return fields


def part(field: Field, label: str) -> Field:
    """Give a field of a group."""
    return next(each for each in field.parts if each.label == label)


async def test_a_form_that_nobody_touched_is_the_value_it_was_made_with() -> None:
    """Every kind of field, and what is not shown, comes back as it was."""
    form, value = await form_and_value()
    assert {each.label: each.kind for each in form.parts if each.kind is not Kind.FIXED} == {
        "text": Kind.TEXT,
        "number": Kind.NUMBER,
        "count": Kind.WHOLE,
        "sure": Kind.YES_NO,
        "colour": Kind.CHOICE,
        "day": Kind.DATE,
        "parts": Kind.LIST,
        "tags": Kind.JSON,
        "note": Kind.TEXT,
        "secret": Kind.HIDDEN,
    }
    assert value_of(form, Form(sent(form))) == (value, {})


async def test_what_is_not_shown_is_not_in_the_form() -> None:
    """A redacted member's value is nowhere in its fields."""
    form, _ = await form_and_value()
    assert "hush" not in repr(form)


async def test_items_are_taken_out_and_added() -> None:
    """A box takes an item out of a list, another adds one."""
    form, _ = await form_and_value()
    items = part(form, "parts")
    assert items.blank is not None
    name, price = part(items.blank, "name"), part(items.blank, "price")
    more = {f"{items.parts[0].name}~gone": ["on"], f"{items.blank.name}~more": ["on"]}
    value, errors = value_of(form, Form({**sent(form), **more, name.name: ["c"], price.name: ["3.00"]}))
    assert not errors
    assert [(each["name"], each["price"]) for each in value["parts"]] == [("b", "2"), ("c", "3.00")]


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("count", "1.5"),
        ("count", "many"),
        ("count", "true"),
        ("number", "NaN"),
        ("number", '"1"'),
        ("tags", "{"),
        ("colour", ""),
    ],
)
async def test_what_cannot_be_read_is_said_beside_its_field(label: str, text: str) -> None:
    """Nothing is guessed: the field that is wrong is named by its path."""
    form, _ = await form_and_value()
    _, errors = value_of(form, Form({**sent(form), part(form, label).name: [text]}))
    assert list(errors) == [f"$.{label}"]


async def test_a_value_may_become_nothing_and_back() -> None:
    """The box beside a field that may be nothing decides."""
    form, _ = await form_and_value()
    note = part(form, "note")
    fields = sent(form)
    del fields[f"{note.name}~null"]
    value, _ = value_of(form, Form({**fields, note.name: ["words"]}))
    assert value["note"] == "words"
