"""Which call is which, what people see of it, and that whatever goes wrong keeps the gate closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest
from agno.agent import Agent
from agno.db.in_memory import InMemoryDb
from agno.run import RunContext, RunStatus
from agno.run.agent import RunOutput
from agno.tools import (
    Function,
    Toolkit,
    tool,  # pyright: ignore[reportUnknownVariableType]  (of any hooks)
)
from agno.tools.function import ToolResult

from awaitly import Actor, AskPeople, Gate, Guard, Policy, Ruling, StoreUnavailable
from awaitly.testing.failpoints import Failpoints, raising
from awaitly_agno import NotCalled, gated, go_on
from tests.adapters.agno.acting import Call, Model, agent_of, ran, restored, saved_of
from tests.adapters.gated import Bank, approve_all, asked
from tests.support import ALICE, SharedStore

PAY: Call = ("pay", {"to": "bob", "amount": 100}, "the-same-id")


async def begins(agent: Agent) -> RunOutput:
    """Let an agent run until it pauses or ends."""
    return await go_on(agent, await ran(agent))


async def paused(gate: Gate, *tools: Any) -> str:
    """Let an agent with one call run until it pauses; gives its run."""
    run = await begins(agent_of(gate, *tools, model=Model([PAY])))
    assert await asked(gate)
    return saved_of(run)


async def told(gate: Gate, pay: Any, saved: str, **options: Any) -> str:
    """Let an agent with one call go on, and give what its model was told."""
    model = Model([PAY])
    run = await go_on(agent_of(gate, pay, model=model, **options), restored(saved))
    assert run.content == "done"
    (said,) = model.told
    return said


async def test_a_model_that_gives_all_its_calls_one_id_has_each_asked_about(gate: Gate, bank: Bank) -> None:
    """The same call in the model's next turn is another one."""
    agent = agent_of(gate, bank.pay, model=Model([PAY], [PAY]))
    saved = saved_of(await begins(agent))
    await approve_all(gate)
    again = saved_of(await go_on(agent, restored(saved)))
    assert len(bank.paid) == 1
    await approve_all(gate)
    assert (await go_on(agent, restored(again))).content == "done"
    assert len(bank.paid) == 2


async def test_two_calls_of_one_turn_with_one_id_are_refused(gate: Gate, bank: Bank) -> None:
    """Agno could not tell them apart when it goes on: nobody is asked, and the model hears why."""
    model = Model([PAY, ("pay", {"to": "eve", "amount": 5}, "the-same-id")])
    assert (await begins(agent_of(gate, bank.pay, model=model))).content == "done"
    assert await asked(gate) == []
    assert ["the model gave 2 calls of one turn the same id" in each for each in model.told] == [True, True]
    assert bank.paid == []


async def test_calls_of_a_model_that_gives_no_ids_are_told_apart(gate: Gate, bank: Bank) -> None:
    """Agno makes ids of its own, and saves them."""
    agent = agent_of(gate, bank.pay, model=Model([(*PAY[:2], None), ("pay", {"to": "eve", "amount": 5}, None)]))
    saved = saved_of(await begins(agent))
    await approve_all(gate)
    for _ in range(2):
        assert (await go_on(agent, restored(saved))).content == "done"
    assert sorted(each[0] for each in bank.paid) == ["bob", "eve"]


@pytest.mark.parametrize("arguments", ['{"to": "bob",', '{"to": "bob", "amount": "much"}', "[1]"])
async def test_arguments_that_are_no_json_or_do_not_fit_are_told_to_the_model(
    gate: Gate, bank: Bank, arguments: str
) -> None:
    """The model reads what was wrong, and nobody is asked."""
    model = Model([("pay", arguments, "1")])
    assert (await begins(agent_of(gate, bank.pay, model=model))).content == "done"
    assert "arguments" in model.told[0] or "at $.amount" in model.told[0]
    assert await asked(gate) == []
    assert bank.paid == []


