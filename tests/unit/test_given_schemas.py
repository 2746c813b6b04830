"""Schemas of edits that are given as JSON Schema: checked when the question is asked, and when an edit is made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from awaitly import (
    Ask,
    DefinitionError,
    InvalidEdit,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Result,
    Run,
    Snapshot,
    Stage,
    UnexpectedError,
    execute,
    workflow,
)
from awaitly.schema import checked_schema
from tests.support import error_of, waiting

POSITIVE = {"type": "integer", "minimum": 1}
ORDER = {
    "type": "object",
    "properties": {"amount": {"$ref": "#/$defs/amount"}, "note": {"type": ["string", "null"], "maxLength": 5}},
    "required": ["amount"],
    "additionalProperties": False,
    "$defs": {"amount": POSITIVE},
}


@workflow
async def ask(run: Run[NotApproved], schema: dict[str, Any], proposes: object) -> Result[object, NotApproved]:
    """Ask one question."""
    return Ok(await run.approval("lead", proposes=proposes, schema=schema))


@workflow
async def several(run: Run[NotApproved]) -> Result[tuple[int, int], NotApproved]:
    """Ask two questions at once."""
    one, other = (Ask(key, proposes=5, schema=POSITIVE) for key in ("a", "b"))
    return Ok(await run.approvals(one, other))


@workflow
async def staged(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask two people in turn."""
    return Ok(await run.chain("c", Stage("one"), Stage("two"), proposes=5, schema=POSITIVE))


@pytest.mark.parametrize(
    ("schema", "proposes", "edit", "path", "reason"),
    [
        (POSITIVE, 5, 0, "$", "must be at least 1"),
        (POSITIVE, 5, "5", "$", "expected an integer, got a text"),
        (POSITIVE, 5, 5.0, "$", "expected an integer, got a number"),
        (POSITIVE, 5, True, "$", "expected an integer, got true or false"),
        (ORDER, {"amount": 5}, {"amount": 0}, "$.amount", "must be at least 1"),
        (ORDER, {"amount": 5}, {"note": None}, "$.amount", "missing"),
        (ORDER, {"amount": 5}, {"amount": 5, "noet": "x"}, "$.noet", "unexpected key"),
        (ORDER, {"amount": 5}, {"amount": 5, "note": "longer"}, "$.note", "must satisfy maxLength 5"),
        ({"enum": ["a", "b"]}, "a", "c", "$", 'expected one of "a", "b"'),
    ],
)
async def test_an_edit_that_does_not_fit_is_refused(
    schema: dict[str, Any], proposes: object, edit: object, path: str, reason: str
) -> None:
    """In a process that knows the workflow and in one that does not, and the question stands as it was."""
    store = MemoryStore()
    async with Orchestrator(store, workflows=[ask]) as knowing, Orchestrator(store) as other:
        await knowing.start(ask(schema, proposes), run_id="r")
        for orchestrator in (knowing, other):
            refused = (await orchestrator.edit("r", "lead", edit, by="bob")).failure()
            assert refused == InvalidEdit("r", "lead", path, reason)
        assert (await other.pending()).items[0].revision == 1


