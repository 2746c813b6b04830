"""Which call is which, and with which arguments people see it and it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from pydantic_ai import Agent, ModelMessagesTypeAdapter, RunContext
from pydantic_ai.capabilities import AbstractCapability, Hooks
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, Tool, ToolApproved, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ExternalToolset, FunctionToolset, ToolsetTool, WrapperToolset

from awaitly import Allow, Gate
from awaitly_pydantic_ai import GatedToolset, GateTools, go_on
from tests.adapters.gated import approve_all, asked
from tests.adapters.pydantic_ai.acting import Output, Saved, agent_of, model, returned
from tests.support import ALICE, SharedStore


class Bank:
    """A tool that remembers what it did."""

    def __init__(self) -> None:
        self.paid: list[tuple[Any, ...]] = []

    async def pay(self, to: str, amount: int, currency: str = "EUR") -> str:
        """Pay."""
        self.paid.append((to, amount, currency))
        return f"paid {amount} to {to}"


@pytest.fixture
def bank() -> Bank:
    """Give a bank."""
    return Bank()


PAY_BOB = ToolCallPart("pay", {"to": "bob", "amount": 100}, "the-same-id")


async def test_a_model_that_gives_all_its_calls_one_id_has_each_asked_about(gate: Gate, bank: Bank) -> None:
    """The second response of a run may hold the same call as the first: it is another one."""

    async def pays_twice(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        made = sum(isinstance(message, ModelResponse) for message in messages)
        return ModelResponse([PAY_BOB] if made < 2 else [TextPart("done")])

    agent: Agent[None, Output] = Agent(
        FunctionModel(pays_twice),
        output_type=[str, DeferredToolRequests],
        tools=[bank.pay],
        capabilities=[GateTools[None](gate)],
        deps_type=type(None),
    )
    first = Saved.of(await agent.run("go"))
    await approve_all(gate)
    second = Saved.of(await first.goes_on(agent))
    assert len(bank.paid) == 1
    await approve_all(gate)
    assert (await second.goes_on(agent)).output == "done"
    assert len(bank.paid) == 2


async def test_a_history_under_another_conversations_name_does_nothing_twice(gate: Gate, bank: Bank) -> None:
    """What says which call it is stands in the history itself."""
    agent = agent_of(gate, bank.pay, calls=[PAY_BOB])
    saved = Saved.of(await agent.run("go"))
    await approve_all(gate)
    await saved.goes_on(agent)
    history = ModelMessagesTypeAdapter.validate_json(saved.history)
    yes = DeferredToolResults(approvals={"the-same-id": True})  # without the ticket, which would say which call it is
    again = await agent.run(message_history=history, deferred_tool_results=yes, conversation_id="new")
    assert again.output == "done"
    assert len(bank.paid) == 1


async def test_histories_without_ids_are_told_apart_by_their_times(gate: Gate, bank: Bank) -> None:
    """Of a response that the application wrote itself, the moment is what tells it from another one."""
    agent = agent_of(gate, bank.pay, calls=[PAY_BOB])
    yes = DeferredToolResults(approvals={"the-same-id": True})
    histories: list[list[ModelMessage]] = [
        [ModelRequest.user_text_prompt("go"), ModelResponse([PAY_BOB], timestamp=datetime(2030, 1, day, tzinfo=UTC))]
        for day in (1, 2)
    ]
    for history in histories:
        paused = await agent.run(message_history=history, deferred_tool_results=yes)
        assert isinstance(paused.output, DeferredToolRequests)
        await approve_all(gate)
        assert (await agent.run(message_history=history, deferred_tool_results=yes)).output == "done"
    assert len(bank.paid) == 2


async def test_two_conversations_with_the_same_ids_are_two_calls(gate: Gate, bank: Bank) -> None:
    """Another conversation's call is asked about although its id and its content were approved before."""
    agent = agent_of(gate, bank.pay, calls=[PAY_BOB])
    saved = Saved.of(await agent.run("go"))
    await approve_all(gate)
    await saved.goes_on(agent)
    assert isinstance((await agent.run("go")).output, DeferredToolRequests)
    assert len(bank.paid) == 1