async def test_no_json_number_is_told_to_the_model(gate: Gate, bank: Bank) -> None:
    """Agno reads `NaN` as a number, which people could not be shown."""
    model = Model([("pay", '{"to": "bob", "amount": NaN}', "1")])
    assert (await begins(agent_of(gate, bank.pay, model=model))).content == "done"
    assert "the call of pay was refused, at $.amount" in model.told[0]
    assert bank.paid == []


class Shop(Toolkit):
    """A toolkit that has to be connected first."""

    _requires_connect = True


@pytest.mark.parametrize(
    ("unfit", "why"),
    [
        ({"type": "web_search"}, "is called elsewhere"),
        (Function(name="pay"), "pay is called elsewhere"),
        (tool(external_execution=True)(lambda: None), "is called elsewhere"),
        (tool(requires_user_input=True)(lambda: None), "asks for its arguments itself"),
        (Function(name="pay", entrypoint=print, parameters={}, skip_entrypoint_processing=True), "pay has no schema"),
        (Shop(name="shop"), "connect shop first"),
        (Toolkit(name="empty"), "connect empty first"),
    ],
    ids=["hosted", "without code", "external", "asking", "without a schema", "unconnected", "empty"],
)
def test_a_tool_before_which_no_gate_can_stand_is_refused(gate: Gate, unfit: Any, why: str) -> None:
    """It would run without one: the error says what is the matter."""
    with pytest.raises(TypeError, match=why):
        gated(gate, [unfit])


async def test_the_tools_of_a_toolkit_are_gated_one_by_one(gate: Gate, bank: Bank) -> None:
    """They run once approved, as those that are given alone."""
    saved = await paused(gate, Toolkit(name="bank", tools=[bank.pay]))
    await approve_all(gate)
    assert await told(gate, Toolkit(name="bank", tools=[bank.pay]), saved) == "paid"
    assert len(bank.paid) == 1


async def test_a_tool_without_a_gate_beside_gated_ones_runs_once(gate: Gate, bank: Bank) -> None:
    """It does not wait for people, and is not called again when the run goes on."""
    read: list[str] = []

    def balance() -> str:
        read.append("read")
        return "7"

    def agent() -> Agent:
        wanted: list[Call] = [PAY, ("balance", {}, "2"), ("pay", {"to": "eve", "amount": 5}, "3")]
        return Agent(model=Model(wanted), tools=[*gated(gate, [bank.pay]), balance], telemetry=False)

    saved = saved_of(await begins(agent()))
    assert read == ["read"]
    (first, _) = await asked(gate)
    (await gate.approve(first.id, by=ALICE)).unwrap()
    waiting = await go_on(agent(), restored(saved))
    assert waiting.is_paused
    assert bank.paid == []
    await approve_all(gate)
    for state in (saved_of(waiting), saved):
        assert (await go_on(agent(), restored(state))).content == "done"
    assert read == ["read"]
    assert sorted(each[0] for each in bank.paid) == ["bob", "eve"]


def answer(run: RunOutput, *, yes: bool) -> RunOutput:
    """Answer the framework's questions as somebody does who does not know of the gate."""
    for each in run.tools or ():
        each.confirmed, each.confirmation_note = yes, "not today"
    return run


async def test_a_yes_of_the_framework_alone_does_not_open_the_gate(gate: Gate, bank: Bank) -> None:
    """The attempt ends, the same question waits, and the saved run goes on once that is answered."""
    saved = await paused(gate, bank.pay)
    (before,) = await asked(gate)
    agent = agent_of(gate, bank.pay, model=Model([PAY]))
    with pytest.raises(NotCalled, match=r"by awaitly_agno\.go_on"):
        await agent.acontinue_run(run_response=answer(restored(saved), yes=True))
    assert (await go_on(agent, answer(restored(saved), yes=True))).is_paused
    assert bank.paid == []
    assert [each.id for each in await asked(gate)] == [before.id]
    await approve_all(gate)
    assert await told(gate, bank.pay, saved) == "paid"


