"""What the model is told of a call that a person has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any

import pytest

from awaitly import (
    AskPeople,
    Err,
    Gate,
    Guard,
    MemoryStore,
    Ok,
    PendingApproval,
    Performed,
    Policy,
    Result,
    Ruling,
    ToolCall,
    edit_notice,
)

CALL = ToolCall(tool="pay", arguments={"to": "bob", "amount": 100, "iban": "DE44"}, call_id="1")
Arguments = Mapping[str, Any]


async def make(arguments: dict[str, Any]) -> str:
    """Make the call."""
    return f"paid {arguments['amount']}"


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """Give an open gate."""
    async with Gate(MemoryStore()) as opened:
        yield opened


async def waiting(result: Awaitable[Result[object, object]]) -> str:
    """Give the ticket on which a call waits."""
    match await result:
        case Err(PendingApproval(id=ticket)):
            return ticket
        case other:
            pytest.fail(f"it does not wait: {other}")


async def edited(gate: Gate, arguments: dict[str, Any], call: ToolCall = CALL) -> Performed:
    """Have a call made as somebody has edited it."""
    ticket = await waiting(gate.perform(call, make))
    (await gate.edit(ticket, arguments, by="ann")).unwrap()
    return (await gate.perform(call, make)).unwrap()


async def test_what_was_changed_is_said_and_nothing_else(gate: Gate) -> None:
    """With the tool's name, the new value, and that the call is not to be made again."""
    performed = await edited(gate, {"to": "bob", "amount": 42, "iban": "DE44"})
    assert edit_notice("pay", performed) == "pay was executed with amount=42, edited by a human; do not re-issue."


async def test_what_was_left_out_is_said_too(gate: Gate) -> None:
    """And so is what was put beside it."""
    performed = await edited(gate, {"amount": 100, "iban": "DE44", "note": ["rent", 7]})
    assert 'with no to, note=["rent", 7], edited' in str(edit_notice("pay", performed))


async def test_a_member_inside_an_argument_is_named_with_its_path(gate: Gate) -> None:
    """So that a long argument is not told all over again."""
    call = ToolCall(tool="pay", arguments={"order": {"lines": [1, 2], "total": 3}, "amount": 3}, call_id="2")
    performed = await edited(gate, {"order": {"lines": [1, 9], "total": 3}, "amount": 3}, call)
    assert "with order.lines[1]=9, edited" in str(edit_notice("pay", performed))


async def test_a_replay_is_told_the_same(gate: Gate) -> None:
    """The agent may come back with an old state."""
    first = await edited(gate, {"to": "bob", "amount": 42, "iban": "DE44"})
    again = (await gate.perform(CALL, make)).unwrap()
    assert again.replayed
    assert edit_notice("pay", again) == edit_notice("pay", first)


async def test_a_call_that_nobody_changed_has_no_notice(gate: Gate) -> None:
    """Neither one that was approved, nor one that was edited into itself."""
    (await gate.approve(await waiting(gate.perform(CALL, make)), by="ann")).unwrap()
    assert edit_notice("pay", (await gate.perform(CALL, make)).unwrap()) is None
    same = ToolCall(tool="pay", arguments=CALL.arguments, call_id="3")
    assert edit_notice("pay", await edited(gate, dict(CALL.arguments), same)) is None


async def test_what_is_redacted_is_not_told(gate: Gate) -> None:
    """Only that it was changed: the value is a person's, and not for the model."""
    gate.guard("pay", Guard(redact=("iban",)))
    performed = await edited(gate, {"to": "bob", "amount": 42, "iban": "DE99"})
    assert edit_notice("pay", performed) == (
        "pay was executed with amount=42, iban=[redacted], edited by a human; do not re-issue."
    )


async def test_what_is_redacted_stays_so_where_the_edited_call_would_need_nobody(gate: Gate) -> None:
    """What people were not shown when they were asked is not told either."""
    gate.guard("pay", Guard(when=lambda arguments: arguments["amount"] > 50, redact=("iban",)))
    assert "DE99" not in str(edit_notice("pay", await edited(gate, {"to": "bob", "amount": 5, "iban": "DE99"})))


async def test_what_is_redacted_of_the_edited_call_alone_is_not_told_either() -> None:
    """A rule may hide of one call what it shows of another one, under the same policy."""

    def hiding(tool: str, arguments: Arguments) -> Ruling | None:
        return AskPeople(redact=("iban",)) if arguments["to"] == "eve" else None

    async with Gate(MemoryStore(), rules=[hiding]) as gate:
        performed = await edited(gate, {"to": "eve", "amount": 100, "iban": "DE99"})
    assert edit_notice("pay", performed) == (
        "pay was executed with to=eve, iban=[redacted], edited by a human; do not re-issue."
    )


async def test_an_edit_that_is_edited_again_is_told_from_what_was_proposed() -> None:
    """Whoever proposed the call never saw what stood between."""
    strict = Policy(approvers=["cy"])

    def dear(tool: str, arguments: Arguments) -> Ruling | None:
        return AskPeople(policy=strict) if arguments["amount"] > 500 else None

    async with Gate(MemoryStore(), rules=[dear]) as gate:
        ticket = await waiting(gate.perform(CALL, make))
        (await gate.edit(ticket, {**CALL.arguments, "amount": 900, "to": "eve"}, by="ann")).unwrap()
        again = await waiting(gate.perform(CALL, make))
        (await gate.edit(again, {**CALL.arguments, "amount": 600}, by="cy")).unwrap()
        performed = (await gate.perform(CALL, make)).unwrap()
    assert edit_notice("pay", performed) == "pay was executed with amount=600, edited by a human; do not re-issue."


async def test_a_tool_of_the_gates_own_is_told_from_the_arguments_with_its_defaults() -> None:
    """What nobody gave, and nobody changed, is no change."""
    gate = Gate(MemoryStore())

    @gate.tool
    async def refund(amount: int, currency: str = "EUR") -> Result[str, str]:
        return Ok(f"{amount} {currency}")

    async with gate:
        ticket = await waiting(refund(100))
        (await gate.edit(ticket, {"amount": 42, "currency": "EUR"}, by="ann")).unwrap()
        performed = (await gate.execute(ticket)).unwrap()
    assert edit_notice("refund", performed) == "refund was executed with amount=42, edited by a human; do not re-issue."


async def test_a_long_edit_is_cut_and_the_end_of_the_sentence_stays(gate: Gate) -> None:
    """What it is about comes last."""
    notice = str(edit_notice("pay", await edited(gate, {**CALL.arguments, "to": "x" * 10_000})))
    assert len(notice) < 2_200
    assert notice.endswith("more characters), edited by a human; do not re-issue.")


async def test_what_would_hide_something_is_written_out(gate: Gate) -> None:
    """In names and in values."""
    notice = str(edit_notice("pay", await edited(gate, {**CALL.arguments, "to": "a\u202eb\n", "x\u200b": 1})))
    assert notice.isprintable()
    assert "to=a\\u202eb\\n" in notice