async def test_arguments_in_the_answer_to_a_pause_are_refused(gate: Gate, bank: Bank) -> None:
    """`override_args` are no way around people: the model is told that the call is not the one that was approved."""
    agent = agent_of(gate, bank.pay, calls=[PAY_BOB])
    result = await agent.run("go")
    assert isinstance(result.output, DeferredToolRequests)
    await approve_all(gate)
    answer = go_on(result.output)
    answer.approvals = {"the-same-id": ToolApproved(override_args={"to": "mallory", "amount": 1})}
    over = await agent.run(message_history=result.all_messages(), deferred_tool_results=answer)
    assert bank.paid == []
    (told,) = returned(over.all_messages()[:-1])
    assert "not the one" in str(told.content)
    assert told.outcome == "failed"


async def test_a_yes_of_the_framework_alone_does_not_open_the_gate(gate: Gate, bank: Bank) -> None:
    """Whoever answers the pause without the ticket gets the same question again, and the same ticket."""
    agent = agent_of(gate, bank.pay, calls=[PAY_BOB])
    result = await agent.run("go")
    (before,) = await asked(gate)
    answer = DeferredToolResults(approvals={"the-same-id": True})
    again = await agent.run(message_history=result.all_messages(), deferred_tool_results=answer)
    assert isinstance(again.output, DeferredToolRequests)
    assert bank.paid == []
    assert [each.id for each in await asked(gate)] == [before.id]
    await approve_all(gate)
    over = await agent.run(message_history=result.all_messages(), deferred_tool_results=answer)
    assert over.output == "done"
    assert len(bank.paid) == 1


async def test_people_see_the_defaults_too(gate: Gate, bank: Bank) -> None:
    """An argument that the model left out is part of what is approved."""
    await agent_of(gate, bank.pay, calls=[PAY_BOB]).run("go")
    (question,) = await asked(gate)
    assert question.arguments == {"to": "bob", "amount": 100, "currency": "EUR"}


async def test_people_see_what_a_hook_made_of_a_call(gate: Gate, bank: Bank) -> None:
    """Another capability that changes arguments changes what is asked, not what runs behind the question."""
    hooks: Hooks[None] = Hooks()

    @hooks.on.before_tool_execute
    async def double(
        ctx: RunContext[None], *, call: ToolCallPart, tool_def: ToolDefinition, args: dict[str, Any]
    ) -> dict[str, Any]:
        return {**args, "amount": args["amount"] * 2}

    agent: Agent[None, Output] = Agent(
        model(PAY_BOB),
        output_type=[str, DeferredToolRequests],
        tools=[bank.pay],
        capabilities=[GateTools[None](gate), hooks],
        deps_type=type(None),
    )
    saved = Saved.of(await agent.run("go"))
    (question,) = await asked(gate)
    assert question.arguments["amount"] == 200
    await approve_all(gate)
    await saved.goes_on(agent)
    assert bank.paid == [("bob", 200, "EUR")]


class Doubling(WrapperToolset[None]):
    """Changes a call right before the tool."""

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> Any:
        """Double an amount."""
        return await super().call_tool(name, {**tool_args, "amount": tool_args["amount"] * 2}, ctx, tool)


class DoubleCalls(AbstractCapability[None]):
    """Wraps the tools too."""

    def get_wrapper_toolset(self, toolset: AbstractToolset[None]) -> AbstractToolset[None]:
        """Wrap them."""
        return Doubling(toolset)