async def test_a_no_of_the_framework_alone_is_a_no(gate: Gate, bank: Bank) -> None:
    """Not even where people have said yes at the gate is the call made."""
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    agent = agent_of(gate, bank.pay, model=(model := Model([PAY])))
    await agent.acontinue_run(run_response=answer(restored(saved), yes=False))
    assert model.told == ["not today"]
    assert bank.paid == []


async def test_a_run_waits_for_what_somebody_else_has_to_answer(gate: Gate, bank: Bank) -> None:
    """The framework would tell the model that what nobody has answered was rejected."""
    native = tool(name="close", requires_confirmation=True)(lambda: "closed")

    def agent() -> Agent:
        model = Model([PAY, ("close", {}, "2")])
        return Agent(model=model, tools=[*gated(gate, [bank.pay]), native], telemetry=False)

    run = await begins(agent())
    await approve_all(gate)
    run = await go_on(agent(), run)
    assert run.is_paused
    assert bank.paid == []
    for each in run.active_requirements:
        if each.tool_execution is not None and each.tool_execution.tool_name == "close":
            each.confirmation = each.tool_execution.confirmed = True
    assert (await go_on(agent(), run)).content == "done"
    assert len(bank.paid) == 1


async def test_a_call_that_a_rule_lets_pass_is_made_without_anybody(gate: Gate, bank: Bank) -> None:
    """The run goes on by itself; a call that needs people beside it has it wait for both."""
    gate.guard("pay", Guard(when=lambda arguments: arguments["amount"] > 50))
    model = Model([("pay", {"to": "eve", "amount": 5}, "1")])
    assert (await begins(agent_of(gate, bank.pay, model=model))).content == "done"
    assert bank.paid == [("eve", 5, "EUR")]


async def test_people_see_and_rules_judge_the_defaults_too(gate: Gate, bank: Bank) -> None:
    """An argument that the model left out is part of what is approved."""
    gate.guard("pay", Guard(when=lambda arguments: arguments.get("currency") == "EUR"))
    await paused(gate, bank.pay)
    (question,) = await asked(gate)
    assert question.arguments == {"to": "bob", "amount": 100, "currency": "EUR"}


async def test_an_edit_is_told_before_what_the_tool_gave(gate: Gate, bank: Bank) -> None:
    """In words that say what was executed, in a replay too."""
    saved = await paused(gate, bank.pay)
    (question,) = await asked(gate)
    (await gate.edit(question.id, {"to": "bob", "amount": 42, "currency": "EUR"}, by=ALICE)).unwrap()
    notice = "pay was executed with amount=42, edited by a human; do not re-issue."
    for _ in range(2):
        assert await told(gate, bank.pay, saved) == f"{notice}\npaid"
    assert bank.paid == [("bob", 42, "EUR")]


def bits() -> Iterator[str]:
    """Give a result bit by bit."""
    yield from ("a", "b")


async def later_bits() -> AsyncIterator[str]:
    """Give a result bit by bit, in time."""
    for each in bits():
        yield each


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ("", ""),
        (7, "7"),
        ({"at": [1, True]}, "{'at': [1, True]}"),
        (None, "None"),
        ({"who": float("inf")}, "{'who': inf}"),
        ({"who": {"bob"}}, "{'who': {'bob'}}"),
        (ToolResult(content="seven"), "seven"),
        (bits, "ab"),
        (later_bits, "ab"),
    ],
)
async def test_what_a_tool_gives_is_the_same_in_a_replay(gate: Gate, bank: Bank, gives: Any, said: str) -> None:
    """Whatever a tool gives: its record says the same to the model, and the tool is called once."""

    def pay(to: str, amount: int) -> Any:
        bank.pay(to, amount)
        return gives() if callable(gives) else gives

    saved = await paused(gate, pay)
    await approve_all(gate)
    assert [await told(gate, pay, saved) for _ in range(2)] == [said, said]
    assert len(bank.paid) == 1


