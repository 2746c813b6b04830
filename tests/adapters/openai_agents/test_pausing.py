from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from agents import Agent, FunctionTool, Runner, RunState, function_tool, handoff
from agents.exceptions import UserError
from agents.testing import ScriptedModel, function_call

from awaitly import Actor, Gate, Guard, MemoryStore, Policy, StoreError
from awaitly_openai_agents import StillWaiting, gated, go_on
from tests.adapters.openai_agents.support import (
    CONFIG,
    CONTEXT,
    DONE,
    PAY_BOB,
    agent_of,
    asked,
    begin,
    resume,
    saved_of,
    told,
)


async def test_calls_made_at_once_pause_together_and_run_side_by_side(
    gate: Gate, pay: FunctionTool, done: list[str]
) -> None:
    """Both wait, both are approved, and both are made, by the SDK's own way of making them at once."""
    pay_eve = function_call("pay", {"to": "eve", "amount": 5}, call_id="call_2")
    result = await begin(gate, [pay], PAY_BOB, pay_eve)
    for each in (await gate.pending()).items:
        await gate.approve(each.id, by="ann")
    assert told(await resume(gate, [pay], saved_of(result))) == ["paid 100 to bob", "paid 5 to eve"]
    assert sorted(done) == ["bob 100", "eve 5"]


async def test_one_call_id_in_two_conversations_is_two_calls(gate: Gate, pay: FunctionTool, done: list[str]) -> None:
    """Models reuse ids: what was done in one conversation is asked about anew in another."""
    for conversation in ("thread-1", "thread-2"):
        result = await begin(gate, [pay], context={"conversation_id": conversation})
        await gate.approve((await asked(gate)).id, by="ann")
        await resume(gate, [pay], saved_of(result))
    assert done == ["bob 100", "bob 100"]


@pytest.mark.parametrize("context", [None, {}, {"conversation_id": 7}, object()])
async def test_a_run_of_no_known_conversation_is_refused(
    gate: Gate, pay: FunctionTool, done: list[str], context: object
) -> None:
    """Its calls could be taken for another's. The error says how to name it."""
    with pytest.raises(UserError, match=r"conversation_id.*conversation=\.\.\."):
        await begin(gate, [pay], context=context)
    assert done == []


async def test_where_the_conversation_is_named_can_be_said(gate: Gate, pay: FunctionTool, done: list[str]) -> None:
    """`conversation=` gets the run's context; what is no text is refused."""
    tools = gated(gate, [pay], conversation=lambda context: context["thread"])
    agent = agent_of(tools, [PAY_BOB])
    assert (await Runner.run(agent, "Go", context={"thread": "7"}, run_config=CONFIG)).interruptions
    with pytest.raises(UserError, match="has to be a text, and is 7"):
        await Runner.run(agent_of(tools, [PAY_BOB]), "Go", context={"thread": 7}, run_config=CONFIG)
    assert done == []


async def test_a_streamed_run_pauses_and_goes_on(gate: Gate, pay: FunctionTool, done: list[str]) -> None:
    """`Runner.run_streamed` goes through the same hooks."""
    tools = gated(gate, [pay])
    first = Runner.run_streamed(agent_of(tools, [PAY_BOB]), "Go", context=CONTEXT, run_config=CONFIG)
    [_ async for _ in first.stream_events()]
    assert (len(first.interruptions), done) == (1, [])
    await gate.approve((await asked(gate)).id, by="ann")
    agent = agent_of(tools, DONE)
    state = await RunState.from_string(agent, first.to_state().to_string())
    assert await go_on(state) == ()
    second = Runner.run_streamed(agent, state, run_config=CONFIG)
    [_ async for _ in second.stream_events()]
    assert (second.final_output, done) == ("done", ["bob 100"])


async def test_go_on_gives_what_still_waits(gate: Gate, pay: FunctionTool) -> None:
    """The tickets, with what people see."""
    result = await begin(gate, [pay])
    (waiting,) = await go_on(result.to_state())
    assert waiting.id == (await asked(gate)).id
    assert waiting.arguments == {"to": "bob", "amount": 100}


async def test_an_approval_past_the_gate_is_none(gate: Gate, pay: FunctionTool, done: list[str]) -> None:
    """The run fails, with words, nothing is made, and the saved state goes on once people have answered."""
    saved = saved_of(await begin(gate, [pay]))
    agent = agent_of(gated(gate, [pay]))
    state = await RunState.from_string(agent, saved)
    state.approve(state.get_interruptions()[0], always_approve=True)
    with pytest.raises(StillWaiting, match=r"decide at the gate.*go_on\(state\)") as caught:
        await Runner.run(agent, state, run_config=CONFIG)
    assert done == []
    await gate.approve(caught.value.pending.id, by="ann")
    await resume(gate, [pay], saved)
    assert done == ["bob 100"]


async def test_an_edit_into_a_call_that_needs_more_asks_again(pay: FunctionTool, done: list[str]) -> None:
    """The first answer does not count under the other policy: the run fails, and pauses when it goes on once more."""

    def stricter(tool: str, arguments: Any) -> Any:
        big = arguments["amount"] > 1000
        return Guard(policy=Policy(approvers=["boss"]) if big else None)(tool, arguments)

    async with Gate(MemoryStore(), rules=[stricter]) as gate:
        saved = saved_of(await begin(gate, [pay]))
        await gate.edit((await asked(gate)).id, {"to": "bob", "amount": 5000}, by="ann")
        with pytest.raises(StillWaiting):
            await resume(gate, [pay], saved)
        assert (await resume(gate, [pay], saved)).interruptions
        assert done == []
        (await gate.approve((await asked(gate)).id, by="boss")).unwrap()
        assert "amount=5000" in told(await resume(gate, [pay], saved))[0]
    assert done == ["bob 5000"]


