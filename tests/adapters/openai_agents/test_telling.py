from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    FunctionTool,
    Tool,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrailData,
    ToolOutputImage,
    ToolOutputText,
    WebSearchTool,
    function_tool,
    tool_input_guardrail,
)
from agents.exceptions import UserError
from agents.testing import function_call
from agents.tool_context import ToolContext
from attrs import frozen

from awaitly import Deny, Gate, Guard, MemoryStore
from awaitly_openai_agents import gated
from tests.adapters.openai_agents.support import PAY_BOB, asked, begin, resume, saved_of, told


@frozen
class Receipt:
    """What JSON does not know."""

    number: int


async def test_arguments_that_are_no_object_are_refused_in_words(
    gate: Gate, pay: FunctionTool, done: list[str]
) -> None:
    """The SDK pauses for what it cannot read; going on tells the model, and nobody was asked."""
    for arguments in ('{"to": "bob",', '{"to": "bob", "amount": NaN}', "[1]"):
        result = await begin(gate, [pay], function_call("pay", arguments, call_id="call_1"))
        assert (await gate.pending()).items == ()
        (said,) = told(await resume(gate, [pay], saved_of(result)))
        assert said == "the call of pay was refused: the arguments are no JSON object"
    assert done == []


async def test_arguments_that_the_tool_does_not_take_are_refused_in_words(
    gate: Gate, pay: FunctionTool, done: list[str]
) -> None:
    """The model hears what is wrong, at once."""
    result = await begin(gate, [pay], function_call("pay", {"to": "bob", "amount": "much"}, call_id="call_1"))
    assert "the call of pay was refused, at $.amount" in told(result)[0]
    assert done == []


async def test_no_arguments_at_all_are_an_empty_object(gate: Gate, read: FunctionTool, done: list[str]) -> None:
    """Some models write nothing where there is nothing to say."""
    result = await begin(gate, [read], function_call("read", "", call_id="call_1"))
    assert told(await resume(gate, [read], saved_of(result))) == ["the balance is 7"]
    assert done == ["read"]


async def test_people_see_the_defaults_of_what_the_model_left_out(gate: Gate, done: list[str]) -> None:
    """They approve all that the tool gets."""

    @function_tool(strict_mode=False)
    async def pay(to: str, amount: int = 1000) -> str:
        done.append(f"{to} {amount}")
        return "paid"

    await begin(gate, [pay], function_call("pay", {"to": "bob"}, call_id="call_1"))
    assert (await asked(gate)).arguments == {"to": "bob", "amount": 1000}


async def test_what_a_rule_forbids_is_told_to_the_model(pay: FunctionTool, done: list[str]) -> None:
    """Nobody is asked, and the agent goes on."""
    async with Gate(MemoryStore(), rules=[lambda tool, arguments: Deny("no payments on Sundays")]) as gate:
        result = await begin(gate, [pay])
    assert (told(result), done) == (["the call of pay is not allowed: no payments on Sundays"], [])


async def test_an_edit_reaches_the_tool_wherever_it_looks(gate: Gate, done: list[str]) -> None:
    """Its parameters, the text of its arguments and the call itself are those that a person wrote."""

    @function_tool
    async def pay(ctx: ToolContext[Any], to: str, amount: int) -> str:
        assert ctx.tool_call is not None
        done.extend([str(amount), ctx.tool_arguments, ctx.tool_call.arguments])
        return "paid"

    result = await begin(gate, [pay])
    await gate.edit((await asked(gate)).id, {"to": "bob", "amount": 42}, by="ann")
    said = told(await resume(gate, [pay], saved_of(result)))
    assert said == ["paid\n(pay was executed with amount=42, edited by a human; do not re-issue.)"]
    assert done == ["42", '{"to": "bob", "amount": 42}', '{"to": "bob", "amount": 42}']