@pytest.mark.parametrize(
    ("schema", "proposes", "edit"),
    [(POSITIVE, 5, 8), (ORDER, {"amount": 5}, {"amount": 8, "note": None}), ({}, [1], {"any": [1.5, None, True]})],
)
async def test_the_value_is_plain_json(schema: dict[str, Any], proposes: object, edit: object) -> None:
    """What an edit says comes back as that, and so does what was proposed where it is approved."""
    async with Orchestrator(MemoryStore(), workflows=[ask]) as orchestrator:
        await orchestrator.start(ask(schema, proposes), run_id="e")
        await orchestrator.edit("e", "lead", edit, by="bob")
        assert (await orchestrator.resume("e")).result == Ok(edit)
        await orchestrator.start(ask(schema, proposes), run_id="a")
        await orchestrator.approve("a", by="bob")
        assert (await orchestrator.resume("a")).result == Ok(proposes)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integr"}, "this is no JSON Schema: at $.type, 'integr' is not valid"),
        ({"properties": {"a": {"minimum": "1"}}}, "this is no JSON Schema: at $.properties.a.minimum, '1' is not of"),
        ({"minimum": float("nan")}, "because it is no JSON: Out of range float"),
        ({"minimum": Decimal(1)}, "because it is no JSON: Object of type Decimal"),
        ({"enum": [(1, 2)]}, "the keys of objects are texts, and arrays are lists"),
        ({1: 2}, "the keys of objects are texts"),
    ],
)
def test_what_is_no_schema_is_refused_in_words(schema: dict[str, Any], words: str) -> None:
    """With the place where it is none."""
    with pytest.raises(DefinitionError) as refused:
        checked_schema(schema)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "proposes", "words"),
    [
        ({"type": "integr"}, 5, "its schema cannot be used: this is no JSON Schema: at $.type"),
        ({"pattern": "["}, "x", "its schema cannot be used: this is no JSON Schema: at $.pattern"),
        ({"$ref": "https://example.org/s"}, 5, "at $, the schema cannot be used"),
        (POSITIVE, 0, "what it proposes does not fit its own schema: at $, must be at least 1"),
    ],
)
async def test_what_can_never_fit_is_refused_at_the_asking(
    schema: dict[str, Any], proposes: object, words: str
) -> None:
    """The run fails in words, and nobody is asked what nobody could answer."""
    execution = await execute(ask(schema, proposes))
    failed = error_of(execution.result)
    assert isinstance(failed, UnexpectedError)
    assert words in failed.message
    assert execution.pending == ()


async def test_a_schema_given_as_json_is_for_plain_json() -> None:
    """A value that would come back as another is refused, and told by its type."""

    @workflow
    async def typed(run: Run[NotApproved], kind: str) -> Result[object, NotApproved]:
        proposes: object = Decimal("1.50") if kind == "decimal" else (1, 2)
        return Ok(await run.approval("lead", proposes=proposes, schema={}))

    for kind, noun in (("decimal", "Decimal"), ("tuple", "tuple")):
        failed = error_of((await execute(typed(kind))).result)
        assert f"this {noun} is no plain JSON, for which a schema given as a dict is" in failed.message


async def test_several_questions_and_stages_take_a_schema_too() -> None:
    """As one question does."""
    async with Orchestrator(MemoryStore(), workflows=[several, staged]) as orchestrator:
        await orchestrator.start(several(), run_id="s")
        assert isinstance((await orchestrator.edit("s", "a", 0, by="bob")).failure(), InvalidEdit)
        await orchestrator.edit("s", "a", 7, by="bob")
        await orchestrator.approve("s", "b", by="bob")
        assert (await orchestrator.resume("s", several)).result == Ok((7, 5))
        await orchestrator.start(staged(), run_id="c")
        assert isinstance((await orchestrator.edit("c", "c.one", 0, by="bob")).failure(), InvalidEdit)
        await orchestrator.edit("c", "c.one", 7, by="bob")
        assert waiting((await orchestrator.resume("c", staged)).result).arguments == 7
        assert isinstance((await orchestrator.edit("c", "c.two", 0, by="bob")).failure(), InvalidEdit)
        await orchestrator.approve("c", "c.two", by="bob")
        assert (await orchestrator.resume("c", staged)).result == Ok(7)


async def test_a_snapshot_judges_by_the_schema_too() -> None:
    """Without a store, and after it was text."""
    execution = await execute(ask(POSITIVE, 5))
    snapshot = Snapshot.from_json(execution.snapshot.to_json())
    assert isinstance(snapshot.edit("lead", 0, by="bob").failure(), InvalidEdit)
    edited = snapshot.edit("lead", 3, by="bob").unwrap()
    assert (await execute(ask(POSITIVE, 5), snapshot=edited)).result == Ok(3)