async def test_of_a_result_that_is_too_long_to_keep_the_beginning_is(gate: Gate, bank: Bank) -> None:
    """The model hears all of it when the call is made, and its beginning when an old state is replayed."""
    bank.gives = "é" * 2_000_000
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    first, again = [await told(gate, bank.pay, saved) for _ in range(2)]
    assert first == bank.gives
    assert again.startswith("é" * 40_000)
    assert len(again) < 50_000
    assert len(bank.paid) == 1


async def test_a_tool_that_raises_is_told_to_the_model_and_not_called_again(gate: Gate, bank: Bank) -> None:
    """It may have done something: the agent goes on, and a replay hears the same."""
    bank.fate = ValueError("no such account")
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    for _ in range(2):
        assert "no such account" in await told(gate, bank.pay, saved)
    assert len(bank.paid) == 1


async def test_a_tool_gets_its_run_and_what_it_writes_to_the_session_stays(gate: Gate) -> None:
    """As it would without a gate."""

    async def pay(to: str, amount: int, run_context: RunContext) -> str:
        assert run_context.session_state is not None
        run_context.session_state["paid"] = amount
        return run_context.session_id

    saved = await paused(gate, pay)
    (question,) = await asked(gate)
    assert question.arguments == {"to": "bob", "amount": 100}
    await approve_all(gate)
    run = await go_on(agent_of(gate, pay, model=(model := Model([PAY]))), restored(saved))
    assert model.told == ["s-1"]
    assert (run.session_state or {})["paid"] == 100


async def halving(function_name: str, function_call: Callable[..., Awaitable[Any]], arguments: dict[str, Any]) -> Any:
    """Change a call on its way to the tool."""
    arguments["amount"] //= 2
    return await function_call(**arguments)


async def test_a_hook_cannot_change_what_was_approved(gate: Gate, bank: Bank) -> None:
    """The call is not made, and the model hears that it is not the one."""
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    assert "is not the one that ticket" in await told(gate, bank.pay, saved, tool_hooks=[halving])
    assert bank.paid == []


async def test_hooks_stand_around_the_gate(gate: Gate, bank: Bank) -> None:
    """They see the call once when it is made, and once more when an old run is replayed."""
    seen: list[dict[str, Any]] = []

    async def watching(function_call: Callable[..., Awaitable[Any]], arguments: dict[str, Any]) -> Any:
        seen.append(dict(arguments))
        return await function_call(**arguments)

    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    for times in (1, 2):
        assert await told(gate, bank.pay, saved, tool_hooks=[watching]) == "paid"
        assert seen == [{"to": "bob", "amount": 100}] * times
    assert len(bank.paid) == 1


def test_a_run_without_await_calls_nothing(gate: Gate, bank: Bank) -> None:
    """Agno refuses such runs of tools that wait, and says so."""
    run = agent_of(gate, bank.pay, model=Model([PAY])).run("go")  # pyright: ignore[reportUnknownMemberType]  (of any type)
    assert run.status is RunStatus.error
    assert "can't be used with synchronous agent.run()" in str(run.content)
    assert bank.paid == []


async def test_a_tool_is_not_answered_from_a_cache(gate: Gate, bank: Bank) -> None:
    """Each approved call is made."""
    cached = tool(cache_results=True)(bank.pay)
    agent = agent_of(gate, cached, model=Model([PAY], [PAY]))
    run = await begins(agent)
    for _ in range(2):
        await approve_all(gate)
        run = await go_on(agent, run)
    assert run.content == "done"
    assert len(bank.paid) == 2


