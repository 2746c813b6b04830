"""Which call is which, what people see of it, and that whatever goes wrong keeps the gate closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from google.adk.agents import LiveRequestQueue, LlmAgent
from google.adk.agents.invocation_context import InvocationContext
from google.adk.plugins import BasePlugin
from google.adk.sessions import Session
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.long_running_tool import LongRunningFunctionTool
from google.adk.tools.tool_context import ToolContext
from google.genai import types

from awaitly import Actor, AskPeople, Gate, Guard, Policy, Ruling, StoreUnavailable
from awaitly.testing.failpoints import Failpoints, raising
from awaitly_adk import GatePlugin, StillWaiting, go_on
from tests.adapters.adk.acting import Call, Model, World, said_by, saved_of
from tests.adapters.gated import Bank, approve_all, asked
from tests.support import ALICE, SharedStore

PAY: Call = ("pay", {"to": "bob", "amount": 100}, "the-same-id")


async def paused(gate: Gate, *tools: Any, model: Model | None = None) -> str:
    """Let an agent run until it pauses; gives its session."""
    session = await World.of(gate, *tools, model=model or Model([PAY])).begins()
    assert await asked(gate)
    return saved_of(session)


async def told(gate: Gate, tool: Any, saved: str, **options: Any) -> Any:
    """Let an agent with one call go on, and give what its model was told."""
    model = Model([PAY])
    assert said_by(await World.of(gate, tool, model=model, **options).goes_on(saved)) == "done"
    (said,) = model.told
    return said


async def test_a_model_that_gives_all_its_calls_one_id_has_each_asked_about(gate: Gate, bank: Bank) -> None:
    """The same call in the model's next turn is another one."""
    world = World.of(gate, bank.pay, model=Model([PAY], [PAY]))
    saved = saved_of(await world.begins())
    await approve_all(gate)
    again = saved_of(await world.goes_on(saved))
    assert len(bank.paid) == 1
    await approve_all(gate)
    assert said_by(await world.goes_on(again)) == "done"
    assert len(bank.paid) == 2


async def test_two_calls_of_one_turn_with_one_id_are_refused(gate: Gate, bank: Bank) -> None:
    """The framework could not tell them apart when it goes on: nobody is asked, and the model hears why."""
    model = Model([PAY, ("pay", {"to": "eve", "amount": 5}, "the-same-id")])
    session = await World.of(gate, bank.pay, model=model).begins()
    assert said_by(session) == "done"
    assert await asked(gate) == []
    assert "the model gave 2 calls of one turn the same id" in str(model.told)
    assert bank.paid == []


class Undeclared(BaseTool):
    """A tool without a schema."""

    def __init__(self) -> None:
        super().__init__(name="pay", description="")

    async def process_llm_request(self, *, tool_context: ToolContext, llm_request: Any) -> None:
        """Let the model know of it in words only."""
        llm_request.tools_dict[self.name] = self

    async def run_async(self, *, args: dict[str, Any], tool_context: ToolContext) -> Any:
        """Do something all the same."""
        raise AssertionError(args)


async def test_a_tool_without_a_schema_is_refused_unless_it_needs_nobody(gate: Gate) -> None:
    """What people would write instead of its arguments could not be checked."""
    model = Model([PAY])
    await World.of(gate, Undeclared(), model=model).begins()
    assert model.told == [
        {"error": "the call of pay was refused: the tool declares no arguments, so no edit of them could be checked"}
    ]
    gate.guard("pay", Guard(when=lambda _: False))
    with pytest.raises(AssertionError, match="bob"):
        await World.of(gate, Undeclared(), model=Model([PAY])).begins()


@pytest.mark.parametrize("amount", [float("nan"), "much"])
async def test_arguments_that_are_no_json_or_do_not_fit_are_told_to_the_model(
    gate: Gate, bank: Bank, amount: object
) -> None:
    """The model reads which argument was wrong, and nobody is asked."""
    model = Model([("pay", {"to": "bob", "amount": amount}, "1")])
    assert said_by(await World.of(gate, bank.pay, model=model).begins()) == "done"
    assert "amount" in str(model.told[0]["error"])
    assert await asked(gate) == []
    assert bank.paid == []


async def test_a_tool_that_is_not_there_is_answered_by_the_framework(gate: Gate, bank: Bank) -> None:
    """People are not asked about what nobody can do."""
    model = Model([("paint", {}, "1")])
    assert said_by(await World.of(gate, bank.pay, model=model).begins()) == "done"
    assert "no tool with that name" in str(model.told)
    assert await asked(gate) == []