async def test_no_other_capability_stands_between_the_gate_and_the_tools(gate: Gate, bank: Bank) -> None:
    """In whichever order they are listed, people see what another wrapper made of a call."""
    agent: Agent[None, Output] = Agent(
        model(PAY_BOB),
        output_type=[str, DeferredToolRequests],
        tools=[bank.pay],
        capabilities=[GateTools[None](gate), DoubleCalls()],
        deps_type=type(None),
    )
    saved = Saved.of(await agent.run("go"))
    (question,) = await asked(gate)
    assert question.arguments["amount"] == 200
    await approve_all(gate)
    await saved.goes_on(agent)
    assert bank.paid == [("bob", 200, "EUR")]


async def test_a_tool_that_asks_natively_is_asked_about_once_by_the_gate(gate: Gate, bank: Bank) -> None:
    """`requires_approval=True` and the gate are one question, with a ticket."""
    agent: Agent[None, Output] = Agent(
        model(PAY_BOB),
        output_type=[str, DeferredToolRequests],
        tools=[Tool[None](bank.pay, requires_approval=True)],
        capabilities=[GateTools[None](gate)],
        deps_type=type(None),
    )
    saved = Saved.of(await agent.run("go"))
    await approve_all(gate)
    assert (await saved.goes_on(agent)).output == "done"
    assert len(bank.paid) == 1


async def test_a_tool_that_runs_elsewhere_is_refused(gate: Gate) -> None:
    """The gate cannot stand before what the application executes by itself, and says so."""
    outside = ExternalToolset[None]([ToolDefinition(name="ship")])
    agent: Agent[None, Output] = Agent(
        model(ToolCallPart("ship", {})),
        output_type=[str, DeferredToolRequests],
        toolsets=[outside],
        capabilities=[GateTools[None](gate)],
        deps_type=type(None),
    )
    with pytest.raises(UserError, match="ship is executed elsewhere"):
        await agent.run("go")


async def test_one_toolset_alone_can_be_gated(gate: Gate, bank: Bank) -> None:
    """Tools outside of a `GatedToolset` run as ever."""
    looked: list[str] = []

    def look(where: str) -> str:
        looked.append(where)
        return "nothing"

    agent: Agent[None, Output] = Agent(
        model(PAY_BOB, ToolCallPart("look", {"where": "here"}, "2")),
        output_type=[str, DeferredToolRequests],
        tools=[look],
        toolsets=[GatedToolset(FunctionToolset[None]([bank.pay]), gate)],
        deps_type=type(None),
    )
    saved = Saved.of(await agent.run("go"))
    assert (bank.paid, looked) == ([], ["here"])
    await approve_all(gate)
    assert (await saved.goes_on(agent)).output == "done"
    assert (len(bank.paid), looked) == (1, ["here"])


class Order(BaseModel):
    """What a tool may take."""

    item: str
    price: Decimal
    due: date


async def test_arguments_of_any_type_come_back_as_the_tool_takes_them(gate: Gate) -> None:
    """Decimals, dates and models go to people as JSON and reach the tool as themselves."""
    got: list[object] = []

    def buy(order: Order, count: int) -> str:
        got.append((order, count))
        return "bought"

    order = {"item": "pen", "price": "1.50", "due": "2026-11-21"}
    agent = agent_of(gate, buy, calls=[ToolCallPart("buy", {"order": order, "count": 2}, "1")])
    saved = Saved.of(await agent.run("go"))
    (question,) = await asked(gate)
    assert question.arguments == {"order": order, "count": 2}
    await approve_all(gate)
    await saved.goes_on(agent)
    assert got == [(Order(item="pen", price=Decimal("1.50"), due=date(2026, 11, 21)), 2)]


