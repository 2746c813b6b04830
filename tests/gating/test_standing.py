"""Standing grants and ceilings: a yes in advance is a vote and no more, and agents may not ask without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from awaitly import (
    Actor,
    Ceiling,
    DefinitionError,
    Err,
    Gate,
    GrantRefused,
    MemoryStore,
    PendingApproval,
    Policy,
    StandingGrant,
    Ticket,
    ToolCall,
    TooManyQuestions,
)
from awaitly.approvals.audit import said
from awaitly.ids import checked_run_id
from awaitly.testing import TestClock

CY = Actor("cy", roles=["finance"])


@pytest.fixture
def clock() -> TestClock:
    """Give a clock that the test moves."""
    return TestClock()


@pytest.fixture
def store(clock: TestClock) -> MemoryStore:
    """Give a store by that clock."""
    return MemoryStore(clock=clock)


def call(amount: Any = 10, agent: str = "bot") -> ToolCall:
    """Give a call of an agent."""
    return ToolCall(tool="pay", arguments={"to": "bob", "amount": amount}, agent=agent)


async def waits(gate: Gate, proposed: ToolCall) -> PendingApproval | None:
    """Propose a call; gives what people are asked, None where nobody need be asked any more."""
    ticket = (await gate.propose(proposed)).unwrap()
    assert isinstance(ticket, Ticket)
    return ticket.pending


async def given(gate: Gate, **options: Any) -> StandingGrant:
    """Give a standing grant for small payments."""
    usual: dict[str, Any] = {"when": {"amount": {"at_most": 50}}, "uses": 2, "until": "8h", "by": CY}
    return (await gate.grant("pay", **{**usual, **options})).unwrap()


async def test_a_yes_in_advance_is_used_so_often(store: MemoryStore) -> None:
    """Then people are asked again; the ledger says whose grant it was."""
    async with Gate(store, policy=Policy(approvers=["role:finance"])) as gate:
        grant = await given(gate)
        tickets = [(await gate.propose(call(amount))).unwrap() for amount in (1, 2, 3)]
        assert [isinstance(each, Ticket) and each.pending is None for each in tickets] == [True, True, False]
        assert await gate.grants() == ()
        assert isinstance(tickets[0], Ticket)
        entries = (await gate.orchestrator.history(tickets[0].id)).unwrap().entries
        votes = [said(entry) for entry in entries if said(entry)["event"] == "approved"]
        assert [(vote["by"], vote["via"]) for vote in votes] == [("cy", f"grant {grant.id}")]


@pytest.mark.parametrize(
    ("options", "proposed"),
    [
        ({}, call(51)),
        ({}, call("10")),
        ({}, ToolCall(tool="refund", arguments={"amount": 1}, agent="bot")),
        ({"agent": "other"}, call()),
        ({"by": Actor("dee", roles=["sales"])}, call()),
        ({"by": Actor("bot", roles=["finance"])}, call()),
    ],
)
async def test_it_is_for_what_it_says_and_by_who_may(
    store: MemoryStore, options: dict[str, Any], proposed: ToolCall
) -> None:
    """Other arguments, tools and agents wait for people, and so does what its giver may not decide."""
    async with Gate(store, policy=Policy(approvers=["role:finance"])) as gate:
        await given(gate, **options)
        assert await waits(gate, proposed) is not None


async def test_it_ends(store: MemoryStore, clock: TestClock) -> None:
    """With its time, or when it is revoked."""
    async with Gate(store) as gate:
        first = await given(gate, until="1h")
        assert await gate.revoke(first.id)
        assert not await gate.revoke(first.id)
        assert await waits(gate, call(1)) is not None
        await given(gate, until="1h")
        clock.advance("1h")
        assert await gate.grants() == ()
        assert await waits(gate, call(2)) is not None


async def test_it_is_a_vote_and_no_more(store: MemoryStore) -> None:
    """Where two are needed, one person's grants leave one to go, and another's leaves none."""
    async with Gate(store, policy=Policy(needs=2)) as gate:
        await given(gate)
        await given(gate)
        asked = await waits(gate, call(1))
        assert asked is not None
        assert asked.votes == ("cy",)
        await given(gate, by="dee")
        assert await waits(gate, call(2)) is None


@pytest.mark.parametrize("policy", [Policy(risk="high"), Policy(fresh_within="5m")])
async def test_it_counts_for_nothing_where_much_is_at_stake(store: MemoryStore, policy: Policy) -> None:
    """A high risk, or a fresh authentication, wants somebody to look at this very call."""
    async with Gate(store, policy=policy) as gate:
        await given(gate)
        assert await waits(gate, call()) is not None


async def test_calls_that_come_at_once_use_it_once_each(store: MemoryStore) -> None:
    """Never more often than it says."""
    async with Gate(store) as gate:
        await given(gate, uses=3)
        asked = await asyncio.gather(*(waits(gate, call(n)) for n in range(10)))
        assert 1 <= asked.count(None) <= 3
        left = sum(grant.uses for grant in await gate.grants())
        assert asked.count(None) + left == 3


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"uses": 0}, "uses is from 1 to 10000, not 0"),
        ({"until": "-1h"}, "no standing grant for pay"),
        ({"until": "soon"}, "no standing grant for pay"),
        ({"when": {"amount": {"over": 1}}}, "amount: there is no operator 'over'"),
    ],
)
async def test_what_is_no_grant_is_refused(store: MemoryStore, options: dict[str, Any], why: str) -> None:
    """In words, and nothing is kept."""
    async with Gate(store) as gate:
        wanted: dict[str, Any] = {"by": CY, **options}
        refused = (await gate.grant("pay", **wanted)).failure()
        assert isinstance(refused, GrantRefused)
        assert why in str(refused)
        assert await gate.grants() == ()


async def test_an_agent_may_not_ask_without_end(store: MemoryStore, clock: TestClock) -> None:
    """Its calls are refused above the ceiling, until an hour has passed; others' and what waits already are not."""
    async with Gate(store, ceiling=Ceiling(3)) as gate:
        for amount in range(3):
            assert await waits(gate, call(amount)) is not None
            clock.advance("10m")
        refused = (await gate.propose(call(3))).failure()
        assert isinstance(refused, TooManyQuestions)
        assert str(refused) == "bot has put 3 calls before people within 1 hour: ask again later"
        assert await waits(gate, call(2)) is not None
        assert await waits(gate, call(3, agent="other")) is not None
        clock.advance("30m")
        assert await waits(gate, call(3)) is not None


async def test_the_ceiling_holds_for_calls_that_come_at_once(store: MemoryStore) -> None:
    """They are counted one by one."""
    async with Gate(store, ceiling=Ceiling(3)) as gate:
        asked = await asyncio.gather(*(gate.propose(call(n)) for n in range(10)))
        assert [isinstance(each, Err) for each in asked].count(True) == 7
        assert len((await gate.pending()).items) == 3


@pytest.mark.parametrize("questions", [0, -1, 1001, True])
def test_a_ceiling_that_is_none_is_refused(questions: int) -> None:
    """Where it is defined."""
    with pytest.raises(DefinitionError, match="a ceiling is from 1 to 1000 questions"):
        Ceiling(questions)


@pytest.mark.parametrize("prefix", ["grant:", "schedule:", "absence:"])
def test_no_run_can_be_mistaken_for_a_grant(prefix: str) -> None:
    """Their ids begin as no run's does."""
    with pytest.raises(DefinitionError, match="must not begin with"):
        checked_run_id(f"{prefix}x")