async def test_the_gate_and_not_needs_approval_says_what_needs_a_person(gate: Gate, done: list[str]) -> None:
    """A tool with a mark of the SDK's own runs at once where the gate allows it; the tool itself keeps its mark."""

    @function_tool(needs_approval=True)
    async def read() -> str:
        done.append("read")
        return "7"

    result = await begin(gate, [read], function_call("read", {}, call_id="call_1"))
    assert (result.final_output, done) == ("done", ["read"])
    assert read.needs_approval is True


async def test_a_tool_that_stands_beside_the_gate_is_left_to_the_application(
    gate: Gate, pay: FunctionTool, done: list[str]
) -> None:
    """`go_on` decides nothing for it."""

    @function_tool(needs_approval=True)
    async def wipe() -> str:
        done.append("wipe")
        return "wiped"

    agent = agent_of([*gated(gate, [pay]), wipe], [PAY_BOB, function_call("wipe", {}, call_id="call_2")])
    result = await Runner.run(agent, "Go", context=CONTEXT, run_config=CONFIG)
    await gate.approve((await asked(gate)).id, by="ann")
    state = result.to_state()
    assert await go_on(state) == ()
    result = await Runner.run(agent, state, run_config=CONFIG)
    assert [item.name for item in result.interruptions] == ["wipe"]
    assert done == ["bob 100"]


async def test_the_tools_of_an_agent_that_is_a_tool_pause_too(gate: Gate, pay: FunctionTool, done: list[str]) -> None:
    """The inner run's pause is the outer one's, and it goes on from what the outer one saved."""

    def outer(*inner_answers: Any) -> Agent[Any]:
        inner = Agent(name="inner", model=ScriptedModel(inner_answers), tools=gated(gate, [pay]))
        wanted = function_call("ask_inner", {"input": "pay bob"}, call_id="call_9")
        return agent_of([inner.as_tool("ask_inner", "Ask")], *([[wanted]] if len(inner_answers) > 1 else []), DONE)

    first = await Runner.run(outer([PAY_BOB], DONE), "Go", context=CONTEXT, run_config=CONFIG)
    await gate.approve((await asked(gate)).id, by="ann")
    agent = outer(DONE)
    state = await RunState.from_string(agent, saved_of(first))
    assert await go_on(state) == ()
    assert (await Runner.run(agent, state, run_config=CONFIG)).final_output == "done"
    assert done == ["bob 100"]


async def test_an_agent_that_was_handed_the_run_pauses_too(gate: Gate, pay: FunctionTool, done: list[str]) -> None:
    """The pause belongs to the agent that had the run by then."""

    def first(*answers: Any) -> Agent[Any]:
        cashier = Agent[Any](name="cashier", model=ScriptedModel(answers), tools=gated(gate, [pay]))
        over = function_call("transfer_to_cashier", {}, call_id="call_0")
        return Agent(name="clerk", model=ScriptedModel([[over]]), handoffs=[handoff(cashier)])

    result = await Runner.run(first([PAY_BOB]), "Go", context=CONTEXT, run_config=CONFIG)
    await gate.approve((await asked(gate)).id, by="ann")
    agent = first(DONE)
    state = await RunState.from_string(agent, saved_of(result))
    assert await go_on(state) == ()
    assert (await Runner.run(agent, state, run_config=CONFIG)).final_output == "done"
    assert done == ["bob 100"]


async def test_a_call_in_whose_midst_the_run_was_cancelled_is_not_made_again(gate: Gate, done: list[str]) -> None:
    """As with a tool that takes longer than its `timeout`: the model hears that nobody knows what came of it."""
    begun = asyncio.Event()

    @function_tool
    async def pay(to: str, amount: int) -> str:
        done.append(to)
        begun.set()
        await asyncio.Event().wait()
        return "paid"

    saved = saved_of(await begin(gate, [pay]))
    await gate.approve((await asked(gate)).id, by="ann")
    going = asyncio.create_task(resume(gate, [pay], saved))
    await begun.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert "nobody knows whether pay" in told(await resume(gate, [pay], saved))[0]
    assert done == ["bob"]


async def test_whoever_the_agent_acts_for_does_not_decide(gate: Gate, pay: FunctionTool) -> None:
    """`agent=` is who asks, and the human behind it may not approve what it wants."""
    agent = agent_of(gated(gate, [pay], agent=Actor("clerk", on_behalf_of="ann")), [PAY_BOB])
    await Runner.run(agent, "Go", context=CONTEXT, run_config=CONFIG)
    refused = await gate.approve((await asked(gate)).id, by="ann")
    assert "ann" in str(refused.failure())


async def test_a_store_that_fails_keeps_the_tool_from_running(
    gate: Gate, pay: FunctionTool, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what needs a person nor what would need nobody is made while nobody can be asked."""

    async def fails(_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(gate, "propose", fails)
    with pytest.raises(UserError, match="the disk is full"):
        await begin(gate, [pay])
    assert done == []


async def test_a_state_does_not_hold_what_people_said(gate: Gate, pay: FunctionTool) -> None:
    """An edit stands in the gate's store alone, so that no state which somebody holds can say what is to be done."""
    result = await begin(gate, [pay])
    await gate.edit((await asked(gate)).id, {"to": "bob", "amount": 4242}, by="ann")
    state = result.to_state()
    await go_on(state)
    assert "4242" not in json.dumps(state.to_json())
