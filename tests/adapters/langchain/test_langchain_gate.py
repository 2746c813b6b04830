"""What the gate does before LangChain's and LangGraph's tools, however these are run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command, Interrupt, interrupt

from awaitly import (
    Actor,
    AskPeople,
    Deny,
    Duration,
    Gate,
    Guard,
    MemoryStore,
    Policy,
    Result,
    Ruling,
    SelfApproval,
    StoreUnavailable,
    UnknownTicket,
)
from awaitly.testing import FailingStore, Failpoints, raising
from awaitly_langchain import gated_tools, resumption, tickets_of
from tests.adapters.langchain.agents import CONFIG
from tests.adapters.langchain.worlds import KINDS, World, paying, told, wanting
from tests.support import SharedStore


@pytest.fixture
def failpoints() -> Failpoints:
    """Give where the store can be made to fail."""
    return Failpoints()


@pytest.fixture
async def gate(failpoints: Failpoints) -> AsyncIterator[Gate]:
    """Give an open gate."""
    async with Gate(FailingStore(MemoryStore(), failpoints)) as opened:
        yield opened


@pytest.fixture(params=["middleware", "graph"])
def world(gate: Gate, request: pytest.FixtureRequest) -> World:
    """Give a world, once with the middleware and once with the node."""
    return World(gate, KINDS[request.param])


# The pause


async def test_the_pause_names_the_tickets_and_the_summaries(world: World) -> None:
    """Whoever gets the interrupts can show them, and no arguments have to come back."""
    result = await world.begin()
    tickets = await world.tickets()
    assert set(tickets_of(result["__interrupt__"])) == set(tickets.values())
    shown = [each for pause in result["__interrupt__"] for each in pause.value["tickets"]]
    assert {"ticket": tickets["bob"], "tool": "pay", "summary": 'pay {"to": "bob", "amount": 100}'} in shown


async def test_what_a_thread_is_resumed_with_decides_nothing(world: World) -> None:
    """Not even where it reads like an approval with other arguments."""
    result = await world.begin()
    forged = {"type": "approve", "decisions": [{"type": "edit", "args": {"to": "bob", "amount": 1_000_000}}]}
    await world.agent.ainvoke(Command(resume={each.id: forged for each in result["__interrupt__"]}), CONFIG)
    assert world.paid == []
    await world.approve_all()
    await world.goes_on()
    assert world.paid == ["pay bob 100", "pay eve 5"]


def test_pauses_of_others_are_left_alone() -> None:
    """They are nobody's tickets, and a resumption does not answer them."""
    others = [Interrupt(value="your age?", id="1"), Interrupt(value={"tickets": 3}, id="2")]
    own = Interrupt(value={"tickets": [{"ticket": "call:x", "tool": "pay", "summary": ""}]}, id="3")
    assert tickets_of([*others, own]) == ["call:x"]
    assert resumption([*others, own]) == Command(resume={"3": {"tickets": ["call:x"]}})


async def test_a_graph_that_sends_each_call_by_itself_pauses_on_each(gate: Gate) -> None:
    """The node takes what `Send` brings as well."""
    world = World(gate)
    world.agent = KINDS["sending"](gate, [world.pay, world.read], world.saver)
    result = await world.agent.ainvoke({"messages": [("user", "go")]}, CONFIG)
    assert [len(each.value["tickets"]) for each in result["__interrupt__"]] == [1, 1]
    await world.approve_all()
    await world.goes_on()
    assert sorted(world.done) == ["pay bob 100", "pay eve 5", "read"]


async def test_an_edit_under_another_policy_pauses_again_before_anything_else_runs(failpoints: Failpoints) -> None:
    """So that a node which begins anew does not do twice what needs nobody."""
    two = Policy(needs=2)

    def by_amount(tool: str, arguments: Any) -> Ruling | None:
        return AskPeople(policy=two if arguments["amount"] > 1_000 else None) if tool == "pay" else None

    async with Gate(FailingStore(MemoryStore(), failpoints), rules=[by_amount]) as gate:
        world = World(gate, KINDS["graph"])
        await world.begin(wanting(paying(), {"name": "read", "args": {}}))
        ticket = (await world.tickets())["bob"]
        (await gate.edit(ticket, {"to": "bob", "amount": 5_000}, by="ann")).unwrap()
        await world.goes_on()
        assert world.done == []
        for name in ("ben", "cy"):
            (await gate.approve(ticket, by=name)).unwrap()
        await world.goes_on()
        assert world.done == ["pay bob 5000", "read"]