def answers(session: Session, payload: object, *, confirmed: bool = True) -> types.Content:
    """Answer the framework's questions as somebody does who does not know of the gate."""
    questions = [each for event in session.events for each in event.get_function_calls()]
    return types.Content(
        role="user",
        parts=[
            types.Part(
                function_response=types.FunctionResponse(
                    id=each.id, name=each.name, response={"confirmed": confirmed, "payload": payload}
                )
            )
            for each in questions
            if each.name == "adk_request_confirmation"
        ],
    )


async def test_a_yes_of_the_framework_alone_does_not_open_the_gate(gate: Gate, bank: Bank) -> None:
    """The run ends, the same question waits, and the session goes on once that is answered."""
    world = World.of(gate, bank.pay, model=Model([PAY]))
    session = await world.begins()
    (before,) = await asked(gate)
    with pytest.raises(RuntimeError, match="go on with go_on") as raised:
        await world.hears(answers(session, None))
    assert isinstance(raised.value.__cause__, StillWaiting)
    assert bank.paid == []
    assert [each.id for each in await asked(gate)] == [before.id]
    await approve_all(gate)
    assert said_by(await world.goes_on(saved_of(await world.session()))) == "done"
    assert len(bank.paid) == 1


async def test_a_session_in_which_the_call_was_changed_gets_nothing_done(gate: Gate, bank: Bank) -> None:
    """The ticket is for another call, and the model hears so."""
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    said = await told(gate, bank.pay, saved.replace('"amount":100', '"amount":1000000'))
    assert "is not the one that ticket" in said["error"]
    assert bank.paid == []


async def test_a_no_of_the_framework_alone_is_a_no(gate: Gate, bank: Bank) -> None:
    """Not even where people have said yes at the gate is the call made."""
    world = World.of(gate, bank.pay, model=(model := Model([PAY])))
    session = await world.begins()
    await approve_all(gate)
    await world.hears(answers(session, None, confirmed=False))
    assert model.told == [{"error": "pay was rejected where the agent runs; it was not called"}]
    assert bank.paid == []


async def test_a_tool_that_asks_natively_needs_the_gate_alone(gate: Gate, bank: Bank) -> None:
    """The gate's question stands for the framework's own, with a yes in advance too."""
    native = FunctionTool(bank.pay, require_confirmation=True)
    saved = await paused(gate, native)
    await approve_all(gate)
    assert await told(gate, native, saved) == {"result": "paid"}
    (await gate.grant("pay", by=ALICE)).unwrap()
    model = Model([("pay", {"to": "eve", "amount": 5}, "2")])
    assert said_by(await World.of(gate, native, model=model).begins()) == "done"
    assert bank.paid == [("bob", 100, "EUR"), ("eve", 5, "EUR")]


async def test_people_see_and_rules_judge_the_defaults_too(gate: Gate, bank: Bank) -> None:
    """An argument that the model left out is part of what is approved."""
    gate.guard("pay", Guard(when=lambda arguments: arguments.get("currency") == "EUR"))
    await paused(gate, bank.pay)
    (question,) = await asked(gate)
    assert question.arguments == {"to": "bob", "amount": 100, "currency": "EUR"}


async def test_an_edit_is_told_beside_what_the_tool_gave(gate: Gate, bank: Bank) -> None:
    """In words that say what was executed, in a replay too."""
    saved = await paused(gate, bank.pay)
    (question,) = await asked(gate)
    (await gate.edit(question.id, {"to": "bob", "amount": 42, "currency": "EUR"}, by=ALICE)).unwrap()
    for _ in range(2):
        assert await told(gate, bank.pay, saved) == {
            "edited": "pay was executed with amount=42, edited by a human; do not re-issue.",
            "result": "paid",
        }
    assert bank.paid == [("bob", 42, "EUR")]


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ({"at": 7}, {"at": 7}),
        ([1, "two"], {"result": [1, "two"]}),
        (None, {"result": None}),
        ({}, {}),
        (types.Part(inline_data=types.Blob(data=b"\x01", mime_type="image/png")), {}),
    ],
)
async def test_what_a_tool_gives_is_the_same_in_a_replay(gate: Gate, bank: Bank, gives: Any, said: Any) -> None:
    """Values and the framework's own parts come back as they were, and the tool is called once."""
    bank.gives = gives
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    assert [await told(gate, bank.pay, saved) for _ in range(2)] == [said, said]
    assert len(bank.paid) == 1