async def test_a_run_that_is_streamed_and_kept_by_the_framework_goes_on(gate: Gate, bank: Bank) -> None:
    """It pauses, is kept in the framework's own store, and another agent goes on with it."""
    kept: Any = InMemoryDb()  # type: ignore[no-untyped-call]
    agent = agent_of(gate, bank.pay, model=Model([PAY]), db=kept)
    events = agent.arun("go", session_id="s-1", stream=True, yield_run_output=True)  # pyright: ignore[reportUnknownMemberType]  (of any type)
    (run,) = [each async for each in events if isinstance(each, RunOutput)]
    assert (await go_on(agent, run)).is_paused
    await approve_all(gate)
    other = agent_of(gate, bank.pay, model=Model([PAY]), db=kept)
    found = await other.aget_run_output(str(run.run_id), "s-1")
    assert isinstance(found, RunOutput)
    assert (await go_on(other, found)).content == "done"
    assert len(bank.paid) == 1


async def test_an_edit_that_needs_another_decision_is_asked_anew(store: SharedStore, bank: Bank) -> None:
    """The run comes back as it was, the new question waits, and it goes on once that is answered."""

    def strict(name: str, arguments: Mapping[str, Any]) -> Ruling:
        return AskPeople(policy=Policy(approvers=["role:cfo"]) if arguments["amount"] > 500 else None)

    async with Gate(store, rules=[strict]) as gate:
        saved = await paused(gate, bank.pay)
        (question,) = await asked(gate)
        (await gate.edit(question.id, {"to": "bob", "amount": 501, "currency": "EUR"}, by=ALICE)).unwrap()
        agent = agent_of(gate, bank.pay, model=Model([PAY]))
        run = await go_on(agent, restored(saved))
        assert run.is_paused
        (again,) = await asked(gate)
        (await gate.approve(again.id, by=Actor("cora", roles=["cfo"]))).unwrap()
        assert (await go_on(agent, run)).content == "done"
    assert bank.paid == [("bob", 501, "EUR")]


async def test_the_tools_of_an_agent_have_to_be_a_list(gate: Gate, bank: Bank) -> None:
    """Those that are made anew for each run cannot be found."""

    def made() -> list[Any]:
        return [*gated(gate, [bank.pay])]

    agent = Agent(model=Model([PAY]), tools=made, telemetry=False)
    run = await ran(agent)
    with pytest.raises(TypeError, match="give it a list"):
        await go_on(agent, run)
    assert bank.paid == []


async def test_a_call_in_whose_midst_the_run_was_cancelled_is_not_made_again(gate: Gate) -> None:
    """The model hears that nobody knows what came of it."""
    begun = asyncio.Event()
    done: list[str] = []

    async def pay(to: str, amount: int) -> str:
        done.append(to)
        begun.set()
        await asyncio.Event().wait()
        return "paid"

    saved = await paused(gate, pay)
    await approve_all(gate)
    going = asyncio.create_task(go_on(agent_of(gate, pay, model=Model([PAY])), restored(saved)))
    await begun.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert "nobody knows whether pay" in await told(gate, pay, saved)
    assert done == ["bob"]


async def test_a_rule_that_raises_asks_people(store: SharedStore, bank: Bank) -> None:
    """What nobody could judge does not run."""

    def broken(name: str, arguments: Mapping[str, Any]) -> None:
        raise RuntimeError(name)

    async with Gate(store, rules=[broken]) as gate:
        await paused(gate, bank.pay)
    assert bank.paid == []


async def test_a_store_that_fails_keeps_the_gate_closed(store: SharedStore, bank: Bank) -> None:
    """Whoever lets the run go on gets the failure, and the tool does not run, neither before the pause nor after it."""

    def down() -> None:
        for name in Failpoints.names():
            store.failpoints.arm(name, raising(StoreUnavailable("down")))

    def up() -> None:
        for name in Failpoints.names():
            store.failpoints.disarm(name)

    async with Gate(store) as gate:
        down()
        with pytest.raises(StoreUnavailable, match="down"):
            await paused(gate, bank.pay)
        up()
        saved = await paused(gate, bank.pay)
        await approve_all(gate)
        down()
        with pytest.raises(StoreUnavailable, match="down"):
            await told(gate, bank.pay, saved)
        assert bank.paid == []
        up()
        await told(gate, bank.pay, saved)
        assert len(bank.paid) == 1
