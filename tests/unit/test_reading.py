"""What a program reads of a run without looking into its record: what it waits for, and what it was told."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from awaitly import Actor, MemoryStore, Message, Ok, Orchestrator, Result, Run, RunStatus, Wait, WaitKind, workflow
from awaitly.testing import TestClock
from tests.support import FlowError, SharedStore


@workflow
async def parcel(run: Run[FlowError]) -> Result[int, FlowError]:
    """Wait for whatever comes first."""
    await run.race(run.decision("manager", proposes=1), run.wait_for("paid", int), run.sleep("10d"))
    return Ok(1)


async def awaited(orchestrator: Orchestrator) -> list[tuple[WaitKind, str]]:
    """Look at what the run waits for."""
    return [(wait.kind, wait.name) for wait in (await orchestrator.status("r")).unwrap().awaiting]


async def test_what_a_run_waits_for_is_what_has_not_come(clock: TestClock, store: SharedStore) -> None:
    """Neither a signal that came nor a time that passed is waited for, though the run has not gone on yet."""
    async with Orchestrator(store, workflows=[parcel]) as orchestrator:
        await orchestrator.start(parcel(), run_id="r")
        assert await awaited(orchestrator) == [(WaitKind.SIGNAL, "paid"), (WaitKind.TIMER, "")]
        await orchestrator.signal("r", "other", 1)
        assert await awaited(orchestrator) == [(WaitKind.SIGNAL, "paid"), (WaitKind.TIMER, "")]
        await orchestrator.signal("r", "paid", 1)
        assert await awaited(orchestrator) == [(WaitKind.TIMER, "")]
        clock.advance("11d")
        assert await awaited(orchestrator) == []
        await orchestrator.resume("r")
        details = (await orchestrator.status("r")).unwrap()
        assert (details.run.status, details.awaiting) == (RunStatus.COMPLETED, ())


async def test_what_came_and_did_not_fit_is_still_waited_for(store: SharedStore) -> None:
    """The run has looked at it, and left it aside."""
    async with Orchestrator(store, workflows=[parcel]) as orchestrator:
        await orchestrator.enqueue(parcel(), run_id="r")
        await orchestrator.signal("r", "paid", "much")
        await orchestrator.resume("r")
        assert await awaited(orchestrator) == [(WaitKind.SIGNAL, "paid"), (WaitKind.TIMER, "")]


async def test_a_run_that_was_cancelled_waits_for_nothing(store: SharedStore) -> None:
    """Though its record still has what it waited for."""
    async with Orchestrator(store, workflows=[parcel]) as orchestrator:
        await orchestrator.start(parcel(), run_id="r")
        await orchestrator.cancel("r", by="ann")
        assert await awaited(orchestrator) == []


async def test_a_wait_says_since_when_and_until_when(clock: TestClock) -> None:
    """By the store's clock."""
    async with Orchestrator(MemoryStore(clock=clock), workflows=[parcel]) as orchestrator:
        await orchestrator.start(parcel(), run_id="r")
        details = (await orchestrator.status("r")).unwrap()
    timer: Wait = details.awaiting[1]
    assert (timer.since, timer.until) == (details.at, details.at + timedelta(days=10))


async def test_what_a_run_was_told_is_in_its_history(store: SharedStore) -> None:
    """In the order of arrival, by whom, and whether the run has looked since."""
    async with Orchestrator(store, workflows=[parcel]) as orchestrator:
        await orchestrator.start(parcel(), run_id="r")
        await orchestrator.signal("r", "other", 2)
        await orchestrator.signal("r", "paid", 1, by="ann")
        told: tuple[Message, ...] = (await orchestrator.history("r")).unwrap().messages
        assert [(m.name, m.by, m.unread) for m in told] == [("other", None, False), ("paid", Actor("ann"), True)]
        assert told == (await orchestrator.status("r")).unwrap().messages
        await orchestrator.resume("r")
        told = (await orchestrator.history("r")).unwrap().messages
        assert [m.unread for m in told] == [False, False]


async def test_a_message_that_does_not_decode_is_named_and_the_others_are_given(store: SharedStore) -> None:
    """As with steps and approvals."""
    async with Orchestrator(store, workflows=[parcel]) as orchestrator:
        await orchestrator.start(parcel(), run_id="r")
        await orchestrator.signal("r", "other", 2)
        await orchestrator.signal("r", "paid", 1)
        row = next(row for row in (await store.load("r")).approvals if "other" in row.key)
        await store.change_approval(evolve(row, version=row.version + 1, body="{}"))
        history = (await orchestrator.history("r")).unwrap()
        assert [m.name for m in history.messages] == ["paid"]
        (damage,) = history.damage
        assert "other" in damage
