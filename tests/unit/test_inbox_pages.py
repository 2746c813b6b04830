"""The pages of what waits for somebody: their order, filters and limits, and none lost or listed twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from awaitly.approvals.policy import DEFAULT, policy_text
from awaitly.testing import TestClock
from awaitly.verbs.inbox import MOST_LOOKS
from tests.support import SharedStore, waiting
from tests.unit.offices import Office, office_in, other


@pytest_asyncio.fixture
async def office(each_store: SharedStore) -> AsyncIterator[Office]:
    """Open an office without rules."""
    async with office_in(each_store) as opened:
        yield opened


async def walked(office: Office, person: str, limit: int) -> list[list[str]]:
    """Give all pages, one after the other."""
    pages: list[list[str]] = []
    after: str | None = None
    while not pages or after is not None:
        page = await office.orchestrator.waiting_for(person, limit=limit, after=after)
        pages.append([pending.run_id for pending in page.items])
        after = page.after
    return pages


# Order and filters


async def test_the_nearest_deadline_comes_first_and_none_at_all_last(office: Office, clock: TestClock) -> None:
    """Whenever they were asked; those of one deadline by their ids."""
    await office.ask("never")
    await office.ask("b", expires_in="2h")
    await office.ask("a", expires_in="2h")
    clock.advance("30m")
    await office.ask("soon", expires_in="1h")
    assert await office.listed("ann") == [["soon", "a", "b", "never"]]


async def test_what_waits_by_name_by_role_and_for_all_stands_in_one_order(office: Office) -> None:
    """By deadlines, and not list after list."""
    lists = (None, ["ann"], ["ann", "bob"], ["bob", "ann"], None, ["ann"])
    for number, approvers in enumerate(lists):
        await office.ask(f"r{number}", approvers=approvers, expires_in=f"{10 - number}h")
    assert await office.listed("ann") == [[f"r{number}" for number in reversed(range(6))]]


async def test_time_that_stands_still_moves_it_to_the_end(office: Office) -> None:
    """It has no deadline for as long, and its own again, later by that, once there is an answer."""
    await office.ask("a", by="zed", expires_in="1h", questions_stop_clock=True)
    await office.ask("b", expires_in="2h")
    (await office.orchestrator.inquire("a", text="why?", by="ann")).unwrap()
    assert await office.listed("ann") == [["b", "a"]]
    (await office.orchestrator.answer("a", text="so", by="zed")).unwrap()
    assert await office.listed("ann") == [["a", "b"]]


async def test_a_prefix_of_run_ids_filters(office: Office) -> None:
    """Its wildcards are none."""
    for run_id in ("a-1", "a-2", "b-1", "a%1"):
        await office.ask(run_id)
    assert await office.listed("ann", prefix="a-") == [["a-1", "a-2"]]
    assert await office.listed("ann", prefix="a%") == [["a%1"]]


async def test_a_workflow_filters(office: Office) -> None:
    """By its name."""
    pending = await office.ask("r")
    waiting((await office.orchestrator.start(other(policy_text(DEFAULT)), run_id="s")).result)
    assert await office.listed("ann", workflow=pending.workflow) == [["r"]]
    assert await office.listed("ann", workflow="unheard of") == [[]]


async def test_what_has_longer_is_left_out(office: Office) -> None:
    """So is what has no deadline; a deadline just then is too late."""
    await office.ask("never")
    for minutes in (59, 60, 61):
        await office.ask(f"m{minutes}", expires_in=f"{minutes}m")
    assert await office.listed("ann", due_within="1h") == [["m59"]]
    assert await office.listed("ann", due_within=timedelta(hours=1, microseconds=1)) == [["m59", "m60"]]


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_has_room_for_one_at_least(office: Office, limit: int) -> None:
    """Anything less is a mistake of the caller's."""
    with pytest.raises(ValueError, match="limit"):
        await office.orchestrator.waiting_for("ann", limit=limit)


async def test_a_mark_that_no_page_gave_is_a_mistake(office: Office) -> None:
    """It names no place to go on from."""
    with pytest.raises(ValueError, match="after"):
        await office.orchestrator.waiting_for("ann", after="somewhere")


# Pages


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
async def test_pages_together_have_each_once(office: Office, limit: int) -> None:
    """In order; only the last may be short, and none comes after it."""
    names = [f"r{number}" for number in range(6)]
    for name in names:
        await office.ask(name, expires_in="1h")
    assert await walked(office, "ann", limit) == [names[at : at + limit] for at in range(0, 6, limit)]


