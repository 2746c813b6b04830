"""For whom an approval waits: who is listed by `waiting_for`, and who is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from attrs import evolve

from awaitly import Actor, Escalation, Quorum
from awaitly.testing import TestClock
from tests.support import ADMIN, SharedStore
from tests.unit.offices import Office, office_in

ANN, BOB = Actor("ann"), Actor("bob")
MONA = Actor("mona", ["manager", "ops"])


@pytest_asyncio.fixture
async def office(each_store: SharedStore) -> AsyncIterator[Office]:
    """Open an office without rules."""
    async with office_in(each_store) as opened:
        yield opened


async def test_what_anybody_may_decide_waits_for_everybody(office: Office) -> None:
    """No list of approvers is a list of all."""
    await office.ask("r")
    assert await office.listed("ann", MONA) == [["r"], ["r"]]


async def test_who_is_named_is_listed_and_nobody_else(office: Office) -> None:
    """Also where one name begins like another."""
    await office.ask("r", approvers=["ann"])
    assert await office.listed("ann", "an", "anna", "Ann", MONA) == [["r"], [], [], [], []]


async def test_who_holds_a_role_is_listed(office: Office) -> None:
    """A role is none of a name that looks like it."""
    await office.ask("r", approvers=["role:manager"])
    people = (MONA, Actor("mo", ["managers"]), Actor("manager"), Actor("role:manager"))
    assert await office.listed(*people) == [["r"], [], [], []]


async def test_a_name_with_a_colon_is_named_in_full(office: Office) -> None:
    """`name:` says that the rest is somebody's whole name, be it like a role."""
    await office.ask("mail", approvers=["name:mailto:ann"])
    await office.ask("role", approvers=["name:role:manager"])
    people = (Actor("mailto:ann"), Actor("role:manager"), MONA)
    assert await office.listed(*people) == [["mail"], ["role"], []]


async def test_each_quorum_lists_its_own_people(office: Office) -> None:
    """Whoever may take a seat anywhere."""
    await office.ask("r", approvers=["ann"], also=[Quorum(["role:manager"])])
    assert await office.listed("ann", MONA, "bob") == [["r"], ["r"], []]


async def test_somebody_of_several_grants_is_listed_once(office: Office) -> None:
    """By name, and by two roles."""
    await office.ask("r", approvers=["mona", "role:manager", "role:ops"])
    assert await office.listed(MONA) == [["r"]]


async def test_whoever_requested_it_is_not_listed(office: Office) -> None:
    """Unless the policy lets them decide."""
    await office.ask("r", by="ann", approvers=["ann", "bob"])
    await office.ask("s", by="ann", approvers=["ann"], self_approval=True)
    assert await office.listed("ann", "bob") == [["s"], ["r"]]


async def test_a_program_of_the_requesters_is_not_listed(office: Office) -> None:
    """Who acts on their behalf is they themselves."""
    await office.ask("r", by="ann")
    assert await office.listed(Actor("bot", on_behalf_of="ann"), Actor("bot", on_behalf_of="bob")) == [[], ["r"]]


async def test_who_made_the_revision_is_not_listed(office: Office) -> None:
    """Unless the policy lets editors approve."""
    await office.ask("r", approvers=["ann", "bob", "cid"], needs=2)
    await office.ask("s", approvers=["ann", "bob"], needs=2, editor_approves=True)
    for run_id in ("r", "s"):
        (await office.orchestrator.edit(run_id, None, 2, by="ann")).unwrap()
    assert await office.listed("ann", "bob") == [["s"], ["r", "s"]]


async def test_who_has_voted_is_not_listed(office: Office) -> None:
    """Others still are."""
    await office.ask("r", needs=2)
    (await office.orchestrator.approve("r", by="ann")).unwrap()
    assert await office.listed("ann", "bob") == [[], ["r"]]


async def test_who_voted_on_an_earlier_revision_is_listed_again(office: Office) -> None:
    """An edit voids the votes."""
    await office.ask("r", approvers=["ann", "bob", "cid"], needs=2)
    (await office.orchestrator.approve("r", by="ann")).unwrap()
    (await office.orchestrator.edit("r", None, 2, by="bob")).unwrap()
    assert await office.listed("ann") == [["r"]]


async def test_what_is_decided_waits_for_nobody(office: Office) -> None:
    """Nor what was cancelled."""
    for run_id in ("approved", "rejected", "cancelled"):
        await office.ask(run_id, by="zed")
    (await office.orchestrator.approve("approved", by="ann")).unwrap()
    (await office.orchestrator.reject("rejected", by="ann")).unwrap()
    (await office.orchestrator.cancel("cancelled", by="zed")).unwrap()
    assert await office.listed("bob") == [[]]


async def test_what_is_past_its_deadline_waits_for_nobody(office: Office, clock: TestClock) -> None:
    """From the deadline itself on, though no worker has been about."""
    await office.ask("r", expires_in="1h")
    clock.advance(timedelta(hours=1) - timedelta(microseconds=1))
    assert await office.listed("ann") == [["r"]]
    clock.advance(timedelta(microseconds=1))
    assert await office.listed("ann") == [[]]


async def test_an_exclusive_claim_takes_it_off_the_others_lists(office: Office) -> None:
    """Until it is released."""
    await office.ask("r", exclusive_claims=True)
    (await office.orchestrator.claim("r", by="ann")).unwrap()
    assert await office.listed("ann", "bob") == [["r"], []]
    (await office.orchestrator.release("r", by="ann")).unwrap()
    assert await office.listed("bob") == [["r"]]


