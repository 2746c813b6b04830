"""The application's own tools, which the SDK calls in this process."""

from __future__ import annotations

from typing import Any

import pytest
from claude_agent_sdk import ClaudeAgentOptions, SdkMcpTool, tool

from awaitly import DefinitionError, Err, Gate, Guard, InvalidEdit
from awaitly_claude import SessionGate, go_on
from tests.adapters.claude.fake import Call, FakeCli, History, asked, told

PAY: Call = ("mcp__bank__pay", {"to": "bob", "amount": 100})


class Bank:
    """Whom it has paid."""

    def __init__(self, gives: Any = None) -> None:
        self.paid: list[tuple[str, int]] = []
        self._gives = gives

    def tools(self) -> list[SdkMcpTool[Any]]:
        """Give its tools."""

        @tool("pay", "Pay.", {"to": str, "amount": int})
        async def pay(arguments: dict[str, Any]) -> dict[str, Any]:
            self.paid.append((arguments["to"], arguments["amount"]))
            if isinstance(self._gives, Exception):
                raise self._gives
            if self._gives is not None:
                return {"content": self._gives}
            return {"content": [{"type": "text", "text": f"paid {arguments['amount']}"}]}

        return [pay]


async def turn(session: SessionGate, bank: Bank, *calls: Call, hooked: bool = True) -> list[str]:
    """Let an agent take a turn in which it makes calls, and give what it is told."""

    def model(history: History) -> list[Call]:
        return list(calls) if "prompt" in history[-1] else []

    server = session.server("bank", bank.tools())
    cli = FakeCli(model, [])
    hooks = session.hooks() if hooked else None
    await asked(cli, ClaudeAgentOptions(mcp_servers={"bank": server}, hooks=hooks), "go")
    return told(cli.history)


async def again(gate: Gate, bank: Bank, ticket: str, agent: str = "clerk", thread: str = "thread-7") -> str:
    """Let a model of another process ask for a ticket."""
    async with SessionGate(gate, agent=agent, conversation=thread) as session:
        (said,) = await turn(session, bank, ("mcp__bank__awaitly_ticket", {"id": ticket}))
    return said


async def waiting(gate: Gate, bank: Bank) -> str:
    """Let a call wait, and give its ticket."""
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        await turn(session, bank, PAY)
        (pending,) = session.waiting
    return pending.id


@pytest.mark.parametrize("hooked", [True, False])
async def test_people_are_asked_once_with_the_name_of_the_tool_itself(gate: Gate, hooked: bool) -> None:
    """With the session's hooks and without them: the tool is behind the gate whatever the CLI does."""
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        (said,) = await turn(session, Bank(), PAY, hooked=hooked)
        (pending,) = session.waiting
    (asked_about,) = (await gate.pending()).items
    assert asked_about == pending
    assert pending.summary == 'pay {"to": "bob", "amount": 100}'
    assert f'call awaitly_ticket with {{"id": "{pending.id}"}}' in said


async def test_a_rich_result_comes_back_whole_in_a_replay(gate: Gate) -> None:
    """And what a person has changed stands before it, each time."""
    bank = Bank([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])
    ticket = await waiting(gate, bank)
    (await gate.edit(ticket, {"to": "bob", "amount": 42}, by="ann")).unwrap()
    said = "pay was executed with amount=42, edited by a human; do not re-issue.\none\ntwo"
    assert [await again(gate, bank, ticket) for _ in range(2)] == [said, said]
    assert bank.paid == [("bob", 42)]


async def test_what_cannot_be_kept_whole_is_given_once_and_cut_in_a_replay(gate: Gate) -> None:
    """The tool was called, and is not called again."""
    bank = Bank([{"type": "text", "text": "x" * 600_000}])
    ticket = await waiting(gate, bank)
    (await gate.approve(ticket, by="ann")).unwrap()
    assert await again(gate, bank, ticket) == "x" * 600_000
    assert "more characters)" in await again(gate, bank, ticket)
    assert len(bank.paid) == 1