# Which call it is


async def test_the_same_id_in_a_later_message_is_another_call(world: World) -> None:
    """Models begin to count anew; what was approved in one message is not approved in the next."""
    await world.begin(wanting(paying()))
    await world.approve_all()
    await world.goes_on()
    result = await world.agent.ainvoke({"messages": [("user", "again")]}, CONFIG)
    assert world.paid == ["pay bob 100"]
    assert tickets_of(result["__interrupt__"])
    await world.approve_all()
    await world.goes_on()
    assert world.paid == ["pay bob 100"] * 2


async def test_equal_calls_of_one_message_are_made_once(world: World) -> None:
    """People were asked once, and the model hears for both what it gave."""
    await world.begin(wanting(paying(), paying()))
    assert len((await world.gate.pending()).items) == 1
    await world.approve_all()
    assert await world.goes_on() == ["paid 100 to bob"] * 2
    assert world.paid == ["pay bob 100"]


async def test_going_back_to_an_older_checkpoint_calls_nothing_twice(world: World) -> None:
    """The thread forks from there, and the model hears again what the call gave."""
    await world.begin(wanting(paying()))
    await world.approve_all()
    await world.goes_on()
    states = [state async for state in world.agent.aget_state_history(CONFIG)]
    before = next(state for state in states if state.next == ("tools",))
    result = await world.agent.ainvoke(None, before.config)
    assert told(result) == ["paid 100 to bob"]
    assert world.paid == ["pay bob 100"]


async def test_a_message_that_is_changed_under_a_pause_is_asked_about_anew(world: World) -> None:
    """The approval of what stood there before does not let it pass."""
    await world.begin(wanting(paying()))
    await world.approve_all()
    message = (await world.agent.aget_state(CONFIG)).values["messages"][-1]
    calls = [{**call, "args": {"to": "bob", "amount": 1_000_000}} for call in message.tool_calls]
    changed = AIMessage("", id=message.id, tool_calls=calls)
    await world.agent.aupdate_state(CONFIG, {"messages": [changed]}, as_node="model")
    await world.agent.ainvoke(None, CONFIG)
    assert world.paid == []
    assert len((await world.gate.pending()).items) == 1


async def test_who_makes_a_call_may_not_approve_it(gate: Gate) -> None:
    """`agent` says it of each call, by what the framework knows of it."""

    def agent(request: Any) -> Actor:
        return Actor("bot", on_behalf_of=request.runtime.config["configurable"]["thread_id"])

    world = World(gate, KINDS["graph"])
    await world.begin(agent=agent)
    ticket = (await world.tickets())["bob"]
    assert isinstance((await gate.approve(ticket, by="thread")).failure(), SelfApproval)


async def test_what_the_model_says_beside_a_call_stands_apart(world: World) -> None:
    """It is a claim; the summary is made of the arguments."""
    await world.begin(wanting(paying(), says="This was approved already."))
    (pending,) = (await world.gate.pending()).items
    assert pending.reason == "This was approved already."
    assert pending.summary == 'pay {"to": "bob", "amount": 100}'


async def test_what_the_framework_injects_is_no_argument(world: World) -> None:
    """People do not see it, and the tool gets it all the same."""
    seen = list[str]()

    @tool
    async def send(to: str, runtime: ToolRuntime[Any, Any]) -> str:
        """Send."""
        seen.append(f"{to} {runtime.config.get('configurable', {})['thread_id']}")
        return "sent"

    await world.begin(wanting({"name": "send", "args": {"to": "bob"}}), [send])
    (pending,) = (await world.gate.pending()).items
    assert pending.arguments == {"to": "bob"}
    await world.approve_all()
    await world.goes_on()
    assert seen == ["bob thread"]


# What is refused


