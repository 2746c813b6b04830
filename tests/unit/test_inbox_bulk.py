"""Deciding many at once: each as it was listed, each with a result of its own, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import (
    AlreadyDecided,
    ApprovalStatus,
    Ask,
    Decision,
    NeedsReview,
    NotApproved,
    NotAuthorised,
    Ok,
    Orchestrator,
    PendingApproval,
    Refusal,
    Result,
    Run,
    SelfApproval,
    StaleRevision,
    StoreUnavailable,
    UnknownApproval,
    workflow,
)
from awaitly.testing import Pause
from tests.support import SharedStore
from tests.unit.offices import Office, office_in


@workflow
async def both(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask two at once."""
    return Ok(sum(await run.approvals(Ask("one", proposes=1), Ask("two", proposes=2))))


@pytest_asyncio.fixture
async def office(each_store: SharedStore) -> AsyncIterator[Office]:
    """Open an office without rules."""
    async with office_in(each_store) as opened:
        yield opened


async def asked(office: Office, *run_ids: str) -> tuple[PendingApproval, ...]:
    """Ask in each of these runs."""
    return tuple([await office.ask(run_id) for run_id in run_ids])


def told(results: tuple[Result[Decision, Refusal], ...]) -> list[tuple[str, object]]:
    """Say in short what came of each: its run with the status, or with the kind of refusal."""
    return [
        (found.run_id, found.status if isinstance(found, Decision) else type(found))
        for found in (each.unwrap() if isinstance(each, Ok) else each.failure() for each in results)
    ]


async def test_many_are_approved_each_with_its_result(office: Office) -> None:
    """More than are under way at a time; in the order in which they were given."""
    pending = await asked(office, *[f"r{number:02}" for number in reversed(range(40))])
    results = await office.orchestrator.approve_all(pending, by="ann")
    assert told(results) == [(each.run_id, ApprovalStatus.APPROVED) for each in pending]


async def test_many_are_rejected_for_one_reason(office: Office) -> None:
    """It stands with each."""
    pending = await asked(office, "a", "b")
    results = await office.orchestrator.reject_all(pending, "too late", by="ann")
    reasons = [each.unwrap().approval.closing for each in results]
    assert [closing and closing.reason for closing in reasons] == ["too late"] * 2


async def test_of_none_there_are_no_results(office: Office) -> None:
    """Nothing is done."""
    office.store.reset()
    assert await office.orchestrator.approve_all((), by="ann") == ()
    assert await office.orchestrator.reject_all(iter(()), by="ann") == ()
    assert office.store.written == 0


async def test_refusals_stand_among_the_rest(office: Office) -> None:
    """Each where its approval stood, and they keep none from being decided."""
    pending = (
        await office.ask("open"),
        await office.ask("own", by="ann"),
        await office.ask("edited", needs=2),
        await office.ask("decided"),
        await office.ask("not ann's", approvers=["bob"]),
        evolve(await office.ask("gone"), key="unheard of"),
        await office.ask("last"),
    )
    (await office.orchestrator.edit("edited", None, 2, by="bob")).unwrap()
    (await office.orchestrator.reject("decided", by="bob")).unwrap()
    assert told(await office.orchestrator.approve_all(pending, by="ann")) == [
        ("open", ApprovalStatus.APPROVED),
        ("own", SelfApproval),
        ("edited", StaleRevision),
        ("decided", AlreadyDecided),
        ("not ann's", NotAuthorised),
        ("gone", UnknownApproval),
        ("last", ApprovalStatus.APPROVED),
    ]


async def test_content_that_differs_is_refused(office: Office) -> None:
    """Though its revision is the same: what is decided is what was shown."""
    (pending,) = await asked(office, "r")
    results = await office.orchestrator.reject_all([evolve(pending, digest="sha256:other")], by="ann")
    assert told(results) == [("r", StaleRevision)]


async def test_what_does_not_decode_is_refused(office: Office) -> None:
    """As it is listed by `pending`, which leaves nothing out."""
    await asked(office, "a", "b")
    row = await office.row("a")
    await office.store.change_approval(evolve(row, version=row.version + 1, body="{}"))
    pending = (await office.orchestrator.pending()).items
    assert told(await office.orchestrator.approve_all(pending, by="ann")) == [
        ("a", NeedsReview),
        ("b", ApprovalStatus.APPROVED),
    ]


async def test_two_of_one_run_are_both_decided(each_store: SharedStore) -> None:
    """One after the other, by their keys."""
    async with Orchestrator(each_store, workflows=[both]) as orchestrator:
        await orchestrator.start(both(), run_id="r")
        pending = (await orchestrator.waiting_for("ann")).items
        decisions = [each.unwrap() for each in await orchestrator.approve_all(pending, by="ann")]
        assert [(each.key, each.status) for each in decisions] == [
            ("one", ApprovalStatus.APPROVED),
            ("two", ApprovalStatus.APPROVED),
        ]
        assert (await orchestrator.resume("r")).result == Ok(3)


async def test_the_same_twice_is_decided_once(office: Office) -> None:
    """The second is a repetition, and no refusal."""
    (pending,) = await asked(office, "r")
    first, second = await office.orchestrator.approve_all([pending, pending], by="ann")
    assert (first.unwrap().replayed, second.unwrap().replayed) == (False, True)


async def test_what_is_decided_meanwhile_is_refused(office: Office) -> None:
    """Whoever is quicker has decided, though it waited when the look at it began."""
    pending = await asked(office, "a", "b")
    pause = Pause()
    office.store.failpoints.arm("decide.before", pause, hit=1)
    async with asyncio.TaskGroup() as tasks:
        deciding = tasks.create_task(office.orchestrator.approve_all(pending, by="ann"))
        await pause.reached.wait()
        async with office_in(office.store) as elsewhere:
            (await elsewhere.orchestrator.reject("a", by="bob")).unwrap()
        pause.released.set()
    assert told(deciding.result()) == [("a", AlreadyDecided), ("b", ApprovalStatus.APPROVED)]


async def test_where_the_store_fails_nothing_is_left_under_way(office: Office) -> None:
    """It is raised once all others are through, and those are decided."""
    pending = await asked(office, "a", "b", "c")
    failed, going_on = asyncio.Event(), asyncio.Event()
    failpoints = office.store.failpoints

    async def first_fails() -> None:
        if failpoints.hits["decide.before"] == 1:
            failed.set()
            raise StoreUnavailable("gone")
        await going_on.wait()

    failpoints.arm("decide.before", first_fails)
    deciding = asyncio.create_task(office.orchestrator.approve_all(pending, by="ann"))
    await failed.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    going_on.set()
    with pytest.raises(StoreUnavailable):
        await deciding
    assert failpoints.hits["decide.after"] == 2