async def test_a_tool_that_raises_is_told_and_not_called_again(gate: Gate) -> None:
    """It may have done something."""
    bank = Bank(ValueError("no such account"))
    ticket = await waiting(gate, bank)
    (await gate.approve(ticket, by="ann")).unwrap()
    for _ in range(2):
        assert "no such account" in await again(gate, bank, ticket)
    assert len(bank.paid) == 1


async def test_a_call_that_needs_nobody_is_made_on_the_spot(gate: Gate) -> None:
    """And is not in the store."""
    gate.guard("pay", Guard(when=lambda arguments: arguments["amount"] > 500))
    bank = Bank()
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        assert await turn(session, bank, PAY) == ["paid 100"]
    assert (await gate.pending()).items == ()


async def test_an_edit_has_to_keep_the_tools_own_schema(gate: Gate) -> None:
    """It is the one by which the SDK checks what the model gives."""
    ticket = await waiting(gate, Bank())
    match await gate.edit(ticket, {"to": "bob", "amount": "much"}, by="ann"):
        case Err(InvalidEdit()):
            pass
        case other:
            pytest.fail(str(other))


@pytest.mark.parametrize("agent", ["clerk", "somebody else"])
async def test_a_ticket_of_another_agent_or_of_nobody_is_unknown(gate: Gate, agent: str) -> None:
    """The model learns nothing of it, and gets nothing done."""
    bank = Bank()
    ticket = await waiting(gate, bank)
    (await gate.approve(ticket, by="ann")).unwrap()
    if agent == "clerk":
        ticket = f"{ticket}0"
    assert await again(gate, bank, ticket, agent) == f"no ticket {ticket!r} in this store"
    assert bank.paid == []


async def test_a_ticket_of_another_conversation_is_unknown(gate: Gate) -> None:
    """Before its call is made, and after that: a ticket's id can be guessed by who guesses the call."""
    bank = Bank()
    ticket = await waiting(gate, bank)
    (await gate.approve(ticket, by="ann")).unwrap()
    unknown = f"no ticket {ticket!r} in this store"
    assert await again(gate, bank, ticket, thread="thread-8") == unknown
    assert bank.paid == []
    assert await again(gate, bank, ticket) == "paid 100"
    assert await again(gate, bank, ticket, thread="thread-8") == unknown


async def test_what_waits_is_known_until_the_model_has_heard_what_came_of_it(gate: Gate) -> None:
    """To ask before anybody has decided changes nothing."""
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        polled: Call = ("mcp__bank__awaitly_ticket", {"id": await waiting(gate, Bank())})
        server = session.server("bank", Bank().tools())
        waits: list[int] = []
        for decide in (False, True):
            if decide:
                (await gate.reject(polled[1]["id"], "no", by="ann")).unwrap()
            cli = FakeCli(lambda history: [polled] if "prompt" in history[-1] else [], [])
            await asked(cli, ClaudeAgentOptions(mcp_servers={"bank": server}), "go")
            waits.append(len(session.waiting))
    assert waits == [1, 0]


async def test_two_tools_of_one_name_are_refused(session: SessionGate) -> None:
    """A ticket could not say which of them it is for."""
    session.server("bank", Bank().tools())
    with pytest.raises(DefinitionError, match="two tools are called 'pay'"):
        session.server("other", Bank().tools())


async def test_a_tool_of_a_server_that_is_not_behind_the_gate_is_asked_about_by_the_hooks(
    gate: Gate, session: SessionGate
) -> None:
    """Under the name that the CLI has for it: nothing that the session calls goes past the gate."""
    session.server("bank", Bank().tools())

    def model(history: History) -> list[Call]:
        return [("mcp__other__pay", {"to": "bob"})] if "prompt" in history[-1] else []

    cli = FakeCli(model, [])
    await asked(cli, ClaudeAgentOptions(hooks=session.hooks()), "go")
    (pending,) = (await gate.pending()).items
    assert pending.summary == 'mcp__other__pay {"to": "bob"}'


def test_the_prompt_to_go_on_names_tickets_and_nothing_else() -> None:
    """What people have said is in the store."""
    assert go_on(["call:1", "call:2"]).endswith("Go on, as you were told, with: call:1, call:2")