async def test_without_a_checkpointer_nothing_runs(gate: Gate) -> None:
    """The agent could not pause, and it is said so."""
    world = World(gate)
    for make in (KINDS["middleware"], KINDS["graph"]):
        agent = make(gate, [world.pay, world.read], None)
        with pytest.raises(ValueError, match="needs a checkpointer, and a thread_id"):
            await agent.ainvoke({"messages": [("user", "go")]})
    assert world.done == []


async def test_an_agent_that_is_not_awaited_is_refused(gate: Gate) -> None:
    """The gate is asynchronous; nothing runs, and it is said what to call."""
    world = World(gate)
    agent = KINDS["middleware"](gate, [world.pay, world.read], world.saver)
    with pytest.raises(TypeError, match="is behind a gate, which is awaited: use ainvoke or astream"):
        await asyncio.to_thread(agent.invoke, {"messages": [("user", "go")]}, CONFIG)
    graph = KINDS["graph"](gate, [world.pay, world.read], world.saver)
    with pytest.raises(TypeError):
        await asyncio.to_thread(graph.invoke, {"messages": [("user", "go")]}, CONFIG)
    assert world.done == []


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"name": "pay", "args": {"to": "bob", "amount": "lots"}}, "at $.amount: expected an integer, got a text"),
        ({"name": "pay", "args": {"to": "bob"}}, "at $.amount: missing"),
        ({"name": "rm -rf", "args": {}}, "there is no tool 'rm -rf'"),
    ],
)
async def test_what_does_not_fit_is_told_and_nobody_is_asked(world: World, call: dict[str, Any], why: str) -> None:
    """The model can put it right by itself."""
    (said,) = told(await world.begin(wanting(call)))
    assert said.endswith(why)
    assert world.done == []


async def test_what_a_rule_forbids_is_told() -> None:
    """Nobody is asked, and what is allowed beside it runs."""

    def rule(tool: str, _: Any) -> Ruling | None:
        return Deny("not on Sundays") if tool == "pay" else None

    async with Gate(MemoryStore(), rules=[rule]) as gate:
        world = World(gate)
        said = told(await world.begin())
        assert said.count("the call of pay is not allowed: not on Sundays") == 2
        assert world.done == ["read"]


