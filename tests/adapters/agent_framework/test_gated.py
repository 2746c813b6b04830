"""Which call is which, what people see of it, and that whatever goes wrong keeps the gate closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest
from agent_framework import (
    SKIP_PARSING,
    Content,
    FunctionInvocationContext,
    FunctionMiddleware,
    Message,
    MiddlewareFailure,
    tool,
)
from pydantic import SecretStr

from awaitly import Allow, Gate, StoreUnavailable
from awaitly.testing.failpoints import Failpoints, raising
from awaitly_agent_framework import go_on
from tests.adapters.agent_framework.acting import Call, Model, Saved, agent_of
from tests.adapters.gated import Bank, approve_all, asked
from tests.support import ALICE, SharedStore

PAY: Call = ("pay", {"to": "bob", "amount": 100}, "the-same-id")


async def paused(gate: Gate, bank: Bank, model: Model) -> Saved:
    """Let an agent run until it pauses."""
    agent = agent_of(gate, bank.pay, model=model)
    session = agent.create_session()
    return Saved.of(session, await agent.run("go", session=session))


async def told(gate: Gate, bank: Bank, saved: Saved) -> str:
    """Let an agent with one call go on, and give what its model was told."""
    model = Model([PAY])
    _, response = await saved.goes_on(agent_of(gate, bank.pay, model=model))
    assert response.text == "done"
    (result,) = model.told
    return str(result.result)


async def test_a_model_that_gives_all_its_calls_one_id_has_each_asked_about(gate: Gate, bank: Bank) -> None:
    """The same call in the model's next turn is another one."""
    agent = agent_of(gate, bank.pay, model=Model([PAY], [PAY]))
    session = agent.create_session()
    saved = Saved.of(session, await agent.run("go", session=session))
    await approve_all(gate)
    again = Saved.of(*await saved.goes_on(agent))
    assert len(bank.paid) == 1
    await approve_all(gate)
    _, response = await again.goes_on(agent)
    assert response.text == "done"
    assert len(bank.paid) == 2


async def test_without_a_session_nothing_that_needs_a_person_runs(gate: Gate, bank: Bank) -> None:
    """An agent that could not go on after its pause ends with words on what is missing, and asks nobody."""
    agent = agent_of(gate, bank.pay, model=Model([PAY]))
    with pytest.raises(MiddlewareFailure, match="pay was not called: run the agent with a session"):
        await agent.run("go")
    assert bank.paid == []
    assert await asked(gate) == []


def allowed(tool: str, arguments: Mapping[str, Any]) -> Allow:
    """Let every call pass."""
    return Allow()


@pytest.mark.parametrize("kept", [True, False])
async def test_what_needs_nobody_runs_at_once_with_or_without_a_session(
    store: SharedStore, bank: Bank, kept: bool
) -> None:
    """An allowed call is as if there were no gate."""
    async with Gate(store, rules=[allowed]) as gate:
        agent = agent_of(gate, bank.pay, model=Model([PAY]))
        response = await agent.run("go", session=agent.create_session() if kept else None)
    assert response.text == "done"
    assert bank.paid == [("bob", 100, "EUR")]


async def test_a_yes_of_the_framework_alone_does_not_open_the_gate(gate: Gate, bank: Bank) -> None:
    """Whoever answers the pause without the ticket gets the same question again."""
    agent = agent_of(gate, bank.pay, model=Model([PAY]))
    session = agent.create_session()
    response = await agent.run("go", session=session)
    (before,) = await asked(gate)
    for request in response.user_input_requests:
        request.additional_properties.clear()
    answers = [each.to_function_approval_response(approved=True) for each in response.user_input_requests]
    again = await agent.run(Message("user", answers), session=session)
    assert again.user_input_requests
    assert bank.paid == []
    assert [each.id for each in await asked(gate)] == [before.id]


async def test_a_tool_that_asks_natively_needs_the_gate_all_the_same(gate: Gate, bank: Bank) -> None:
    """The framework's own `always_require` comes before the gate, and does not stand in for it."""
    native = tool(bank.pay, approval_mode="always_require")
    agent = agent_of(gate, native, model=Model([PAY]))
    session = agent.create_session()
    response = await agent.run("go", session=session)
    answers = [each.to_function_approval_response(approved=True) for each in response.user_input_requests]
    saved = Saved.of(session, await agent.run(Message("user", answers), session=session))
    assert bank.paid == []
    await approve_all(gate)
    await saved.goes_on(agent)
    assert len(bank.paid) == 1


async def test_people_see_the_defaults_too(gate: Gate, bank: Bank) -> None:
    """An argument that the model left out is part of what is approved."""
    await paused(gate, bank, Model([PAY]))
    (question,) = await asked(gate)
    assert question.arguments == {"to": "bob", "amount": 100, "currency": "EUR"}


async def test_arguments_of_other_types_come_back_as_the_tool_takes_them(gate: Gate) -> None:
    """A date goes to people as JSON and reaches the tool as itself."""
    got: list[object] = []

    def book(day: date, seats: set[int]) -> str:
        got.append((day, seats))
        return "booked"

    agent = agent_of(gate, book, model=Model([("book", {"day": "2026-11-21", "seats": [4]}, "1")]))
    session = agent.create_session()
    saved = Saved.of(session, await agent.run("go", session=session))
    (question,) = await asked(gate)
    assert question.arguments == {"day": "2026-11-21", "seats": [4]}
    await approve_all(gate)
    await saved.goes_on(agent)
    assert got == [(date(2026, 11, 21), {4})]


