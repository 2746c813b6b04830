from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from awaitly import (
    Actor,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    PendingApproval,
    Policy,
    Result,
    Rule,
    Run,
    Undecodable,
    sync,
    validate,
    workflow,
)
from awaitly.coding.texts import compact
from awaitly.testing import TestClock
from tests.support import SharedStore, error_of, shared


@frozen
class Order:
    """What is ordered."""

    number: int
    total: Decimal


@workflow
async def ship(run: Run[NotApproved], order: Order, *, to: str, express: bool = False) -> Result[str, NotApproved]:
    """Ask, and ship."""
    policy = Policy(approvers=["ann", "role:manager", "rule:on-call"], editors=["ed"])
    return Ok(await run.approval("lead", proposes=f"{order.number} {to} {express}", policy=policy))


GOOD: dict[str, Any] = {"order": {"$type": "Order", "number": 1, "total": "9.50"}, "to": "Oslo"}


def test_arguments_are_bound_from_json_by_the_workflows_own_types() -> None:
    """Defaults may be left out; it is the very invocation that a call makes."""
    order = Order(1, Decimal("9.50"))
    assert ship.bind(GOOD).unwrap().digest == ship(order, to="Oslo").digest
    assert ship.bind({**GOOD, "express": True}).unwrap().digest == ship(order, to="Oslo", express=True).digest


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"to": 7}, "$.to"),
        ({"order": {**GOOD["order"], "number": "1"}}, "$.order.number"),
        ({"order": {**GOOD["order"], "$type": "Other"}}, "$.order.$type"),
        ({"express": 1}, "$.express"),
        ({"other": 1}, "$.other"),
        ({"run": 1}, "$.run"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_their_path(changes: dict[str, Any], path: str) -> None:
    """Nothing is coerced, and nothing is dropped."""
    assert error_of(ship.bind({**GOOD, **changes})).path == path


def test_an_argument_that_is_missing_is_named() -> None:
    """One without a default must be there."""
    assert error_of(ship.bind({"order": GOOD["order"]})) == Undecodable("$.to", "it is missing")


def test_the_schema_of_arguments_is_of_what_is_bound() -> None:
    """What binds is valid under it, and what lacks an argument is not."""
    import json  # noqa: PLC0415  (to write the schema as its text)

    schema = json.dumps(ship.arguments_schema())
    assert validate(schema, compact(json.dumps(GOOD))) == Ok(None)
    assert error_of(validate(schema, {"to": "Oslo"})).path == "$.order"


@pytest.fixture
async def store(tmp_path: Path, clock: TestClock) -> AsyncIterator[SharedStore]:
    """Open a store."""
    async with shared("sqlite", tmp_path, clock) as opened:
        yield opened


async def concerned(orchestrator: Orchestrator, *people: Actor) -> list[str]:
    """Name those of some people whom the run's approval concerns."""
    return [each.name for each in people if await orchestrator.concerning(each, "r1")]


async def test_an_approval_concerns_those_who_may_decide_edit_asked_or_took_part(store: SharedStore) -> None:
    """By name, role, rule, editorship, absence and delegation, and whoever asked; also once it is decided."""
    rule = Rule("on-call", lambda actor, _: actor.name == "olga")
    people = [Actor(name) for name in ("ann", "olga", "ed", "rita", "zoe", "yan", "eve")]
    people.append(Actor("mona", ["manager"]))
    everybody = ["ann", "olga", "ed", "rita", "zoe", "yan", "mona"]
    async with Orchestrator(store, workflows=[ship], rules=[rule]) as orchestrator:
        assert await concerned(orchestrator, *people) == []
        await orchestrator.start(ship.bind(GOOD).unwrap(), run_id="r1", requested_by="rita")
        assert await concerned(orchestrator, *people) == ["ann", "olga", "ed", "rita", "mona"]
        (await orchestrator.delegate("r1", to="zoe", by="ann")).unwrap()
        (await orchestrator.away("ann", to="yan", until="1d")).unwrap()
        assert await concerned(orchestrator, *people) == everybody
        (await orchestrator.approve("r1", by="zoe")).unwrap()
        assert await concerned(orchestrator, *people) == everybody


async def test_it_concerns_whoever_voted_though_they_stand_in_no_more(store: SharedStore) -> None:
    """What somebody took part in stays their business."""
    async with Orchestrator(store, workflows=[ship]) as orchestrator:
        await orchestrator.start(ship.bind(GOOD).unwrap(), run_id="r1", requested_by="rita")
        (await orchestrator.away("ann", to="yan", until="1d")).unwrap()
        (await orchestrator.approve("r1", by="yan")).unwrap()
        (await orchestrator.back("ann")).unwrap()
        assert await concerned(orchestrator, Actor("yan"), Actor("eve")) == ["yan"]


async def test_the_requester_is_the_human_behind_a_program(store: SharedStore) -> None:
    """Both it and its human asked."""
    async with Orchestrator(store, workflows=[ship]) as orchestrator:
        bot = Actor("bot", on_behalf_of="rita")
        await orchestrator.start(ship.bind(GOOD).unwrap(), run_id="r1", requested_by=bot)
        assert await concerned(orchestrator, Actor("rita"), Actor("bot"), Actor("eve")) == ["rita", "bot"]


async def test_what_was_shown_need_not_be_a_pending_approval(store: SharedStore) -> None:
    """Anything with run, key, revision and digest will do."""

    @frozen
    class Shown:
        run_id: str
        key: str
        revision: int
        digest: str

    async with Orchestrator(store, workflows=[ship]) as orchestrator:
        execution = await orchestrator.start(ship.bind(GOOD).unwrap(), run_id="r1")
        asked = error_of(execution.result)
        assert isinstance(asked, PendingApproval)
        stale, good = Shown("r1", "lead", 2, asked.digest), Shown("r1", "lead", 1, asked.digest)
        done = await orchestrator.approve_all([stale, good], by="ann")
        assert [type(each).__name__ for each in done] == ["Failure", "Success"]


async def test_an_orchestrator_says_what_it_runs_and_what_time_it_is(store: SharedStore, clock: TestClock) -> None:
    """Of several versions it names the one that was given last."""
    older = workflow(version="0")(ship.function)
    async with Orchestrator(store, workflows=[older, ship]) as orchestrator:
        assert dict(orchestrator.workflows) == {"ship": ship}
        assert await orchestrator.now() == clock()


def test_the_asynchronous_one_inside_can_be_had_to_do_something() -> None:
    """On its own loop, from plain code."""
    with sync.Orchestrator(MemoryStore()) as orchestrator:
        assert orchestrator.call(lambda inner: inner.schedules()) == ()