async def test_a_guardrail_of_the_tool_judges_an_edit_too(gate: Gate, done: list[str]) -> None:
    """It has let the call pass as the model wanted it; what it forbids is not made because a person wrote it."""

    @tool_input_guardrail
    def small(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        if "9000" in data.context.tool_arguments:
            return ToolGuardrailFunctionOutput.reject_content("too much")
        return ToolGuardrailFunctionOutput.allow()

    @function_tool(tool_input_guardrails=[small])
    async def pay(to: str, amount: int) -> str:
        done.append(f"{to} {amount}")
        return "paid"

    saved = saved_of(await begin(gate, [pay]))
    await gate.edit((await asked(gate)).id, {"to": "bob", "amount": 9000}, by="ann")
    assert "the guardrail small stopped pay as edited" in told(await resume(gate, [pay], saved))[0]
    assert done == []


@pytest.mark.parametrize("handled", [True, False])
async def test_a_tool_that_raises_has_run(gate: Gate, done: list[str], handled: bool) -> None:
    """The model hears of it, and of nothing else when an old state is replayed; the tool does not run again."""

    async def pay(to: str, amount: int) -> str:
        done.append(to)
        raise ValueError("no such account")

    tool = function_tool(pay) if handled else function_tool(pay, failure_error_function=None)
    saved = saved_of(await begin(gate, [tool]))
    await gate.approve((await asked(gate)).id, by="ann")
    first, again = [told(await resume(gate, [tool], saved)) for _ in range(2)]
    assert ("An error occurred" if handled else "no such account") in first[0]
    assert again == first
    assert done == ["bob"]


@pytest.mark.parametrize(
    "given",
    [
        "text",
        "",
        7,
        None,
        {"a": [1, True]},
        (1, 2),
        Receipt(7),
        ToolOutputText(text="seven"),
        [ToolOutputText(text="a"), ToolOutputImage(image_url="https://example.org/a.png")],
        {"type": "text", "text": "seven"},
        {"type": "unknown"},
        float("inf"),
        b"\xff",
    ],
    ids=repr,
)
async def test_a_replay_tells_the_model_the_same(gate: Gate, given: object) -> None:
    """Whatever a tool gives: its record says the same to the model."""

    async def pay(to: str, amount: int) -> Any:
        return given

    async def beside_the_gate(to: str, amount: int) -> Any:
        return given

    tool = function_tool(pay)
    saved = saved_of(await begin(gate, [tool]))
    await gate.approve((await asked(gate)).id, by="ann")
    first, again = [told(await resume(gate, [tool], saved)) for _ in range(2)]
    assert again == first
    gate.guard("beside_the_gate", Guard(when=lambda _: False))
    call = function_call("beside_the_gate", {"to": "bob", "amount": 100}, call_id="call_2")
    assert told(await begin(gate, [function_tool(beside_the_gate)], call)) == first


@pytest.mark.parametrize("given", ["é" * 2_000_000, [[0] * 10] * 100_000])
async def test_of_a_result_that_is_too_long_to_keep_the_beginning_is(gate: Gate, given: object) -> None:
    """The model hears all of it when the call is made, and its beginning when an old state is replayed."""

    async def pay(to: str, amount: int) -> Any:
        return given

    tool = function_tool(pay)
    saved = saved_of(await begin(gate, [tool]))
    await gate.approve((await asked(gate)).id, by="ann")
    (first,), (again,) = [told(await resume(gate, [tool], saved)) for _ in range(2)]
    assert first == str(given)
    assert again.endswith("more characters)")
    assert again[:40_000] == first[:40_000]


async def test_an_edit_is_told_beside_an_image(gate: Gate) -> None:
    """What is more than text stays what it is."""

    @function_tool
    async def pay(to: str, amount: int) -> ToolOutputImage:
        return ToolOutputImage(image_url="https://example.org/a.png")

    result = await begin(gate, [pay], PAY_BOB)
    await gate.edit((await asked(gate)).id, {"to": "bob", "amount": 42}, by="ann")
    (parts,) = told(await resume(gate, [pay], saved_of(result)))
    assert [part["type"] for part in parts] == ["input_text", "input_image"]
    assert "executed with amount=42, edited by a human" in parts[0]["text"]


@function_tool(output_json_schema={"type": "object"})
def answering() -> dict[str, int]:
    """Answer."""
    return {}


@pytest.mark.parametrize(
    ("tool", "why"),
    [
        (WebSearchTool(), "web_search is no function tool"),
        (Agent(name="inner").as_tool("ask_inner", "Ask"), "put that agent's own tools behind the gate"),
        (answering, "answering has a schema for its output"),
    ],
    ids=["hosted", "agent", "output schema"],
)
def test_a_tool_before_which_no_gate_can_stand_is_refused(gate: Gate, tool: Tool, why: str) -> None:
    """It would run without one: the error says what to do."""
    with pytest.raises(UserError, match=why):
        gated(gate, [tool])