@pytest.mark.parametrize("gives", [{"far": float("inf"), "who": {"bob"}}, {"all": "é" * 2_000_000}])
async def test_what_cannot_be_kept_as_it_is_counts_as_given(gate: Gate, bank: Bank, gives: Any) -> None:
    """As text, and of what is too long the beginning: a tool that was called is not called again."""
    bank.gives = gives
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    for _ in range(2):
        assert ("bob" if "who" in gives else "ééé") in str(await told(gate, bank.pay, saved))
    assert len(bank.paid) == 1


async def test_a_tool_that_raises_is_told_to_the_model_and_not_called_again(gate: Gate, bank: Bank) -> None:
    """It may have done something: the agent goes on, and a replay hears the same."""
    bank.fate = ValueError("no such account")
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    for _ in range(2):
        assert "no such account" in (await told(gate, bank.pay, saved))["error"]
    assert len(bank.paid) == 1


async def test_a_tool_that_puts_its_call_off_is_told_so(gate: Gate) -> None:
    """It would have to be called twice: the model hears that it cannot be, and nobody is asked by the framework."""

    def pay(to: str, amount: int, tool_context: ToolContext) -> None:
        tool_context.request_confirmation(hint="really?")

    saved = await paused(gate, pay)
    await approve_all(gate)
    assert "asks for something itself" in (await told(gate, pay, saved))["error"]


async def test_a_tool_that_takes_long_is_answered_later_by_somebody_else(gate: Gate, bank: Bank) -> None:
    """Where it gives nothing, the framework is not told that it gave something."""
    bank.gives = None
    tool = LongRunningFunctionTool(bank.pay)
    saved = await paused(gate, tool)
    await approve_all(gate)
    session = await World.of(gate, tool, model=Model([PAY])).goes_on(saved)
    assert len(bank.paid) == 1
    after = session.model_dump_json()[len(saved) - 100 :]
    assert '"result":null' not in after


def doubling(tool: BaseTool, args: dict[str, Any], tool_context: ToolContext) -> None:
    """Double an amount."""
    args["amount"] *= 2


async def answering(tool: BaseTool, args: dict[str, Any], tool_context: ToolContext) -> dict[str, Any]:
    """Answer in the tool's place."""
    return {"result": f"{args['amount']} is too much"}


async def test_the_agents_own_callback_may_answer_an_approved_call(gate: Gate, bank: Bank) -> None:
    """It is asked as it is without a gate, about the arguments that were approved."""
    saved = await paused(gate, bank.pay)
    (question,) = await asked(gate)
    (await gate.edit(question.id, {"to": "bob", "amount": 42, "currency": "EUR"}, by=ALICE)).unwrap()
    said = await told(gate, bank.pay, saved, before_tool_callback=answering)
    assert said["result"] == {"result": "42 is too much"}
    assert bank.paid == []


async def test_the_agents_own_callback_cannot_change_what_was_approved(gate: Gate, bank: Bank) -> None:
    """The call is not made, and the model hears why."""
    saved = await paused(gate, bank.pay)
    await approve_all(gate)
    said = await told(gate, bank.pay, saved, before_tool_callback=doubling)
    assert "its agent's before_tool_callback changes what was approved" in said["error"]
    assert bank.paid == []


class Doubling(BasePlugin):
    """A plugin before the gate."""

    async def before_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext
    ) -> None:
        """Change a call."""
        doubling(tool, tool_args, tool_context)


async def test_people_see_what_a_plugin_before_the_gate_made_of_a_call(gate: Gate, bank: Bank) -> None:
    """What was changed before the gate is what is asked, and what runs."""
    world = World.of(gate, bank.pay, model=Model([PAY]), before=[Doubling(name="doubling")])
    saved = saved_of(await world.begins())
    (question,) = await asked(gate)
    assert question.arguments["amount"] == 200
    await approve_all(gate)
    await world.goes_on(saved)
    assert bank.paid == [("bob", 200, "EUR")]


async def test_agents_that_a_run_is_handed_to_are_behind_the_gate_too(gate: Gate, bank: Bank) -> None:
    """Handing over needs nobody."""
    cashier = LlmAgent(name="cashier", model=Model([PAY]), tools=[bank.pay])
    model = Model([("transfer_to_agent", {"agent_name": "cashier"}, "0")])
    world = World.of(gate, model=model, sub_agents=[cashier])
    saved = saved_of(await world.begins())
    assert [each.arguments["to"] for each in await asked(gate)] == ["bob"]
    await approve_all(gate)
    assert said_by(await world.goes_on(saved)) == "done"
    assert len(bank.paid) == 1