async def test_a_claim_that_keeps_nobody_out_leaves_the_lists(office: Office) -> None:
    """It says who is at it."""
    await office.ask("r")
    (await office.orchestrator.claim("r", by="ann")).unwrap()
    (pending,) = (await office.orchestrator.waiting_for("bob")).items
    assert pending.claimed_by == "ann"


async def test_who_proved_too_long_ago_who_they_are_is_listed(office: Office) -> None:
    """They sign in anew when they decide."""
    await office.ask("r", approvers=["ann"], fresh_within="5m")
    assert await office.listed("ann") == [["r"]]


async def test_a_damaged_approval_waits_for_nobody(office: Office) -> None:
    """And keeps nobody from what else waits."""
    await office.ask("a")
    await office.ask("b")
    row = await office.row("a")
    await office.store.change_approval(evolve(row, version=row.version + 1, body='{"status":"what"}', audience=("*",)))
    assert await office.listed("ann") == [["b"]]


# Handed on


async def test_it_waits_for_a_delegate_and_its_owner(office: Office) -> None:
    """Both may decide."""
    await office.ask("r", approvers=["ann"])
    (await office.orchestrator.delegate("r", to="cid", by="ann")).unwrap()
    assert await office.listed("ann", "cid", "bob") == [["r"], ["r"], []]


async def test_a_seat_that_was_handed_on_three_times_lists_all_four(office: Office) -> None:
    """Whoever had it keeps it."""
    await office.ask("r", approvers=["a"], needs=1)
    for giver, to in zip("abc", "bcd", strict=True):
        (await office.orchestrator.delegate("r", to=to, by=giver)).unwrap()
    assert await office.listed("a", "b", "c", "d", "e") == [["r"], ["r"], ["r"], ["r"], []]


async def test_a_delegates_vote_is_its_owners_too(office: Office) -> None:
    """They have one vote together, whoever casts it."""
    await office.ask("r", approvers=["ann", "bob"], needs=2)
    await office.ask("s", approvers=["ann", "bob"], needs=2)
    for run_id, voter in (("r", "cid"), ("s", "ann")):
        (await office.orchestrator.delegate(run_id, to="cid", by="ann")).unwrap()
        (await office.orchestrator.approve(run_id, by=voter)).unwrap()
    assert await office.listed("ann", "cid", "bob") == [[], [], ["r", "s"]]


async def test_a_reassigned_approval_waits_for_those_alone(office: Office) -> None:
    """Delegates of those before are off the list too."""
    await office.ask("r", approvers=["ann"])
    (await office.orchestrator.delegate("r", to="cid", by="ann")).unwrap()
    (await office.orchestrator.reassign("r", to=["role:manager", "bob"], by=ADMIN)).unwrap()
    assert await office.listed("ann", "cid", "bob", MONA) == [[], [], ["r"], ["r"]]


# Levels


async def test_a_level_widens_the_list_once_it_is_told(office: Office, clock: TestClock) -> None:
    """Those before stay."""
    await office.ask("r", approvers=["ann"], escalations=[Escalation("1h", ["role:manager"])])
    assert await office.listed("ann", MONA) == [["r"], []]
    clock.advance("1h")
    await office.orchestrator.work(once=True)
    assert await office.listed("ann", MONA) == [["r"], ["r"]]


async def test_a_level_that_replaces_clears_the_list_first(office: Office, clock: TestClock) -> None:
    """Those before are off it."""
    await office.ask("r", approvers=["ann"], escalations=[Escalation("1h", ["role:manager"], replaces=True)])
    clock.advance("1h")
    await office.orchestrator.work(once=True)
    assert await office.listed("ann", MONA) == [[], ["r"]]


async def test_who_was_replaced_is_not_listed_though_no_worker_has_been_about(office: Office, clock: TestClock) -> None:
    """They could not decide any more: a decision meets the level whose time has come."""
    await office.ask("r", approvers=["ann"], escalations=[Escalation("1h", ["bob"], replaces=True)])
    clock.advance("1h")
    assert await office.listed("ann") == [[]]


async def test_a_level_whose_time_has_come_ends_a_claim(office: Office, clock: TestClock) -> None:
    """Whom it kept out may decide again, though no worker has been about."""
    ladder = [Escalation("1h", ["cid"])]
    await office.ask("r", approvers=["ann", "bob"], exclusive_claims=True, escalations=ladder)
    (await office.orchestrator.claim("r", by="ann")).unwrap()
    clock.advance("1h")
    (pending,) = (await office.orchestrator.waiting_for("bob")).items
    assert pending.claimed_by is None


async def test_levels_go_on_from_whom_it_was_reassigned_to(office: Office, clock: TestClock) -> None:
    """The next one widens that list, and not the policy's."""
    ladder = [Escalation("1h", ["cid"]), Escalation("2h", ["dan"])]
    await office.ask("r", approvers=["ann"], escalations=ladder)
    clock.advance("1h")
    await office.orchestrator.work(once=True)
    (await office.orchestrator.reassign("r", to=["bob"], by=ADMIN)).unwrap()
    clock.advance("1h")
    await office.orchestrator.work(once=True)
    assert await office.listed("ann", "bob", "cid", "dan") == [[], ["r"], [], ["r"]]