async def test_a_tool_that_takes_one_model_is_asked_about_by_its_fields(gate: Gate) -> None:
    """The schema that the model has is the one that people edit by."""
    got: list[Order] = []

    def buy(order: Order) -> str:
        got.append(order)
        return "bought"

    call = ToolCallPart("buy", {"item": "pen", "price": "1.50", "due": "2026-11-21"}, "1")
    agent = agent_of(gate, buy, calls=[call])
    saved = Saved.of(await agent.run("go"))
    (question,) = await asked(gate)
    (await gate.edit(question.id, {**question.arguments, "item": "pencil"}, by=ALICE)).unwrap()
    await saved.goes_on(agent)
    assert [order.item for order in got] == ["pencil"]


async def test_a_secret_that_a_hook_made_cannot_be_asked_about(gate: Gate) -> None:
    """What JSON cannot hold is refused: stars would be shown, and stars would run."""
    hooks: Hooks[None] = Hooks()
    got: list[SecretStr] = []

    def sign(key: SecretStr) -> str:
        got.append(key)
        return "signed"

    @hooks.on.before_tool_execute
    async def other(
        ctx: RunContext[None], *, call: ToolCallPart, tool_def: ToolDefinition, args: dict[str, Any]
    ) -> dict[str, Any]:
        return {"key": SecretStr("another")}

    agent: Agent[None, Output] = Agent(
        model(ToolCallPart("sign", {"key": "k"}, "1")),
        output_type=[str, DeferredToolRequests],
        tools=[sign],
        capabilities=[GateTools[None](gate), hooks],
        deps_type=type(None),
    )
    with pytest.raises(UserError, match="what JSON cannot hold"):
        await agent.run("go")
    assert got == []


async def test_a_secret_that_the_model_gave_runs_as_it_was_given(gate: Gate) -> None:
    """It is approved and made with itself, not with the stars that it is printed as."""
    got: list[str] = []

    def sign(key: SecretStr) -> str:
        got.append(key.get_secret_value())
        return "signed"

    agent = agent_of(gate, sign, calls=[ToolCallPart("sign", {"key": "k-1"}, "1")])
    saved = Saved.of(await agent.run("go"))
    await approve_all(gate)
    await saved.goes_on(agent)
    assert got == ["k-1"]


@pytest.mark.parametrize("answers", [[], [True]])
async def test_a_history_read_back_from_text_is_the_same_call(gate: Gate, bank: Bank, answers: Sequence[bool]) -> None:
    """However often a history is written and read, its calls keep their tickets."""
    agent = agent_of(gate, bank.pay, calls=[PAY_BOB])
    saved = Saved.of(await agent.run("go"))
    text = saved.history.encode()
    for _ in range(3):
        text = ModelMessagesTypeAdapter.dump_json(ModelMessagesTypeAdapter.validate_json(text))
    if answers:
        await approve_all(gate)
    result = await Saved(text.decode(), saved.waits).goes_on(agent)
    assert len(await asked(gate)) == 1 - len(answers)
    assert (result.output == "done") == bool(answers)


def allowed(tool: str, arguments: Mapping[str, Any]) -> Allow:
    """Let every call pass."""
    return Allow()


async def test_what_needs_nobody_runs_at_once_and_gives_what_it_gives(store: SharedStore) -> None:
    """An allowed call is as if there were no gate: its result is the tool's own."""
    seen: list[Order] = []

    def buy(item: str) -> Order:
        return Order(item=item, price=Decimal(1), due=date(2026, 1, 1))

    hooks: Hooks[None] = Hooks()

    @hooks.on.after_tool_execute
    async def look(
        ctx: RunContext[None], *, call: ToolCallPart, tool_def: ToolDefinition, args: dict[str, Any], result: Any
    ) -> Any:
        seen.append(result)
        return result

    async with Gate(store, rules=[allowed]) as free:
        agent: Agent[None, Output] = Agent(
            model(ToolCallPart("buy", {"item": "pen"}, "1")),
            output_type=[str, DeferredToolRequests],
            tools=[buy],
            capabilities=[GateTools[None](free), hooks],
            deps_type=type(None),
        )
        assert (await agent.run("go")).output == "done"
    assert [type(order) for order in seen] == [Order]