async def test_what_json_cannot_hold_is_refused(gate: Gate) -> None:
    """Of a secret people would see stars, and stars would run: the run ends and says why."""
    got: list[SecretStr] = []

    def sign(key: SecretStr) -> str:
        got.append(key)
        return "signed"

    agent = agent_of(gate, sign, model=Model([("sign", {"key": "k"}, "1")]))
    with pytest.raises(MiddlewareFailure, match="JSON cannot hold its arguments"):
        await agent.run("go", session=agent.create_session())
    assert got == []


async def test_arguments_that_do_not_fit_are_told_to_the_model_and_nobody_is_asked(gate: Gate, bank: Bank) -> None:
    """The model reads which argument was wrong."""
    model = Model([("pay", {"to": "bob", "amount": "much"}, "1")])
    agent = agent_of(gate, bank.pay, model=model)
    response = await agent.run("go", session=agent.create_session())
    assert response.text == "done"
    assert "at $.amount" in str(model.told[0].result)
    assert await asked(gate) == []


class Doubling(FunctionMiddleware):
    """Changes what is on its way to the tool."""

    async def process(self, context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]) -> None:
        """Double an amount once."""
        context.arguments = {**dict(context.arguments), "amount": 200}
        await call_next()


async def test_people_see_what_another_middleware_made_of_a_call(gate: Gate, bank: Bank) -> None:
    """What was changed before the gate is what is asked, and what runs."""
    agent = agent_of(gate, bank.pay, model=Model([PAY]), before=[Doubling()])
    session = agent.create_session()
    saved = Saved.of(session, await agent.run("go", session=session))
    (question,) = await asked(gate)
    assert question.arguments["amount"] == 200
    await approve_all(gate)
    await saved.goes_on(agent)
    assert bank.paid == [("bob", 200, "EUR")]


async def test_an_edit_is_told_before_what_the_tool_gave(gate: Gate, bank: Bank) -> None:
    """In words that say what was executed, in a replay too."""
    saved = await paused(gate, bank, Model([PAY]))
    (question,) = await asked(gate)
    (await gate.edit(question.id, {"to": "bob", "amount": 42, "currency": "EUR"}, by=ALICE)).unwrap()
    for _ in range(2):
        said = await told(gate, bank, saved)
        assert "executed with amount=42, edited by a human; do not re-issue" in said
        assert said.endswith("paid")
    assert bank.paid == [("bob", 42, "EUR")]


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ({"at": 7}, '{"at": 7}'),
        ([Content.from_text("one"), Content.from_text("two")], "two"),
        (None, ""),
        ({"who": float("inf")}, "Infinity"),
    ],
)
async def test_what_a_tool_gives_is_the_same_in_a_replay(gate: Gate, bank: Bank, gives: Any, said: str) -> None:
    """Values and the framework's own contents come back as they were, and the tool is called once."""
    bank.gives = gives
    saved = await paused(gate, bank, Model([PAY]))
    await approve_all(gate)
    first, again = await told(gate, bank, saved), await told(gate, bank, saved)
    assert said in first
    assert first == again
    assert len(bank.paid) == 1


async def test_a_raw_value_that_json_does_not_know_is_kept_as_text(gate: Gate, bank: Bank) -> None:
    """A tool that was called counts as called, whatever it gave."""
    bank.gives = {"far": float("inf"), "who": {"bob"}}
    raw = tool(bank.pay, approval_mode="never_require", result_parser=SKIP_PARSING)
    agent = agent_of(gate, raw, model=(model := Model([PAY])))
    session = agent.create_session()
    saved = Saved.of(session, await agent.run("go", session=session))
    await approve_all(gate)
    for _ in range(2):
        await saved.goes_on(agent)
        assert "bob" in str(model.told[0].result)
    assert len(bank.paid) == 1


async def test_going_on_leaves_out_what_somebody_else_asked(gate: Gate, bank: Bank) -> None:
    """A request without a ticket is not the gate's to answer."""
    agent = agent_of(gate, bank.pay, model=Model([PAY]))
    response = await agent.run("go", session=agent.create_session())
    (gated,) = response.user_input_requests
    other = Content.from_dict(gated.to_dict())
    other.additional_properties.clear()
    (answer,) = go_on([other, gated]).contents
    assert answer.id == gated.id
    assert go_on([other]).contents == []


async def test_a_tool_that_raises_is_told_to_the_model_and_not_called_again(gate: Gate, bank: Bank) -> None:
    """It may have done something: the agent goes on, and a replay hears the same."""
    bank.fate = ValueError("no such account")
    saved = await paused(gate, bank, Model([PAY]))
    await approve_all(gate)
    for _ in range(2):
        assert "no such account" in await told(gate, bank, saved)
    assert len(bank.paid) == 1


async def test_a_rule_that_raises_asks_people(store: SharedStore, bank: Bank) -> None:
    """What nobody could judge does not run."""

    def broken(tool: str, arguments: Mapping[str, Any]) -> None:
        raise RuntimeError(tool)

    async with Gate(store, rules=[broken]) as gate:
        await paused(gate, bank, Model([PAY]))
        assert len(await asked(gate)) == 1
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
        with pytest.raises(MiddlewareFailure, match="so pay was not called: down"):
            await paused(gate, bank, Model([PAY]))
        up()
        saved = await paused(gate, bank, Model([PAY]))
        await approve_all(gate)
        down()
        with pytest.raises(MiddlewareFailure, match="so pay was not called: down"):
            await told(gate, bank, saved)
        assert bank.paid == []
        up()
        await told(gate, bank, saved)
        assert len(bank.paid) == 1