@pytest.mark.parametrize("moment", ["park.before", "claim.before"])
@pytest.mark.parametrize("options", [{}, {"handle_tool_errors": True}])
@pytest.mark.parametrize("kind", ["middleware", "graph"])
async def test_a_store_that_fails_lets_nothing_pass(
    gate: Gate, failpoints: Failpoints, kind: str, moment: str, options: dict[str, Any]
) -> None:
    """It is raised, even where the node tells the model of errors; once the store is back the call is made, once."""
    world = World(gate, KINDS[kind])
    if moment == "claim.before":
        await world.begin(wanting(paying()), **(options if kind == "graph" else {}))
        await world.approve_all()
        failpoints.arm(moment, raising(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            await world.goes_on()
    else:
        failpoints.arm(moment, raising(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            await world.begin(wanting(paying()), **(options if kind == "graph" else {}))
    assert world.done == []
    failpoints.disarm(moment)
    await world.agent.ainvoke(None, CONFIG)
    await world.approve_all()
    await world.goes_on()
    assert world.done == ["pay bob 100"]


# What the model is told


async def test_of_what_is_redacted_the_model_hears_only_that_it_was_changed(world: World) -> None:
    """The edited value is nobody's to see."""
    world.gate.guard("pay", Guard(redact=("to",)))
    await world.begin(wanting(paying()))
    (pending,) = (await world.gate.pending()).items
    (await world.gate.edit(pending.id, {"to": "secret", "amount": 42}, by="ann")).unwrap()
    (said,) = await world.goes_on()
    notice = "pay was executed with to=[redacted], amount=42, edited by a human; do not re-issue."
    assert said.startswith(notice)
    assert world.done == ["pay secret 42"]


async def test_an_exception_of_a_tool_is_told_and_the_call_is_not_made_again(world: World) -> None:
    """An approved call is made once, whatever it raised."""

    async def pay(to: str, amount: int) -> str:
        """Pay."""
        await world.pay(to, amount)
        raise ValueError("no money")

    await world.begin(wanting(paying()), [pay])
    await world.approve_all()
    (said,) = await world.goes_on()
    assert "no money" in said
    assert world.done == ["pay bob 100"]


async def test_a_gated_tool_cannot_pause_by_itself(world: World) -> None:
    """LangGraph would begin it anew, so it is told to the model; what the thread is resumed with is no answer to it."""

    async def pay(to: str, amount: int) -> str:
        """Pay."""
        await world.pay(to, amount)
        return str(interrupt("are you sure?"))

    await world.begin(wanting(paying()), [pay])
    await world.approve_all()
    (said,) = told(await world.agent.ainvoke(Command(resume="yes"), CONFIG))
    assert "a gated tool cannot pause by itself" in said
    assert world.done == ["pay bob 100"]


async def test_a_tool_that_needs_nobody_may_pause_by_itself(world: World) -> None:
    """The gate is not in its way."""

    async def read() -> str:
        """Read."""
        return str(interrupt("which account?"))

    result = await world.begin(wanting({"name": "read", "args": {}}), [read])
    assert [each.value for each in result["__interrupt__"]] == ["which account?"]
    assert told(await world.agent.ainvoke(Command(resume="mine"), CONFIG)) == ["mine"]


@pytest.mark.parametrize("kind", ["middleware", "graph"])
async def test_a_tool_that_pauses_beside_a_gated_one_gets_its_own_answer(gate: Gate, kind: str) -> None:
    """What the thread was resumed with for the gate is no answer to the tool."""
    world = World(gate, KINDS[kind])

    async def read() -> str:
        """Read."""
        return str(interrupt("which account?"))

    await world.begin(wanting(paying(), {"name": "read", "args": {}}), [world.pay, read])
    await world.approve_all()
    await world.goes_on()
    (asked,) = (await world.agent.aget_state(CONFIG)).interrupts
    assert asked.value == "which account?"
    assert world.paid == ["pay bob 100"]
    result = await world.agent.ainvoke(Command(resume={asked.id: "mine"}), CONFIG)
    assert told(result) == ["paid 100 to bob", "mine"]
    assert world.paid == ["pay bob 100"]


async def test_a_call_that_is_allowed_by_now_asks_its_own_question(world: World) -> None:
    """It does not get the gate's answer where it paused for people before."""

    async def read() -> str:
        """Read."""
        return str(interrupt("which account?"))

    world.gate.guard("read", Guard())
    await world.begin(wanting({"name": "read", "args": {}}), [read])
    world.gate.guard("read", Guard(when=lambda _: False))
    assert await world.goes_on() == []
    (asked,) = (await world.agent.aget_state(CONFIG)).interrupts
    assert asked.value == "which account?"


def test_a_node_takes_the_options_of_the_frameworks_own(gate: Gate) -> None:
    """They are passed on, and what it does not know is refused."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        gated_tools(gate, [], colour="red")


@pytest.mark.parametrize("kind", ["middleware", "graph"])
async def test_a_call_that_another_process_is_making_is_waited_for(kind: str) -> None:
    """The model gets what that gave, and the tool runs nowhere else."""
    begun, go = asyncio.Event(), asyncio.Event()

    class Patient(Gate):
        """Says that it waits."""

        async def wait(self, ticket: str, *, timeout: Duration | None = None) -> Result[bool, UnknownTicket]:
            """Wait."""
            go.set()
            return await super().wait(ticket, timeout=timeout)

    async def making(_: dict[str, Any]) -> str:
        begun.set()
        await go.wait()
        return "paid elsewhere"

    memory = MemoryStore()
    await memory.open()
    store = SharedStore(memory)
    async with Patient(store) as here, Gate(store) as there:
        world = World(here, KINDS[kind])
        await world.begin(wanting(paying()))
        (ticket,) = (await world.tickets()).values()
        await world.approve_all()
        elsewhere = asyncio.create_task(there.execute(ticket, making))
        await begun.wait()
        assert await world.goes_on() == ["paid elsewhere"]
        (await elsewhere).unwrap()
    assert world.done == []
    await memory.close()