async def test_a_live_session_cannot_pause_so_nothing_is_called_in_it(gate: Gate, bank: Bank) -> None:
    """Nobody is asked, and the model hears why."""
    world = World.of(gate, bank.pay, model=Model([PAY]))
    session = await world.begins()
    await approve_all(gate)
    live = InvocationContext(
        invocation_id="i",
        agent=world.agent,
        session=session,
        session_service=world.sessions,
        live_request_queue=LiveRequestQueue(),
    )
    said = await GatePlugin(gate).before_tool_callback(
        tool=FunctionTool(bank.pay),
        tool_args={"to": "bob", "amount": 100},
        tool_context=ToolContext(live, function_call_id="the-same-id"),
    )
    assert said == {"error": "pay needs a person, and a live session cannot pause; it was not called"}
    assert bank.paid == []


async def test_an_edit_that_needs_another_decision_is_asked_anew(store: SharedStore, bank: Bank) -> None:
    """The run ends, the new question waits, and the session goes on once that is answered."""

    def strict(tool: str, arguments: Mapping[str, Any]) -> Ruling:
        return AskPeople(policy=Policy(approvers=["role:cfo"]) if arguments["amount"] > 500 else None)

    async with Gate(store, rules=[strict]) as gate:
        saved = await paused(gate, bank.pay)
        (question,) = await asked(gate)
        (await gate.edit(question.id, {"to": "bob", "amount": 501, "currency": "EUR"}, by=ALICE)).unwrap()
        world = World.of(gate, bank.pay, model=Model([PAY]))
        with pytest.raises(RuntimeError, match="go on with go_on"):
            await world.goes_on(saved)
        assert await go_on(gate, await world.session()) is None
        (again,) = await asked(gate)
        (await gate.approve(again.id, by=Actor("cora", roles=["cfo"]))).unwrap()
        assert said_by(await world.goes_on(saved_of(await world.session()))) == "done"
    assert bank.paid == [("bob", 501, "EUR")]


async def test_going_on_leaves_out_what_somebody_else_asked_and_what_is_over(gate: Gate, bank: Bank) -> None:
    """A question without a ticket is not the gate's to answer; one that was answered is not answered again."""
    gate.guard("pay", Guard(when=lambda _: False))
    native = FunctionTool(bank.pay, require_confirmation=True)
    session = await World.of(gate, native, model=Model([PAY])).begins()
    assert answers(session, None).parts
    assert await go_on(gate, session) is None
    gate.guard("pay", Guard())
    world = World.of(gate, bank.pay, model=Model([PAY]))
    saved = saved_of(await world.begins())
    await approve_all(gate)
    assert await go_on(gate, await world.goes_on(saved)) is None


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
    going = asyncio.create_task(World.of(gate, pay, model=Model([PAY])).goes_on(saved))
    await begun.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert "nobody knows whether pay" in (await told(gate, pay, saved))["error"]
    assert done == ["bob"]


async def test_a_rule_that_raises_asks_people(store: SharedStore, bank: Bank) -> None:
    """What nobody could judge does not run."""

    def broken(tool: str, arguments: Mapping[str, Any]) -> None:
        raise RuntimeError(tool)

    async with Gate(store, rules=[broken]) as gate:
        await paused(gate, bank.pay)
    assert bank.paid == []


async def test_a_store_that_fails_keeps_the_gate_closed(store: SharedStore, bank: Bank) -> None:
    """The run ends with the failure, and the tool does not run, neither before the pause nor after it."""

    def down() -> None:
        for name in Failpoints.names():
            store.failpoints.arm(name, raising(StoreUnavailable("down")))

    def up() -> None:
        for name in Failpoints.names():
            store.failpoints.disarm(name)

    async with Gate(store) as gate:
        down()
        with pytest.raises(RuntimeError, match="down"):
            await paused(gate, bank.pay)
        up()
        world = World.of(gate, bank.pay, model=Model([PAY]))
        session = await world.begins()
        await approve_all(gate)
        message = await go_on(gate, session)
        assert message is not None
        down()
        with pytest.raises(RuntimeError, match="down"):
            await world.hears(message)
        assert bank.paid == []
        up()
        await world.goes_on(saved_of(await world.session()))
        assert len(bank.paid) == 1