async def test_those_who_are_barred_leave_no_gap(office: Office) -> None:
    """What somebody may not decide stands between, before and behind, and pages are full all the same."""
    for number in range(12):
        await office.ask(f"r{number:02}", by="zed" if number % 4 == 1 else "ann")
    assert await walked(office, "ann", 2) == [["r01", "r05"], ["r09"]]


async def test_a_page_that_is_full_amid_a_look_leads_on_to_the_rest(office: Office) -> None:
    """Also where the store has nothing behind that look."""
    for number in range(4):
        await office.ask(f"r{number}", by="zed" if number else "ann")
    assert await walked(office, "ann", 2) == [["r1", "r2"], ["r3"]]


async def test_a_page_ends_where_nothing_more_waits(office: Office) -> None:
    """Be it full, with some behind it that the person is barred from: the next page is empty then, and the last."""
    for number in range(6):
        await office.ask(f"r{number}", by="zed" if number < 2 else "ann")
    assert await walked(office, "ann", 2) == [["r0", "r1"], []]


async def test_a_look_does_not_go_on_for_ever(store: SharedStore) -> None:
    """Where a person is barred from very many, pages are short, and lead on to what is behind."""
    async with office_in(store) as office:
        for number in range(MOST_LOOKS + 3):
            await office.ask(f"r{number:03}", by="ann")
        await office.ask("z", by="zed")
        page = await office.orchestrator.waiting_for("ann", limit=1)
        assert (page.items, page.after is None) == ((), False)
        assert store.reads["page_approvals"] == MOST_LOOKS
        assert await walked(office, "ann", 1) == [[], ["z"]]


async def test_decisions_between_pages_lose_none_and_repeat_none(office: Office) -> None:
    """Whether what is decided was listed already, is at the mark, or is still to come."""
    for number in range(8):
        await office.ask(f"r{number}", expires_in="1h")
    page = await office.orchestrator.waiting_for("ann", limit=3)
    for run_id in ("r0", "r2", "r4"):
        (await office.orchestrator.approve(run_id, by="bob")).unwrap()
    second = await office.orchestrator.waiting_for("ann", limit=3, after=page.after)
    assert [pending.run_id for pending in second.items] == ["r3", "r5", "r6"]
    third = await office.orchestrator.waiting_for("ann", limit=3, after=second.after)
    assert ([pending.run_id for pending in third.items], third.after) == (["r7"], None)


async def test_what_is_asked_between_pages_is_listed_where_it_belongs(office: Office) -> None:
    """Behind the mark on a page to come; before it on none, and nothing else moves."""
    for number in range(4):
        await office.ask(f"r{number}", expires_in="2h")
    page = await office.orchestrator.waiting_for("ann", limit=2)
    await office.ask("sooner", expires_in="1h")
    await office.ask("later", expires_in="3h")
    rest = await office.orchestrator.waiting_for("ann", after=page.after)
    assert [pending.run_id for pending in rest.items] == ["r2", "r3", "later"]


async def test_a_page_shows_what_a_listing_shows(office: Office) -> None:
    """The same views as `pending`, with votes and all."""
    await office.ask("r", by="zed", needs=2, expires_in="1h")
    (await office.orchestrator.approve("r", by="bob")).unwrap()
    assert (await office.orchestrator.waiting_for("ann")).items == (await office.orchestrator.pending()).items


# What somebody has decided


async def decided(office: Office, person: str, runs: int = 60) -> list[list[str]]:
    """Give all pages of what somebody has decided, one after the other."""
    pages: list[list[str]] = []
    after: str | None = None
    while not pages or after is not None:
        page = await office.orchestrator.decided_by(person, runs=runs, after=after)
        pages.append(sorted(approval.run_id for approval in page.items))
        after = page.after
    return pages


async def test_who_has_voted_or_decided_finds_it_and_nobody_else(office: Office) -> None:
    """A vote that decided nothing yet counts; having asked, or being asked, does not."""
    for run_id in ("approved", "rejected", "open"):
        await office.ask(run_id, by="zed")
    await office.ask("voted", by="zed", needs=2)
    for run_id in ("approved", "voted"):
        (await office.orchestrator.approve(run_id, by="ann")).unwrap()
    (await office.orchestrator.reject("rejected", by="ann")).unwrap()
    found = [await decided(office, person) for person in ("ann", "bob", "zed")]
    assert found == [[["approved", "rejected", "voted"]], [[]], [[]]]


async def test_what_was_decided_long_ago_is_on_a_later_page(office: Office, clock: TestClock) -> None:
    """A page may be empty, and says that there is more."""
    for run_id in ("old", "newer", "newest"):
        await office.ask(run_id)
        clock.advance("1h")
    (await office.orchestrator.approve("old", by="ann")).unwrap()
    assert await decided(office, "ann", runs=1) == [[], [], ["old"]]
