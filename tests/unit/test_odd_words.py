"""Names and lengths of time that no store could keep or compare: answered alike over every store."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awaitly import (
    AbsenceRefused,
    Actor,
    NotApproved,
    NotPossible,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Rule,
    Run,
    Snapshot,
    workflow,
)
from awaitly.approvals.grants import is_kept
from tests.support import ADMIN, SharedStore, error_of

FOR_EVER = timedelta.max
ODD = ["a\0b", "\ud800", "x" * 201]


@workflow
async def asking(run: Run[NotApproved]) -> Result[str, NotApproved]:
    """Ask bob, or anybody of ops."""
    return Ok(await run.approval("ok", proposes="x", policy=Policy(approvers=["bob", "role:ops"])))


@pytest.mark.parametrize("name", ODD)
async def test_a_name_that_no_store_keeps_is_given_no_seat(each_store: SharedStore, name: str) -> None:
    """Given such a name, when a seat is handed on to it, or it is to stand in, then it is refused in words."""
    async with Orchestrator(each_store, workflows=[asking]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        handed = error_of(await orchestrator.delegate("r", to=name, by="bob"))
        away = error_of(await orchestrator.away("bob", to=name, until="1h"))
    assert isinstance(handed, NotPossible)
    assert "a seat goes to one person, by their name" in str(handed)
    assert isinstance(away, AbsenceRefused)
    assert "name the one person who stands in" in str(away)


@pytest.mark.parametrize("name", ODD)
async def test_what_waits_for_whoever_is_called_so_is_listed(each_store: SharedStore, name: str) -> None:
    """Given somebody with such a name, who has a role, when they ask what waits, then that for their role does."""
    async with Orchestrator(each_store, workflows=[asking]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        page = await orchestrator.waiting_for(Actor(name, ["ops", name]))
    assert [pending.run_id for pending in page.items] == ["r"]


@pytest.mark.parametrize("name", [*ODD[:2], "x" * 300])
def test_no_store_is_asked_for_a_name_that_none_keeps(name: str) -> None:
    """The longest that a policy may name is asked for, with whatever stands before it."""
    assert not is_kept(name)
    assert all(is_kept(prefix + "x" * 200) for prefix in ("", "name:", "role:", "rule:"))


async def test_a_time_beyond_all_times_is_no_time_at_all(each_store: SharedStore) -> None:
    """Given the longest time there is, what is due within it, or older than it, is listed; nobody is away for it."""
    async with Orchestrator(each_store, workflows=[asking]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        assert (await orchestrator.waiting_for("bob", due_within=FOR_EVER)).items == ()
        assert (await orchestrator.pending(due_within=FOR_EVER)).items == ()
        assert (await orchestrator.pending(older_than=FOR_EVER)).items == ()
        assert await orchestrator.cleanup(older_than=FOR_EVER) == 0
        refused = error_of(await orchestrator.away("bob", to="ann", until=FOR_EVER))
    assert "beyond all calendars" in str(refused)


async def test_a_rule_that_an_admin_named_is_asked_without_a_store_too(each_store: SharedStore) -> None:
    """Given an admin let a rule decide instead, when a snapshot of that is voted on, then the rule gives the seat."""
    on_call = Rule("on-call", lambda actor, _: actor.name == "kim")
    async with Orchestrator(each_store, workflows=[asking], rules=[on_call]) as orchestrator:
        await orchestrator.start(asking(), run_id="r")
        (await orchestrator.reassign("r", to=[on_call], by=ADMIN)).unwrap()
        state = (await orchestrator.resume("r")).state
    assert state is not None
    decided = Snapshot(state).approve(by="kim", rules=[on_call])
    assert decided.unwrap().pending == ()
